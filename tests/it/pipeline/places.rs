//! Where a pipeline lives: its runtime, its registry.

use std::time::Duration;

use regatta::observe::Registry;
use regatta::pipeline::Pipeline;

use super::kit::{ended, quiet};
use crate::support::{DropCounter, eventually};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_runtime_that_goes_away_ends_the_pipeline() {
    let (probe, home) = (DropCounter::new(), tokio::runtime::Runtime::new().unwrap());
    let inside = probe.clone();
    let running = {
        let _inside = home.enter();
        let work = move |n: u32| {
            let guard = inside.guard();
            async move {
                let _held = guard;
                std::future::pending::<u32>().await + n
            }
        };
        Pipeline::from_iter(0..).map_async(4, work).batch(3, LONG).for_each(2, |_| async {}).spawn()
    };
    home.block_on(eventually(LONG, "all are at work", || probe.alive() == 4));
    drop(home);
    let elsewhere = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (result, _) = elsewhere.block_on(ended(running));
    assert!(result.unwrap_err().is_cancelled());
    assert_eq!(probe.alive(), 0);
}

#[tokio::test]
async fn a_registry_of_ones_own_sees_what_closures_start() {
    let mine = Registry::new();
    let outer = mine.enter(|| {
        Pipeline::from_iter(0..4)
            .map_async(4, |n: u32| async move { [Pipeline::from_iter(0..n).collect::<Vec<_>>().spawn()] })
            .collect::<Vec<_>>()
            .spawn()
    });
    let pipelines = || mine.snapshot().rows.iter().filter(|row| row.kind == "pipeline").count();
    assert_eq!(pipelines(), 1);
    let inner = outer.await.unwrap();
    assert_eq!(pipelines(), 4, "the outer one is gone, with its handle");
    drop(inner);
    quiet().await;
    assert_eq!(mine.snapshot().rows.len(), 0);
}
