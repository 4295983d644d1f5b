//! The meeting point of a pipeline's stage, under every interleaving of its lock.
//!
//! Each model ends only if nobody is left asleep: a worker, a relay or a consumer that waits for a wake-up that never
//! comes is a deadlock that the checker reports.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::future::block_on;
use loom::sync::Mutex;
use loom::thread;
use regatta::BoxError;
use regatta::pipeline::PipelineError;
use regatta::pipeline::model::{Made, Model, Place, Places, broadcast};

const WORKERS: usize = 2;

fn check(run: impl Fn() + Sync + Send + 'static) {
    bounded(3, run);
}

/// For models that would take minutes otherwise.
fn bounded(preemptions: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(run);
}

/// Starts a worker on a thread of its own; it starts the others.
fn employ(model: &Model, place: Place, make: &Arc<dyn Fn(u32) -> Made + Send + Sync>) {
    let (model, make) = (model.clone(), make.clone());
    thread::spawn(move || block_on(model.work(place, |item| make(item), |place| employ(&model, place, &make))));
}

fn start(model: &Model, make: impl Fn(u32) -> Made + Send + Sync + 'static) {
    let make: Arc<dyn Fn(u32) -> Made + Send + Sync> = Arc::new(make);
    employ(model, model.first(), &make);
}

fn take(model: &Model) -> Option<Result<u32, PipelineError>> {
    block_on(model.take())
}

fn assert_settled(model: &Model, accepted: u64) {
    let stats = model.stats();
    assert!(stats.flow.is_conserved(), "{}", stats.flow);
    assert_eq!((stats.flow.accepted, stats.flow.in_flight), (accepted, 0), "{}", stats.flow);
    assert!(stats.workers <= WORKERS, "{} workers", stats.workers);
}

#[test]
fn ordered_results_reach_a_consumer_that_waits() {
    bounded(2, || {
        let model = Model::new(WORKERS, 2, true, 3, true);
        start(&model, |_| Made::Result);
        for expected in 0..3 {
            assert_eq!(take(&model).expect("a result").expect("no failure"), expected);
        }
        assert!(take(&model).is_none());
        assert_settled(&model, 3);
    });
}

#[test]
fn unordered_results_reach_a_consumer_that_waits() {
    bounded(2, || {
        let model = Model::new(WORKERS, 2, false, 2, true);
        start(&model, |_| Made::Result);
        let mut sum = 0;
        while let Some(result) = take(&model) {
            sum += result.expect("no failure");
        }
        assert_eq!(sum, 1);
        assert_settled(&model, 2);
    });
}

#[test]
fn items_of_one_key_follow_each_other_and_the_last_ends_the_stage() {
    bounded(2, || {
        // 0 and 2 share a key: one of them waits in its line while the other worker may be asleep.
        let model = Model::keyed(WORKERS, 3, 3, 2);
        start(&model, |_| Made::Result);
        let mut taken = Vec::new();
        while let Some(result) = take(&model) {
            taken.push(result.expect("no failure"));
        }
        let of_one: Vec<u32> = taken.iter().copied().filter(|n| n % 2 == 0).collect();
        assert_eq!((taken.len(), of_one), (3, vec![0, 2]));
        assert_settled(&model, 3);
    });
}

#[test]
fn a_failure_discards_what_waits_behind_it() {
    bounded(2, || {
        let model = Model::keyed(WORKERS, 3, 3, 1);
        start(&model, |_| Made::Failure);
        assert!(take(&model).expect("a failure").is_err());
        assert!(take(&model).is_none());
        let flow = model.stats().flow;
        assert!(flow.failed == 1 && flow.failed + flow.discarded == flow.accepted, "{flow}");
    });
}

#[test]
fn a_source_without_items_wakes_the_consumer_at_its_end() {
    check(|| {
        let model = Model::new(WORKERS, 2, true, 0, true);
        start(&model, |_| Made::Result);
        assert!(take(&model).is_none());
    });
}

#[test]
fn a_failure_wakes_the_consumer_and_a_puller_that_sleeps() {
    check(|| {
        // The source never moves after the second item, so whoever pulls has to be called away.
        let model = Model::new(WORKERS, 2, true, 2, false);
        start(&model, |item| if item == 1 { Made::Failure } else { Made::Result });
        assert_eq!(take(&model).expect("a result").expect("no failure"), 0);
        assert!(take(&model).expect("a failure").is_err());
        assert!(take(&model).is_none());
        assert_settled(&model, 2);
    });
}

#[test]
fn two_failures_at_once_are_told_once() {
    check(|| {
        let model = Model::new(WORKERS, 2, false, 2, true);
        start(&model, |_| Made::Failure);
        assert!(take(&model).expect("a failure").is_err());
        assert!(take(&model).is_none());
        let flow = model.stats().flow;
        assert!(flow.failed >= 1 && flow.failed + flow.discarded == flow.accepted, "{flow}");
    });
}

#[test]
fn a_deserted_stage_sends_everybody_home() {
    check(|| {
        let model = Model::new(WORKERS, 2, false, 2, false);
        start(&model, |_| Made::Result);
        assert!(take(&model).expect("a result").is_ok());
        model.desert();
    });
}

