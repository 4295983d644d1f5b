//! Trying again, and giving up in time.

use std::time::Duration;

use regatta::error::Elapsed;
use regatta::pipeline::{OnError, Pipeline};
use regatta::policy::{Backoff, RetryBudget};
use tokio::time::Instant;

use super::kit::{Count, Log, burst, ended, pass, quiet, refusal};
use crate::support::DropCounter;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn backoff(attempts: u32) -> Backoff {
    Backoff::exponential(MS(10)..=MS(1000)).attempts(attempts).jitter(0.0)
}

#[tokio::test(start_paused = true)]
async fn an_item_is_tried_again_after_its_delays_and_keeps_its_place() {
    let (tries, begun) = (Log::new(), Instant::now());
    let log = tries.clone();
    let running = Pipeline::from_iter(0..3_u32)
        .try_map_async(2, move |n| {
            let log = log.clone();
            async move {
                log.push((n, begun.elapsed()));
                let so_far = log.all().iter().filter(|(tried, _)| *tried == n).count();
                if n == 0 && so_far < 4 { Err("busy") } else { Ok(n) }
            }
        })
        .retry(backoff(5))
        .collect::<Vec<_>>()
        .spawn();
    let (result, stats) = ended(running).await;
    assert_eq!(result.unwrap(), [0, 1, 2]);
    let of_first: Vec<Duration> = tries.all().iter().filter(|(n, _)| *n == 0).map(|(_, at)| *at).collect();
    assert_eq!(of_first, [MS(0), MS(10), MS(30), MS(70)]);
    assert_eq!((stats.stages[1].retried, stats.stages[1].flow.failed, stats.stages[1].flow.done), (3, 0, 3));
}

#[tokio::test(start_paused = true)]
async fn what_still_fails_meets_the_policy_with_its_last_error() {
    let tries = Count::default();
    let count = tries.clone();
    let failure = Pipeline::from_iter(0..1_u32)
        .try_for_each(1, move |_| {
            let so_far = count.up();
            async move { Err(format!("attempt {so_far}")) }
        })
        .retry(backoff(3))
        .await
        .unwrap_err();
    assert_eq!(std::error::Error::source(&failure).unwrap().to_string(), "attempt 2");
    assert_eq!(tries.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_down_is_not_stormed() {
    let calls = Count::default();
    let count = calls.clone();
    let running = Pipeline::from_iter(0..1_000_u32)
        .try_for_each(8, move |_| {
            count.up();
            async { Err("down") }
        })
        .retry(backoff(10))
        .retry_budget(RetryBudget::ratio(0.1).reserve(5))
        .on_error(OnError::Skip)
        .spawn();
    let (result, stats) = ended(running).await;
    result.unwrap();
    // Never more than the budget allows, and not less than it could: what is earned while the last ones fail is spent.
    assert!((1_090..=1_105).contains(&calls.get()), "{} calls", calls.get());
    assert_eq!((calls.get() as u64, stats.stages[1].flow.failed), (1_000 + stats.stages[1].retried, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_not_tried_again() {
    let calls = Count::default();
    let count = calls.clone();
    let running = Pipeline::from_iter(0..3_u32)
        .map_async(1, move |n| {
            count.up();
            async move { if n == 1 { burst() } else { n } }
        })
        .retry(backoff(5))
        .on_error(OnError::Skip)
        .collect::<Vec<_>>()
        .spawn();
    let (result, stats) = ended(running).await;
    assert_eq!((result.unwrap(), calls.get(), stats.stages[1].retried), (vec![0, 2], 3, 0));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_dropped_and_tried_again() {
    let (calls, alive) = (Count::default(), DropCounter::new());
    let (count, probe) = (calls.clone(), alive.clone());
    let begun = Instant::now();
    let running = Pipeline::from_iter(0..1_u32)
        .map_async(1, move |n| {
            let (attempt, guard) = (count.up(), probe.guard());
            async move {
                if attempt < 2 {
                    std::future::pending::<()>().await;
                }
                drop(guard);
                n
            }
        })
        .retry(backoff(3))
        .timeout(MS(100))
        .collect::<Vec<_>>()
        .spawn();
    let (result, stats) = ended(running).await;
    assert_eq!((result.unwrap(), stats.stages[1].retried), (vec![0], 2));
    assert_eq!((begun.elapsed(), alive.alive()), (MS(100 + 10 + 100 + 20), 0));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_says_who_and_how_long() {
    let failure = Pipeline::from_iter(0..1_u32)
        .map_async(1, |_| std::future::pending::<()>())
        .named("fetch")
        .timeout(MS(250))
        .fold((), |(), ()| ())
        .titled("pages")
        .await
        .unwrap_err();
    let elapsed = failure.downcast_ref::<Elapsed>().expect("it took too long");
    assert_eq!(elapsed.to_string(), "stage `fetch` of pipeline `pages` took longer than 250ms");
}

#[tokio::test(start_paused = true)]
async fn an_item_that_waits_to_be_tried_again_is_discarded_by_an_abort_and_finished_by_a_drain() {
    for drains in [false, true] {
        let calls = Count::default();
        let count = calls.clone();
        let mut running = Pipeline::from_iter(0..)
            .try_for_each(1, move |_: u32| {
                let attempt = count.up();
                async move { if attempt == 0 { Err("busy") } else { Ok(()) } }
            })
            .retry(backoff(2))
            .spawn();
        quiet().await;
        if drains {
            running.drain().await.unwrap();
            assert!(calls.get() >= 2);
        } else {
            let _ = running.aborted().await;
            let stats = running.stats();
            assert_eq!((stats.stages[1].flow.discarded, stats.stages[1].flow.in_flight, calls.get()), (1, 0, 1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_panics_fails_its_item() {
    #[derive(Debug)]
    struct Once(u32);

    impl Clone for Once {
        fn clone(&self) -> Self {
            if self.0 == 1 { burst() } else { Self(self.0) }
        }
    }

    let running = Pipeline::from_iter((0..3).map(Once))
        .try_map_async(1, |item| async move { Ok::<_, String>(item.0) })
        .retry(backoff(2))
        .on_error(OnError::Skip)
        .collect::<Vec<_>>()
        .spawn();
    let (result, stats) = ended(running).await;
    assert_eq!((result.unwrap(), stats.stages[1].flow.failed), (vec![0, 2], 1));
}

#[tokio::test(start_paused = true)]
async fn a_policy_belongs_to_its_stage_alone() {
    // The second stage has neither the retries nor the timeout nor the policy of the first.
    let calls = Count::default();
    let count = calls.clone();
    let failure = Pipeline::from_iter(0..3_u32)
        .map_async(1, |n| async move { n })
        .retry(backoff(5))
        .timeout(MS(10))
        .on_error(OnError::Skip)
        .try_map_async(1, move |n| {
            count.up();
            async move {
                pass(MS(50)).await;
                if n == 1 { Err("one") } else { Ok(n) }
            }
        })
        .named("second")
        .collect::<Vec<_>>()
        .titled("two")
        .await
        .unwrap_err();
    assert_eq!((failure.to_string(), calls.get()), ("stage `second` of pipeline `two` failed".to_owned(), 2));
}

#[test]
fn a_timeout_of_zero_is_refused_where_it_is_written() {
    let zero = || drop(Pipeline::from_iter([1]).map_async(1, |n| async move { n }).timeout(Duration::ZERO));
    assert_eq!(refusal(zero), Some(file!().to_owned()));
    let zero = || drop(Pipeline::from_iter([1]).for_each(1, |_| async {}).timeout(Duration::ZERO));
    assert_eq!(refusal(zero), Some(file!().to_owned()));
}
