//! Every end of a pipeline: what arrives, how trouble is told, and that nothing is left when it is over.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FusedStream;
use regatta::pipeline::{OnError, Pipeline, PipelineHandle, Segment};
use regatta::queue;

use super::kit::{both_flavours, burst, polled, quiet, settled};
use super::matrix::{Item, Setup, Trouble};
use crate::support::eventually;

const LONG: Duration = Duration::from_secs(60);

fn stages(setup: &Setup) -> Pipeline<impl Segment<Item = Item> + use<>> {
    Pipeline::from_iter(setup.source()).map_async(4, |item| async move {
        if item.n % 3 == 0 {
            tokio::task::yield_now().await;
        }
        item
    })
}

/// The setups that each end is tried with: any number of items, and a source that panics.
fn setups() -> impl Iterator<Item = Setup> {
    let troubles = [(0, None), (1, None), (3, None), (300, None), (1, Some(0)), (300, Some(150))];
    troubles.into_iter().map(|(items, place)| {
        let setup = Setup { trouble: place.map(|place| (Trouble::Source, place)), ..Setup::new(items) };
        setup.gate.open();
        setup
    })
}

/// Waits for the end, and checks all that holds at every end.
async fn over<O: Send + 'static>(setup: &Setup, mut running: PipelineHandle<O>) -> Option<O> {
    let result = (&mut running).await;
    settled(&running.stats());
    assert_eq!(result.is_err(), setup.trouble.is_some(), "{:?}", result.err());
    result.ok()
}

/// How many items come to the end.
fn expected(setup: &Setup) -> Vec<u32> {
    (0..setup.trouble.map_or(setup.items, |(_, place)| place)).collect()
}

