//! What can be seen from outside: where time goes, and how a stage has ended, before anybody is told.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use regatta::pipeline::{OnError, Pipeline, Times};
use regatta::policy::Rate;

use super::kit::{burst, ended, pass, quiet};
use crate::support::Gate;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn percent(part: Duration, whole: Duration) -> u128 {
    part.as_micros() * 100 / whole.as_micros()
}

fn shares(times: Option<Times>, whole: Duration) -> (u128, u128, u128) {
    let times = times.expect("a stage with tasks");
    (percent(times.busy, whole), percent(times.blocked, whole), percent(times.starved, whole))
}

#[tokio::test(start_paused = true)]
async fn the_stage_that_limits_is_busy_those_before_it_blocked_and_those_after_it_starved() {
    let begun = tokio::time::Instant::now();
    let wait = |time: u64| {
        move |n: u32| async move {
            pass(MS(time)).await;
            n
        }
    };
    let running = Pipeline::from_iter(0..1_000_u32)
        .map_async(1, wait(1))
        .map_async(1, wait(10))
        .map_async(1, wait(1))
        .fold(0, |count, _| count + 1)
        .spawn();
    let (result, stats) = ended(running).await;
    assert_eq!(result.unwrap(), 1_000);
    let whole = begun.elapsed();
    let of = |stage: usize| shares(stats.stages[stage].times, whole);
    let (before, limit, after) = (of(1), of(2), of(3));
    assert!(before.1 > 80 && before.0 < 20, "before: {before:?}");
    assert!(limit.0 > 98, "limit: {limit:?}");
    assert!(after.2 > 80 && after.0 < 20, "after: {after:?}");
    assert!(stats.stages[0].times.is_none(), "a fused stage has no time of its own");
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_keeps_to_its_rate_is_busy_and_the_one_before_it_blocked() {
    let begun = tokio::time::Instant::now();
    let running = Pipeline::from_iter(0..100_u32)
        .buffer(1, regatta::policy::Overflow::Wait)
        .throttle(Rate::per_sec(10))
        .fold(0, |count, _| count + 1)
        .spawn();
    let (_, stats) = ended(running).await;
    let whole = begun.elapsed();
    let (buffer, throttle) = (shares(stats.stages[1].times, whole), shares(stats.stages[2].times, whole));
    assert!(buffer.1 > 90, "buffer: {buffer:?}");
    assert!(throttle.0 > 98, "throttle: {throttle:?}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_gives_little_starves_all_and_time_stops_at_the_end() {
    let source = futures::stream::iter(0..10_u32).then(|n| async move {
        pass(MS(100)).await;
        n
    });
    let running = Pipeline::from_stream(source).map_async(4, |n| async move { n }).for_each(1, |_| async {}).spawn();
    let (_, stats) = ended(running).await;
    let whole = MS(1_000);
    assert!(shares(stats.stages[1].times, whole).2 > 95, "{stats:?}");
    assert!(shares(stats.stages[2].times, whole).2 > 95, "{stats:?}");
    let later = stats.stages[1].times;
    pass(MS(10_000)).await;
    assert_eq!(stats.stages[1].times, later);
    assert!(stats.stages.iter().all(|stage| stage.has_ended));
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_waits_for_another_is_starved_and_the_one_that_is_full_blocked() {
    let [fast, slow] = Pipeline::from_iter(0..100_u32).broadcast(4);
    let slow = slow.for_each(1, |_| pass(MS(10)));
    let mut running = fast.for_each(1, |_| async {}).and(slow).spawn();
    (&mut running).await.unwrap();
    let stats = running.stats();
    let of = |name: &str| {
        let stage = stats.stages.iter().find(|stage| &*stage.name == name).unwrap_or_else(|| panic!("{stats:?}"));
        stage.times.expect("a stage with tasks").percent()
    };
    let (waiting, full) = (of("broadcast#1.0"), of("broadcast#1.1"));
    assert!(waiting[2] > 90, "starved: {waiting:?}");
    assert!(full[1] > 90, "blocked: {full:?}");
    let limiting = stats.stages.iter().filter(|stage| stage.times.is_some_and(|times| times.percent()[0] > 90));
    assert_eq!(limiting.count(), 1, "{stats:?}");
}

#[tokio::test]
async fn a_failure_and_an_end_are_visible_while_a_later_stage_is_stuck() {
    let gate = Gate::new();
    let stuck = gate.clone();
    let running = Pipeline::from_iter(0..10_u32)
        .try_map_async(1, |n| async move { if n == 5 { Err(format!("no {n}")) } else { Ok(n) } })
        .named("fetch")
        .for_each(1, move |_| {
            let stuck = stuck.clone();
            async move { stuck.wait().await }
        })
        .titled("pages")
        .spawn();
    quiet().await;
    let stats = running.stats();
    assert_eq!(stats.failure(), Some("stage `fetch` of pipeline `pages` failed: no 5"));
    assert!(stats.stages[1].has_ended && !stats.stages[2].has_ended && !running.is_finished());
    gate.open();
    assert!(ended(running).await.0.is_err());

    let gate = Gate::new();
    let stuck = gate.clone();
    let running = Pipeline::from_iter(0..3_u32)
        .map_async(1, |n| async move { n })
        .for_each(1, move |_| {
            let stuck = stuck.clone();
            async move { stuck.wait().await }
        })
        .spawn();
    quiet().await;
    let stats = running.stats();
    assert!(stats.stages[0].has_ended && stats.stages[1].has_ended && !stats.stages[2].has_ended, "{stats:?}");
    assert_eq!(stats.failure(), None);
    gate.open();
    ended(running).await.0.unwrap();
}

#[tokio::test]
async fn nobody_has_to_poll_a_stream_to_see_how_its_pipeline_has_ended() {
    let mut results = Pipeline::from_iter(0..3_u32)
        .map_async(1, |n| async move { if n == 1 { burst() } else { n } })
        .named("work")
        .into_stream();
    assert!(results.stats().stages[1].times.is_some_and(|times| times == Times::default()));
    assert!(results.next().now_or_never().is_none());
    quiet().await;
    let stats = results.stats();
    assert!(stats.failure().is_some_and(|words| words.ends_with("panicked: as ordered")), "{stats:?}");
    assert!(stats.stages[1].has_ended);
    assert_eq!(results.next().await.unwrap().unwrap(), 0);
    assert!(results.next().await.unwrap().unwrap_err().is_panicked());
    assert_eq!(results.stats().stages[1].flow.failed, 1);
}

#[tokio::test]
async fn what_is_skipped_is_no_failure_of_the_stage() {
    let running =
        Pipeline::from_iter(["1", "x"]).try_map(str::parse::<u32>).on_error(OnError::Skip).collect::<Vec<_>>().spawn();
    let (_, stats) = ended(running).await;
    assert_eq!((stats.failure(), stats.stages[1].flow.failed), (None, 1));
}
