//! Panics, wherever user code runs.

use std::future::IntoFuture;

use regatta::actor::{self, Actor, ActorRef, AskError, Builder, Context, Outcome, Reply, StopReason};

use super::kit::{In, Log, Msg, Probe};
use crate::support::{DropCounter, Gate, poll_once};

#[tokio::test]
async fn the_end_says_what_the_panic_said() {
    for (msg, text) in [
        (Msg::Crash("a str"), "actor `Probe`, Crash, panicked: a str"),
        (Msg::CrashLater("a String".into()), "actor `Probe`, CrashLater, panicked: a String"),
    ] {
        let probe = actor::spawn(Probe::new());
        probe.tell(msg).await.unwrap();
        let reason = probe.wait_stopped().await;
        assert!(matches!(reason, StopReason::Panicked(_)) && reason.is_failure());
        assert_eq!(reason.to_string(), text);
    }
}

#[tokio::test]
async fn the_asker_gets_the_text_and_the_name_of_the_message() {
    let probe = actor::spawn(Probe::new());
    let error = probe.ask(Msg::CrashAsked).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer to CrashAsked: actor `Probe`, CrashAsked, panicked: while asked");
    assert_eq!(error.outcome(), Outcome::MaybeExecuted);

    let probe = actor::spawn(Probe::new());
    let error = probe.ask(Msg::CrashOddly).await.unwrap_err();
    assert!(error.to_string().ends_with("panicked: (a payload that is not text)"), "{error}");
}

#[tokio::test]
async fn a_kept_reply_learns_of_a_later_panic() {
    let probe = actor::spawn(Probe::new());
    let mut asking = Box::pin(probe.ask(Msg::Keep).into_future());
    assert!(poll_once(asking.as_mut()).is_pending());
    probe.tell(Msg::Crash("later")).await.unwrap();
    let error = asking.await.unwrap_err();
    assert_eq!(error.to_string(), "no answer to Keep: actor `Probe`, Crash, panicked: later");
}

#[tokio::test]
async fn asks_behind_a_panic_fail_at_once_where_there_is_no_next_incarnation() {
    let probe = actor::spawn(Probe::new());
    probe.tell(Msg::Crash("first")).await.unwrap();
    let error = probe.ask(Msg::Get).await.unwrap_err();
    assert!(matches!(error, AskError::Stopped { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert_eq!(error.to_string(), "actor `Probe` ended before it handled Get: actor `Probe`, Crash, panicked: first");
    assert!(matches!(error.reason(), Some(StopReason::Panicked(_))));
}

#[tokio::test]
async fn after_a_panic_stopped_is_called_and_stopping_is_not() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let probe = actor::spawn(Probe::with(log.clone(), &drops));
    probe.tell(Msg::Crash("x")).await.unwrap();
    probe.wait_stopped().await;
    assert_eq!(log.lines(), ["started 1", "stopped: actor `Probe`, Crash, panicked: x"]);
    assert_eq!(drops.alive(), 0);
    let flow = probe.stats().flow;
    assert_eq!((flow.failed, flow.done, flow.in_flight), (1, 0, 0));
}

#[tokio::test]
async fn a_panic_in_a_hook_is_the_end() {
    let with = |set: fn(&mut Probe)| {
        let mut probe = Probe::new();
        set(&mut probe);
        actor::spawn(probe)
    };
    let probe = with(|probe| probe.starting = In::Panic);
    assert_eq!(probe.wait_stopped().await.to_string(), "actor `Probe`, starting, panicked: in a hook");
    let probe = with(|probe| probe.starting = In::Fail);
    assert_eq!(probe.wait_stopped().await.to_string(), "did not start: no start");
    let probe = with(|probe| probe.stopping = In::Panic);
    assert_eq!(probe.stop().await.to_string(), "actor `Probe`, stopping, panicked: in a hook");
    let probe = with(|probe| probe.stopped = In::Panic);
    assert_eq!(probe.stop().await.to_string(), "actor `Probe`, stopped, panicked: in a hook");
}

#[tokio::test]
async fn asks_of_an_actor_that_does_not_start_end() {
    let mut probe = Probe::new();
    probe.starting = In::Fail;
    let probe = actor::spawn(probe);
    let error = probe.ask(Msg::Get).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert!(error.to_string().ends_with("did not start: no start"), "{error}");
}

/// Panics when it is dropped, or asked to name a message.
struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("in a destructor")
    }
}

