//! One writer, many who wait.

use futures::FutureExt;
use regatta::promise::{PromiseError, PromiseFuture};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use tokio_test::{assert_pending, assert_ready_eq, task};

use super::{is_ready, is_ready_now, promise, settled};
use crate::support::DropCounter;

#[test]
fn everybody_who_waits_is_woken_and_gets_the_value() {
    let (writer, future) = promise();
    let mut waiting: Vec<_> = (0..1_000).map(|_| task::spawn(future.clone())).collect();
    waiting.iter_mut().for_each(|waiting| assert_pending!(waiting.poll()));
    writer.resolve(7);
    for waiting in &mut waiting {
        assert!(waiting.is_woken());
        assert_ready_eq!(waiting.poll(), Ok(7));
    }
}

#[test]
fn those_who_wait_are_woken_in_the_order_in_which_they_came() {
    struct Order(Arc<AtomicUsize>, AtomicUsize);
    impl Wake for Order {
        fn wake(self: Arc<Self>) {
            self.1.store(self.0.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        }
    }
    let (writer, future) = promise();
    let clock = Arc::new(AtomicUsize::new(0));
    let wakers: Vec<_> = (0..10).map(|_| Arc::new(Order(clock.clone(), AtomicUsize::new(0)))).collect();
    let mut waiting: Vec<_> = wakers.iter().map(|_| future.clone()).collect();
    for (waiting, waker) in waiting.iter_mut().zip(&wakers) {
        assert!(!is_ready(waiting, &Waker::from(waker.clone())));
    }
    drop(waiting.remove(4));
    writer.resolve(1);
    let order: Vec<_> = wakers.iter().map(|waker| waker.1.load(Ordering::SeqCst)).collect();
    assert_eq!(order, [1, 2, 3, 4, 0, 5, 6, 7, 8, 9]);
}

#[test]
fn only_the_last_waker_of_a_future_is_woken() {
    let (writer, mut future) = promise();
    let (mut first, mut second) = (task::spawn(()), task::spawn(()));
    first.enter(|cx, _| assert!(future.poll_unpin(cx).is_pending()));
    second.enter(|cx, _| assert!(future.poll_unpin(cx).is_pending()));
    writer.resolve(1);
    assert!(second.is_woken() && !first.is_woken());
}

#[test]
fn a_writer_that_is_dropped_breaks_the_promise() {
    let (writer, future) = promise();
    let mut waiting = task::spawn(future.clone());
    assert_pending!(waiting.poll());
    drop(writer);
    assert!(waiting.is_woken());
    assert_ready_eq!(waiting.poll(), Err(PromiseError::Broken));
    assert_eq!(settled(&future), Err(PromiseError::Broken));

    let (writer, future) = promise();
    let one = writer.into_shared();
    let two = one.clone();
    drop(one);
    assert!(!future.is_settled(), "one is left");
    drop(two);
    assert_eq!(settled(&future), Err(PromiseError::Broken));
}

#[test]
fn a_writer_that_is_dropped_by_a_panic_breaks_the_promise() {
    let (writer, future) = promise();
    let died = std::thread::spawn(move || {
        let _writer = writer;
        panic!("out of cheese");
    });
    assert!(died.join().is_err());
    assert_eq!(settled(&future), Err(PromiseError::Broken));
}

#[test]
fn a_future_that_is_dropped_waits_no_more_and_keeps_nobody_from_the_value() {
    let (writer, future) = promise();
    let mut waiting: Vec<_> = (0..3).map(|_| task::spawn(future.clone())).collect();
    waiting.iter_mut().for_each(|waiting| assert_pending!(waiting.poll()));
    drop(waiting.remove(0));
    drop(waiting.pop());
    writer.resolve(7);
    assert!(waiting[0].is_woken());
    assert_ready_eq!(waiting[0].poll(), Ok(7));
}

#[test]
fn a_future_dropped_after_any_number_of_polls_takes_nothing_from_the_others() {
    for polls in 0..4 {
        for is_settled_before in [false, true] {
            let (writer, future) = promise();
            let mut other = task::spawn(future.clone());
            assert_pending!(other.poll());
            let mut dropped = future.clone();
            (0..polls).for_each(|_| assert!(!is_ready_now(&mut dropped)));
            let dropped = is_settled_before.then_some(dropped);
            writer.resolve(7);
            drop(dropped);
            assert!(other.is_woken());
            assert_ready_eq!(other.poll(), Ok(7));
            assert_eq!(future.now_or_never(), Some(Ok(7)));
        }
    }
}

#[test]
fn a_future_gives_its_value_as_often_as_it_is_asked() {
    let (writer, mut future) = promise();
    writer.resolve(7);
    for _ in 0..3 {
        assert_eq!((&mut future).now_or_never(), Some(Ok(7)));
    }
}

#[test]
fn a_value_that_cannot_be_cloned_is_waited_for_by_reference() {
    #[derive(Debug, PartialEq)]
    struct NotClone(u32);
    let (writer, future) = regatta::promise::promise::<NotClone, NotClone>();
    let mut waiting = task::spawn(future.wait_ref());
    assert_pending!(waiting.poll());
    drop(future.wait_ref());
    let mut dropped = future.wait_ref();
    assert!(!is_ready_now(&mut dropped));
    drop(dropped);
    writer.resolve(NotClone(7));
    assert!(waiting.is_woken());
    assert_ready_eq!(waiting.poll(), Ok(&NotClone(7)));
    drop(waiting);
    assert_eq!(future.try_get(), Some(Ok(&NotClone(7))));
}

#[test]
fn the_value_goes_with_the_last_end() {
    let values = DropCounter::new();
    let (writer, future) = regatta::promise::promise::<_, ()>();
    let other = future.clone();
    let writer = writer.into_shared();
    assert!(writer.try_resolve(values.guard()).is_ok());
    drop(future);
    assert_eq!(values.alive(), 1);
    drop(other);
    assert_eq!(values.alive(), 1, "the writer holds an end, too");
    drop(writer);
    assert_eq!(values.dropped(), 1);

    let (writer, future) = regatta::promise::promise::<_, ()>();
    drop(future);
    writer.resolve(values.guard());
    assert_eq!(values.dropped(), 2, "nobody waits for it");
}

#[test]
fn thousands_of_waiters_that_come_and_go_leave_nothing_behind() {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }
    let (writer, future) = promise();
    let nobody = Arc::new(Nobody);
    let waker = Waker::from(nobody.clone());
    for _ in 0..10 {
        let mut waiting: Vec<_> = (0..1_000).map(|_| future.clone()).collect();
        waiting.iter_mut().for_each(|waiting| assert!(!is_ready(waiting, &waker)));
        assert_eq!(Arc::strong_count(&nobody), 1_002);
        drop(waiting);
        assert_eq!(Arc::strong_count(&nobody), 2, "the test's and its waker's");
        let mut waiting: Vec<_> = (0..1_000).map(|_| future.wait_ref()).collect();
        waiting.iter_mut().for_each(|waiting| assert!(!is_ready(waiting, &waker)));
        drop(waiting);
        assert_eq!(Arc::strong_count(&nobody), 2);
        let mut waiting: Vec<_> = (0..1_000).map(|_| writer.abandoned()).collect();
        waiting.iter_mut().for_each(|waiting| assert!(!is_ready(waiting, &waker)));
        drop(waiting);
        assert_eq!(Arc::strong_count(&nobody), 2);
    }
    let mut waiting: Vec<_> = (0..1_000).map(|_| future.clone()).collect();
    waiting.iter_mut().for_each(|waiting| assert!(!is_ready(waiting, &waker)));
    writer.resolve(1);
    assert_eq!(Arc::strong_count(&nobody), 2, "the list is gone before those who were in it");
}

