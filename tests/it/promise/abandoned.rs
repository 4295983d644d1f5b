//! The writer learns that nobody waits.

use futures::FutureExt;
use tokio_test::{assert_pending, assert_ready, task};

use super::{is_ready_now, promise};

#[test]
fn a_writer_learns_that_the_last_future_is_gone() {
    let (writer, future) = promise();
    let other = future.clone();
    let mut abandoned = task::spawn(writer.abandoned());
    assert_pending!(abandoned.poll());
    drop(future);
    assert!(!abandoned.is_woken() && !writer.is_abandoned(), "one is left");
    assert_pending!(abandoned.poll());
    drop(other);
    assert!(abandoned.is_woken() && writer.is_abandoned());
    assert_ready!(abandoned.poll());
    drop(abandoned);
    assert!(writer.abandoned().now_or_never().is_some(), "and goes on knowing it");
    writer.resolve(1);
}

#[test]
fn a_callback_is_somebody_who_waits() {
    let (writer, future) = promise();
    let writer = writer.into_shared();
    future.on_settled(|_| ());
    drop(future);
    let mut abandoned = task::spawn(writer.abandoned());
    assert_pending!(abandoned.poll());
    assert!(!writer.is_abandoned());
    writer.try_resolve(1).unwrap();
    assert!(abandoned.is_woken() && writer.is_abandoned(), "it has run");
    assert_ready!(abandoned.poll());
}

#[test]
fn a_callback_that_came_late_is_not_waited_for() {
    let (writer, future) = promise();
    let writer = writer.into_shared();
    writer.try_resolve(1).unwrap();
    future.on_settled(|_| ());
    assert!(!writer.is_abandoned());
    drop(future);
    assert!(writer.is_abandoned());
}

#[test]
fn several_writers_wait_and_one_that_gives_up_keeps_no_other_from_learning() {
    let (writer, future) = promise();
    let writer = writer.into_shared();
    let other = writer.clone();
    let mut quitter = other.abandoned();
    assert!(!is_ready_now(&mut quitter));
    let mut abandoned = task::spawn(writer.abandoned());
    assert_pending!(abandoned.poll());
    drop(quitter);
    drop(future);
    assert!(abandoned.is_woken());
    assert_ready!(abandoned.poll());
}

#[test]
fn a_wait_given_up_after_it_was_answered_harms_nobody() {
    let (writer, future) = promise();
    let mut abandoned = task::spawn(writer.abandoned());
    assert_pending!(abandoned.poll());
    drop(future);
    drop(abandoned);
    assert!(writer.is_abandoned());
}

#[test]
fn waiting_by_reference_keeps_the_promise_wanted() {
    let (writer, future) = promise();
    let waiting = future.wait_ref();
    assert!(!writer.is_abandoned());
    drop(waiting);
    assert!(!writer.is_abandoned());
    drop(future);
    assert!(writer.is_abandoned());
}
