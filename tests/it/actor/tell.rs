//! Sending.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use regatta::actor::{self, Builder};
use regatta::policy::Overflow;

use super::kit::{Log, Msg, Probe};
use crate::support::{DropCounter, Gate, poll_once};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completed_tell_comes_before_what_others_send_later() {
    let log = Log::default();
    let probe = actor::Builder::new().mailbox(2).spawn(Probe::with(log.clone(), &DropCounter::new()));
    for number in 0..1000 {
        let probe = probe.clone();
        // Each in a task of its own, begun when the one before is done.
        tokio::spawn(async move { probe.tell(Msg::Note(number.to_string())).await.unwrap() }).await.unwrap();
    }
    probe.ask(Msg::Get).await.unwrap();
    let notes: Vec<_> = log.lines().into_iter().filter(|line| line.parse::<u32>().is_ok()).collect();
    assert_eq!(notes, (0..1000).map(|number: u32| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_hundred_tells_arrive_once_and_in_order() {
    let log = Log::default();
    let probe = Builder::new().mailbox(1).spawn(Probe::with(log.clone(), &DropCounter::new()));
    for n in 0..100 {
        probe.tell(Msg::Note(n.to_string())).await.unwrap();
    }
    probe.drain().await;
    let notes: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    assert_eq!(log.lines()[1..101], notes);
    assert_eq!(probe.stats().flow.done, 100);
}

/// A probe whose handler waits, with nothing in its mailbox.
async fn held(builder: Builder<Msg>) -> (actor::ActorRef<Probe>, Gate) {
    let gate = Gate::new();
    let probe = builder.spawn(Probe::new());
    probe.tell(Msg::Hold(gate.clone())).await.unwrap();
    while !probe.is_empty() {
        tokio::task::yield_now().await;
    }
    (probe, gate)
}

#[tokio::test]
async fn a_full_mailbox_hands_the_message_of_try_tell_back() {
    let (probe, gate) = held(Builder::new().mailbox(2)).await;
    probe.try_tell(Msg::Add(1)).unwrap();
    probe.try_tell(Msg::Add(2)).unwrap();
    assert!(probe.is_full());
    assert_eq!((probe.len(), probe.capacity()), (2, 2));
    let error = probe.try_tell(Msg::Add(4)).unwrap_err();
    assert!(error.is_full() && !error.is_closed());
    assert_eq!(
        error.to_string(),
        "the mailbox of actor `Probe` is full: 2 of 2 taken; try later, or raise its capacity"
    );
    assert!(matches!(error.into_inner(), Msg::Add(4)));
    gate.open();
    assert_eq!(probe.ask(Msg::Get).await.unwrap(), 4);
}

#[tokio::test]
async fn a_tell_waits_for_room() {
    let (probe, gate) = held(Builder::new().mailbox(1)).await;
    probe.try_tell(Msg::Add(1)).unwrap();
    let mut waiting = Box::pin(probe.tell(Msg::Add(2)));
    assert!(poll_once(waiting.as_mut()).is_pending());
    gate.open();
    waiting.await.unwrap();
    assert_eq!(probe.ask(Msg::Get).await.unwrap(), 4);
}

#[tokio::test]
async fn a_tell_that_is_given_up_gives_its_message_back() {
    let (probe, gate) = held(Builder::new().mailbox(1)).await;
    probe.try_tell(Msg::Add(1)).unwrap();
    let mut waiting = probe.tell(Msg::Add(2));
    assert!(poll_once(std::pin::Pin::new(&mut waiting)).is_pending());
    assert!(matches!(waiting.into_inner(), Some(Msg::Add(2))));
    gate.open();
    assert_eq!(probe.ask(Msg::Get).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_tell_with_a_timeout_hands_its_message_back() {
    let (probe, _gate) = held(Builder::new().mailbox(1)).await;
    probe.tell_timeout(Msg::Add(1), Duration::ZERO).await.unwrap();
    let error = probe.tell_timeout(Msg::Add(2), Duration::from_secs(3)).await.unwrap_err();
    assert!(error.is_elapsed());
    assert!(error.to_string().contains("had no room for 3s"), "{error}");
    assert!(matches!(error.into_inner(), Msg::Add(2)));
}

#[tokio::test]
async fn reject_refuses_without_waiting() {
    let (probe, _gate) = held(Builder::new().mailbox(1).overflow(Overflow::Reject)).await;
    probe.tell(Msg::Add(1)).await.unwrap();
    assert!(probe.tell(Msg::Add(2)).await.unwrap_err().is_full());
    let error = probe.ask(Msg::Get).await.unwrap_err();
    assert_eq!(error.to_string(), "asking actor `Probe` (Get): its mailbox is full, 1 of 1 taken");
}

#[tokio::test]
async fn drop_newest_drops_tells_and_counts_them_but_refuses_asks() {
    let (probe, gate) = held(Builder::new().mailbox(1).overflow(Overflow::DropNewest)).await;
    probe.tell(Msg::Add(10)).await.unwrap();
    probe.tell(Msg::Add(100)).await.unwrap();
    probe.try_tell(Msg::Add(1000)).unwrap();
    assert!(matches!(probe.ask(Msg::Get).await, Err(actor::AskError::Full { limit: 1, .. })));
    gate.open();
    while !probe.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(probe.ask(Msg::Get).await.unwrap(), 11);
    let flow = probe.stats().flow;
    assert_eq!((flow.dropped, flow.done), (2, 3));
    assert!(flow.is_conserved());
}

#[tokio::test]
async fn a_huge_mailbox_is_clamped() {
    let probe = Builder::new().mailbox(usize::MAX).spawn(Probe::new());
    probe.tell(Msg::Add(1)).await.unwrap();
    assert_eq!(probe.ask(Msg::Get).await.unwrap(), 1);
}

#[test]
#[should_panic(expected = "actor: mailbox must be above zero")]
fn an_empty_mailbox_is_refused() {
    let _ = Builder::<u8>::new().mailbox(0);
}

#[test]
#[should_panic(expected = "got DropOldest")]
fn drop_oldest_is_refused() {
    let _ = Builder::<u8>::new().overflow(Overflow::DropOldest);
}

#[test]
#[should_panic(expected = "actor::spawn needs a tokio runtime")]
fn without_a_runtime_the_caller_is_told() {
    let _ = actor::spawn(Probe::new());
}

#[tokio::test]
async fn one_who_got_room_and_sleeps_does_not_hold_up_a_drain() {
    let (probe, gate) = held(Builder::new().mailbox(1)).await;
    probe.try_tell(Msg::Add(1)).unwrap();
    let mut sleeper = Box::pin(probe.tell(Msg::Add(2)));
    assert!(poll_once(sleeper.as_mut()).is_pending());
    gate.open();
    // The probe takes the message in the mailbox: the room goes to the sleeper, which is not polled.
    while probe.stats().flow.done < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(probe.drain().await.to_string(), "drained");
    let error = sleeper.await.unwrap_err();
    assert!(error.is_closed());
    assert!(matches!(error.into_inner(), Msg::Add(2)));
}

#[tokio::test]
async fn a_tell_dropped_at_any_poll_leaves_the_line() {
    for polls in 0..4 {
        let (probe, gate) = held(Builder::new().mailbox(1)).await;
        probe.try_tell(Msg::Add(1)).unwrap();
        {
            let mut telling = pin!(probe.tell(Msg::Add(10)));
            let mut behind = pin!(probe.tell(Msg::Add(100)));
            for _ in 0..polls {
                assert!(poll_once(telling.as_mut()).is_pending());
                assert!(poll_once(behind.as_mut()).is_pending());
            }
        }
        gate.open();
        let mut after = pin!(probe.tell(Msg::Add(1000)));
        assert!(!matches!(poll_once(after.as_mut()), Poll::Ready(Err(_))));
        after.await.unwrap();
        assert_eq!(probe.ask(Msg::Get).await.unwrap(), 1002, "after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tell_with_a_timeout_that_is_dropped_leaves_the_line() {
    let (probe, gate) = held(Builder::new().mailbox(1)).await;
    probe.try_tell(Msg::Add(1)).unwrap();
    for polls in 1..3 {
        let mut telling = Box::pin(probe.tell_timeout(Msg::Add(10), Duration::from_secs(1)));
        for _ in 0..polls {
            assert!(poll_once(telling.as_mut()).is_pending());
        }
    }
    gate.open();
    probe.tell(Msg::Add(100)).await.unwrap();
    assert_eq!(probe.ask(Msg::Get).await.unwrap(), 102);
}

#[tokio::test]
async fn an_actor_does_not_wait_for_room_in_its_own_mailbox() {
    struct Busy;
    impl actor::Actor for Busy {
        type Msg = u32;
        type Handle = actor::ActorRef<Self>;
        async fn handle(&mut self, depth: u32, cx: &mut actor::Context<Self>) {
            let me = cx.me();
            me.tell(depth + 1).await.unwrap();
            let error = me.tell(depth + 2).await.unwrap_err();
            assert!(error.is_full());
            let expected = "actor `Busy` cannot wait for room in its own mailbox, 1 of 1 taken: tell in `Context::pipe`, or \
                            raise its capacity";
            assert_eq!(error.to_string(), expected);
            cx.stop();
        }
    }
    let busy = Builder::new().mailbox(1).spawn(Busy);
    busy.tell(0).await.unwrap();
    assert_eq!(busy.wait_stopped().await.to_string(), "stopped");
}