both_flavours! {
    async fn for_each_sees_every_item() {
        for setup in setups() {
            over(&setup, stages(&setup).for_each(3, setup.sink()).spawn()).await;
            assert_eq!(setup.probe.alive(), 0);
            let mut arrived = setup.arrived.all();
            arrived.sort_unstable();
            assert_eq!(arrived, expected(&setup));
        }
    }

    async fn fold_sees_every_item_in_order() {
        for setup in setups() {
            let arrived = setup.arrived.clone();
            over(&setup, stages(&setup).fold((), move |(), item| arrived.push(item.n)).spawn()).await;
            assert_eq!(setup.probe.alive(), 0);
            assert_eq!(setup.arrived.all(), expected(&setup));
        }
    }

    async fn collect_gives_every_item_in_order() {
        for setup in setups() {
            let collected = over(&setup, stages(&setup).collect::<Vec<_>>().spawn()).await;
            let Some(items) = collected else {
                assert_eq!(setup.probe.alive(), 0);
                continue;
            };
            // Nothing is alive but what the caller has been given.
            assert_eq!(setup.probe.alive(), items.len());
            assert_eq!(items.iter().map(|item| item.n).collect::<Vec<_>>(), expected(&setup));
        }
    }

    async fn forward_sends_every_item_in_order_and_lets_the_queue_go() {
        for setup in setups() {
            let (producer, consumer) = queue::bounded(2);
            let running = stages(&setup).forward(producer).spawn();
            let mut arrived = Vec::new();
            while let Some(delivery) = consumer.recv().await {
                arrived.push(delivery.into_inner().n);
            }
            over(&setup, running).await;
            assert_eq!(setup.probe.alive(), 0);
            assert_eq!(arrived, expected(&setup));
        }
    }

    async fn forward_to_a_queue_that_closes_is_a_failure() {
        let setup = Setup::new(300);
        let (producer, consumer) = queue::bounded(2);
        let mut running = stages(&setup).forward(producer).spawn();
        let first = consumer.recv().await.unwrap();
        first.done();
        drop(consumer);
        let failure = (&mut running).await.unwrap_err();
        settled(&running.stats());
        assert!(!failure.is_panicked() && !failure.is_cancelled(), "{failure}");
        assert_eq!(setup.probe.alive(), 0);
    }

    async fn streams_give_every_item_and_then_nothing_for_ever() {
        for setup in setups() {
            let mut stream = stages(&setup).into_stream();
            let mut arrived = Vec::new();
            let mut failure = None;
            while let Some(result) = stream.next().await {
                match result {
                    Ok(item) => arrived.push(item.n),
                    Err(error) => failure = Some(error),
                }
            }
            assert_eq!((arrived, failure.is_some()), (expected(&setup), setup.trouble.is_some()));
            for _ in 0..10 {
                assert!(stream.next().await.is_none());
            }
            assert!(stream.is_terminated());
            eventually(LONG, "everything is gone", || setup.probe.alive() == 0).await;
        }
    }

    async fn a_stream_that_is_dropped_leaves_nothing() {
        for taken in [0, 1, 20] {
            let setup = Setup::new(u32::MAX);
            let mut stream = stages(&setup).into_stream();
            assert_eq!(stream.by_ref().take(taken).count().await, taken);
            let _ = polled(stream.next()).await;
            drop(stream);
            eventually(LONG, "everything is gone", || setup.probe.alive() == 0).await;
        }
    }

    async fn a_stream_that_was_never_polled_leaves_nothing() {
        let setup = Setup::new(3);
        drop(stages(&setup).into_stream());
        assert_eq!(setup.probe.alive(), 0);
    }

    async fn a_pipeline_that_was_never_run_leaves_nothing() {
        let setup = Setup::new(3);
        drop(stages(&setup).for_each(1, setup.sink()));
        assert_eq!(setup.probe.alive(), 0);
    }

    async fn a_panic_in_fold_is_a_failure() {
        for place in [0, 1, 299] {
            let setup = Setup::new(300);
            let fold = move |count: u32, item: Item| if item.n == place { burst() } else { count + 1 };
            let mut running = stages(&setup).fold(0, fold).named("sum").titled("numbers").spawn();
            let failure = (&mut running).await.unwrap_err();
            settled(&running.stats());
            assert_eq!(failure.to_string(), "stage `sum` of pipeline `numbers` panicked: as ordered");
            assert_eq!(setup.probe.alive(), 0);
        }
    }

    async fn trouble_at_the_end_meets_its_policy() {
        for (policy, expected) in [(OnError::Stop, 1), (OnError::Skip, 6)] {
            let setup = Setup::new(300);
            let run = stages(&setup).try_for_each(2, |item| async move {
                match item.n {
                    n if n % 100 == 7 => Err("an error"),
                    n if n % 100 == 50 => burst(),
                    _ => Ok(()),
                }
            });
            let skips = matches!(policy, OnError::Skip);
            let mut running = run.on_error(policy).spawn();
            assert_eq!((&mut running).await.is_ok(), skips);
            let stats = running.stats();
            settled(&stats);
            assert_eq!(stats.stages[2].flow.failed, expected, "{stats:?}");
            assert_eq!(setup.probe.alive(), 0);
        }
    }

    async fn awaiting_a_run_that_is_given_up_leaves_nothing() {
        let setup = Setup::new(u32::MAX);
        let mut waiting = stages(&setup).for_each(1, setup.sink()).into_future();
        assert!(polled(&mut waiting).await.is_pending());
        quiet().await;
        drop(waiting);
        eventually(LONG, "everything is gone", || setup.probe.alive() == 0).await;
    }

    async fn the_other_source_is_let_go_too() {
        let probe = crate::support::DropCounter::new();
        let inside = Arc::new(probe.guard());
        let source = futures::stream::iter(0..300).inspect(move |_| {
            let _ = &inside;
        });
        let mut running = Pipeline::from_stream(source).map_async(4, |n| async move { n }).collect::<Vec<_>>().spawn();
        assert_eq!((&mut running).await.unwrap().len(), 300);
        assert_eq!(probe.alive(), 0);
    }
}
