//! The exercise: another number of workers while the pool runs.
//!
//! Run: `cargo run --example textbook_resize`
//!
//! You will see how many jobs run at once before and after each change: growing starts queued jobs at once, shrinking lets
//! running ones come to their end, and not one of them is lost.

use std::error::Error;
use std::sync::mpsc;
use std::time::Duration;

use regatta::pool::CpuPool;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = CpuPool::new(1);
    // Eight jobs that say when they begin, and end when they are told to.
    let (begun, begins) = mpsc::channel();
    let (mut jobs, mut gates) = (Vec::new(), Vec::new());
    for n in 0..8 {
        let (begun, (open, gate)) = (begun.clone(), mpsc::channel::<()>());
        gates.push(open);
        jobs.push(pool.submit(move || begun.send(n).is_ok() && gate.recv().is_err()).await?);
    }
    assert_eq!(begins.recv()?, 0);
    println!("limit 1: {} runs", pool.stats().running);

    pool.resize(4);
    let mut grown: Vec<i32> = begins.iter().take(3).collect();
    grown.sort_unstable();
    println!("limit 4: {} run", pool.stats().running);
    assert_eq!(grown, [1, 2, 3]);

    pool.resize(2);
    println!("limit 2: {} still run, none was disturbed", pool.stats().running);
    assert_eq!(pool.stats().running, 4);
    let mut gates = gates.into_iter();
    // Two of the four end. They were above the limit, or make room for nobody: three remain, then two.
    gates.by_ref().take(2).for_each(drop);
    while pool.stats().active > 2 {
        tokio::task::yield_now().await;
    }
    println!("limit 2: {} run, {} queued", pool.stats().running, pool.stats().queued);
    assert!(pool.stats().running <= 2);

    gates.for_each(drop);
    for job in jobs {
        assert!(job.await?, "every job has run to its end");
    }
    let report = pool.shutdown(Duration::from_secs(5)).await;
    println!("{report}");
    assert_eq!((report.finished, report.is_clean()), (8, true));
    Ok(())
}