impl Actor for Fragile {
    type Msg = Reply<u8>;
    type Handle = ActorRef<Self>;
    async fn handle(&mut self, reply: Reply<u8>, _: &mut Context<Self>) {
        let _ = reply.send(1);
    }
    fn message_name(_: &Reply<u8>) -> &'static str {
        panic!("without a name")
    }
}

#[tokio::test]
async fn a_panic_of_a_destructor_or_of_a_name_is_a_value() {
    let fragile = actor::spawn(Fragile);
    assert_eq!(fragile.ask(|reply| reply).await.unwrap(), 1);
    assert_eq!(fragile.stop().await.to_string(), "actor `Fragile`, stopped, panicked: in a destructor");
    let fragile = actor::spawn(Fragile);
    tokio::task::yield_now().await;
    assert!(matches!(fragile.kill().await, StopReason::Killed));
}

#[tokio::test]
async fn an_actor_that_fails_by_its_own_account_finishes_its_message() {
    let log = Log::default();
    let probe = actor::spawn(Probe::with(log.clone(), &DropCounter::new()));
    probe.tell(Msg::Fail("no disk")).await.unwrap();
    let reason = probe.wait_stopped().await;
    assert!(matches!(reason, StopReason::Failed(_)));
    assert_eq!(reason.to_string(), "failed: no disk");
    assert_eq!(log.lines(), ["started 1", "stopped: failed: no disk"]);
}

#[tokio::test]
async fn a_panic_that_user_code_catches_is_no_panic_of_the_actor() {
    let catcher = actor::spawn(actor::from_fn(0, |n, reply: Reply<i32>| {
        let moved = std::panic::AssertUnwindSafe(reply);
        let _ = std::panic::catch_unwind(move || {
            let _reply = moved;
            panic!("caught")
        });
        *n += 1;
    }));
    assert!(matches!(catcher.ask(|reply| reply).await, Err(AskError::NoReply { .. })));
    assert!(!catcher.is_stopped());
}

#[tokio::test]
async fn a_kill_while_a_reply_is_in_a_child_future_tells_the_asker() {
    let probe = actor::spawn(Probe::new());
    let asking = tokio::spawn({
        let probe = probe.clone();
        async move { probe.ask(|reply| Msg::Wait(Gate::new(), reply)).await }
    });
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    probe.kill().await;
    let error = asking.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "actor `Probe` ended in the middle of Wait: killed");
}

#[tokio::test]
async fn the_message_that_panics_is_consumed_and_the_rest_is_undelivered() {
    let log = Log::default();
    let undelivered = log.clone();
    let probe =
        Builder::new().on_undelivered(move |msg| undelivered.write(Probe::message_name(&msg))).spawn(Probe::new());
    probe.tell(Msg::Crash("x")).await.unwrap();
    probe.tell(Msg::Add(1)).await.unwrap();
    probe.wait_stopped().await;
    assert_eq!(log.lines(), ["Add"]);
}

#[tokio::test]
async fn a_kept_reply_learns_that_the_actor_has_failed_or_was_killed() {
    for (end, text) in [(true, "failed: no disk"), (false, "killed")] {
        let probe = actor::spawn(Probe::new());
        let mut asking = Box::pin(probe.ask(Msg::Keep).into_future());
        assert!(poll_once(asking.as_mut()).is_pending());
        probe.ask(Msg::Get).await.unwrap();
        match end {
            true => probe.tell(Msg::Fail("no disk")).await.unwrap(),
            false => drop(probe.kill()),
        }
        let error = asking.await.unwrap_err();
        assert_eq!(error.to_string(), format!("actor `Probe` ended in the middle of Keep: {text}"));
        assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    }
}

#[tokio::test]
async fn a_panic_at_the_end_is_told_to_those_whose_replies_were_kept() {
    let mut probe = Probe::new();
    probe.stopped = In::Panic;
    let probe = actor::spawn(probe);
    let mut asking = Box::pin(probe.ask(Msg::Keep).into_future());
    assert!(poll_once(asking.as_mut()).is_pending());
    let stopped = probe.drain();
    let error = asking.await.unwrap_err();
    assert!(matches!(&error, AskError::Panicked { panicked, .. } if &*panicked.message == "in a hook"), "{error}");
    assert!(matches!(stopped.await, StopReason::Panicked(_)));
}
