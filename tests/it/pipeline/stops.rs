//! Every kind of stage stopped while it is full: closed, shut down, aborted, dropped.

use std::time::Duration;

use regatta::pipeline::{PipelineError, PipelineHandle};

use super::kit::{both_flavours, settled};
use super::matrix::{KINDS, Kind, Setup, run};
use crate::support::eventually;

const LONG: Duration = Duration::from_secs(60);

/// Endless input, and an end that stands still with the first item.
async fn full(kind: Kind) -> (Setup, PipelineHandle<()>) {
    let setup = Setup::new(u32::MAX);
    let running = run(kind, &setup);
    eventually(LONG, "an item has come to the end", || !setup.arrived.all().is_empty()).await;
    // Only some passes: stages that drop what is too much are never quiet.
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    (setup, running)
}

/// Every stage but the one that has to end by itself, since it is full and refuses, and those that an endless source never
/// fills.
fn kinds() -> impl Iterator<Item = Kind> {
    KINDS.into_iter().filter(|kind| !matches!(kind, Kind::Reject | Kind::Debounce | Kind::Conflate))
}

fn assert_gone(kind: Kind, setup: &Setup, running: &PipelineHandle<()>) {
    assert_eq!(setup.probe.alive(), 0, "{kind:?}");
    settled(&running.stats());
}

/// How many items the source gave, and how many the stages dropped as they were told to.
fn given(running: &PipelineHandle<()>) -> (u64, u64) {
    let stats = running.stats();
    (stats.stages[0].flow.accepted, stats.stages.iter().map(|stage| stage.flow.dropped).sum())
}

both_flavours! {
    async fn close_finishes_what_was_taken_in() {
        for kind in kinds() {
            let (setup, mut running) = full(kind).await;
            running.close();
            setup.gate.open();
            (&mut running).await.unwrap();
            assert_gone(kind, &setup, &running);
            let (given, dropped) = given(&running);
            assert_eq!(setup.arrived.all().len() as u64 + dropped, given, "{kind:?}");
        }
    }

    async fn shutdown_in_time_finishes_what_was_taken_in() {
        for kind in kinds() {
            let (setup, mut running) = full(kind).await;
            setup.gate.open();
            let report = running.shutdown(LONG).await;
            assert_gone(kind, &setup, &running);
            assert!(report.is_clean(), "{kind:?}: {report}");
            let (given, dropped) = given(&running);
            assert_eq!(setup.arrived.all().len() as u64 + dropped, given, "{kind:?}");
            running.await.unwrap();
        }
    }

    async fn shutdown_aborts_at_its_deadline() {
        for kind in kinds() {
            let (setup, mut running) = full(kind).await;
            let report = running.shutdown(Duration::ZERO).await;
            assert_gone(kind, &setup, &running);
            assert!(!report.is_clean() && report.still_running.is_empty(), "{kind:?}: {report}");
            assert!(running.await.unwrap_err().is_cancelled(), "{kind:?}");
        }
    }

    async fn a_handle_that_was_aborted_resolves_when_everything_is_gone() {
        for kind in kinds() {
            let (setup, mut running) = full(kind).await;
            running.abort();
            let failure = (&mut running).await.unwrap_err();
            assert_gone(kind, &setup, &running);
            assert!(failure.is_cancelled(), "{kind:?}: {failure}");
        }
    }

    async fn aborted_returns_when_everything_is_gone() {
        for kind in kinds() {
            let (setup, mut running) = full(kind).await;
            let report = running.aborted().await;
            assert_gone(kind, &setup, &running);
            assert!(report.still_running.is_empty(), "{kind:?}: {report}");
        }
    }

    async fn a_handle_that_is_dropped_leaves_nothing() {
        for kind in kinds() {
            let (setup, running) = full(kind).await;
            drop(running);
            eventually(LONG, "everything is gone", || setup.probe.alive() == 0).await;
        }
    }

    async fn a_stop_in_the_middle_of_work_leaves_nothing() {
        for kind in kinds() {
            for passes in [0, 1, 2, 3, 5, 8] {
                let setup = Setup::new(u32::MAX);
                setup.gate.open();
                let mut running = run(kind, &setup);
                for _ in 0..passes {
                    tokio::task::yield_now().await;
                }
                running.abort();
                let _ = (&mut running).await;
                assert_gone(kind, &setup, &running);
            }
        }
    }

    async fn a_full_buffer_that_refuses_ends_by_itself() {
        let (setup, mut running) = full(Kind::Reject).await;
        setup.gate.open();
        let failure = (&mut running).await.unwrap_err();
        assert_gone(Kind::Reject, &setup, &running);
        assert!(matches!(failure, PipelineError::Full(_)), "{failure}");
    }
}
