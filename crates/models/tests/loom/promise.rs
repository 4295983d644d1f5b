//! The promise under every interleaving of its lock, its counter and its outcome, two or three threads at a time.
//!
//! Each model ends only if nobody is left asleep: a thread that waits for a wake-up that never comes is a deadlock that
//! the checker reports.

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use regatta::promise::{Promise, PromiseError, PromiseFuture};
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

fn promise() -> (Promise<u32, u32>, PromiseFuture<u32, u32>) {
    regatta::promise::promise()
}

/// Waits as one that is polled once and then given up.
fn poll_once<F: Future>(future: F) -> bool {
    let mut future = pin!(future);
    let is_ready = future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    thread::yield_now();
    is_ready
}

#[test]
fn who_waits_is_woken_by_who_settles() {
    model(|| {
        let (writer, future) = promise();
        let settler = thread::spawn(move || writer.resolve(7));
        assert_eq!(block_on(future), Ok(7));
        settler.join().expect("no panic");
    });
}

#[test]
fn two_who_wait_are_woken_both() {
    model(|| {
        let (writer, future) = promise();
        let other = future.clone();
        let waiter = thread::spawn(move || block_on(other));
        let settler = thread::spawn(move || writer.resolve(7));
        assert_eq!(block_on(future), Ok(7));
        assert_eq!(waiter.join().expect("no panic"), Ok(7));
        settler.join().expect("no panic");
    });
}

#[test]
fn one_who_polls_once_and_goes_takes_no_wake_up_along() {
    model(|| {
        let (writer, future) = promise();
        let quitter = future.clone();
        let quitter = thread::spawn(move || poll_once(quitter));
        let settler = thread::spawn(move || writer.resolve(7));
        assert_eq!(block_on(future), Ok(7));
        quitter.join().expect("no panic");
        settler.join().expect("no panic");
    });
}

#[test]
fn one_who_changes_its_waker_is_woken_through_the_new_one() {
    model(|| {
        let (writer, mut future) = promise();
        let settler = thread::spawn(move || writer.resolve(7));
        let _ = Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(block_on(future), Ok(7));
        settler.join().expect("no panic");
    });
}

#[test]
fn one_who_leaves_after_the_outcome_takes_nobody_elses_place() {
    model(|| {
        let (writer, mut first) = promise();
        let second = first.clone();
        assert!(Pin::new(&mut first).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let quitter = thread::spawn(move || drop(first));
        let waiter = thread::spawn(move || block_on(second));
        writer.resolve(7);
        quitter.join().expect("no panic");
        assert_eq!(waiter.join().expect("no panic"), Ok(7));
    });
}

#[test]
fn a_writer_that_goes_away_wakes_who_waits() {
    model(|| {
        let (writer, future) = promise();
        let writer = writer.into_shared();
        let other = writer.clone();
        let one = thread::spawn(move || drop(writer));
        let two = thread::spawn(move || drop(other));
        assert_eq!(block_on(future), Err(PromiseError::Broken));
        one.join().expect("no panic");
        two.join().expect("no panic");
    });
}

#[test]
fn of_two_writers_one_wins_and_the_other_gets_its_value_back() {
    model(|| {
        let (writer, future) = promise();
        let writer = writer.into_shared();
        let other = writer.clone();
        let one = thread::spawn(move || writer.try_resolve(1));
        let two = thread::spawn(move || other.try_reject(2));
        let outcome = block_on(future);
        let settled = (one.join().expect("no panic"), two.join().expect("no panic"));
        match outcome {
            Ok(1) => assert_eq!(settled, (Ok(()), Err(2))),
            Err(PromiseError::Rejected(2)) => assert_eq!(settled, (Err(1), Ok(()))),
            other => panic!("nobody wrote {other:?}"),
        }
    });
}

#[test]
fn who_finds_the_value_sees_what_was_done_before_it() {
    model(|| {
        let (writer, future) = promise();
        let done = Arc::new(AtomicUsize::new(0));
        let doing = done.clone();
        let settler = thread::spawn(move || {
            doing.store(1, Ordering::Relaxed);
            writer.resolve(7);
        });
        if future.try_get().is_some() {
            assert_eq!(done.load(Ordering::Relaxed), 1);
        }
        settler.join().expect("no panic");
    });
}

#[test]
fn a_callback_runs_exactly_once() {
    model(|| {
        let (writer, future) = promise();
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        let settler = thread::spawn(move || writer.resolve(7));
        future.on_settled(move |result| {
            assert_eq!(result.copied(), Ok(7));
            counter.fetch_add(1, Ordering::Relaxed);
        });
        drop(future);
        settler.join().expect("no panic");
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn the_last_of_two_who_leave_tells_the_writer() {
    model(|| {
        let (writer, future) = promise();
        let other = future.clone();
        let one = thread::spawn(move || drop(future));
        let two = thread::spawn(move || poll_once(other));
        block_on(writer.abandoned());
        assert!(writer.is_abandoned());
        one.join().expect("no panic");
        two.join().expect("no panic");
    });
}

#[test]
fn a_writer_that_stops_listening_keeps_no_other_from_learning() {
    model(|| {
        let (writer, future) = promise();
        let writer = writer.into_shared();
        let quitter = writer.clone();
        let quitter = thread::spawn(move || {
            poll_once(quitter.abandoned());
        });
        let leaver = thread::spawn(move || drop(future));
        block_on(writer.abandoned());
        quitter.join().expect("no panic");
        leaver.join().expect("no panic");
    });
}

#[test]
fn a_promise_is_not_abandoned_before_its_callback_has_run() {
    model(|| {
        let (writer, future) = promise();
        let writer = writer.into_shared();
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        future.on_settled(move |_| _ = counter.fetch_add(1, Ordering::Relaxed));
        let leaver = thread::spawn(move || drop(future));
        let settler = writer.clone();
        let settler = thread::spawn(move || settler.try_resolve(7).is_ok());
        block_on(writer.abandoned());
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        leaver.join().expect("no panic");
        assert!(settler.join().expect("no panic"));
    });
}
