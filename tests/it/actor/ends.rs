//! Stop, drain, kill, and nobody left.

use std::sync::{Arc, Mutex};

use regatta::actor::{self, Builder, StopReason};

use super::kit::{In, Log, Msg, Probe};
use crate::support::{DropCounter, Gate, poll_once};

#[tokio::test]
async fn stop_finishes_the_message_in_hand_and_hands_the_others_to_the_hook() {
    let (gate, log, left) = (Gate::new(), Log::default(), Arc::new(Mutex::new(Vec::new())));
    let hook = left.clone();
    let probe = Builder::new()
        .on_undelivered(move |msg| {
            if let Msg::Add(by) = msg {
                hook.lock().unwrap().push(by);
            }
        })
        .spawn(Probe::with(log.clone(), &DropCounter::new()));
    probe.tell(Msg::Hold(gate.clone())).await.unwrap();
    for by in [1, 2, 3] {
        probe.tell(Msg::Add(by)).await.unwrap();
    }
    tokio::task::yield_now().await;
    let stopped = probe.stop();
    assert!(probe.tell(Msg::Add(4)).await.unwrap_err().is_closed());
    gate.open();
    assert!(matches!(stopped.await, StopReason::Stopped));
    assert_eq!(*left.lock().unwrap(), [1, 2, 3]);
    assert_eq!(log.lines(), ["started 1", "stopping", "stopped: stopped"]);
    let flow = probe.stats().flow;
    assert_eq!((flow.accepted, flow.done, flow.discarded, flow.in_flight), (4, 1, 3, 0));
}

#[tokio::test]
async fn drain_handles_everything_that_was_accepted() {
    let probe = Builder::new().mailbox(8).spawn(Probe::new());
    for _ in 0..8 {
        probe.tell(Msg::Add(1)).await.unwrap();
    }
    let drained = probe.drain();
    assert!(probe.try_tell(Msg::Add(1)).unwrap_err().is_closed());
    assert!(matches!(drained.await, StopReason::Drained));
    assert_eq!(probe.stats().flow.done, 8);
}

#[tokio::test]
async fn kill_cuts_the_handler_off_and_calls_no_hook() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let probe = actor::spawn(Probe::with(log.clone(), &drops));
    probe.tell(Msg::Hold(Gate::new())).await.unwrap();
    tokio::task::yield_now().await;
    assert!(matches!(probe.kill().await, StopReason::Killed));
    assert_eq!(log.lines(), ["started 1"]);
    assert_eq!(drops.alive(), 0);
}

#[tokio::test]
async fn kill_cuts_hooks_off() {
    for hook in ["starting", "stopping", "stopped"] {
        let drops = DropCounter::new();
        let mut probe = Probe::with(Log::default(), &drops);
        match hook {
            "starting" => probe.starting = In::Hang,
            "stopping" => probe.stopping = In::Hang,
            _ => probe.stopped = In::Hang,
        }
        let probe = actor::spawn(probe);
        let mut stopped = Box::pin(probe.stop());
        for _ in 0..4 {
            assert!(poll_once(stopped.as_mut()).is_pending(), "{hook}");
            tokio::task::yield_now().await;
        }
        probe.kill();
        assert!(matches!(stopped.await, StopReason::Killed), "{hook}");
        assert_eq!(drops.alive(), 0);
    }
}

#[tokio::test]
async fn without_handles_everything_is_handled_and_the_actor_ends() {
    let log = Log::default();
    let probe = actor::spawn(Probe::with(log.clone(), &DropCounter::new()));
    let weak = probe.downgrade();
    probe.tell(Msg::Note("last words".into())).await.unwrap();
    drop(probe);
    assert!(weak.upgrade().is_none());
    assert!(matches!(weak.wait_stopped().await, StopReason::Unreferenced));
    let end = "stopped: nobody referred to it any more";
    assert_eq!(log.lines(), ["started 1", "last words", "stopping", end]);
}

#[tokio::test]
async fn the_verbs_are_heard_although_the_mailbox_is_full() {
    for verb in ["stop", "kill"] {
        let gate = Gate::new();
        let probe = Builder::new().mailbox(1).spawn(Probe::new());
        probe.tell(Msg::Hold(gate.clone())).await.unwrap();
        tokio::task::yield_now().await;
        while probe.try_tell(Msg::Add(1)).is_ok() {}
        assert!(probe.is_full());
        let ended = if verb == "stop" { probe.stop() } else { probe.kill() };
        if verb == "stop" {
            gate.open();
        }
        ended.await;
        assert_eq!(probe.stats().flow.discarded, if verb == "stop" { 1 } else { 2 });
    }
}

