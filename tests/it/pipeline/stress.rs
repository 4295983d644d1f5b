//! Many items through many tasks, stopped anywhere: the numbers add up, nothing is left, and nothing hangs.

use std::time::Duration;

use regatta::pipeline::{Concurrency, OnError, Pipeline, PipelineError, PipelineHandle};
use regatta::policy::Overflow;

use super::kit::{burst, settled};
use crate::support::DropCounter;

/// A watchdog, and nothing else: no test waits for it.
const HANG: Duration = Duration::from_secs(60);

/// A number that looks like chance, and is the same every time.
fn scrambled(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    state
}

async fn stumble(seed: u64) {
    for _ in 0..scrambled(seed | 1) % 4 {
        tokio::task::yield_now().await;
    }
}

/// Four stages with a task each at least, where one item in a thousand fails.
fn start(items: u64, probe: &DropCounter) -> PipelineHandle<u64> {
    let guards = [(); 3].map(|()| probe.guard());
    let [in_source, in_work, in_fold] = guards;
    let probe = probe.clone();
    Pipeline::from_iter((0..items).map(move |n| {
        let _ = &in_source;
        (n, probe.guard())
    }))
    .map_async(8, move |item| {
        let _ = &in_work;
        async move {
            stumble(item.0 + 1).await;
            if item.0 % 1_000 == 999 {
                burst();
            }
            item
        }
    })
    .on_error(OnError::Skip)
    .map_cpu(Concurrency::unordered(2), |item| item)
    .buffer(32, Overflow::Wait)
    .try_map_async(Concurrency::unordered(4), |item| async move {
        stumble(item.0 + 7).await;
        Ok::<_, String>(item)
    })
    .batch(10, Duration::MAX)
    .fold(0, move |count, batch| {
        let _ = &in_fold;
        count + batch.len() as u64
    })
    .spawn()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_thousand_items_come_through() {
    let probe = DropCounter::new();
    let mut running = start(100_000, &probe);
    let count = tokio::time::timeout(HANG, &mut running).await.expect("it does not hang").unwrap();
    assert_eq!(count, 100_000 - 100);
    assert_eq!(probe.alive(), 0);
    settled(&running.stats());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stop_anywhere_loses_nothing() {
    let mut chance = 0x9E37_79B9_7F4A_7C15;
    for round in 0..200 {
        chance = scrambled(chance);
        let probe = DropCounter::new();
        let mut running = start(u64::MAX, &probe);
        for _ in 0..chance % 300 {
            tokio::task::yield_now().await;
        }
        let stop = async {
            match round % 4 {
                0 => {
                    running.abort();
                    (&mut running).await
                }
                1 => {
                    running.close();
                    (&mut running).await
                }
                2 => {
                    let _ = running.shutdown(Duration::ZERO).await;
                    (&mut running).await
                }
                _ => {
                    let _ = running.aborted().await;
                    (&mut running).await
                }
            }
        };
        let result = tokio::time::timeout(HANG, stop).await.unwrap_or_else(|_| panic!("round {round} hangs"));
        assert_eq!(probe.alive(), 0, "round {round}");
        let stats = running.stats();
        settled(&stats);
        match result {
            Ok(count) => {
                assert_eq!(count + stats.stages[1].flow.failed, stats.stages[0].flow.accepted, "round {round}")
            }
            Err(failure) => assert!(matches!(failure, PipelineError::Cancelled(_)), "round {round}: {failure}"),
        }
    }
}
