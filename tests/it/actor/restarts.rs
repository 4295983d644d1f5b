//! Actors that are made anew after a failure.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use regatta::actor::{ActorRef, Builder, StopReason};
use regatta::policy::Backoff;
use tokio::time::Instant;

use super::kit::{In, Log, Msg, Probe};
use crate::support::{DropCounter, Gate, poll_once};

fn supervised(builder: Builder<Msg>, log: &Log) -> ActorRef<Probe> {
    let log = log.clone();
    builder.supervised(move || Probe::with(log.clone(), &DropCounter::new()))
}

#[tokio::test]
async fn asks_behind_a_panic_are_answered_by_the_next_incarnation() {
    let probe = supervised(Builder::new(), &Log::default());
    probe.tell(Msg::Add(5)).await.unwrap();
    probe.tell(Msg::Crash("x")).await.unwrap();
    let mut behind = Box::pin(probe.ask(Msg::Get).into_future());
    assert!(poll_once(behind.as_mut()).is_pending());
    assert_eq!(behind.await.unwrap(), 0);
    assert_eq!(probe.ask(Msg::Incarnation).await.unwrap(), 2);
    assert_eq!(probe.stats().restarts, 1);
}

#[tokio::test]
async fn of_a_hundred_tells_with_a_poisoned_one_99_arrive_once_and_in_order() {
    for mailbox in [1, 7, 64, 1000] {
        let log = Log::default();
        let probe = supervised(Builder::new().mailbox(mailbox), &log);
        for n in 0..100 {
            let msg = if n == 37 { Msg::Crash("poison") } else { Msg::Note(n.to_string()) };
            probe.tell(msg).await.unwrap();
        }
        probe.drain().await;
        let notes: Vec<String> = log.lines().into_iter().filter(|line| line.parse::<u8>().is_ok()).collect();
        let expected: Vec<String> = (0..100).filter(|n| *n != 37).map(|n| n.to_string()).collect();
        assert_eq!(notes, expected, "mailbox {mailbox}");
    }
}

#[tokio::test]
async fn hooks_know_why_the_last_life_ended() {
    let log = Log::default();
    let probe = supervised(Builder::new(), &log);
    probe.tell(Msg::Crash("x")).await.unwrap();
    probe.tell(Msg::Fail("y")).await.unwrap();
    probe.drain().await;
    assert_eq!(
        log.lines(),
        [
            "started 1",
            "stopped: actor `Probe`, Crash, panicked: x",
            "restarted 2: actor `Probe`, Crash, panicked: x",
            "stopped: failed: y",
            "restarted 3: failed: y",
            "stopping",
            "stopped: drained",
        ]
    );
}

#[tokio::test]
async fn everything_that_worked_before_two_restarts_works_after() {
    let probe = supervised(Builder::new().name("survivor"), &Log::default());
    let (clone, weak, recipient) = (probe.clone(), probe.downgrade(), probe.recipient::<i64>());
    let weak_recipient = recipient.downgrade();
    let mut waiting = Box::pin(probe.wait_stopped());
    assert!(poll_once(waiting.as_mut()).is_pending());
    let watcher = watcher(&probe);
    for _ in 0..2 {
        probe.tell(Msg::Crash("again")).await.unwrap();
    }
    assert_eq!(probe.ask(Msg::Incarnation).await.unwrap(), 3);
    clone.tell(Msg::Add(1)).await.unwrap();
    weak.upgrade().unwrap().tell(Msg::Add(10)).await.unwrap();
    recipient.tell(100).await.unwrap();
    weak_recipient.upgrade().unwrap().try_tell(1000).unwrap();
    assert_eq!(probe.ask(Msg::Get).await.unwrap(), 1111);
    assert_eq!((probe.name(), weak.name(), recipient.name()), ("survivor", "survivor", "survivor"));
    assert_eq!((clone.id(), weak.id(), recipient.id()), (probe.id(), probe.id(), probe.id()));
    assert!(poll_once(waiting.as_mut()).is_pending());
    assert!(!watcher.is_stopped());
    clone.stop();
    assert!(matches!(waiting.await, StopReason::Stopped));
    assert!(matches!(weak.wait_stopped().await, StopReason::Stopped));
    assert!(matches!(recipient.wait_stopped().await, StopReason::Stopped));
    assert!(matches!(watcher.wait_stopped().await, StopReason::Stopped));
}

/// Stops when the other one has ended.
fn watcher(other: &ActorRef<Probe>) -> ActorRef<Watcher> {
    regatta::actor::spawn(Watcher(other.clone()))
}

struct Watcher(ActorRef<Probe>);

