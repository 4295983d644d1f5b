//! The way down.

use std::time::Duration;

use regatta::supervise::{ChildSpec, Exit, Shutdown, Supervisor};
use tokio::time::Instant;

use super::kit::{Cue, Stage, states};
use crate::support::DropCounter;

/// A child that takes its time to end.
fn lingers(stage: &Stage, name: &'static str, time: Duration) -> ChildSpec {
    let stage = stage.clone();
    ChildSpec::new(name, move |cx| {
        let stage = stage.clone();
        async move {
            cx.cancelled().await;
            stage.say(format_args!("({name}"));
            let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
            stage.say(format_args!("{name})"));
            Ok(())
        }
    })
}

#[tokio::test(start_paused = true)]
async fn children_stop_in_reverse_one_by_one() {
    let stage = Stage::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| lingers(&stage, name, Duration::from_secs(1)));
    let tree = Supervisor::builder().child(a).child(b).child(c).start("app").await.expect("a start");
    let report = tree.shutdown(Duration::from_secs(10)).await;
    assert_eq!(stage.said(), "(c c) (b b) (a a)");
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.elapsed, Duration::from_secs(3));
    assert!(matches!(tree.wait_stopped().await, Exit::Shutdown));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_does_not_end_is_aborted_at_its_limit() {
    let stage = Stage::new();
    let hangs = lingers(&stage, "hangs", Duration::from_secs(3600)).shutdown(Shutdown::Within(Duration::from_secs(2)));
    let tree = Supervisor::builder().child(stage.child("a")).child(hangs).start("app").await.expect("a start");
    let begun = Instant::now();
    tree.stop_child("hangs").await.expect("it is there");
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    assert!(matches!(tree.which_children()[1].last_exit, Some(Exit::Killed)));
    assert_eq!(states(&tree), "a: running, hangs: stopped");
}

#[tokio::test(start_paused = true)]
async fn a_child_can_be_aborted_at_once() {
    let stage = Stage::new();
    let hangs = lingers(&stage, "hangs", Duration::from_secs(3600)).shutdown(Shutdown::Kill);
    let tree = Supervisor::builder().child(hangs).start("app").await.expect("a start");
    let begun = Instant::now();
    tree.stop_child("hangs").await.expect("it is there");
    assert_eq!((begun.elapsed(), stage.said().as_str()), (Duration::ZERO, ""));
}

#[tokio::test(start_paused = true)]
async fn an_unlimited_child_is_waited_for() {
    let stage = Stage::new();
    let slow = lingers(&stage, "slow", Duration::from_secs(3600)).shutdown(Shutdown::Unlimited);
    let tree = Supervisor::builder().child(slow).start("app").await.expect("a start");
    let report = tree.shutdown(Duration::from_secs(7200)).await;
    assert_eq!((stage.said().as_str(), report.elapsed), ("(slow slow)", Duration::from_secs(3600)));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_keeps_its_deadline() {
    let stage = Stage::new();
    let slow = lingers(&stage, "slow", Duration::from_secs(3600)).shutdown(Shutdown::Unlimited);
    let below = Supervisor::builder().child(slow);
    let tree = Supervisor::builder().child(ChildSpec::supervisor("below", below)).start("app").await.expect("a start");
    let report = tree.shutdown(Duration::from_secs(1)).await;
    assert_eq!((report.elapsed, report.still_running.len()), (Duration::from_secs(1), 0));
    assert!(report.aborted > 0 && tree.is_stopped(), "{report}");
}

#[tokio::test]
async fn a_failure_during_a_stop_restarts_nothing() {
    let stage = Stage::new();
    let fails = ChildSpec::new("fails", |cx| async move {
        cx.cancelled().await;
        Err("on the way out".into())
    });
    let tree = Supervisor::builder().child(stage.child("a")).child(fails).start("app").await.expect("a start");
    tree.stop_child("fails").await.expect("it is there");
    let child = &tree.which_children()[1];
    assert_eq!((child.state.to_string().as_str(), child.incarnation), ("stopped", 1));
    assert_eq!(child.last_exit.as_ref().map(ToString::to_string).as_deref(), Some("failed: on the way out"));
    assert!(!tree.is_stopped());
}

#[tokio::test]
async fn an_abort_takes_everything_along() {
    let drops = DropCounter::new();
    let counted = drops.clone();
    let deaf = ChildSpec::new("deaf", move |_cx| {
        let guard = counted.guard();
        async move {
            std::future::pending::<()>().await;
            drop(guard);
            Ok(())
        }
    });
    let below = ChildSpec::supervisor("below", Supervisor::builder().child(deaf.clone()));
    let tree = Supervisor::builder().child(deaf).child(below).start("app").await.expect("a start");
    while drops.alive() < 2 {
        tokio::task::yield_now().await;
    }
    let handle = tree.handle();
    let _ = tree.aborted().await;
    assert_eq!(drops.alive(), 0);
    assert!(matches!(handle.wait_stopped().await, Exit::Killed));
    assert!(handle.stop_child("deaf").await.expect_err("it is over").is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_killed_supervisor_is_gone_only_with_those_below() {
    let stage = Stage::new();
    // Blocked in a destructor until the gate is opened: an abort cannot hurry it.
    let slow = lingers(&stage, "slow", Duration::from_secs(3600)).shutdown(Shutdown::Unlimited);
    let below = ChildSpec::supervisor("below", Supervisor::builder().child(slow))
        .shutdown(Shutdown::Within(Duration::from_secs(1)));
    let tree = Supervisor::builder().child(below).start("app").await.expect("a start");
    tree.stop_child("below").await.expect("it is there");
    // Of the task that was aborted nothing is left, so a new life does not meet it.
    assert_eq!(stage.said(), "(slow");
    tree.restart_child("below").await.expect("it is stopped");
    assert_eq!(states(&tree), "below: running");
}

#[tokio::test]
async fn closed_accepts_no_children_but_restarts_those_it_has() {
    let stage = Stage::new();
    let tree = Supervisor::builder().child(stage.child("a")).start("app").await.expect("a start");
    tree.close();
    assert!(tree.start_child(stage.child("b")).await.expect_err("it is closed").is_closed());
    assert_eq!(stage.after(1).await, "+a");
    stage.cue("a", Cue::Fail);
    assert_eq!(stage.after(2).await, "-a +a");
}

#[tokio::test]
async fn a_stop_reaches_a_supervisor_that_waits_for_a_start() {
    let stage = Stage::new();
    let hangs = ChildSpec::starting("hangs", |cx| async move {
        cx.cancelled().await;
        Err::<std::future::Ready<_>, _>("asked to stop".into())
    });
    let tree = Supervisor::builder().child(stage.child("a")).start("app").await.expect("a start");
    let handle = tree.handle();
    let adding = tokio::spawn(async move { handle.start_child(hangs).await });
    while states(&tree) != "a: running, hangs: starting" {
        tokio::task::yield_now().await;
    }
    let report = tree.shutdown(Duration::from_secs(60)).await;
    assert!(report.is_clean(), "{report}");
    assert!(adding.await.expect("no panic").expect_err("it is over").is_closed());
}
