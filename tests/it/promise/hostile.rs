//! Wakers, values and clones that do what they should not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use futures::FutureExt;
use tokio_test::{assert_pending, assert_ready_eq, task};

use super::{is_ready, promise, settled};
use crate::support::{waker_dropped_with, waker_that_panics, without_deadlock};

#[test]
fn a_waker_that_panics_keeps_nobody_from_the_value() {
    let (writer, future) = promise();
    let mut hostile = future.clone();
    assert!(!is_ready(&mut hostile, &waker_that_panics()));
    let mut waiting = task::spawn(future);
    assert_pending!(waiting.poll());
    writer.resolve(7);
    assert!(waiting.is_woken());
    assert_ready_eq!(waiting.poll(), Ok(7));
}

#[test]
fn a_waker_that_panics_keeps_no_other_writer_from_learning() {
    let (writer, future) = promise();
    let mut hostile = writer.abandoned();
    assert!(!is_ready(&mut hostile, &waker_that_panics()));
    let mut abandoned = task::spawn(writer.abandoned());
    assert_pending!(abandoned.poll());
    drop(future);
    assert!(abandoned.is_woken());
}

#[test]
fn a_waker_that_panics_when_dropped_harms_nobody() {
    let (writer, future) = promise();
    for _ in 0..3 {
        let mut hostile = future.clone();
        let waker = waker_dropped_with(|| panic!("dropped badly"));
        assert!(!is_ready(&mut hostile, &waker));
        std::mem::forget(waker); // else the test's own clone is the one that panics
        assert!(!is_ready(&mut hostile, Waker::noop()), "the waker was displaced");
    }
    writer.resolve(7);
    assert_eq!(settled(&future), Ok(7));
}

#[test]
fn a_waker_may_use_the_promise_when_it_is_woken_and_when_it_is_dropped() {
    without_deadlock(|| {
        let (writer, future) = promise();
        struct Looks(super::PromiseFuture<u32, &'static str>, AtomicBool);
        impl Wake for Looks {
            fn wake(self: Arc<Self>) {
                let seen = self.0.clone().now_or_never() == Some(Ok(7));
                self.0.on_settled(|_| ());
                self.1.store(seen, Ordering::SeqCst);
            }
        }
        let looks = Arc::new(Looks(future.clone(), AtomicBool::new(false)));
        let mut waiting = future.clone();
        assert!(!is_ready(&mut waiting, &Waker::from(looks.clone())));

        // Displaced, given up, and taken with the list: each drops a waker that owns a future of this promise.
        let owner = |future: &super::PromiseFuture<u32, &'static str>| {
            let mut owned = future.clone();
            assert!(!is_ready(&mut owned, Waker::noop()));
            waker_dropped_with(move || drop(owned))
        };
        let mut displaced = future.clone();
        assert!(!is_ready(&mut displaced, &owner(&future)));
        assert!(!is_ready(&mut displaced, Waker::noop()));
        let mut given_up = future.clone();
        assert!(!is_ready(&mut given_up, &owner(&future)));
        drop(given_up);
        let mut taken = future.clone();
        assert!(!is_ready(&mut taken, &owner(&future)));
        writer.resolve(7);
        assert!(looks.1.load(Ordering::SeqCst));
    });
}

#[test]
fn a_clone_that_panics_reaches_who_awaits_and_nobody_else() {
    struct Fragile(Arc<AtomicBool>);
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            assert!(!self.0.load(Ordering::SeqCst), "cloned badly");
            Self(self.0.clone())
        }
    }
    let (writer, future) = regatta::promise::promise::<Fragile, ()>();
    let is_broken = Arc::new(AtomicBool::new(true));
    let (mut one, mut other) = (task::spawn(future.clone()), task::spawn(future));
    assert!(one.poll().is_pending() && other.poll().is_pending());
    writer.resolve(Fragile(is_broken.clone()));
    assert!(catch_unwind(AssertUnwindSafe(|| one.poll())).is_err());
    is_broken.store(false, Ordering::SeqCst);
    assert!(other.is_woken() && other.poll().is_ready());
    assert!(one.poll().is_ready(), "and may ask again");
}

#[test]
fn a_value_that_panics_when_dropped_takes_along_only_who_drops_it() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped badly");
        }
    }
    let (writer, future) = regatta::promise::promise::<Panics, ()>();
    let other = future.clone();
    writer.resolve(Panics);
    drop(future);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(other))).is_err());
}

#[test]
fn a_value_may_settle_another_promise_when_it_is_dropped() {
    without_deadlock(|| {
        struct Settles(Option<regatta::promise::Promise<u32, &'static str>>);
        impl Drop for Settles {
            fn drop(&mut self) {
                self.0.take().into_iter().for_each(|writer| writer.resolve(7));
            }
        }
        let (inner, seen) = promise();
        let (writer, future) = regatta::promise::promise::<Settles, ()>();
        writer.resolve(Settles(Some(inner)));
        drop(future);
        assert_eq!(settled(&seen), Ok(7));
    });
}
