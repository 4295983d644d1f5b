//! Closures that run when a promise is settled.

use futures::FutureExt;
use std::sync::{Arc, Mutex, mpsc};
use tokio_test::{assert_pending, task};

use super::{promise, settled};
use crate::support::{DropCounter, without_deadlock};

#[test]
fn a_callback_that_panics_keeps_nobody_from_the_value() {
    let (writer, future) = promise();
    let (tx, calls) = mpsc::channel();
    let first = tx.clone();
    future.on_settled(move |_| first.send(1).unwrap());
    future.on_settled(|_| panic!("out of cheese"));
    future.on_settled(move |_| tx.send(3).unwrap());
    let mut waiting = task::spawn(future.clone());
    assert_pending!(waiting.poll());
    writer.resolve(7);
    assert!(waiting.is_woken());
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), [1, 3]);
    future.on_settled(|_| panic!("out of cheese, too late"));
    assert_eq!(settled(&future), Ok(7));
}

#[test]
fn a_callback_whose_capture_panics_when_dropped_keeps_nobody_from_the_value() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped badly");
        }
    }
    let (writer, future) = promise();
    let (tx, calls) = mpsc::channel();
    let panics = Panics;
    future.on_settled(move |_| _ = &panics);
    future.on_settled(move |_| tx.send(()).unwrap());
    writer.resolve(7);
    calls.try_recv().expect("the other ran");
    let panics = Panics;
    future.on_settled(move |_| _ = &panics);
    assert_eq!(settled(&future), Ok(7));
}

#[test]
fn callbacks_run_while_their_thread_panics() {
    let (writer, future) = promise();
    let (tx, calls) = mpsc::channel();
    future.on_settled(|_| panic!("a second panic"));
    future.on_settled(move |result| tx.send(result.is_err()).unwrap());
    let died = std::thread::spawn(move || {
        let _writer = writer;
        panic!("the first panic");
    });
    assert!(died.join().is_err());
    assert_eq!(calls.try_recv(), Ok(true));
}

#[test]
fn a_callback_may_look_subscribe_and_settle() {
    without_deadlock(|| {
        let (writer, future) = promise();
        let writer = writer.into_shared();
        let (tx, calls) = mpsc::channel();
        let (inside, again) = (future.clone(), writer.clone());
        future.on_settled(move |result| {
            let mut calls = vec![result.copied().ok(), settled(&inside).ok()];
            calls.extend(inside.clone().now_or_never().map(Result::ok));
            assert_eq!(again.try_resolve(8), Err(8));
            let inner = tx.clone();
            inside.on_settled(move |_| inner.send(vec![]).unwrap());
            drop(inside);
            tx.send(calls).unwrap();
        });
        assert_eq!(writer.try_resolve(7), Ok(()));
        assert_eq!(calls.recv().unwrap(), [], "the inner one ran at once");
        assert_eq!(calls.recv().unwrap(), [Some(7); 3]);
    });
}

#[test]
fn a_callback_may_settle_another_promise_whose_callback_settles_a_third() {
    let (first, one) = promise();
    let (second, two) = promise();
    let (third, three) = promise();
    two.on_settled(move |result| third.resolve(result.unwrap() + 1));
    one.on_settled(move |result| second.resolve(result.unwrap() + 1));
    first.resolve(1);
    assert_eq!((settled(&two), settled(&three)), (Ok(2), Ok(3)));
}

#[test]
fn those_who_wait_are_woken_before_a_callback_that_blocks() {
    let (writer, future) = promise();
    let (open, gate) = mpsc::channel::<()>();
    let (tx, began) = mpsc::channel();
    future.on_settled(move |_| {
        tx.send(()).unwrap();
        gate.recv().unwrap();
    });
    let mut waiting = task::spawn(future.clone());
    assert_pending!(waiting.poll());
    let settling = std::thread::spawn(move || writer.resolve(7));
    began.recv().unwrap();
    assert!(waiting.is_woken());
    assert_eq!(settled(&future), Ok(7));
    let late = Arc::new(Mutex::new(0));
    let seen = late.clone();
    future.on_settled(move |result| *seen.lock().unwrap() = *result.unwrap());
    assert_eq!(*late.lock().unwrap(), 7, "it does not wait for the one that blocks");
    open.send(()).unwrap();
    settling.join().unwrap();
}

#[test]
fn callbacks_run_in_the_order_in_which_they_were_given_and_go_with_their_captures() {
    let (writer, future) = promise();
    let captured = DropCounter::new();
    let (tx, calls) = mpsc::channel();
    for number in 0..100 {
        let (tx, guard) = (tx.clone(), captured.guard());
        future.on_settled(move |_| {
            let _guard = guard;
            tx.send(number).unwrap();
        });
    }
    assert_eq!(captured.alive(), 100);
    writer.resolve(1);
    assert_eq!(captured.dropped(), 100);
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_callback_sees_a_broken_promise_and_needs_no_future_to_live() {
    let (writer, future) = promise();
    let (tx, calls) = mpsc::channel();
    future.on_settled(move |result| tx.send(result.unwrap_err().clone()).unwrap());
    drop(future);
    drop(writer);
    assert!(calls.try_recv().unwrap().is_broken());
}
