//! A stage whose items wait a millisecond each: are there always 64 of them under way?

use std::time::{Duration, Instant};

use regatta::pipeline::Pipeline;

use crate::measure::Contest;

const AT_ONCE: u64 = 64;
const ROUNDS: u64 = 100;

pub(super) fn contests() -> Vec<Contest> {
    vec![Contest::of_tasks("pipeline/timer", "64 tasks that only wait", AT_ONCE * ROUNDS, staged, ideal).bar(0.9)]
}

async fn wait(item: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(1)).await;
    item
}

async fn staged() -> Duration {
    let begun = Instant::now();
    let run = Pipeline::from_iter(0..AT_ONCE * ROUNDS).map_async(AT_ONCE as usize, wait);
    let count = run.fold(0, |count, _| count + 1).await.expect("no stage fails");
    assert_eq!(count, AT_ONCE * ROUNDS);
    begun.elapsed()
}

/// As short as it can be: every task waits so often, and hands nothing over.
async fn ideal() -> Duration {
    let begun = Instant::now();
    let waiting: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            tokio::spawn(async {
                for round in 0..ROUNDS {
                    wait(round).await;
                }
            })
        })
        .collect();
    for task in waiting {
        task.await.expect("no task panics");
    }
    begun.elapsed()
}
