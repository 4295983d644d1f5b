//! A child without a life: between two, kept stopped by its supervisor, or after an abort.

use std::time::Duration;

use regatta::actor::{ActorRef, AskError, Builder, StopReason};
use regatta::policy::Backoff;
use regatta::supervise::{ChildSpec, Exit, Ignored, Intensity, Restart, Shutdown, Strategy, Supervisor};
use tokio::time::timeout;

use super::kit::{In, Log, Msg, Probe};
use crate::support::{DropCounter, Gate};

const HOUR: Duration = Duration::from_secs(3600);

fn hourly() -> Backoff {
    Backoff::exponential(HOUR..=HOUR).jitter(0.0)
}

fn probe(name: &'static str) -> (ActorRef<Probe>, ChildSpec) {
    Builder::new().name(name).ask_timeout(None).child(Probe::new)
}

/// Crashes it, and leaves it in a long wait for its next life.
async fn crashed(actor: &ActorRef<Probe>) {
    actor.ask(Msg::CrashAsked).await.expect_err("it crashes");
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn verbs_work_before_the_next_life() {
    for verb in ["stop", "kill"] {
        let (actor, child) = probe("a");
        let tree = Supervisor::builder().child(child.backoff(hourly())).start("app").await.expect("a start");
        crashed(&actor).await;
        actor.tell(Msg::Add(1)).await.expect("room");
        let ended = if verb == "stop" { actor.stop() } else { actor.kill() };
        let reason = timeout(HOUR / 2, ended).await.expect("an end long before the next life");
        assert_eq!(reason.to_string(), if verb == "stop" { "stopped" } else { "killed" });
        assert_eq!(actor.stats().flow.discarded, 1);
        drop(tree);
    }
}

#[tokio::test]
async fn verbs_work_while_the_supervisor_keeps_it_stopped() {
    let (actor, child) = probe("a");
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    for _ in 0..3 {
        tree.stop_child("a").await.expect("it lives");
        tree.restart_child("a").await.expect("it is stopped");
    }
    assert_eq!(actor.ask(Msg::Incarnation).await.expect("an answer"), 4);
    tree.stop_child("a").await.expect("it lives");
    assert!(matches!(actor.stop().await, StopReason::Stopped));
    let error = tree.restart_child("a").await.expect_err("it has ended");
    assert_eq!(error.to_string(), "there is no child `app/a`");
}

#[tokio::test]
async fn a_verb_from_outside_any_runtime_works_too() {
    let (actor, child) = probe("a");
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    tree.stop_child("a").await.expect("it lives");
    let stopped = actor.clone();
    std::thread::spawn(move || drop(stopped.stop())).join().expect("no panic");
    assert!(matches!(actor.wait_stopped().await, StopReason::Stopped));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_verb_is_missed_whenever_it_comes() {
    for round in 0..300 {
        let (actor, child) = probe("a");
        let tree = Supervisor::builder().intensity(Intensity::unlimited()).child(child);
        let tree = tree.start("app").await.expect("a start");
        let crashing = tokio::spawn({
            let actor = actor.clone();
            async move { while actor.tell(Msg::Crash("again")).await.is_ok() {} }
        });
        for _ in 0..round % 17 {
            tokio::task::yield_now().await;
        }
        timeout(Duration::from_secs(20), actor.stop()).await.expect("an end");
        timeout(Duration::from_secs(20), crashing).await.expect("refused").expect("no panic");
        drop(tree);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_and_is_told_to_stop_ends_with_the_abort() {
    let (actor, child) = probe("a");
    let child = child.shutdown(Shutdown::Within(Duration::from_secs(1)));
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    actor.tell(Msg::Hold(Gate::new())).await.expect("room");
    while !actor.is_empty() {
        tokio::task::yield_now().await;
    }
    let stopped = actor.stop();
    tree.stop_child("a").await.expect("it lives");
    assert!(matches!(stopped.await, StopReason::Killed));
    assert!(tree.which_children().is_empty(), "forgotten, as it was told to end");
    let flow = actor.stats().flow;
    assert_eq!((flow.discarded, flow.in_flight), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_abort_is_the_reason_of_a_life_that_was_aborted() {
    let log = Log::default();
    let (seen, drops) = (log.clone(), DropCounter::new());
    let (actor, child) = Builder::new().name("a").child(move || Probe::with(seen.clone(), &drops));
    let tree = Supervisor::builder().child(child.shutdown(Shutdown::Kill)).start("app").await.expect("a start");
    actor.ask(Msg::CrashAsked).await.expect_err("it crashes");
    actor.tell(Msg::Hold(Gate::new())).await.expect("room");
    while !actor.is_empty() {
        tokio::task::yield_now().await;
    }
    tree.stop_child("a").await.expect("it lives");
    let flow = actor.stats().flow;
    assert_eq!((flow.failed, flow.discarded, flow.in_flight), (1, 1, 0));
    tree.restart_child("a").await.expect("it is stopped");
    assert_eq!(log.lines().last().map(String::as_str), Some("restarted 3: killed"));
    actor.tell(Msg::Hold(Gate::new())).await.expect("room");
    tree.stop_child("a").await.expect("it lives");
    tree.delete_child("a").await.expect("it is stopped");
    assert!(matches!(actor.wait_stopped().await, StopReason::Killed));
}

/// One that asks another within its own message.
fn asking(whom: &ActorRef<Probe>) -> (ActorRef<impl regatta::actor::Actor<Msg = ()>>, ChildSpec) {
    let whom = whom.clone();
    Builder::new().name("asking").child(move || Asking(whom.clone()))
}

struct Asking(ActorRef<Probe>);

impl regatta::actor::Actor for Asking {
    type Msg = ();
    type Handle = regatta::actor::ActorRef<Self>;

    async fn handle(&mut self, (): (), _: &mut regatta::actor::Context<Self>) {
        let error = self.0.ask(Msg::Get).await.expect_err("it is not answered");
        assert!(matches!(error, AskError::Stopped { .. } | AskError::Closed { .. }), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_stops_keeps_no_asker_waiting() {
    for depth in 0..3 {
        for is_down in [false, true] {
            let (asked, asked_child) = probe("asked");
            let (asker, asking_child) = asking(&asked);
            let asked_child = asked_child.backoff(hourly());
            let asking_child = asking_child.shutdown(Shutdown::Unlimited);
            let mut tree = Supervisor::builder().child(asking_child).child(asked_child);
            for _ in 0..depth {
                tree = Supervisor::builder().child(ChildSpec::supervisor("below", tree));
            }
            let tree = tree.start("app").await.expect("a start");
            if is_down {
                crashed(&asked).await;
            } else {
                asked.tell(Msg::Hold(Gate::new())).await.expect("room");
            }
            asker.tell(()).await.expect("room");
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            let report = tree.shutdown(HOUR / 2).await;
            assert!(
                report.panicked.is_empty() && report.elapsed < Duration::from_secs(10),
                "{depth} {is_down}: {report}"
            );
        }
    }
}

#[tokio::test]
async fn a_group_that_is_made_anew_keeps_its_mailboxes() {
    let (one, one_child) = probe("one");
    let (two, two_child) = probe("two");
    let below = Supervisor::builder().strategy(Strategy::OneForAll).child(two_child);
    let tree = Supervisor::builder().strategy(Strategy::OneForAll).child(one_child);
    let tree = tree.child(ChildSpec::supervisor("below", below)).start("app").await.expect("a start");
    for life in 1..=3 {
        // The count goes on, although the supervisor of `two` begins again each time.
        assert_eq!(two.ask(Msg::Incarnation).await.expect("an answer"), life);
        one.ask(Msg::CrashAsked).await.expect_err("it crashes");
        while two.stats().restarts < life {
            tokio::task::yield_now().await;
        }
    }
    drop(tree);
}

#[tokio::test]
async fn a_supervisor_learns_the_very_error() {
    #[derive(Debug)]
    struct Mine;
    impl std::fmt::Display for Mine {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("mine")
        }
    }
    impl std::error::Error for Mine {}
    struct Failing;
    impl regatta::actor::Actor for Failing {
        type Msg = bool;
        type Handle = regatta::actor::ActorRef<Self>;
        async fn handle(&mut self, panics: bool, cx: &mut regatta::actor::Context<Self>) {
            assert!(!panics, "as told");
            cx.fail(Mine);
        }
    }
    let (actor, child) = Builder::new().name("a").child(|| Failing);
    let tree =
        Supervisor::builder().intensity(Intensity::unlimited()).child(child).start("app").await.expect("a start");
    for panics in [false, true] {
        actor.tell(panics).await.expect("room");
        while actor.stats().restarts <= u64::from(panics) {
            tokio::task::yield_now().await;
        }
        match tree.which_children()[0].last_exit.as_ref().expect("an exit") {
            Exit::Failed(error) => assert!(!panics && error.is::<Mine>(), "{error}"),
            Exit::Panicked(panicked) => assert!(panics && &*panicked.message == "as told", "{panicked}"),
            exit => panic!("{exit}"),
        }
    }
}

#[tokio::test]
async fn one_that_has_nothing_to_do_is_no_failure() {
    struct Idle;
    impl regatta::actor::Actor for Idle {
        type Msg = ();
        type Handle = regatta::actor::ActorRef<Self>;
        async fn started(&mut self, _: &mut regatta::actor::Context<Self>) -> Result<(), regatta::BoxError> {
            Err(Ignored.into())
        }
        async fn handle(&mut self, (): (), _: &mut regatta::actor::Context<Self>) {}
    }
    let (_actor, child) = Builder::new().name("a").child(|| Idle);
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    assert_eq!(tree.which_children()[0].state.to_string(), "stopped");
}

#[tokio::test]
async fn one_spec_is_for_one_place() {
    let (actor, child) = probe("a");
    let tree = Supervisor::builder().child(child.clone()).start("app").await.expect("a start");
    let other = Supervisor::builder().start("other").await.expect("a start");
    let error = other.start_child(child).await.expect_err("it lives elsewhere");
    assert!(error.to_string().contains("actor `a` lives in another place already"), "{error}");
    assert_eq!(actor.ask(Msg::Get).await.expect("an answer"), 0);
    drop(tree);
}

#[tokio::test(start_paused = true)]
async fn one_that_drains_when_its_supervisor_stops_it_is_told_in_time() {
    let (actor, child) = probe("a");
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    let gate = Gate::new();
    actor.tell(Msg::Hold(gate.clone())).await.expect("room");
    actor.tell(Msg::Add(1)).await.expect("room");
    while actor.len() > 1 {
        tokio::task::yield_now().await;
    }
    let drained = actor.drain();
    let stopping = tokio::spawn(async move { tree.shutdown(HOUR).await });
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    gate.open();
    assert!(stopping.await.expect("no panic").is_clean());
    assert!(drained.await.is_normal());
    let flow = actor.stats().flow;
    assert_eq!((flow.done, flow.discarded, flow.in_flight), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_significant_and_told_to_end_in_its_start_ends_all() {
    for (restart, builder) in [(Restart::Transient, Supervisor::builder()), (Restart::Temporary, Supervisor::builder())]
    {
        let (actor, child) = Builder::new().name("a").child(|| {
            let mut probe = Probe::new();
            probe.starting = In::Hang;
            probe
        });
        let child = child.restart(restart).significant(true);
        let builder = builder.auto_shutdown(regatta::supervise::AutoShutdown::AnySignificant).child(child);
        let starting = tokio::spawn(async move { builder.start("app").await });
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let _ = actor.kill().await;
        let error = timeout(HOUR, starting).await.expect("an end").expect("no panic").expect_err("it is over");
        assert!(error.to_string().starts_with("supervisor `app` was not started: child `a`"), "{error}");
    }
    // Later, too.
    let tree = Supervisor::builder().auto_shutdown(regatta::supervise::AutoShutdown::AnySignificant);
    let tree = tree.start("app").await.expect("a start");
    let (actor, child) = Builder::new().name("a").child(|| {
        let mut probe = Probe::new();
        probe.starting = In::Hang;
        probe
    });
    let (handle, killed) = (tree.handle(), tokio::spawn(async move { actor.kill().await }));
    let child = child.restart(Restart::Temporary).significant(true);
    handle.start_child(child).await.expect_err("it was killed");
    let _ = killed.await;
    assert!(matches!(timeout(HOUR, tree.wait_stopped()).await.expect("an end"), Exit::Shutdown));
}
