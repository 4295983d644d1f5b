//! Pipelines that become one: order, fairness, ends, failures, and the books of both sides.

use std::cmp::Ordering;
use std::time::Duration;

use futures::{StreamExt, stream};
use regatta::pipeline::{OnError, Pipeline, PipelineHandle, Segment};

use super::kit::{Count, Grenade, both_flavours, burst, conserved, ended, polled, quiet, settled};
use crate::support::{DropCounter, DropGuard, eventually};

const LONG: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Merge,
    MergeAll,
    Zip,
    Chain,
    Sorted,
}

const KINDS: [Kind; 5] = [Kind::Merge, Kind::MergeAll, Kind::Zip, Kind::Chain, Kind::Sorted];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Left,
    Right,
}

const SIDES: [Side; 2] = [Side::Left, Side::Right];

/// Joins two pipelines and collects what comes out; of a pair, the left one.
fn run<S: Segment<Item = u32>>(kind: Kind, left: Pipeline<S>, right: Pipeline<S>) -> PipelineHandle<Vec<u32>> {
    match kind {
        Kind::Merge => left.merge(right).named("join").collect().titled("both").spawn(),
        Kind::MergeAll => Pipeline::merge_all([left, right]).named("join").collect().titled("both").spawn(),
        Kind::Zip => left.zip(right).named("join").map(|(n, _)| n).collect().titled("both").spawn(),
        Kind::Chain => left.chain(right).named("join").collect().titled("both").spawn(),
        Kind::Sorted => left.merge_sorted(right).named("join").collect().titled("both").spawn(),
    }
}

