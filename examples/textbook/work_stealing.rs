//! The classical work-stealing pool: own end last in, first out; thieves first in, first out; placement.
//!
//! Run: `cargo run --example textbook_work_stealing`
//!
//! You will see one line for each job as it begins: who runs it, and where it was found.

use std::error::Error;
use std::sync::{Arc, Mutex, mpsc};

use regatta::pool::{CpuPool, Placement, Source};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let log = events.clone();
    let pool = CpuPool::builder().limit(2).name(|i| format!("Worker-{i}")).on_job(move |event| {
        println!("{event}");
        log.lock().expect("no hook panics").push((event.job, event.worker, event.source));
    });
    let pool = pool.build();

    // Worker 1 is busy, so nobody steals: worker 0 runs the children of its job itself, the newest first.
    let (open, gate) = mpsc::channel::<()>();
    let busy = pool.submit_to(1, move |_| gate.recv().is_ok()).await?;
    let parent = pool.submit_to(0, |cx| (0..3).map(|_| cx.spawn(|_| ())).collect::<Vec<_>>()).await?;
    let children = parent.await?.into_iter().collect::<Result<Vec<_>, _>>().map_err(|_| "there is room")?;
    let ids: Vec<u64> = children.iter().map(|child| child.id()).collect();
    for child in children {
        child.await?;
    }
    let own: Vec<_> = began(&events, &ids);
    assert_eq!(own, ids.iter().rev().map(|id| (*id, 0, Source::Own)).collect::<Vec<_>>());

    // Now worker 0 is busy with the job that spawned them, and worker 1 steals, the oldest first.
    let (open_parent, parent_gate) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let parent = pool.submit_to(0, move |cx| {
        (0..3).for_each(|_| tell.send(cx.spawn(|_| ()).expect("there is room")).expect("main waits"));
        drop(tell);
        parent_gate.recv().is_ok()
    });
    let parent = parent.await?;
    let children: Vec<_> = told.iter().collect();
    let ids: Vec<u64> = children.iter().map(|child| child.id()).collect();
    drop(open);
    busy.await?;
    for child in children {
        child.await?;
    }
    drop(open_parent);
    parent.await?;
    let stolen = began(&events, &ids);
    assert_eq!(stolen, ids.iter().map(|id| (*id, 1, Source::Stolen { from: 0 })).collect::<Vec<_>>());

    // submit_to(i, task): always there. Other placements are wishes.
    for worker in [1, 0, 1] {
        assert_eq!(pool.submit_to(worker, |cx| cx.worker()).await?.await?, worker);
    }
    for placement in [Placement::Random, Placement::RoundRobin, Placement::Prefer(0), Placement::Injector] {
        pool.submit_with(placement, |_| ()).await?.await?;
    }
    println!("{} stolen", pool.stats().stolen);
    Ok(())
}

/// Of these jobs, in the order in which they began.
fn began(events: &Mutex<Vec<(u64, usize, Source)>>, ids: &[u64]) -> Vec<(u64, usize, Source)> {
    events.lock().expect("no hook panics").iter().filter(|(id, ..)| ids.contains(id)).copied().collect()
}
