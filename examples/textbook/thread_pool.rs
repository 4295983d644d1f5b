//! The classical thread pool: submit, map, completion order, shutdown. Workers are borrowed threads with names.
//!
//! Run: `cargo run --example textbook_thread_pool`
//!
//! You will see results in the order of the input, then in the order of completion, an error that arrives where it is
//! awaited instead of on a console, and a report that accounts for every job.

use std::error::Error;
use std::time::Duration;

use futures::StreamExt;
use regatta::pool::{CpuPool, MapError, as_completed};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = CpuPool::builder().limit(3).name(|i| format!("Worker-{i}")).build();

    // submit(fn, args) -> result holder
    let square = pool.submit(|| 7 * 7).await?;
    assert_eq!(square.await?, 49);

    // map(fn, items): in the order of the input.
    let squares = pool.map(1..=5_u64, |n| n * n).await?;
    println!("in order: {squares:?}");
    assert_eq!(squares, [1, 4, 9, 16, 25]);

    // The error of the first item that fails; what is behind it is stopped.
    let failed = pool.try_map(["1", "2", "x", "y"], |text| text.parse::<u32>()).await;
    let Err(MapError::Failed { index, error }) = failed else { panic!("`x` is no number") };
    println!("item {index}: {error}");
    assert_eq!(index, 2);

    // as_completed(futures): whoever is ready first comes first.
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let slow = pool.submit(move || gate.recv().map_or("slow", |()| "never sent")).await?;
    let quick = pool.submit(|| "quick").await?;
    let mut results = as_completed([slow, quick]);
    assert_eq!(results.next().await, Some((1, Ok("quick"))));
    drop(open);
    assert_eq!(results.next().await, Some((0, Ok("slow"))));

    // Each job knows its worker.
    let name = pool.submit_to(2, |cx| cx.worker_name().to_owned()).await?;
    assert_eq!(name.await?, "Worker-2");

    // shutdown(wait): what was accepted is finished, or told to have been left.
    let queued: Vec<_> = (0..10).map(|n| pool.try_submit(move || n)).collect::<Result<_, _>>()?;
    let report = pool.shutdown(Duration::from_secs(5)).await;
    println!("{report}");
    assert_eq!((report.panicked_count, report.still_running.len()), (0, 0));
    for (n, handle) in queued.into_iter().enumerate() {
        assert_eq!(handle.await?, n);
    }
    assert!(pool.submit(|| ()).await.is_err(), "it accepts nothing more");
    Ok(())
}