/// One side: its numbers pass a closure that may meet one it does not like.
fn side<F>(name: &'static str, pass: F) -> Pipeline<impl Segment<Item = u32> + use<F>>
where
    F: FnMut(u32) -> Result<u32, &'static str> + Send + 'static,
{
    Pipeline::from_iter(0..20).named(format!("source of {name}")).try_map(pass).named(name)
}

fn row(running: &PipelineHandle<Vec<u32>>, name: &str) -> regatta::observe::Flow {
    running.stats().stages.iter().find(|stage| *stage.name == *name).expect("there is such a stage").flow
}

#[tokio::test]
async fn merge_takes_turns() {
    let zeros = Pipeline::from_iter(std::iter::repeat(0));
    let ones = Pipeline::from_iter(std::iter::repeat(1));
    let sum = zeros.merge(ones).take(1_000).fold(0, |sum, n| sum + n).await.unwrap();
    assert!((484..=516).contains(&sum), "{sum} of 1000");
}

#[tokio::test]
async fn merge_takes_turns_also_one_by_one() {
    let (zeros, ones) = (Pipeline::from_iter(std::iter::repeat(0)), Pipeline::from_iter(std::iter::repeat(1)));
    let first: Vec<u32> = zeros.merge(ones).into_stream().take(6).map(Result::unwrap).collect().await;
    assert_eq!(first, [0, 1, 0, 1, 0, 1]);
}

#[tokio::test]
async fn merge_all_takes_turns_among_many() {
    let equals = (0..5).map(|n| Pipeline::from_iter(std::iter::repeat(n)));
    let seen = Pipeline::merge_all(equals).take(1_000).collect::<Vec<usize>>().await.unwrap();
    for n in 0..5 {
        let count = seen.iter().filter(|seen| **seen == n).count();
        assert!((184..=216).contains(&count), "{count} of {n}");
    }
}

#[tokio::test]
async fn one_that_always_panics_does_not_starve_the_other() {
    let bad = Pipeline::from_iter(0_u32..).map(|_| -> u32 { burst() }).on_error(OnError::Skip);
    let good = Pipeline::from_iter(0..100);
    let seen = bad.merge(good).take(100).collect::<Vec<_>>();
    let seen = tokio::time::timeout(LONG, seen.into_future()).await.expect("the good one has its turns").unwrap();
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_that_has_nothing_does_not_hold_up_the_other() {
    for is_left in [true, false] {
        let (silent, some) = (Pipeline::from_stream(stream::pending()), Pipeline::from_iter(0..3));
        let mut items =
            if is_left { silent.merge(some).into_stream().boxed() } else { some.merge(silent).into_stream().boxed() };
        for n in 0..3 {
            assert_eq!(items.next().await.unwrap().unwrap(), n);
        }
        assert!(polled(items.next()).await.is_pending());
    }
}

#[tokio::test]
async fn both_sides_wake_the_stage() {
    let (left, from_left) = tokio::sync::mpsc::channel(1);
    let (right, from_right) = tokio::sync::mpsc::channel(1);
    let inputs =
        [from_left, from_right].map(|mut input| Pipeline::from_stream(stream::poll_fn(move |cx| input.poll_recv(cx))));
    let mut merged = Pipeline::merge_all(inputs).into_stream();
    for (n, sender) in [(0, &left), (1, &right), (2, &right), (3, &left)] {
        assert!(polled(merged.next()).await.is_pending());
        let sent = sender.clone();
        let sending = tokio::spawn(async move { sent.send(n).await.unwrap() });
        assert_eq!(merged.next().await.unwrap().unwrap(), n);
        sending.await.unwrap();
    }
    drop((left, right));
    assert!(merged.next().await.is_none());
}

#[tokio::test]
async fn merge_loses_nothing_and_ends_with_both() {
    for kind in [Kind::Merge, Kind::MergeAll] {
        let sides = [0..7, 100..250].map(Pipeline::from_iter);
        let [left, right] = sides.map(|side| side.map_async(4, |n: u32| async move { n }));
        let (result, stats) = ended(run(kind, left, right)).await;
        let mut seen = result.unwrap();
        seen.sort_unstable();
        assert_eq!(seen, (0..7).chain(100..250).collect::<Vec<_>>(), "{kind:?}");
        let join = stats.stages.iter().find(|stage| *stage.name == *"join").unwrap();
        assert_eq!(join.flow.done, 157, "{kind:?}");
    }
}

#[tokio::test]
async fn empty_sides_end() {
    for kind in KINDS {
        for (left, right) in [(0, 0), (3, 0), (0, 3)] {
            let (left, right) = (Pipeline::from_iter(0..left), Pipeline::from_iter(0..right));
            let (result, _) = ended(run(kind, left, right)).await;
            let expected: &[u32] = if kind == Kind::Zip { &[] } else { &[0, 1, 2] };
            let seen = result.unwrap();
            assert!(seen.is_empty() || seen == expected, "{kind:?}: {seen:?}");
        }
    }
    let nothing = Vec::<Pipeline<regatta::pipeline::IterSource<std::ops::Range<u32>>>>::new();
    assert!(Pipeline::merge_all(nothing).collect::<Vec<_>>().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_last_item_that_comes_with_the_end_is_there() {
    for kind in KINDS {
        let sides = [0_u32.., 0_u32..].map(|numbers| Pipeline::from_iter(numbers).take(3));
        let [left, right] = sides;
        let (result, _) = ended(run(kind, left, right)).await;
        let mut seen = result.unwrap();
        seen.sort_unstable();
        let expected: &[u32] = if kind == Kind::Zip { &[0, 1, 2] } else { &[0, 0, 1, 1, 2, 2] };
        assert_eq!(seen, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn zip_pairs_in_order_and_ends_with_the_shorter() {
    for (left, right, wasted) in [(5, 3, 1), (3, 5, 0), (4_u64, 4, 0)] {
        let (a, b) = (Pipeline::from_iter(0..left), Pipeline::from_iter(0..right));
        let (result, stats) = ended(a.zip(b).collect::<Vec<_>>().spawn()).await;
        assert_eq!(result.unwrap(), (0..left.min(right)).map(|n| (n, n)).collect::<Vec<_>>());
        let zip = &stats.stages[2];
        assert_eq!((&*zip.name, zip.flow.discarded), ("zip#2", wasted));
        assert_eq!(zip.flow.done, 2 * left.min(right));
    }
}

#[tokio::test]
async fn zip_lets_the_other_go_at_once() {
    let probe = DropCounter::new();
    let guard = probe.guard();
    let endless = stream::iter(0..2).chain(stream::poll_fn(move |_| {
        let _ = &guard;
        std::task::Poll::Pending
    }));
    let zipped = Pipeline::from_iter(0..2).zip(Pipeline::from_stream(endless).map_async(2, |n| async move { n }));
    let ends = tokio::time::timeout(LONG, zipped.collect::<Vec<_>>().into_future()).await;
    assert_eq!(ends.expect("it ends").unwrap(), [(0, 0), (1, 1)]);
    assert_eq!(probe.alive(), 0);
}

#[tokio::test]
async fn zip_asks_both_at_once() {
    let asked = Count::default();
    let silent = || {
        let asked = asked.clone();
        Pipeline::from_stream(stream::poll_fn(move |_| {
            asked.up();
            std::task::Poll::<Option<u32>>::Pending
        }))
    };
    let mut zipped = silent().zip(silent()).into_stream();
    assert!(polled(zipped.next()).await.is_pending());
    assert_eq!(asked.get(), 2);
}

#[tokio::test]
async fn chain_asks_the_second_when_the_first_has_ended() {
    let drawn = Count::default();
    let counted = drawn.clone();
    let second = Pipeline::from_iter((3..6).inspect(move |_| {
        counted.up();
    }));
    let mut chained = Pipeline::from_iter(0..3).chain(second).into_stream();
    for n in 0..3 {
        assert_eq!(chained.next().await.unwrap().unwrap(), n);
    }
    assert_eq!(drawn.get(), 0);
    assert_eq!(chained.map(Result::unwrap).collect::<Vec<_>>().await, [3, 4, 5]);
}

#[tokio::test]
async fn sorted_is_stable() {
    let left = [(1, 'l'), (2, 'l'), (2, 'm'), (5, 'l')];
    let right = [(0, 'r'), (2, 'r'), (5, 'r'), (6, 'r')];
    let by_number = |a: &(i32, char), b: &(i32, char)| a.0.cmp(&b.0);
    let sorted = Pipeline::from_iter(left).merge_sorted_by(Pipeline::from_iter(right), by_number);
    let expected = [(0, 'r'), (1, 'l'), (2, 'l'), (2, 'm'), (2, 'r'), (5, 'l'), (5, 'r'), (6, 'r')];
    assert_eq!(sorted.collect::<Vec<_>>().await.unwrap(), expected);
}

#[tokio::test]
async fn a_comparison_that_panics_meets_the_policy() {
    for policy in [OnError::Stop, OnError::Skip] {
        let compare = |a: &u32, b: &u32| -> Ordering { if *b == 3 { burst() } else { a.cmp(b) } };
        let sides = [vec![0, 2, 4, 6], vec![1, 3, 5, 7]].map(Pipeline::from_iter);
        let [left, right] = sides;
        let running =
            left.merge_sorted_by(right, compare).named("sort").on_error(policy.clone()).collect::<Vec<_>>().spawn();
        let (result, stats) = ended(running).await;
        let sort = &stats.stages[2];
        match policy {
            OnError::Stop => {
                let failure = result.unwrap_err();
                assert!(failure.is_panicked() && failure.to_string().contains("`sort`"), "{failure}");
                // The one it was compared with goes nowhere.
                assert_eq!((sort.flow.failed, sort.flow.discarded), (1, 1));
            }
            _ => {
                assert_eq!(result.unwrap(), [0, 1, 2, 4, 5, 6, 7]);
                assert_eq!((sort.flow.failed, sort.flow.discarded), (1, 0));
            }
        }
    }
}

#[tokio::test]
async fn a_failure_of_either_side_ends_the_stage() {
    for kind in KINDS {
        for failing in SIDES {
            let pass = |this| move |n| if n == 5 && this == failing { Err("five") } else { Ok(n) };
            let running = run(kind, side("left", pass(Side::Left)), side("right", pass(Side::Right)));
            let (result, _) = ended(running).await;
            let name = if failing == Side::Left { "left" } else { "right" };
            let expected = format!("stage `{name}` of pipeline `both` failed");
            assert_eq!(result.unwrap_err().to_string(), expected, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_panic_is_blamed_on_the_side_it_came_from() {
    for kind in KINDS {
        for failing in SIDES {
            let pass = |this| move |n| if n == 5 && this == failing { burst() } else { Ok(n) };
            let running = run(kind, side("left", pass(Side::Left)), side("right", pass(Side::Right)));
            let (result, _) = ended(running).await;
            let failure = result.unwrap_err();
            let name = if failing == Side::Left { "`left`" } else { "`right`" };
            assert!(failure.is_panicked() && failure.to_string().contains(name), "{kind:?}: {failure}");
        }
    }
}

#[tokio::test]
async fn a_source_that_panics_is_named() {
    for kind in KINDS {
        for failing in SIDES {
            let source = |this, name: &'static str| {
                let numbers = (0..20_u32).inspect(move |n| {
                    if *n == 5 && this == failing {
                        burst()
                    }
                });
                Pipeline::from_iter(numbers).named(name)
            };
            let running = run(kind, source(Side::Left, "left"), source(Side::Right, "right"));
            let (result, _) = ended(running).await;
            let failure = result.unwrap_err();
            let name = if failing == Side::Left { "`left`" } else { "`right`" };
            assert!(failure.is_panicked() && failure.to_string().contains(name), "{kind:?}: {failure}");
        }
    }
}

#[tokio::test]
async fn a_panic_that_is_skipped_costs_one_item() {
    for kind in KINDS {
        for failing in SIDES {
            let pass = |this| move |n: u32| if n == 5 && this == failing { burst() } else { n };
            let sides = [0..20, 0..20].map(Pipeline::from_iter);
            let [left, right] = sides;
            let (left, right) = (left.map(pass(Side::Left)), right.map(pass(Side::Right)));
            let (left, right) = (left.on_error(OnError::Skip), right.on_error(OnError::Skip));
            let (result, _) = match kind {
                Kind::Merge | Kind::MergeAll => ended(left.merge(right).collect::<Vec<_>>().spawn()).await,
                Kind::Zip => ended(left.zip(right).map(|(n, _)| n).collect().spawn()).await,
                Kind::Chain => ended(left.chain(right).collect().spawn()).await,
                Kind::Sorted => ended(left.merge_sorted(right).collect().spawn()).await,
            };
            let expected = if kind == Kind::Zip { 19 } else { 39 };
            assert_eq!(result.unwrap().len(), expected, "{kind:?}, {failing:?}");
        }
    }
}

#[tokio::test]
async fn attributes_are_of_the_joining_stage_and_numbers_of_the_whole() {
    let left = Pipeline::from_iter(0..3).map(|n| n);
    let right = Pipeline::from_iter(0..3).map(|n| n).named("mine").filter(|_| true);
    let running = left.merge(right).map(|n| n).collect::<Vec<u32>>().titled("all").spawn();
    let (_, stats) = ended(running).await;
    let names: Vec<_> = stats.stages.iter().map(|stage| &*stage.name).collect();
    let expected = ["from_iter#0", "map#1", "from_iter#2", "mine", "filter#4", "merge#5", "map#6", "collect#7"];
    assert_eq!((&*stats.name, names), ("all", expected.to_vec()));
}

/// An item that is counted while it lives.
struct Guarded {
    n: u32,
    _guard: DropGuard,
}

/// Endless numbers on one side, and as many as that on the other.
fn guarded(probe: &DropCounter, count: u32) -> Pipeline<impl Segment<Item = Guarded> + use<>> {
    let probe = probe.clone();
    let numbers = stream::iter(0..count).chain(stream::pending());
    Pipeline::from_stream(numbers.map(move |n| Guarded { n, _guard: probe.guard() }))
}

fn run_guarded(kind: Kind, probe: &DropCounter, counts: [u32; 2]) -> PipelineHandle<usize> {
    let [left, right] = counts.map(|count| guarded(probe, count).map_async(2, |item| async move { item }));
    let inside = probe.guard();
    let count = move |count: usize, _: Guarded| {
        let _ = &inside;
        count + 1
    };
    match kind {
        Kind::Merge => left.merge(right).fold(0, count).spawn(),
        Kind::MergeAll => Pipeline::merge_all([left, right]).fold(0, count).spawn(),
        Kind::Zip => left.zip(right).map(|(item, _)| item).fold(0, count).spawn(),
        Kind::Chain => left.chain(right).fold(0, count).spawn(),
        Kind::Sorted => left.merge_sorted_by(right, |a, b| a.n.cmp(&b.n)).fold(0, count).spawn(),
    }
}

both_flavours! {
    async fn an_abort_leaves_nothing() {
        for kind in KINDS {
            for counts in [[u32::MAX, 5], [5, u32::MAX], [5, 0], [0, 5], [u32::MAX, u32::MAX]] {
                let probe = DropCounter::new();
                let mut running = run_guarded(kind, &probe, counts);
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
                conserved(&running.stats());
                running.abort();
                assert!((&mut running).await.unwrap_err().is_cancelled(), "{kind:?} {counts:?}");
                settled(&running.stats());
                assert_eq!(probe.alive(), 0, "{kind:?} {counts:?}");
            }
        }
    }

    async fn a_drain_ends_both_sources() {
        for kind in KINDS {
            for counts in [[u32::MAX, 5], [5, u32::MAX], [5, 5], [u32::MAX, u32::MAX]] {
                let probe = DropCounter::new();
                let mut running = run_guarded(kind, &probe, counts);
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
                running.close();
                let ends = tokio::time::timeout(LONG, &mut running).await;
                ends.expect("it ends").unwrap_or_else(|failure| panic!("{kind:?} {counts:?}: {failure}"));
                settled(&running.stats());
                assert_eq!(probe.alive(), 0, "{kind:?} {counts:?}");
            }
        }
    }

    async fn nothing_is_lost_between_stages_with_tasks() {
        for kind in [Kind::Merge, Kind::MergeAll, Kind::Chain, Kind::Sorted] {
            let sides = [(0..2_000).step_by(2), (1..2_000).step_by(2)].map(Pipeline::from_iter);
            let work = |n: u32| async move {
                for _ in 0..n % 3 {
                    tokio::task::yield_now().await;
                }
                n
            };
            let [left, right] = sides.map(|side| side.map_async(4, work));
            let ends = tokio::time::timeout(LONG, ended(run(kind, left, right))).await;
            let mut seen = ends.expect("no deadlock").0.unwrap();
            if kind != Kind::Sorted {
                seen.sort_unstable();
            }
            assert_eq!(seen, (0..2_000).collect::<Vec<_>>(), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn what_waits_for_its_counterpart_is_in_flight() {
    for kind in [Kind::Zip, Kind::Sorted] {
        let (some, silent) =
            (Pipeline::from_stream(stream::iter(0..9).boxed()), Pipeline::from_stream(stream::pending().boxed()));
        let running = run(kind, some, silent);
        quiet().await;
        assert_eq!(row(&running, "join").in_flight, 1, "{kind:?}");
        drop(running);
    }
}

#[tokio::test]
async fn destructors_of_what_waits_may_panic() {
    let unmatched = Pipeline::from_iter([Grenade]).zip(Pipeline::from_iter(0..0));
    let (result, stats) = ended(unmatched.for_each(1, |_| async {}).spawn()).await;
    result.unwrap();
    assert_eq!(stats.stages[2].flow.discarded, 1);

    let stuck = Pipeline::from_iter([Grenade]).zip(Pipeline::from_stream(stream::pending::<()>()));
    let running = stuck.for_each(1, |_| async {}).spawn();
    quiet().await;
    running.abort();
    let (result, stats) = ended(running).await;
    assert!(result.unwrap_err().is_cancelled());
    assert_eq!(stats.stages[2].flow.discarded, 1);

    let (two, one) = (Pipeline::from_iter([Grenade, Grenade]), Pipeline::from_iter([Grenade]));
    let sorted = two.merge_sorted_by(one, |_, _| burst());
    let (result, stats) = ended(sorted.for_each(1, |_| async {}).spawn()).await;
    assert!(result.unwrap_err().is_panicked());
    assert_eq!((stats.stages[2].flow.failed, stats.stages[2].flow.discarded), (1, 1));
}

#[tokio::test]
async fn a_side_that_was_dropped_before_the_start_is_gone() {
    let probe = DropCounter::new();
    let joined = guarded(&probe, 3).merge(guarded(&probe, 3));
    drop(joined);
    eventually(LONG, "nothing lives", || probe.alive() == 0).await;
}
