//! Pipelines with branches: what each gets, who waits for whom, how it ends, and that nothing is lost.

use std::time::Duration;

use futures::{StreamExt, stream};
use regatta::pipeline::{Pipeline, PipelineHandle, PipelineStats, Run, Segment};
use regatta::{observe::Flow, queue};

use super::kit::{Count, Grenade, Log, both_flavours, burst, conserved, ended, polled, quiet, refusal, settled};
use crate::support::{DropCounter, DropGuard, Gate};

const LONG: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Broadcast,
    Lossy,
    Partition,
    Balance,
}

const KINDS: [Kind; 4] = [Kind::Broadcast, Kind::Lossy, Kind::Partition, Kind::Balance];

type Item = (u32, std::sync::Arc<DropGuard>);

/// Three branches that come together in an end that may stand still.
fn run(kind: Kind, source: Pipeline<impl Segment<Item = Item>>, gate: &Gate) -> PipelineHandle<()> {
    let branches: [_; 3] = match kind {
        Kind::Broadcast => source.broadcast(4),
        Kind::Lossy => source.broadcast_lossy(4),
        Kind::Partition => source.partition(4, |item| item.0 as usize % 3),
        Kind::Balance => source.balance(4),
    };
    let [a, b, c] = branches;
    let merged = a.map_async(2, |item| async move { item }).merge(b).merge(c.map(|item| item));
    let gate = gate.clone();
    merged
        .for_each(1, move |_| {
            let gate = gate.clone();
            async move { gate.wait().await }
        })
        .spawn()
}

fn guarded(probe: &DropCounter, count: u32) -> Pipeline<impl Segment<Item = Item> + use<>> {
    let probe = probe.clone();
    Pipeline::from_iter((0..count).map(move |n| (n, std::sync::Arc::new(probe.guard()))))
}

/// An end that takes one item and stands still with it until the gate opens.
fn held<S: Segment<Item = u32>>(branch: Pipeline<S>, gate: &Gate, log: &Log<u32>) -> Run<(), impl Sized + use<S>> {
    let (gate, log) = (gate.clone(), log.clone());
    branch.for_each(1, move |n| {
        log.push(n);
        let gate = gate.clone();
        async move { gate.wait().await }
    })
}

fn counted(pulled: &Count) -> impl Iterator<Item = u32> + Send + use<> {
    let pulled = pulled.clone();
    (0..).inspect(move |_| {
        pulled.up();
    })
}

fn row(stats: &PipelineStats, name: &str) -> Flow {
    stats.stages.iter().find(|stage| *stage.name == *name).expect("there is such a stage").flow
}

/// As `ended`, where a deadlock is a failure.
async fn watched<O: Send + 'static>(
    running: PipelineHandle<O>,
) -> (Result<O, regatta::pipeline::PipelineError>, PipelineStats) {
    tokio::time::timeout(LONG, ended(running)).await.expect("no deadlock")
}

#[tokio::test]
async fn broadcast_gives_all_to_each_in_order() {
    let branches: [_; 3] = Pipeline::from_iter(0..1_000_u32).broadcast(4);
    let running = Run::all(branches.map(|branch| branch.collect::<Vec<_>>())).spawn();
    let (result, stats) = watched(running).await;
    assert_eq!(result.unwrap(), vec![(0..1_000).collect::<Vec<_>>(); 3]);
    let names: Vec<_> = stats.stages.iter().map(|stage| &*stage.name).collect();
    let rows = ["from_iter#0", "broadcast#1", "broadcast#1.0", "broadcast#1.1", "broadcast#1.2"];
    assert_eq!(names, [&rows[..], &["collect#2", "collect#3", "collect#4"]].concat());
    assert!(stats.stages[1..5].iter().all(|stage| stage.flow.done == 1_000));
    assert!(stats.stages[2..5].iter().all(|stage| stage.window == Some(4)));
}

/// Counts how often it is cloned.
struct Cloned(Count);

impl Clone for Cloned {
    fn clone(&self) -> Self {
        self.0.up();
        Self(self.0.clone())
    }
}