impl regatta::actor::Actor for Watcher {
    type Msg = StopReason;
    type Handle = regatta::actor::ActorRef<Self>;
    async fn started(&mut self, cx: &mut regatta::actor::Context<Self>) -> Result<(), regatta::BoxError> {
        cx.watch(&self.0, |reason| reason);
        Ok(())
    }
    async fn handle(&mut self, reason: StopReason, cx: &mut regatta::actor::Context<Self>) {
        assert!(matches!(reason, StopReason::Stopped));
        cx.stop();
    }
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_when_it_fails_too_often_within_the_time() {
    let probe = supervised(Builder::new().intensity(2, Duration::from_secs(10)), &Log::default());
    // Three failures, but no three within ten seconds.
    for _ in 0..3 {
        probe.tell(Msg::Crash("x")).await.unwrap();
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert!(!probe.is_stopped());
    }
    probe.tell(Msg::Crash("x")).await.unwrap();
    probe.tell(Msg::Crash("the last")).await.unwrap();
    let reason = probe.wait_stopped().await;
    let StopReason::GaveUp { restarts, within, last, .. } = &reason else { panic!("{reason}") };
    assert_eq!((*restarts, *within), (4, Duration::from_secs(10)));
    assert!(last.to_string().ends_with("the last"));
    assert_eq!(
        reason.to_string(),
        "gave up after 4 restarts, too many failures within 10s, the last: actor `Probe`, Crash, panicked: the last"
    );
}

#[tokio::test]
async fn an_intensity_of_zero_restarts_never() {
    let probe = supervised(Builder::new().intensity(0, Duration::from_secs(5)), &Log::default());
    probe.tell(Msg::Crash("x")).await.unwrap();
    assert!(matches!(probe.wait_stopped().await, StopReason::GaveUp { restarts: 0, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_backoff_keeps_messages_and_hears_the_verbs() {
    let backoff = Backoff::exponential(Duration::from_secs(1)..=Duration::from_secs(4)).jitter(0.0);
    let builder = || Builder::new().intensity(5, Duration::from_secs(60)).backoff(backoff).ask_timeout(None);
    let probe = supervised(builder(), &Log::default());
    let begun = Instant::now();
    for _ in 0..4 {
        probe.tell(Msg::Crash("x")).await.unwrap();
    }
    assert_eq!(probe.ask(Msg::Get).await.unwrap(), 0);
    assert_eq!(begun.elapsed().as_secs(), 1 + 2 + 4 + 4);

    for verb in ["stop", "kill"] {
        let probe = supervised(builder(), &Log::default());
        probe.tell(Msg::Crash("x")).await.unwrap();
        probe.tell(Msg::Add(1)).await.unwrap();
        while probe.stats().flow.failed == 0 {
            tokio::task::yield_now().await;
        }
        let begun = Instant::now();
        if verb == "stop" {
            probe.stop().await
        } else {
            probe.kill().await
        };
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(probe.stats().flow.discarded, 1);
    }
}

#[tokio::test]
async fn one_that_was_told_to_stop_is_not_restarted() {
    let log = Log::default();
    let kept = log.clone();
    let probe = Builder::new().supervised(move || {
        let mut probe = Probe::with(kept.clone(), &DropCounter::new());
        probe.stopping = In::Panic;
        probe
    });
    tokio::task::yield_now().await;
    assert!(matches!(probe.stop().await, StopReason::Panicked(_)));
    assert_eq!(log.lines().len(), 3);
    let one_that_breaks = || {
        let mut probe = Probe::new();
        probe.stopping = In::Panic;
        probe
    };
    let probe = Builder::new().supervised(one_that_breaks);
    assert!(matches!(probe.drain().await, StopReason::Panicked(_)));
    assert_eq!(probe.stats().restarts, 0);
    let weak = Builder::new().supervised(one_that_breaks).downgrade();
    assert!(matches!(weak.wait_stopped().await, StopReason::Panicked(_)));
}

#[tokio::test]
async fn a_first_start_that_fails_is_not_tried_again() {
    let made = Arc::new(AtomicUsize::new(0));
    for start in [In::Fail, In::Panic] {
        made.store(0, Ordering::Relaxed);
        let count = made.clone();
        let probe = Builder::new().supervised(move || {
            count.fetch_add(1, Ordering::Relaxed);
            let mut probe = Probe::new();
            probe.starting = start;
            probe
        });
        assert!(probe.wait_stopped().await.is_failure());
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }
    let probe = Builder::new().supervised(|| -> Probe { panic!("no parts") });
    assert_eq!(probe.wait_stopped().await.to_string(), "did not start: actor `Probe`, being made, panicked: no parts");
}

#[tokio::test]
async fn a_restart_that_fails_is_tried_again_within_the_limit() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let probe: ActorRef<Probe> = Builder::new().supervised_async(move || {
        let n = count.fetch_add(1, Ordering::Relaxed);
        async move { if n == 1 { Err("not yet") } else { Ok(Probe::new()) } }
    });
    probe.tell(Msg::Crash("x")).await.unwrap();
    assert_eq!(probe.ask(Msg::Incarnation).await.unwrap(), 3);
    assert_eq!(made.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_kill_ends_it_for_good() {
    let probe = supervised(Builder::new(), &Log::default());
    probe.tell(Msg::Hold(Gate::new())).await.unwrap();
    tokio::task::yield_now().await;
    assert!(matches!(probe.kill().await, StopReason::Killed));
    assert_eq!(probe.stats().restarts, 0);
}