#[tokio::test]
async fn the_verbs_may_be_called_any_number_of_times_and_after_the_end() {
    let probe = actor::spawn(Probe::new());
    probe.stop();
    assert!(matches!(probe.stop().await, StopReason::Stopped));
    for _ in 0..2 {
        assert!(matches!(probe.stop().await, StopReason::Stopped));
        assert!(matches!(probe.drain().await, StopReason::Stopped));
        assert!(matches!(probe.kill().await, StopReason::Stopped));
        assert!(matches!(probe.wait_stopped().await, StopReason::Stopped));
    }
    assert!(probe.is_stopped());
}

#[tokio::test]
async fn a_kill_is_stronger_than_a_stop_and_a_stop_than_a_drain() {
    let gate = Gate::new();
    let probe = actor::spawn(Probe::new());
    probe.tell(Msg::Hold(gate.clone())).await.unwrap();
    probe.tell(Msg::Add(1)).await.unwrap();
    tokio::task::yield_now().await;
    probe.drain();
    probe.stop();
    gate.open();
    assert!(matches!(probe.wait_stopped().await, StopReason::Stopped));
    assert_eq!(probe.stats().flow.discarded, 1);
}

#[tokio::test]
async fn an_actor_stops_itself() {
    let probe = actor::spawn(Probe::new());
    probe.tell(Msg::Stop).await.unwrap();
    assert!(matches!(probe.wait_stopped().await, StopReason::Stopped));
}

#[tokio::test]
async fn a_wait_that_is_dropped_wakes_no_one_else_up() {
    let probe = actor::spawn(Probe::new());
    let mut gone = Box::pin(probe.wait_stopped());
    let mut stays = Box::pin(probe.wait_stopped());
    assert!(poll_once(gone.as_mut()).is_pending());
    assert!(poll_once(stays.as_mut()).is_pending());
    drop(gone);
    probe.stop();
    assert!(matches!(stays.await, StopReason::Stopped));
}

#[tokio::test]
async fn when_the_end_is_known_nothing_is_left() {
    let drops = DropCounter::new();
    let guard = drops.guard();
    let probe = Builder::new()
        .on_undelivered({
            let guard = Arc::new(guard);
            move |_: Msg| drop(guard.clone())
        })
        .spawn(Probe::with(Log::default(), &drops));
    let mut stopped = Box::pin(probe.stop());
    while poll_once(stopped.as_mut()).is_pending() {
        tokio::task::yield_now().await;
    }
    assert_eq!(drops.alive(), 1); // the hook, which the handle still has
    drop((probe, stopped));
    assert_eq!(drops.alive(), 0);
}

#[tokio::test]
async fn a_hook_for_undelivered_messages_may_panic() {
    let probe = Builder::new().on_undelivered(|_| panic!("in the hook")).spawn(Probe::new());
    probe.tell(Msg::Add(1)).await.unwrap();
    probe.tell(Msg::Add(1)).await.unwrap();
    assert!(matches!(probe.stop().await, StopReason::Stopped));
    assert_eq!(probe.stats().flow.discarded, 2);
}

#[tokio::test]
async fn a_drain_after_a_crash_goes_on_with_what_was_accepted() {
    let log = Log::default();
    let kept = log.clone();
    let probe = Builder::new().supervised(move || Probe::with(kept.clone(), &DropCounter::new()));
    for msg in [Msg::Note("1".into()), Msg::Crash("x"), Msg::Note("2".into()), Msg::Crash("y"), Msg::Note("3".into())] {
        probe.tell(msg).await.unwrap();
    }
    assert!(matches!(probe.drain().await, StopReason::Drained));
    let notes: Vec<String> = log.lines().into_iter().filter(|line| line.len() == 1).collect();
    assert_eq!(notes, ["1", "2", "3"]);
    let flow = probe.stats().flow;
    assert_eq!((flow.done, flow.failed, flow.discarded), (3, 2, 0));
}

#[tokio::test]
async fn an_actor_that_awaits_its_own_end_is_told() {
    struct Loop;
    impl actor::Actor for Loop {
        type Msg = ();
        type Handle = actor::ActorRef<Self>;
        async fn handle(&mut self, (): (), cx: &mut actor::Context<Self>) {
            cx.me().stop().await;
        }
    }
    let loops = actor::spawn(Loop);
    loops.tell(()).await.unwrap();
    let reason = loops.wait_stopped().await;
    let expected = "actor `Loop`, a message, panicked: actor `Loop` waits for its own end: call `Context::stop` and return, or \
                    wait in `Context::spawn`";
    assert_eq!(reason.to_string(), expected);
}
