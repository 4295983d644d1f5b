//! Values that are made once, by async initialisers.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use regatta::sync::{InitError, Lazy, OnceCell};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};

use super::panics;
use crate::support::{DropCounter, Gate, poll_once};

/// Counts calls, and gives values that say which call made them.
#[derive(Clone, Default)]
struct Calls(Arc<AtomicUsize>);

impl Calls {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// An initialiser that awaits `awaits` times.
    async fn make(self, awaits: usize) -> usize {
        let call = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        for _ in 0..awaits {
            yield_now().await;
        }
        call
    }
}

/// Lets spawned tasks run until they have nothing to do.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn textbook_a_singleton_is_made_once_however_many_ask() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    static SINGLETON: Lazy<String> = Lazy::new(|| {
        Box::pin(async {
            CALLS.fetch_add(1, Ordering::SeqCst);
            yield_now().await;
            String::from("one")
        })
    });
    let tasks: Vec<_> =
        (0..100).map(|_| tokio::spawn(async { SINGLETON.force().await.map(|one| one.as_ptr() as usize) })).collect();
    let mut addresses = Vec::new();
    for task in tasks {
        addresses.push(task.await.expect("no panic").expect("it is made"));
    }
    addresses.dedup();
    assert_eq!((addresses.len(), CALLS.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn a_leader_dropped_after_any_number_of_polls_costs_no_second_attempt() {
    const AWAITS: usize = 3;
    for polls in 0..=AWAITS {
        let (cell, calls) = (OnceCell::new(), Calls::default());
        let mut follower = task::spawn(cell.get_or_init(|| calls.clone().make(AWAITS)));
        {
            let mut leader = task::spawn(cell.get_or_init(|| calls.clone().make(AWAITS)));
            for _ in 0..polls {
                assert_pending!(leader.poll());
                yield_now().await;
            }
            if polls > 0 && polls < AWAITS {
                assert_pending!(follower.poll());
            }
        }
        assert_eq!(*follower.await.expect("it is made"), 1);
        assert_eq!(calls.count(), 1);
    }
}

#[tokio::test]
async fn a_leader_that_is_not_polled_any_more_holds_up_nobody() {
    let (cell, calls) = (OnceCell::new(), Calls::default());
    let mut leader = task::spawn(cell.get_or_init(|| calls.clone().make(2)));
    assert_pending!(leader.poll());
    assert_eq!(cell.get_or_init(|| calls.clone().make(2)).await.expect("it is made"), &1);
    // It is still there, and finds the value, too.
    assert_eq!(assert_ready_ok!(leader.poll()), &1);
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn with_a_leader_that_drives_its_initialiser_itself_everybody_waits() {
    // The same with the cell of tokio, to show that this is a hazard at all.
    let (cell, calls) = (tokio::sync::OnceCell::new(), Calls::default());
    let mut leader = task::spawn(cell.get_or_init(|| calls.clone().make(2)));
    assert_pending!(leader.poll());
    let mut follower = task::spawn(cell.get_or_init(|| calls.clone().make(2)));
    for _ in 0..100 {
        assert_pending!(follower.poll());
        yield_now().await;
    }
}

#[tokio::test]
async fn when_everybody_has_left_the_value_is_made_all_the_same() {
    let (cell, calls) = (OnceCell::new(), Calls::default());
    let mut leader = task::spawn(cell.get_or_init(|| calls.clone().make(2)));
    assert_pending!(leader.poll());
    drop(leader);
    assert_eq!(cell.get(), None);
    settle().await;
    assert_eq!(cell.get(), Some(&1));
    assert_eq!(cell.into_inner(), Some(1));
}

#[tokio::test]
async fn a_thousand_callers_that_leave_cost_one_attempt_and_nobody_else_anything() {
    let (cell, calls, gate) = (OnceCell::new(), Calls::default(), Gate::new());
    let make = || {
        let (calls, gate) = (calls.clone(), gate.clone());
        async move {
            gate.wait().await;
            calls.make(0).await
        }
    };
    let mut steady = task::spawn(cell.get_or_init(make));
    for _ in 0..1_000 {
        assert_pending!(task::spawn(cell.get_or_init(make)).poll());
        assert_pending!(steady.poll());
    }
    gate.open();
    assert_eq!((steady.await.expect("it is made"), calls.count()), (&1, 1));
}

#[tokio::test]
async fn a_hundred_who_wait_get_one_and_the_same_error_and_the_next_tries_again() {
    let (cell, calls, gate) = (OnceCell::<u32>::named("flaky"), Calls::default(), Gate::new());
    let fail = || {
        let (calls, gate) = (calls.clone(), gate.clone());
        async move {
            calls.make(0).await;
            gate.wait().await;
            Err(io::Error::other("offline"))
        }
    };
    let mut waiting: Vec<_> = (0..100).map(|_| task::spawn(cell.get_or_try_init(fail))).collect();
    for future in &mut waiting {
        assert_pending!(future.poll());
    }
    gate.open();
    settle().await;
    let errors: Vec<InitError> = waiting.iter_mut().map(|future| assert_ready_err!(future.poll())).collect();
    assert_eq!(calls.count(), 1);
    let failures = errors.iter().map(|error| match error {
        InitError::Failed(failure) => failure,
        other => panic!("{other}"),
    });
    let failures: Vec<_> = failures.collect();
    assert!(failures.iter().all(|failure| failure.is_same(failures[0])));
    assert_eq!(errors[0].to_string(), "once cell `flaky` could not be initialised: offline");
    assert_eq!(errors[0].source().expect("the cause").to_string(), "offline");
    assert!(errors[0].downcast_ref::<io::Error>().is_some() && errors[0].is_failed());

    assert_eq!(cell.get_or_init(|| async { 7 }).await.expect("it is made"), &7);
}

#[tokio::test]
async fn a_hundred_who_wait_learn_of_the_panic_and_the_next_tries_again() {
    let (cell, calls, gate) = (OnceCell::<usize>::named("fragile"), Calls::default(), Gate::new());
    let panic = || {
        let (calls, gate) = (calls.clone(), gate.clone());
        async move {
            calls.make(0).await;
            gate.wait().await;
            panic!("out of cheese")
        }
    };
    let mut waiting: Vec<_> = (0..100).map(|_| task::spawn(cell.get_or_init(panic))).collect();
    for future in &mut waiting {
        assert_pending!(future.poll());
    }
    gate.open();
    settle().await;
    for future in &mut waiting {
        let error = assert_ready_err!(future.poll());
        assert!(error.is_panicked());
        assert_eq!(error.to_string(), "once cell `fragile` panicked: out of cheese");
    }
    assert_eq!(calls.count(), 1);
    assert_eq!(cell.get_or_init(|| calls.clone().make(1)).await.expect("it is made"), &2);
}

#[tokio::test]
async fn a_panic_before_the_first_await_is_an_error_too() {
    let cell = OnceCell::<u32>::new();
    let make = || -> std::future::Ready<u32> { panic!("early") };
    let error = cell.get_or_init(make).await.unwrap_err();
    assert_eq!(error.to_string(), "once cell of `u32` panicked: early");
    // Where the error is turned into a boxed one, user code runs as well.
    struct Bad;
    impl From<Bad> for regatta::BoxError {
        fn from(_: Bad) -> Self {
            panic!("no words")
        }
    }
    let error = cell.get_or_try_init(|| async { Err(Bad) }).await.unwrap_err();
    assert!(error.is_panicked());
    assert!(cell.get_or_init(|| async { 1 }).await.is_ok());
}

#[tokio::test]
async fn a_value_that_is_set_meanwhile_stays_and_the_made_one_is_dropped() {
    let counter = DropCounter::new();
    let (cell, gate) = (OnceCell::new(), Gate::new());
    let make = || {
        let (guard, gate) = (counter.guard(), gate.clone());
        async move {
            gate.wait().await;
            (2, guard)
        }
    };
    let mut waiting = task::spawn(cell.get_or_init(make));
    assert_pending!(waiting.poll());
    assert!(cell.set((1, counter.guard())).is_ok());
    assert_eq!(cell.set((3, counter.guard())).expect_err("there is one").0, 3);
    gate.open();
    settle().await;
    assert_eq!(assert_ready_ok!(waiting.poll()).0, 1);
    drop(waiting);
    assert_eq!(cell.into_inner().expect("set").0, 1);
    assert_eq!(counter.alive(), 0);
}

#[tokio::test]
async fn a_value_that_is_set_beside_an_initialiser_that_hangs_reaches_all_who_wait() {
    let counter = DropCounter::new();
    let (cell, guard) = (OnceCell::new(), counter.guard());
    let forever = async move {
        let _guard = guard;
        std::future::pending().await
    };
    let mut leader = task::spawn(cell.get_or_init(|| forever));
    let mut follower = task::spawn(cell.get_or_init(|| async { 2 }));
    assert_pending!(leader.poll());
    assert_pending!(follower.poll());
    assert_eq!(cell.set(1), Ok(()));
    assert!(leader.is_woken() && follower.is_woken());
    assert_eq!((assert_ready_ok!(leader.poll()), assert_ready_ok!(follower.poll())), (&1, &1));
    settle().await;
    assert_eq!(counter.alive(), 0, "the initialiser is aborted");
}

#[tokio::test]
async fn a_value_that_is_set_meanwhile_outdoes_an_initialiser_that_fails() {
    for is_set_first in [true, false] {
        let (cell, gate) = (OnceCell::new(), Gate::new());
        let fail = || {
            let gate = gate.clone();
            async move {
                gate.wait().await;
                Err(io::Error::other("offline"))
            }
        };
        let mut waiting = task::spawn(cell.get_or_try_init(fail));
        assert_pending!(waiting.poll());
        if is_set_first {
            assert_eq!(cell.set(1), Ok(()));
        }
        gate.open();
        settle().await;
        if !is_set_first {
            assert_eq!(cell.set(1), Ok(()));
        }
        assert_eq!(assert_ready_ok!(waiting.poll()), &1);
    }
}

#[test]
fn what_an_initialiser_makes_after_a_value_was_set_is_dropped_by_itself() {
    let counter = DropCounter::new();
    let cell = OnceCell::new();
    let made = cell.get_or_init_blocking(|| {
        assert!(cell.set((1, counter.guard())).is_ok());
        (2, counter.guard())
    });
    assert_eq!(made.expect("it is set").0, 1);
    assert_eq!(counter.alive(), 1, "before anybody looks again");
}

#[tokio::test]
async fn the_initialiser_ends_with_its_cell() {
    let counter = DropCounter::new();
    let (cell, guard) = (OnceCell::<u32>::new(), counter.guard());
    let forever = async move {
        let _guard = guard;
        std::future::pending().await
    };
    let mut waiting = Box::pin(cell.get_or_init(|| forever));
    assert!(poll_once(waiting.as_mut()).is_pending());
    settle().await;
    assert_eq!(counter.alive(), 1);
    drop(waiting);
    drop(cell);
    settle().await;
    assert_eq!(counter.alive(), 0);
}

#[tokio::test]
async fn a_value_is_dropped_once() {
    let counter = DropCounter::new();
    let cell = OnceCell::new();
    let guard = counter.guard();
    cell.get_or_init(|| async move { guard }).await.expect("it is made");
    assert_eq!((counter.alive(), counter.dropped()), (1, 0));
    drop(cell);
    assert_eq!((counter.alive(), counter.dropped()), (0, 1));
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn when_the_runtime_of_the_initialiser_goes_away_somebody_who_waits_goes_on() {
    let cell: &'static OnceCell<u32> = Box::leak(Box::new(OnceCell::named("orphan")));
    let (theirs, ours) = (runtime(), runtime());
    let mut leader = Box::pin(cell.get_or_init(std::future::pending));
    {
        let _entered = theirs.enter();
        assert!(poll_once(leader.as_mut()).is_pending());
    }
    let mut follower = task::spawn(cell.get_or_init(|| async { 7 }));
    let _entered = ours.enter();
    assert_pending!(follower.poll());
    drop(theirs);
    assert!(follower.is_woken());
    assert_pending!(follower.poll()); // goes on with its own
    match poll_once(leader.as_mut()) {
        Poll::Ready(Err(error)) => assert_eq!(error.to_string(), "once cell `orphan` was cancelled"),
        other => panic!("{other:?}"),
    }
    ours.block_on(async {
        assert_eq!(follower.await.expect("it is made"), &7);
    });
}

#[test]
fn outside_a_runtime_it_refuses_and_others_are_not_hurt() {
    let cell = OnceCell::new();
    let mut outside = Box::pin(cell.get_or_init(|| async { 1 }));
    let message = panics(|| poll_once(outside.as_mut()));
    assert!(message.starts_with("OnceCell::get_or_init needs a tokio runtime"), "{message}");
    drop(outside);
    let lazy = Lazy::new(|| async { 1 });
    let message = panics(|| poll_once(Box::pin(lazy.force()).as_mut()));
    assert!(message.starts_with("Lazy::force needs a tokio runtime"), "{message}");
    assert_eq!(runtime().block_on(cell.get_or_init(|| async { 2 })).ok(), Some(&2));
    // What is made is read anywhere.
    assert!(matches!(poll_once(Box::pin(cell.get_or_init(|| async { 3 })).as_mut()), Poll::Ready(Ok(2))));
}

#[tokio::test]
async fn the_initialiser_may_borrow_until_its_future_begins() {
    let (cell, name) = (OnceCell::new(), String::from("ada"));
    let greet = || {
        let name = name.clone();
        async move { format!("hello {name}") }
    };
    assert_eq!(cell.get_or_init(greet).await.expect("it is made"), "hello ada");
    drop(name);
}

#[tokio::test]
async fn a_lazy_value_is_tried_again_after_a_panic() {
    let calls = Calls::default();
    let lazy = Lazy::new(|| {
        let calls = calls.clone();
        async move {
            let call = calls.make(1).await;
            assert!(call > 1, "too early");
            call
        }
    });
    assert!(lazy.force().await.unwrap_err().is_panicked());
    assert_eq!((lazy.get(), lazy.force().await.expect("it is made"), calls.count()), (None, &2, 2));
    assert_eq!(lazy.force().await.expect("it is made"), &2);
}

#[tokio::test]
async fn followers_that_are_dropped_leave_the_others_to_be_woken() {
    let (cell, gate) = (OnceCell::new(), Gate::new());
    let make = || {
        let gate = gate.clone();
        async move { gate.wait().await }
    };
    let mut waiting: Vec<_> = (0..10).map(|_| task::spawn(cell.get_or_init(make))).collect();
    for future in &mut waiting {
        assert_pending!(future.poll());
    }
    gate.open();
    settle().await;
    // All were notified; every second one goes without looking.
    let mut odd = false;
    waiting.retain(|_| {
        odd = !odd;
        odd
    });
    for future in &mut waiting {
        assert!(future.is_woken());
        assert_ready!(future.poll()).expect("it is made");
    }
}
