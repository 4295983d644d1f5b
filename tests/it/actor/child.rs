//! Actors as children of a supervisor.

use std::time::Duration;

use regatta::actor::{ActorRef, Builder, StopReason};
use regatta::supervise::{ChildSpec, Exit, Intensity, Restart, Shutdown, Strategy, Supervisor, SupervisorRef};

use super::kit::{In, Log, Msg, Probe};
use crate::support::{DropCounter, Gate};

/// An actor, and its spec.
fn probe(name: &'static str, log: &Log, drops: &DropCounter) -> (ActorRef<Probe>, ChildSpec) {
    let (log, drops) = (log.clone(), drops.clone());
    Builder::new().name(name).child(move || Probe::with(log.clone(), &drops))
}

async fn until_empty(tree: &SupervisorRef) {
    while !tree.which_children().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn everything_works_after_two_restarts() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let (actor, child) = probe("a", &log, &drops);
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    let (weak, recipient) = (actor.downgrade(), actor.recipient::<i64>());
    for life in 1..=3 {
        assert_eq!(actor.ask(Msg::Incarnation).await.expect("an answer"), life);
        recipient.tell(5).await.expect("room");
        let upgraded = weak.upgrade().expect("it lives");
        assert_eq!(upgraded.ask(Msg::Get).await.expect("an answer"), 5);
        if life < 3 {
            let error = actor.ask(Msg::CrashAsked).await.expect_err("it crashes");
            assert!(error.to_string().contains("panicked"), "{error}");
        }
    }
    assert_eq!(tree.which_children()[0].restarts, 2);
    assert_eq!((drops.alive(), drops.dropped()), (1, 2));
    assert!(!actor.is_stopped());
}

#[tokio::test]
async fn what_is_sent_before_the_start_is_handled() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let (actor, child) = probe("a", &log, &drops);
    actor.tell(Msg::Add(7)).await.expect("room");
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    assert_eq!(actor.ask(Msg::Get).await.expect("an answer"), 7);
    drop(tree);
}

#[tokio::test]
async fn queued_messages_wait_for_the_next_life_in_order() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let (actor, child) = probe("a", &log, &drops);
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    for number in 0..50 {
        let note = if number == 20 { Msg::Crash("poison") } else { Msg::Note(number.to_string()) };
        actor.tell(note).await.expect("room");
    }
    actor.ask(Msg::Get).await.expect("an answer");
    let expected: Vec<_> = (0..50).filter(|number| *number != 20).map(|number: i32| number.to_string()).collect();
    let notes: Vec<_> = log.lines().into_iter().filter(|line| line.parse::<i32>().is_ok()).collect();
    assert_eq!(notes, expected);
    drop(tree);
}

#[tokio::test]
async fn whoever_is_told_to_end_is_forgotten() {
    for verb in ["stop", "drain", "kill", "drop"] {
        let (log, drops) = (Log::default(), DropCounter::new());
        let (actor, child) = probe("a", &log, &drops);
        let none = Intensity::new(0, Duration::MAX);
        let tree = Supervisor::builder().intensity(none).child(child).start("app").await.expect("a start");
        let weak = actor.downgrade();
        let reason = match verb {
            "stop" => actor.stop().await,
            "drain" => actor.drain().await,
            "kill" => actor.kill().await,
            _ => {
                drop(actor);
                weak.wait_stopped().await
            }
        };
        assert!(reason.is_normal() || matches!(reason, StopReason::Killed), "{verb}: {reason}");
        until_empty(&tree).await;
        assert!(!tree.is_stopped(), "{verb}");
        assert_eq!(drops.alive(), 0, "{verb}");
    }
}

#[tokio::test]
async fn one_that_its_supervisor_stops_keeps_its_mailbox() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let (actor, child) = probe("a", &log, &drops);
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    tree.stop_child("a").await.expect("it lives");
    assert_eq!((drops.alive(), actor.is_stopped()), (0, false));
    actor.tell(Msg::Add(3)).await.expect("room");
    tree.restart_child("a").await.expect("it is stopped");
    assert_eq!(actor.ask(Msg::Get).await.expect("an answer"), 3);
    tree.stop_child("a").await.expect("it lives");
    actor.tell(Msg::Add(4)).await.expect("room");
    tree.delete_child("a").await.expect("it is stopped");
    assert!(matches!(actor.wait_stopped().await, StopReason::Stopped));
    assert_eq!(actor.stats().flow.discarded, 1);
}