#[tokio::test]
async fn broadcast_clones_for_all_but_one() {
    let clones = Count::default();
    let items: Vec<_> = (0..10).map(|_| Cloned(clones.clone())).collect();
    let branches: [_; 3] = Pipeline::from_iter(items).broadcast(4);
    let [a, b, dropped] = branches;
    drop(dropped);
    let sides = a.fold(0, |n, _| n + 1).and(b.fold(0, |n, _| n + 1));
    assert_eq!(sides.await.unwrap(), (10, 10));
    // The one that was dropped is found out before anything is pulled.
    assert_eq!(clones.get(), 10);
}

#[tokio::test]
async fn a_lossless_source_waits_for_the_slowest() {
    let (pulled, gate, log) = (Count::default(), Gate::new(), Log::new());
    let [a, b] = Pipeline::from_iter(counted(&pulled)).take(100).broadcast(4);
    let running = held(a, &gate, &log).and(b.fold(0, |count, _| count + 1)).spawn();
    quiet().await;
    // One with the end that stands still, and four that wait for it.
    assert_eq!((pulled.get(), log.all()), (5, vec![0]));
    let stats = running.stats();
    conserved(&stats);
    assert_eq!((row(&stats, "broadcast#2.0").in_flight, row(&stats, "broadcast#2.1").in_flight), (4, 0));
    gate.open();
    let (result, _) = watched(running).await;
    assert_eq!(result.unwrap(), ((), 100));
    assert_eq!(log.all(), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_lossy_branch_loses_its_oldest_and_counts_them() {
    let (producer, consumer) = queue::bounded(100);
    let (gate, log) = (Gate::new(), Log::new());
    let [slow, fast] = Pipeline::from_queue(consumer).map(queue::Delivery::into_inner).broadcast_lossy(4);
    let running = held(slow, &gate, &log).and(fast.collect::<Vec<_>>()).spawn();
    for n in 0..50_u32 {
        producer.send(n).await.unwrap();
        quiet().await;
    }
    let stats = running.stats();
    conserved(&stats);
    let slow = row(&stats, "broadcast_lossy#2.0");
    assert_eq!((slow.accepted, slow.done, slow.in_flight, slow.dropped), (50, 1, 4, 45));
    assert_eq!(row(&stats, "broadcast_lossy#2.1").dropped, 0);
    gate.open();
    drop(producer);
    let (result, _) = watched(running).await;
    assert_eq!(result.unwrap().1, (0..50).collect::<Vec<_>>());
    assert_eq!(log.all(), [0, 46, 47, 48, 49]);
}

#[tokio::test]
async fn partition_sends_each_item_its_way() {
    let branches: [_; 3] = Pipeline::from_iter(0..300_usize).partition(4, |n| n % 3);
    let (result, _) = watched(Run::all(branches.map(|branch| branch.collect::<Vec<_>>())).spawn()).await;
    let way = |number: usize| (0..300).filter(|n| n % 3 == number).collect::<Vec<_>>();
    assert_eq!(result.unwrap(), [way(0), way(1), way(2)]);
}

#[tokio::test]
async fn a_full_branch_of_a_partition_holds_up_the_source() {
    let (pulled, gate, log) = (Count::default(), Gate::new(), Log::new());
    let [a, b] = Pipeline::from_iter(counted(&pulled)).take(100).partition(4, |n| usize::from(*n >= 50));
    let running = held(a, &gate, &log).and(b.fold(0, |count, _| count + 1)).spawn();
    quiet().await;
    assert_eq!((pulled.get(), log.all()), (5, vec![0]));
    gate.open();
    assert_eq!(watched(running).await.0.unwrap(), ((), 50));
}

#[tokio::test]
async fn a_number_that_no_branch_has_is_a_failure() {
    let [a, b] = Pipeline::from_iter(0..10_usize).partition(4, |n| if *n == 5 { 2 } else { n % 2 });
    let running = a.merge(b).collect::<Vec<_>>().titled("ways").spawn();
    let (result, stats) = watched(running).await;
    let failure = result.unwrap_err();
    assert_eq!(failure.to_string(), "stage `partition#1` of pipeline `ways` failed");
    let cause = std::error::Error::source(&failure).unwrap().to_string();
    assert_eq!(cause, "an item was sent to branch 2, and there are 2, counted from 0");
    assert_eq!(row(&stats, "partition#1").failed, 1);
}

#[tokio::test]
async fn balance_waits_only_when_all_are_full() {
    let (pulled, gates, log) = (Count::default(), [Gate::new(), Gate::new()], Log::new());
    let [a, b] = Pipeline::from_iter(counted(&pulled)).take(100).balance(3);
    let running = held(a, &gates[0], &log).and(held(b, &gates[1], &log)).spawn();
    quiet().await;
    assert_eq!(pulled.get(), 2 * (3 + 1));
    gates[1].open();
    quiet().await;
    // The other one does the rest.
    assert_eq!(pulled.get(), 100);
    assert_eq!(row(&running.stats(), "balance#2.0").in_flight, 3);
    gates[0].open();
    let (result, stats) = watched(running).await;
    result.unwrap();
    assert_eq!((row(&stats, "balance#2.0").done, row(&stats, "balance#2.1").done), (4, 96));
    let mut seen = log.all();
    seen.sort_unstable();
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn balance_gives_to_the_one_with_most_room() {
    let (producer, consumer) = queue::bounded(100);
    let branches: [_; 3] = Pipeline::from_queue(consumer).map(queue::Delivery::into_inner).balance(8);
    let (gate, log) = (Gate::new(), Log::new());
    let running = Run::all(branches.map(|branch| held(branch, &gate, &log))).spawn();
    for n in 0..9 {
        producer.send(n).await.unwrap();
        quiet().await;
    }
    // One with each end comes first, as it leaves the room as it was; then in turn.
    let stats = running.stats();
    let has = [0, 1, 2].map(|number| row(&stats, &format!("balance#2.{number}")).accepted);
    assert_eq!(has, [3, 3, 3]);
    gate.open();
    drop(producer);
    watched(running).await.0.unwrap();
}

#[tokio::test]
async fn a_branch_that_was_dropped_is_not_waited_for() {
    for kind in KINDS {
        let source = Pipeline::from_iter(0..90_u32);
        let branches: [_; 3] = match kind {
            Kind::Broadcast => source.broadcast(2),
            Kind::Lossy => source.broadcast_lossy(100),
            Kind::Partition => source.partition(2, |n| *n as usize % 3),
            Kind::Balance => source.balance(2),
        };
        let [a, b, c] = branches;
        drop(b);
        let (result, stats) = watched(a.merge(c).collect::<Vec<_>>().spawn()).await;
        let expected = match kind {
            Kind::Broadcast | Kind::Lossy => 180,
            Kind::Partition => 60,
            Kind::Balance => 90,
        };
        assert_eq!(result.unwrap().len(), expected, "{kind:?}");
        let dropped = stats.stages[3].flow;
        assert_eq!(dropped.discarded, if kind == Kind::Partition { 30 } else { 0 }, "{kind:?}: {dropped}");
    }
}

#[tokio::test]
async fn items_for_nobody_may_panic_when_they_are_dropped() {
    let [a, b] = Pipeline::from_iter((0..9).map(|_| Grenade)).partition(2, |_| 1);
    drop(b);
    let (result, stats) = watched(a.for_each(1, |_| async {}).spawn()).await;
    result.unwrap();
    assert_eq!(row(&stats, "partition#1.1").discarded, 9);
}

#[tokio::test]
async fn a_failure_of_a_buffer_reaches_all_branches() {
    let gate = Gate::new();
    let [a, b] = Pipeline::from_iter(0..100_u32).buffer(3, regatta::policy::Overflow::Reject).broadcast(1);
    let running = held(a, &gate, &Log::new()).and(b.for_each(1, |_| async {})).spawn();
    quiet().await;
    gate.open();
    let failure = watched(running).await.0.unwrap_err();
    assert!(matches!(failure, regatta::pipeline::PipelineError::Full(_)), "{failure}");
}

#[tokio::test]
async fn a_branch_is_named_as_a_stage() {
    let [a, b] = Pipeline::from_iter(0..3).broadcast(1);
    let running = a.named("archive").merge(b).collect::<Vec<_>>().spawn();
    let (_, stats) = watched(running).await;
    let names: Vec<_> = stats.stages.iter().map(|stage| &*stage.name).collect();
    assert_eq!(names, ["from_iter#0", "broadcast#1", "archive", "broadcast#1.1", "merge#2", "collect#3"]);
}

#[tokio::test]
async fn a_branch_that_ends_early_is_not_waited_for() {
    let [a, b] = Pipeline::from_iter(0..1_000_u32).broadcast(1);
    let (result, _) = watched(a.take(3).merge(b).collect::<Vec<_>>().spawn()).await;
    assert_eq!(result.unwrap().len(), 1_003);
}

#[tokio::test]
async fn upstream_is_let_go_when_all_branches_are_gone() {
    for kind in KINDS {
        let probe = DropCounter::new();
        let guard = probe.guard();
        let source = Pipeline::from_stream(stream::iter(0..4_u32).chain(stream::poll_fn(move |_| {
            let _ = &guard;
            std::task::Poll::Pending
        })));
        let branches: [_; 2] = match kind {
            Kind::Broadcast => source.broadcast(2),
            Kind::Lossy => source.broadcast_lossy(2),
            Kind::Partition => source.partition(2, |n| *n as usize % 2),
            Kind::Balance => source.balance(2),
        };
        let [a, b] = branches;
        let gate = Gate::new();
        let held = gate.clone();
        let ends = a.take(1).merge(b.take(1)).for_each(2, move |_| {
            let gate = held.clone();
            async move { gate.wait().await }
        });
        let running = ends.spawn();
        quiet().await;
        assert_eq!(probe.alive(), 0, "{kind:?}: while the end still stands");
        gate.open();
        watched(running).await.0.unwrap();
    }
}

#[tokio::test]
async fn an_empty_source_ends_all_branches() {
    for kind in KINDS {
        let gate = Gate::new();
        gate.open();
        let running = run(kind, guarded(&DropCounter::new(), 0), &gate);
        watched(running).await.0.unwrap();
    }
}

#[tokio::test]
async fn a_failure_upstream_is_the_same_for_every_branch() {
    let fails = || Pipeline::from_iter(["1", "2", "x"]).try_map(str::parse::<u32>).named("parse").broadcast(8);
    let [a, b] = fails();
    let first = a.chain(b).collect::<Vec<_>>().titled("numbers");
    let [a, b] = fails();
    let second = b.chain(a).collect::<Vec<_>>().titled("numbers");
    let [a, b] = fails();
    drop(a);
    let alone = b.collect::<Vec<_>>().titled("numbers");
    for run in [first, second, alone] {
        let (result, _) = watched(run.spawn()).await;
        let failure = result.unwrap_err();
        assert_eq!(failure.to_string(), "stage `parse` of pipeline `numbers` failed");
        let cause = failure.downcast_ref::<std::num::ParseIntError>().expect("the error itself");
        let source = std::error::Error::source(&failure).unwrap();
        assert!(source.is::<std::num::ParseIntError>());
        assert_eq!(source.to_string(), cause.to_string());
    }
}

#[tokio::test]
async fn branches_give_what_came_before_a_failure() {
    for kind in [Kind::Broadcast, Kind::Partition, Kind::Balance] {
        let log = Log::new();
        let source = Pipeline::from_iter(0..20_u32).try_map(|n| if n == 10 { Err("ten") } else { Ok(n) });
        let branches: [_; 2] = match kind {
            Kind::Broadcast => source.broadcast(4),
            Kind::Partition => source.partition(4, |n| *n as usize % 2),
            _ => source.balance(4),
        };
        // The merge ends with the first branch that tells of the failure: so only one is sure to have come to its end.
        let seen = log.clone();
        let [a, b] = branches.map(|branch| {
            let log = seen.clone();
            branch.inspect(move |n| log.push(*n))
        });
        let (result, _) = watched(a.merge(b).collect::<Vec<_>>().spawn()).await;
        assert!(result.is_err(), "{kind:?}");
        let least = if kind == Kind::Broadcast { 10 } else { 5 };
        assert!(log.all().len() >= least, "{kind:?}: {:?}", log.all());
    }
}

#[tokio::test]
async fn panics_of_the_trunk_end_it_and_are_named() {
    /// Cannot be cloned the fifth time.
    struct Fragile(Count);
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            if self.0.up() == 4 {
                burst();
            }
            Self(self.0.clone())
        }
    }
    let clones = Count::default();
    let [a, b] = Pipeline::from_iter((0..10).map(move |_| Fragile(clones.clone()))).broadcast(4);
    let (result, stats) = watched(a.merge(b).fold(0, |n, _| n + 1).spawn()).await;
    let failure = result.unwrap_err();
    assert!(failure.is_panicked() && failure.to_string().contains("`broadcast#1`"), "{failure}");
    assert_eq!(row(&stats, "broadcast#1").failed, 1);

    let [a, b] = Pipeline::from_iter(0..10).partition(4, |n| if *n == 5 { burst() } else { n % 2 });
    let failure = watched(a.merge(b).collect::<Vec<_>>().spawn()).await.0.unwrap_err();
    assert!(failure.is_panicked() && failure.to_string().contains("`partition#1`"), "{failure}");

    let source = (0..10).inspect(|n| {
        if *n == 5 {
            burst()
        }
    });
    let [a, b] = Pipeline::from_iter(source).named("numbers").balance(4);
    let failure = watched(a.merge(b).collect::<Vec<_>>().spawn()).await.0.unwrap_err();
    assert!(failure.is_panicked() && failure.to_string().contains("`numbers`"), "{failure}");
}

#[tokio::test]
async fn a_failure_behind_one_branch_ends_all() {
    let [a, b] = Pipeline::from_iter(0_u32..).broadcast(4);
    let bad = a.try_map(|n| if n == 50 { Err("fifty") } else { Ok(n) }).named("bad");
    let (result, _) = watched(bad.merge(b).for_each(1, |_| async {}).titled("all").spawn()).await;
    assert_eq!(result.unwrap_err().to_string(), "stage `bad` of pipeline `all` failed");
}

both_flavours! {
    async fn an_abort_leaves_nothing() {
        for kind in KINDS {
            for passes in [0, 1, 2, 3, 5, 8, 50] {
                let (probe, gate) = (DropCounter::new(), Gate::new());
                let mut running = run(kind, guarded(&probe, u32::MAX), &gate);
                for _ in 0..passes {
                    tokio::task::yield_now().await;
                }
                conserved(&running.stats());
                running.abort();
                assert!((&mut running).await.unwrap_err().is_cancelled(), "{kind:?}");
                settled(&running.stats());
                assert_eq!(probe.alive(), 0, "{kind:?} after {passes}");
            }
        }
    }

    async fn a_drain_finishes_what_was_taken_in() {
        for kind in KINDS {
            let (probe, gate) = (DropCounter::new(), Gate::new());
            let mut running = run(kind, guarded(&probe, u32::MAX), &gate);
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            running.close();
            gate.open();
            tokio::time::timeout(LONG, &mut running).await.expect("it ends").unwrap();
            let stats = running.stats();
            settled(&stats);
            assert_eq!(probe.alive(), 0, "{kind:?}");
            let (took, copies) = (stats.stages[0].flow.accepted, if matches!(kind, Kind::Broadcast | Kind::Lossy) { 3 } else { 1 });
            let dropped: u64 = stats.stages.iter().map(|stage| stage.flow.dropped).sum();
            let end = stats.stages.last().unwrap().flow;
            assert_eq!(end.done + dropped, took * copies, "{kind:?}");
        }
    }

    async fn a_diamond_cannot_deadlock() {
        let work = |n: u32| async move {
            for _ in 0..n % 4 {
                tokio::task::yield_now().await;
            }
            n
        };
        for capacity in [1, 2, 4, 64] {
            let source = || Pipeline::from_iter(0..1_000_u32);
            let [a, b] = source().broadcast(capacity);
            let merged = a.map_async(4, work).merge(b.map_async(3, work)).fold(0_u64, |sum, n| sum + u64::from(n));
            assert_eq!(watched(merged.spawn()).await.0.unwrap(), 2 * 499_500, "{capacity}");

            let [a, b] = source().broadcast(capacity);
            let zipped = a.map_async(4, work).zip(b.map_async(2, work).map(|n| n * 2)).collect::<Vec<_>>();
            let (result, stats) = watched(zipped.spawn()).await;
            assert_eq!(result.unwrap(), (0..1_000).map(|n| (n, 2 * n)).collect::<Vec<_>>(), "{capacity}");
            assert!(stats.stages.iter().all(|stage| stage.flow.discarded == 0), "{capacity}");

            let [a, b] = source().broadcast(capacity);
            let sorted = a.merge_sorted(b.map_async(3, work)).collect::<Vec<_>>();
            let expected: Vec<u32> = (0..1_000).flat_map(|n| [n, n]).collect();
            assert_eq!(watched(sorted.spawn()).await.0.unwrap(), expected, "{capacity}");

            let ways: [_; 3] = source().partition(capacity, |n| (*n as usize / 7) % 3);
            let ways = ways.map(|way| way.map_async(2, work));
            let merged = Pipeline::merge_all(ways).fold(0, |count, _| count + 1);
            assert_eq!(watched(merged.spawn()).await.0.unwrap(), 1_000, "{capacity}");

            let lines: [_; 3] = source().balance(capacity);
            let lines = Run::all(lines.map(|line| line.map_async(2, work).fold(0_u64, |sum, n| sum + u64::from(n))));
            assert_eq!(watched(lines.spawn()).await.0.unwrap().iter().sum::<u64>(), 499_500, "{capacity}");
        }
    }

    async fn nested_diamonds_cannot_deadlock() {
        let work = |n: u32| async move {
            tokio::task::yield_now().await;
            n
        };
        let [a, b] = Pipeline::from_iter(0..1_000_u32).broadcast(1);
        let [c, d] = a.map_async(2, work).broadcast(1);
        let [e, f] = b.balance(1);
        let inner = c.zip(d.map_async(2, work)).map(|(c, d)| c + d);
        let outer = inner.zip(Pipeline::merge_all([e, f]).map(|n| n));
        let running = outer.fold((0_u64, 0_u64), |sums, (x, y)| (sums.0 + u64::from(x), sums.1 + u64::from(y))).spawn();
        let (result, stats) = watched(running).await;
        assert_eq!(result.unwrap(), (2 * 499_500, 499_500));
        let names: Vec<_> = stats.stages.iter().map(|stage| &*stage.name).collect();
        let trunks = ["from_iter#0", "broadcast#1", "broadcast#1.0", "broadcast#1.1", "map_async#2", "broadcast#3"];
        assert_eq!(names[..6], trunks);
    }
}

#[tokio::test]
async fn a_diamond_may_end_in_a_stream() {
    let [a, b] = Pipeline::from_iter(0..100_u32).broadcast(2);
    let mut pairs = a.zip(b.map_async(2, |n| async move { n })).into_stream();
    for n in 0..10 {
        assert_eq!(pairs.next().await.unwrap().unwrap(), (n, n));
    }
    drop(pairs);
}

#[tokio::test]
async fn two_inputs_may_be_split_and_crossed() {
    let [a, b] = Pipeline::from_iter(0..50_u32).broadcast(1);
    let [c, d] = Pipeline::from_iter(50..100_u32).broadcast(1);
    let running = a.merge(c).fold(0, |sum, n| sum + n).and(b.merge(d).fold(0, |sum, n| sum + n)).titled("x").spawn();
    let (result, stats) = watched(running).await;
    assert_eq!(result.unwrap(), (4_950, 4_950));
    let names: Vec<_> = stats.stages.iter().map(|stage| &*stage.name).collect();
    let left = ["from_iter#0", "broadcast#1", "broadcast#1.0", "broadcast#1.1"];
    let right = ["from_iter#2", "broadcast#3", "broadcast#3.0", "broadcast#3.1"];
    assert_eq!(names[..8], [left, right].concat());
    assert_eq!(names[8..], ["merge#4", "fold#5", "merge#6", "fold#7"]);
}

#[tokio::test]
async fn ends_are_joined() {
    let one = Pipeline::from_iter(0..3).collect::<Vec<u32>>();
    let two = Pipeline::from_iter(0..3_u64).map_async(2, |n| async move { n }).fold(0, |sum, n| sum + n);
    assert_eq!(watched(one.and(two).spawn()).await.0.unwrap(), (vec![0, 1, 2], 3));
    let many = (0..40_u64).map(|n| Pipeline::from_iter(0..n).fold(0, |count, _| count + 1));
    assert_eq!(watched(Run::all(many).spawn()).await.0.unwrap(), (0..40).collect::<Vec<_>>());
    let none: [Run<u32>; 0] = [];
    assert!(Run::all(none).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_end_that_fails_ends_the_others() {
    for is_first in [true, false] {
        let probe = DropCounter::new();
        let guard = probe.guard();
        let stuck = Pipeline::from_iter(0..).for_each(2, move |_: u32| {
            let _ = &guard;
            std::future::pending()
        });
        let fails =
            Pipeline::from_iter(0..9).try_for_each(2, |n| async move { if n == 5 { Err("five") } else { Ok(()) } });
        let fails = fails.named("fails");
        let both = if is_first { fails.and(stuck) } else { stuck.and(fails) };
        let (result, _) = watched(both.titled("both").spawn()).await;
        assert_eq!(result.unwrap_err().to_string(), "stage `fails` of pipeline `both` failed");
        assert_eq!(probe.alive(), 0);
    }
}

#[tokio::test]
async fn ends_that_are_always_ready_take_turns() {
    // Each has endless work of its own, and ends when both have done some.
    let steps = [Count::default(), Count::default()];
    let ends = [0, 1].map(|this| {
        let (mine, both) = (steps[this].clone(), steps.clone());
        Pipeline::from_iter(0_u64..)
            .map(move |_| mine.up())
            .take_while(move |_| both.iter().any(|steps| steps.get() < 10_000))
            .fold(0, |count, _| count + 1)
    });
    let [first, second] = ends;
    watched(first.and(second).spawn()).await.0.unwrap();
}

#[tokio::test]
#[should_panic(expected = "a branch of stage `broadcast#1` is missing: bring all branches together with")]
async fn a_missing_branch_is_refused() {
    let [a, _b] = Pipeline::from_iter(0..3).broadcast(4);
    drop(a.collect::<Vec<_>>().spawn());
}

#[tokio::test]
#[should_panic(expected = "a branch of stage `partition#2` is missing")]
async fn a_missing_branch_of_a_branch_is_refused() {
    let [a, b] = Pipeline::from_iter(0..3).balance(4);
    let [c, _d] = a.partition(4, |n| *n);
    drop(c.merge(b).collect::<Vec<_>>().spawn());
}

#[tokio::test]
async fn a_stream_with_a_missing_branch_is_refused_and_over() {
    let [a, b] = Pipeline::from_iter(0..3).broadcast(4);
    let mut items = a.into_stream();
    let polling = std::panic::AssertUnwindSafe(|| crate::support::poll_once(std::pin::pin!(items.next())));
    assert!(std::panic::catch_unwind(polling).is_err());
    drop(b);
    assert!(polled(items.next()).await.is_ready());
}

#[tokio::test]
async fn refusals_point_at_the_caller() {
    let source = || Pipeline::from_iter(0..3_usize);
    let here = Some(file!().to_owned());
    assert_eq!(refusal(|| drop(source().broadcast::<2>(0))), here);
    assert_eq!(refusal(|| drop(source().broadcast_lossy::<2>(0))), here);
    assert_eq!(refusal(|| drop(source().partition::<2, _>(0, |n| *n))), here);
    assert_eq!(refusal(|| drop(source().balance::<2>(0))), here);
    assert_eq!(refusal(|| drop(source().broadcast::<0>(1))), here);
    assert_eq!(refusal(|| drop(source().broadcast_lossy::<0>(1))), here);
    assert_eq!(refusal(|| drop(source().partition::<0, _>(1, |n| *n))), here);
    assert_eq!(refusal(|| drop(source().balance::<0>(1))), here);
    let [a, _b] = source().broadcast(1);
    assert_eq!(refusal(|| drop(a.collect::<Vec<_>>().spawn())), here);
}

#[tokio::test]
async fn branches_that_are_dropped_without_a_start_take_the_trunk_along() {
    let probe = DropCounter::new();
    let [a, b] = guarded(&probe, 3).broadcast(4);
    let kept = probe.guard();
    let a = a.map(move |item| {
        let _ = &kept;
        item
    });
    drop(a);
    drop(b);
    assert_eq!(probe.alive(), 0);
}

#[tokio::test]
async fn one_branch_alone_is_fine() {
    let [only] = Pipeline::from_iter(0..100_u32).broadcast(1);
    assert_eq!(watched(only.named("copy").collect::<Vec<_>>().spawn()).await.0.unwrap().len(), 100);
}
