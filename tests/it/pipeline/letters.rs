//! Dead letters: what fails goes into a queue, whatever kind of stage it failed in.

use std::time::Duration;

use regatta::pipeline::{DeadLetter, OnError, Pipeline, PipelineHandle};
use regatta::policy::Overflow;
use regatta::queue::{self, Consumer, Producer};

use super::kit::{both_flavours, burst, conserved, ended, quiet, settled};
use crate::support::{DropCounter, eventually};

/// Fails at three, panics at seven.
fn work(n: u32) -> Result<u32, &'static str> {
    match n {
        3 => Err("three"),
        7 => burst(),
        _ => Ok(n),
    }
}

type Letters = Producer<DeadLetter<u32>>;

/// Its name, whether an error is possible in it, and how it is started.
type Case = (&'static str, bool, fn(OnError<u32>) -> PipelineHandle<Vec<u32>>);

/// One of each kind of stage that has a policy.
fn stages() -> Vec<Case> {
    fn items() -> Pipeline<impl regatta::pipeline::Segment<Item = u32>> {
        Pipeline::from_iter(0..10_u32)
    }
    fn look(n: &u32) {
        if *n == 7 {
            burst();
        }
    }
    fn looked(n: u32) -> u32 {
        look(&n);
        n
    }
    vec![
        ("map", false, |p| items().map(looked).on_error(p).collect().spawn()),
        ("try_map", true, |p| items().try_map(work).on_error(p).collect().spawn()),
        ("filter", false, |p| {
            items()
                .filter(|n| {
                    look(n);
                    true
                })
                .on_error(p)
                .collect()
                .spawn()
        }),
        ("flat_map", false, |p| items().flat_map(|n| [looked(n)]).on_error(p).collect().spawn()),
        ("try_scan", true, |p| items().try_scan(|| (), |(), n| work(n)).on_error(p).collect().spawn()),
        ("take_while", false, |p| {
            items()
                .take_while(|n| {
                    look(n);
                    true
                })
                .on_error(p)
                .collect()
                .spawn()
        }),
        ("inspect", false, |p| items().inspect(look).on_error(p).collect().spawn()),
        ("try_map_async", true, |p| items().try_map_async(4, |n| async move { work(n) }).on_error(p).collect().spawn()),
        ("try_map_cpu", true, |p| items().try_map_cpu(2, work).on_error(p).collect().spawn()),
        ("batch_weighted", false, |p| {
            let weigh = |n: &u32| {
                look(n);
                1
            };
            let batches = items().batch_weighted(1, Duration::MAX, weigh).on_error(p);
            batches.flat_map(|batch| batch).collect().spawn()
        }),
    ]
}

async fn letters(dead: &Consumer<DeadLetter<u32>>, count: usize) -> Vec<(Option<u32>, bool)> {
    let mut letters = Vec::new();
    for _ in 0..count {
        let letter = dead.recv().await.expect("a letter").into_inner();
        letters.push((letter.item, letter.error.is_panicked()));
    }
    letters
}

both_flavours! {
    async fn every_kind_of_stage_puts_what_fails_into_the_queue_and_goes_on() {
        for (kind, has_errors, start) in stages() {
            let (producer, dead) = queue::bounded(10);
            let (result, stats) = ended(start(OnError::dead_letter(producer))).await;
            let failed = if has_errors { vec![3, 7] } else { vec![7] };
            let expected: Vec<u32> = (0..10).filter(|n| !failed.contains(n)).collect();
            assert_eq!(result.unwrap(), expected, "{kind}");
            assert_eq!(stats.stages[1].flow.failed, failed.len() as u64, "{kind}");
            let expected: Vec<_> = failed.iter().map(|n| (Some(*n), *n == 7)).collect();
            let mut found = letters(&dead, failed.len()).await;
            found.sort_unstable();
            assert_eq!(found, expected, "{kind}");
        }
    }

    async fn a_full_queue_holds_up_the_stage_and_nothing_is_lost() {
        for (kind, has_errors, start) in stages().into_iter().filter(|(_, has_errors, _)| *has_errors) {
            let (producer, dead) = queue::bounded(1);
            let running = start(OnError::dead_letter(producer));
            quiet().await;
            conserved(&running.stats());
            assert!(!running.is_finished(), "{kind} did not wait");
            let mut found = letters(&dead, 2).await;
            found.sort_unstable();
            assert_eq!(found, [(Some(3), false), (Some(7), true)], "{kind} {has_errors}");
            let (result, _) = ended(running).await;
            assert_eq!(result.unwrap(), [0, 1, 2, 4, 5, 6, 8, 9], "{kind}");
        }
    }

    async fn a_queue_that_takes_no_letter_ends_the_pipeline_with_the_items_own_error() {
        for (kind, _, start) in stages().into_iter().filter(|(_, has_errors, _)| *has_errors) {
            let (producer, dead) = queue::bounded(1);
            drop(dead);
            let (result, _) = ended(start(OnError::dead_letter(producer))).await;
            let failure = result.unwrap_err();
            assert_eq!(std::error::Error::source(&failure).unwrap().to_string(), "three", "{kind}");

            let (producer, dead) = queue::Builder::new(1).overflow(Overflow::Reject).build();
            let (result, _) = ended(start(OnError::dead_letter(producer))).await;
            assert!(result.is_err(), "{kind}");
            assert_eq!(letters(&dead, 1).await.len(), 1, "{kind}");
        }
    }

    async fn an_abort_while_a_letter_waits_leaves_nothing_behind() {
        for (kind, _, start) in stages().into_iter().filter(|(_, has_errors, _)| *has_errors) {
            let (producer, dead) = queue::bounded(1);
            let mut running = start(OnError::dead_letter(producer));
            eventually(Duration::from_secs(10), "the first letter is there", || !dead.is_empty()).await;
            quiet().await;
            let report = running.aborted().await;
            assert!(report.still_running.is_empty(), "{kind}: {report:?}");
            settled(&running.stats());
            assert_eq!(letters(&dead, 1).await.len(), 1);
            // Every producer is gone with the stage.
            assert!(dead.recv().await.is_none(), "{kind}");
        }
    }
}

#[tokio::test]
async fn items_that_cannot_be_cloned_leave_the_error_alone() {
    struct Unique(u32);

    let (producer, dead) = queue::bounded::<DeadLetter<Unique>>(10);
    let running = Pipeline::from_iter((0..5).map(Unique))
        .try_map_async(2, |item| async move { work(item.0) })
        .named("check")
        .on_error(OnError::dead_letter_error(producer))
        .collect::<Vec<_>>()
        .titled("uniques")
        .spawn();
    let (result, _) = ended(running).await;
    assert_eq!(result.unwrap(), [0, 1, 2, 4]);
    let letter = dead.recv().await.unwrap().into_inner();
    assert!(letter.item.is_none());
    assert_eq!(
        (letter.error.to_string(), letter.attempts),
        ("stage `check` of pipeline `uniques` failed".to_owned(), 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_letter_tells_how_often_its_item_was_tried() {
    let (producer, dead): (Letters, _) = queue::bounded(10);
    let backoff = regatta::policy::Backoff::exponential(Duration::ZERO..=Duration::from_millis(1));
    Pipeline::from_iter([3_u32])
        .try_for_each(1, |n| async move { work(n).map(drop) })
        .retry(backoff.attempts(4))
        .on_error(OnError::dead_letter(producer))
        .await
        .unwrap();
    let letter = dead.recv().await.unwrap().into_inner();
    assert_eq!((letter.item, letter.attempts), (Some(3), 4));
}

#[tokio::test]
async fn what_is_kept_for_a_letter_is_dropped_when_the_item_has_passed() {
    let alive = DropCounter::new();
    let (producer, _dead) = queue::bounded(10);
    let guards: Vec<_> = (0..3).map(|_| std::sync::Arc::new(alive.guard())).collect();
    let running = Pipeline::from_iter(guards)
        .map(drop)
        .on_error(OnError::dead_letter(producer))
        .map_async(1, |()| std::future::pending::<()>())
        .fold((), |(), ()| ())
        .spawn();
    quiet().await;
    // The first has passed, and the two others are still with the source.
    assert_eq!(alive.alive(), 2);
    drop(running);
}