#[tokio::test]
async fn a_sibling_takes_it_along_and_nothing_is_lost() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let (first, first_child) = probe("first", &log, &drops);
    let (second, second_child) = probe("second", &log, &drops);
    let tree = Supervisor::builder().strategy(Strategy::OneForAll).child(first_child).child(second_child);
    let tree = tree.start("app").await.expect("a start");
    second.tell(Msg::Add(1)).await.expect("room");
    first.ask(Msg::CrashAsked).await.expect_err("it crashes");
    // The state is new, the handle is not.
    while second.stats().restarts == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(second.ask(Msg::Get).await.expect("an answer"), 0);
    assert_eq!(second.ask(Msg::Incarnation).await.expect("an answer"), 2);
    drop(tree);
}

#[tokio::test]
async fn a_start_that_fails_is_one_of_the_supervisor() {
    let (actor, child) = Builder::new().name("a").child(|| {
        let mut probe = Probe::new();
        probe.starting = In::Panic;
        probe
    });
    let error = Supervisor::builder().child(child).start("app").await.expect_err("it panics");
    assert!(error.to_string().starts_with("supervisor `app` was not started: child `a`: "), "{error}");
    assert!(actor.wait_stopped().await.is_failure());
    assert!(actor.ask(Msg::Get).await.is_err());
}

#[tokio::test]
async fn a_supervisor_that_gives_up_ends_it_with_its_reason() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let (actor, child) = probe("a", &log, &drops);
    let none = Intensity::new(0, Duration::MAX);
    let tree = Supervisor::builder().intensity(none).child(child).start("app").await.expect("a start");
    let asked = actor.ask(Msg::CrashAsked).await;
    assert!(asked.is_err());
    assert!(matches!(tree.wait_stopped().await, Exit::GaveUp(_)));
    assert!(matches!(actor.wait_stopped().await, StopReason::Panicked(_)));
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_aborted_and_its_asker_told() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let (actor, child) = probe("a", &log, &drops);
    let child = child.shutdown(Shutdown::Within(Duration::from_secs(1)));
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    let gate = Gate::new();
    let asking = tokio::spawn({
        let (actor, gate) = (actor.clone(), gate.clone());
        async move { actor.ask(|reply| Msg::Wait(gate, reply)).no_timeout().await }
    });
    while actor.stats().flow.in_flight != 1 || !actor.is_empty() {
        tokio::task::yield_now().await;
    }
    actor.tell(Msg::Add(1)).await.expect("room");
    tree.stop_child("a").await.expect("it lives");
    let error = asking.await.expect("no panic").expect_err("it was aborted");
    assert!(error.to_string().contains("killed"), "{error}");
    assert_eq!(drops.alive(), 0);
    tree.restart_child("a").await.expect("it is stopped");
    assert_eq!(actor.ask(Msg::Get).await.expect("an answer"), 1); // it had waited
}

#[test]
fn a_runtime_that_ends_ends_it() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let (actor, child) = probe("a", &log, &drops);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let tree = runtime.block_on(Supervisor::builder().child(child).start("app")).expect("a start");
    drop(runtime);
    drop(tree);
    assert!(actor.is_stopped());
    assert_eq!(drops.alive(), 0);
}

#[tokio::test]
async fn temporary_children_end_with_their_first_failure() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let (actor, child) = probe("a", &log, &drops);
    let tree = Supervisor::builder().child(child.restart(Restart::Temporary)).start("app").await.expect("a start");
    actor.ask(Msg::CrashAsked).await.expect_err("it crashes");
    assert!(matches!(actor.wait_stopped().await, StopReason::Panicked(_)));
    until_empty(&tree).await;
}

#[tokio::test]
async fn one_that_fails_while_it_is_drained_goes_on_with_the_rest() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let (actor, child) = probe("a", &log, &drops);
    for note in [Msg::Note("1".into()), Msg::Crash("poison"), Msg::Note("2".into())] {
        actor.tell(note).await.expect("room");
    }
    let drained = actor.drain();
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    assert!(matches!(drained.await, StopReason::Drained));
    let notes: Vec<_> = log.lines().into_iter().filter(|line| line.parse::<i32>().is_ok()).collect();
    assert_eq!(notes, ["1", "2"]);
    until_empty(&tree).await;
}
