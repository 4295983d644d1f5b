//! Handles: equal, counted, weak, of one type.

use std::collections::HashSet;

use regatta::actor::{self, Builder, StopReason};
use regatta::observe::Registry;

use super::kit::{Msg, Probe};
use crate::support::{Gate, poll_once};

#[tokio::test]
async fn clones_are_equal_and_others_are_not() {
    let (one, other) = (actor::spawn(Probe::new()), actor::spawn(Probe::new()));
    assert_eq!(one, one.clone());
    assert_ne!(one, other);
    assert_eq!(one.downgrade(), one.downgrade());
    assert_eq!(one.recipient::<i64>(), one.recipient::<i64>());
    #[allow(clippy::mutable_key_type, reason = "a handle is hashed by its id, which does not change")]
    let set: HashSet<_> = [one.clone(), one.clone(), other].into_iter().collect();
    assert_eq!(set.len(), 2);
    assert_eq!(one.name(), "Probe");
}

#[tokio::test]
async fn a_recipient_keeps_the_actor_alive_and_a_weak_one_does_not() {
    let probe = actor::spawn(Probe::new());
    let recipient = probe.recipient::<i64>();
    let also = recipient.clone();
    drop((probe, recipient));
    also.tell(1).await.unwrap();
    let weak = also.downgrade();
    assert!(!also.is_stopped());
    let waiting = also.wait_stopped();
    drop(also);
    assert!(weak.upgrade().is_none());
    assert!(matches!(waiting.await, StopReason::Unreferenced));
}

#[tokio::test]
async fn a_recipient_hands_back_what_it_was_given() {
    let gate = Gate::new();
    let probe = Builder::new().mailbox(1).spawn(Probe::new());
    let recipient = probe.recipient::<i64>();
    probe.tell(Msg::Hold(gate.clone())).await.unwrap();
    tokio::task::yield_now().await;
    recipient.try_tell(1).unwrap();
    let error = recipient.try_tell(2).unwrap_err();
    assert!(error.is_full());
    assert_eq!(error.into_inner(), 2);
    let mut waiting = Box::pin(recipient.tell(3));
    assert!(poll_once(waiting.as_mut()).is_pending());
    let mut gone = Box::pin(recipient.tell(4));
    assert!(poll_once(gone.as_mut()).is_pending());
    drop(gone);
    gate.open();
    waiting.await.unwrap();
    assert_eq!(probe.ask(Msg::Get).await.unwrap(), 1 + 1 + 3);
    probe.stop().await;
    assert_eq!(recipient.tell(5).await.unwrap_err().into_inner(), 5);
}

#[tokio::test]
async fn an_actor_has_a_row_while_it_lives() {
    let mine = Registry::new();
    let (seen, hidden) = mine
        .enter(|| (Builder::new().name("seen").spawn(Probe::new()), Builder::new().unobserved().spawn(Probe::new())));
    seen.tell(Msg::Add(1)).await.unwrap();
    seen.ask(Msg::Get).await.unwrap();
    let snapshot = mine.snapshot();
    let rows: Vec<_> = snapshot.of_kind("actor").collect();
    assert_eq!(rows.len(), 1);
    assert_eq!((&*rows[0].name, &*rows[0].state, rows[0].flow.done), ("seen", "running", 2));
    assert!(rows[0].flow.is_conserved());
    assert_eq!(rows[0].gauges[0].to_string(), "queued 0/64");
    seen.stop().await;
    hidden.stop().await;
    assert_eq!(mine.snapshot().of_kind("actor").count(), 0);
}

#[tokio::test]
async fn debug_says_who_it_is() {
    let probe = Builder::new().name("x").spawn(Probe::new());
    let text = format!("{probe:?} {:?} {:?}", probe.downgrade(), probe.recipient::<i64>());
    assert_eq!(text.matches("\"x\"").count(), 3);
}