#[tokio::test]
async fn a_promise_that_is_awaited_over_and_over_lets_others_run() {
    let (writer, mut future) = promise();
    writer.resolve(1);
    let (tx, ran) = std::sync::mpsc::channel();
    tokio::spawn(async move { tx.send(()).unwrap() });
    for _ in 0..100_000 {
        assert_eq!((&mut future).await, Ok(1));
    }
    assert!(ran.try_recv().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_waiters_that_come_and_go_loses_no_wake_up() {
    for round in 0..200_u32 {
        let (writer, future) = promise();
        let waiting: Vec<_> = (0..8).map(|_| tokio::spawn(future.clone())).collect();
        let quitting: Vec<_> = (0..8).map(|_| future.clone()).collect();
        let quitting = tokio::spawn(async move {
            for mut quitting in quitting {
                is_ready_now(&mut quitting);
            }
        });
        let settling = tokio::spawn(async move { writer.resolve(round) });
        for waiting in waiting {
            assert_eq!(waiting.await.unwrap(), Ok(round));
        }
        quitting.await.unwrap();
        settling.await.unwrap();
    }
}

#[test]
fn an_error_says_what_happened_and_names_its_source() {
    let parse = "x".parse::<u32>().unwrap_err();
    let error = PromiseError::Rejected(parse.clone());
    assert_eq!(error.to_string(), "the promise was rejected: invalid digit found in string");
    assert_eq!(error.source().unwrap().downcast_ref(), Some(&parse));
    assert!(error.is_rejected() && !error.is_broken() && !error.is_panicked() && !error.is_cancelled());
    assert_eq!(error.clone().map(|_| 1), PromiseError::Rejected(1));
    assert_eq!(error.rejected(), Some(parse));

    let broken = PromiseError::<std::fmt::Error>::Broken;
    assert_eq!(broken.to_string(), "the promise was broken: its writer was dropped before it settled it");
    assert!(broken.source().is_none() && broken.is_broken() && broken.rejected().is_none());

    let panicked = regatta::error::Panicked::new("a", "b");
    let error = PromiseError::<std::fmt::Error>::from(panicked.clone());
    assert_eq!(error.to_string(), "a panicked: b");
    assert_eq!(error.source().unwrap().downcast_ref(), Some(&panicked));
    let cancelled = regatta::error::Cancelled::new("a");
    let error = PromiseError::<std::fmt::Error>::from(cancelled.clone());
    assert_eq!(error.source().unwrap().downcast_ref(), Some(&cancelled));
    assert!(error.map(|_| 1).is_cancelled());
}

#[test]
fn two_layers_of_errors_flatten_to_one() {
    type Layers = PromiseError<PromiseError<u32>>;
    assert_eq!(Layers::Rejected(PromiseError::Broken).flatten(), PromiseError::Broken);
    assert_eq!(Layers::Rejected(PromiseError::Rejected(1)).flatten(), PromiseError::Rejected(1));
    assert_eq!(Layers::Broken.flatten(), PromiseError::Broken);
    assert!(Layers::from(regatta::error::Cancelled::new("a")).flatten().is_cancelled());
    assert!(Layers::from(regatta::error::Panicked::new("a", "b")).flatten().is_panicked());
}

#[test]
fn ready_and_rejected_are_settled_from_the_start() {
    assert_eq!(PromiseFuture::<u32, &str>::ready(1).now_or_never(), Some(Ok(1)));
    let rejected = PromiseFuture::<u32, &str>::rejected("no");
    assert_eq!(rejected.now_or_never(), Some(Err(PromiseError::Rejected("no"))));
}

#[test]
fn the_ends_print_without_the_value() {
    struct Silent;
    let (writer, future) = regatta::promise::promise::<Silent, Silent>();
    assert_eq!(format!("{writer:?}"), "Promise { is_abandoned: false, .. }");
    assert_eq!(
        format!("{future:?} {:?}", future.wait_ref()),
        "PromiseFuture { is_settled: false, .. } WaitRefFuture { is_settled: false, .. }"
    );
    let writer = writer.into_shared();
    assert_eq!(format!("{writer:?}"), "SharedPromise { is_settled: false, is_abandoned: false, .. }");
    assert_eq!(format!("{:?}", writer.abandoned()), "AbandonedFuture { is_abandoned: false, .. }");
}
