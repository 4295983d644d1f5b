//! What a pool shows of itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use regatta::observe::Registry;
use regatta::pool::{CpuPool, Placement, TaskPool};

use super::kit::Held;

#[tokio::test]
async fn a_pool_is_seen_in_snapshots_while_it_lives() {
    let registry = Registry::new();
    let pool = registry.enter(|| CpuPool::builder().limit(2).capacity(8).name("seen").build());
    let held = Held::submit(&pool).await;
    let snapshot = registry.snapshot();
    let row = snapshot.named("seen").expect("it lives");
    assert_eq!((&*row.kind, &*row.state), ("pool", "open"));
    assert_eq!((row.flow.accepted, row.flow.in_flight), (1, 1));
    let gauges: Vec<String> = row.gauges.iter().map(ToString::to_string).collect();
    assert_eq!(gauges, ["queued 0/8", "active 1/2"]);
    drop(pool);
    assert!(registry.snapshot().rows.is_empty());
    held.finish().await;
}

#[tokio::test]
async fn a_pool_without_a_name_is_numbered() {
    let registry = Registry::new();
    let pool = registry.enter(|| CpuPool::new(1));
    assert_eq!(pool.name(), "pool#1");
}

#[tokio::test]
async fn workers_that_were_named_have_rows_below_their_pool() {
    let registry = Registry::new();
    let pool = registry.enter(|| CpuPool::builder().limit(3).name("named").name(|i| format!("Worker-{i}")).build());
    for worker in [0, 1, 1] {
        pool.submit_to(worker, |_| ()).await.expect("open").await.expect("it runs");
    }
    let held = Held::submit_with(&pool, Placement::Worker(1)).await;
    let snapshot = registry.snapshot();
    let parent = snapshot.named("named").expect("it lives").id;
    let row = snapshot.named("Worker-1").expect("it has come");
    assert_eq!((&*row.kind, &*row.state, row.parent), ("worker", "busy", Some(parent)));
    assert_eq!((row.flow.accepted, row.flow.done, row.flow.in_flight), (3, 2, 1));
    assert!(row.flow.is_conserved());
    assert_eq!(row.counts.iter().map(|count| &*count.name).collect::<Vec<_>>(), ["busy ms", "stolen"]);
    assert!(snapshot.named("Worker-2").is_none(), "it never came");
    assert!(snapshot.to_string().contains("\n  Worker-0 "), "{snapshot}");
    drop(pool);
    assert!(registry.snapshot().rows.is_empty(), "although a job still runs");
    held.finish().await;
}

#[tokio::test]
async fn a_pool_with_many_named_workers_shows_the_first() {
    let registry = Registry::new();
    let pool = registry.enter(|| TaskPool::builder().limit(100).name(|i| format!("{i}th")).build());
    pool.submit_to(99, |_| async {}).await.expect("open").await.expect("it runs");
    assert_eq!(registry.snapshot().of_kind("worker").count(), 64);
}

#[tokio::test]
async fn a_name_that_panics_is_replaced() {
    let pool = CpuPool::builder().limit(1).name("p").name(|_| -> String { panic!("no name") }).build();
    let name = pool.submit_to(0, |cx| cx.worker_name().to_owned()).await.expect("open").await;
    assert_eq!(name.as_deref(), Ok("p/0"));
}

#[tokio::test]
async fn what_workers_have_done_is_in_the_statistics() {
    let pool = CpuPool::builder().limit(2).capacity(8).name("s").build();
    let stats = pool.stats();
    assert!(stats.workers.is_empty() && stats.wait.samples == 0);
    let busy = pool.submit_to(1, |_| {
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
    });
    busy.await.expect("open").await.expect("it runs");
    pool.submit_to(1, |_| -> u8 { panic!("one") }).await.expect("open").await.expect_err("it panics");
    let held = Held::submit_with(&pool, Placement::Worker(1)).await;
    let cancelled = pool.submit(|| ()).await.expect("open");
    assert!(cancelled.cancel() || cancelled.is_finished());
    let stats = pool.stats();
    assert_eq!((stats.limit, stats.capacity, stats.running, stats.flow.failed), (2, 8, 1, 1));
    assert_eq!(stats.cancelled, stats.flow.discarded);
    let worker = &stats.workers[1];
    assert_eq!((&*worker.name, worker.done, worker.is_running), ("s/1", 1, true));
    assert!(worker.busy >= Duration::from_millis(2), "{:?}", worker.busy);
    // The first job of all is a sample.
    assert_eq!((stats.wait.samples, stats.run.samples), (1, 1));
    assert!(stats.run.max >= Duration::from_millis(2) && stats.run.mean <= stats.run.max);
    assert!(stats.run.median <= stats.run.max && stats.run.p99 <= stats.run.max);
    held.finish().await;
    assert_eq!(pool.stats().running, 0);
}

#[tokio::test(start_paused = true)]
async fn one_job_in_sixty_four_is_timed() {
    let pool = TaskPool::new(4);
    pool.map(0..640, |_| async {}).await.expect("all run");
    let stats = pool.stats();
    assert_eq!((stats.wait.samples, stats.run.samples), (10, 10));
}

#[tokio::test]
async fn a_job_event_reads_as_a_sentence() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let log = events.clone();
    let pool = CpuPool::builder().limit(1).name(|i| format!("W{i}")).on_job(move |event| {
        log.lock().unwrap().push(event.to_string());
        panic!("a hook may do so");
    });
    let pool = pool.build();
    assert_eq!(pool.submit(|| 7).await.expect("open").await, Ok(7));
    assert_eq!(*events.lock().unwrap(), ["job 0 begins at worker `W0`, from the common queue"]);
}