#[test]
fn a_worker_that_is_called_and_dropped_leaves_nobody_asleep() {
    bounded(2, || {
        let model = Model::new(WORKERS, 2, false, 3, true);
        let first = model.first();
        // The first one works here; whoever it hires is dropped before it has begun.
        let other = model.clone();
        thread::spawn(move || {
            block_on(other.work(first, |_| Made::Result, |hired| drop(thread::spawn(move || drop(hired)))));
        });
        while let Some(result) = take(&model) {
            if let Err(failure) = result {
                assert!(failure.is_cancelled(), "{failure}");
            }
        }
        let flow = model.stats().flow;
        assert!(flow.is_conserved(), "{flow}");
    });
}

#[test]
fn a_relay_and_its_consumer_take_turns() {
    check(|| {
        let model = Model::new(1, 1, false, 0, true);
        let (place, other) = (model.first(), model.clone());
        let relay = thread::spawn(move || block_on(other.relay(place, 3)));
        for expected in 0..3 {
            assert_eq!(take(&model).expect("a result").expect("no failure"), expected);
        }
        assert!(take(&model).is_none());
        relay.join().expect("no panic");
        assert_settled(&model, 3);
    });
}

#[test]
fn a_relay_whose_consumer_leaves_is_called_home() {
    check(|| {
        let model = Model::new(1, 1, false, 0, true);
        let (place, other) = (model.first(), model.clone());
        let relay = thread::spawn(move || block_on(other.relay(place, 3)));
        assert!(take(&model).expect("a result").is_ok());
        model.desert();
        relay.join().expect("no panic");
        assert!(model.stats().flow.is_conserved());
    });
}

#[test]
fn two_branches_that_are_taken_side_by_side_get_everything() {
    bounded(2, || {
        let branches = [Model::new(1, 1, false, 0, true), Model::new(1, 1, false, 0, true)];
        let places = branches.each_ref().map(Model::first);
        let trunk = thread::spawn(move || block_on(broadcast(places, 2)));
        let other = branches[1].clone();
        let second = thread::spawn(move || {
            for expected in 0..2 {
                assert_eq!(take(&other).expect("a result").expect("no failure"), expected);
            }
            assert!(take(&other).is_none());
        });
        for expected in 0..2 {
            assert_eq!(take(&branches[0]).expect("a result").expect("no failure"), expected);
        }
        assert!(take(&branches[0]).is_none());
        second.join().expect("no panic");
        trunk.join().expect("no panic");
        branches.iter().for_each(|branch| assert_settled(branch, 2));
    });
}

#[test]
fn a_branch_that_leaves_does_not_hold_up_the_other() {
    bounded(2, || {
        let branches = [Model::new(1, 1, false, 0, true), Model::new(1, 1, false, 0, true)];
        let places = branches.each_ref().map(Model::first);
        let trunk = thread::spawn(move || block_on(broadcast(places, 2)));
        let other = branches[1].clone();
        let second = thread::spawn(move || other.desert());
        for expected in 0..2 {
            assert_eq!(take(&branches[0]).expect("a result").expect("no failure"), expected);
        }
        assert!(take(&branches[0]).is_none());
        second.join().expect("no panic");
        trunk.join().expect("no panic");
        assert!(branches.iter().all(|branch| branch.stats().flow.is_conserved()));
    });
}

/// Opened by one thread, awaited on another. Whoever opens it wakes twice: the second time comes too late.
#[derive(Clone)]
struct Door(Arc<Mutex<(bool, Option<Waker>)>>);

impl Door {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((false, None))))
    }

    fn open(&self) {
        let mut inside = self.0.lock().expect("nobody panics");
        inside.0 = true;
        let waker = inside.1.take();
        drop(inside);
        if let Some(waker) = waker {
            waker.wake_by_ref();
            waker.wake();
        }
    }

    fn passed(&self, result: u32) -> Pin<Box<dyn Future<Output = Result<u32, BoxError>> + Send>> {
        let door = self.clone();
        Box::pin(poll_fn(move |cx| {
            let mut inside = door.0.lock().expect("nobody panics");
            if inside.0 {
                return Poll::Ready(Ok(result));
            }
            inside.1 = Some(cx.waker().clone());
            Poll::Pending
        }))
    }
}

#[test]
fn futures_that_are_woken_side_by_side_are_both_polled() {
    bounded(3, || {
        let (doors, mut places) = ([Door::new(), Door::new()], Places::new());
        let mut left: Vec<u32> = (0..2).filter(|n| places.begin(doors[*n as usize].passed(*n)).is_none()).collect();
        let threads = doors.map(|door| thread::spawn(move || door.open()));
        while !left.is_empty() {
            let result = block_on(places.next());
            left.retain(|n| *n != result);
        }
        for thread in threads {
            thread.join().expect("no panic");
        }
    });
}

#[test]
fn a_wake_that_comes_late_costs_the_next_in_its_place_nothing() {
    bounded(3, || {
        let (first, second, mut places) = (Door::new(), Door::new(), Places::new());
        assert!(places.begin(first.passed(1)).is_none());
        let late = thread::spawn(move || first.open());
        assert_eq!(block_on(places.next()), 1);
        // In the same place, while the other thread may still be waking it.
        let was_open = places.begin(second.passed(2)).is_some();
        let opener = thread::spawn(move || second.open());
        assert!(was_open || block_on(places.next()) == 2);
        late.join().expect("no panic");
        opener.join().expect("no panic");
    });
}
