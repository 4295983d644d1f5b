//! The first start.

use std::time::Duration;

use regatta::supervise::{ChildSpec, Restart, StartError, Supervisor};

use super::kit::{Stage, states};
use crate::support::{DropCounter, poll_once};

#[tokio::test]
async fn children_start_in_order() {
    let stage = Stage::new();
    let slow = {
        let stage = stage.clone();
        ChildSpec::starting("slow", move |cx| {
            let stage = stage.clone();
            async move {
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                stage.say("slow");
                Ok(async move { stage.play(&cx).await })
            }
        })
    };
    let tree = Supervisor::builder().child(slow).child(stage.starter("b", "s")).start("app").await.expect("a start");
    let said = stage.after(3).await;
    assert!(said.find("slow") < said.find("sb"), "{said}");
    assert_eq!(states(&tree), "slow: running, b: running");
}

#[tokio::test]
async fn a_failed_first_start_stops_what_was_started() {
    let stage = Stage::new();
    let children = Supervisor::builder().child(stage.starter("a", "s")).child(stage.starter("b", "s"));
    let error =
        children.child(stage.starter("c", "es")).child(stage.child("d")).start("app").await.expect_err("c fails");
    assert_eq!(error.to_string(), "supervisor `app` was not started: child `c`: failed: not today");
    let said = stage.said();
    assert!(said.ends_with("ec -b -a") && !said.contains('d'), "{said}");
}

#[tokio::test]
async fn a_first_start_that_panics_is_an_error() {
    let stage = Stage::new();
    let error = Supervisor::builder().child(stage.starter("a", "p")).start("app").await.expect_err("a panics");
    assert!(error.to_string().ends_with("child `a`: task `app/a` panicked: not today"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_start_has_a_limit() {
    let drops = DropCounter::new();
    let counted = drops.clone();
    let hangs = ChildSpec::starting("hangs", move |_cx| {
        let guard = counted.guard();
        async move {
            let _guard = guard;
            std::future::pending::<()>().await;
            Ok(async { Ok(()) })
        }
    });
    let begun = tokio::time::Instant::now();
    let hangs = hangs.start_timeout(Duration::from_secs(2)).shutdown(regatta::supervise::Shutdown::Kill);
    let error = Supervisor::builder().child(hangs).start("app").await.expect_err("it hangs");
    assert!(error.to_string().ends_with("the start of child `app/hangs` took longer than 2s"), "{error}");
    assert_eq!((begun.elapsed(), drops.alive()), (Duration::from_secs(2), 0));
}

#[tokio::test]
async fn an_ignored_start_keeps_its_spec() {
    let stage = Stage::new();
    let temporary = stage.starter("b", "i").restart(Restart::Temporary);
    let tree =
        Supervisor::builder().child(stage.starter("a", "is")).child(temporary).start("app").await.expect("a start");
    assert_eq!(states(&tree), "a: stopped");
    tree.restart_child("a").await.expect("it is stopped");
    assert_eq!(states(&tree), "a: running");
}

#[tokio::test]
async fn two_children_of_one_name_are_refused() {
    let stage = Stage::new();
    let error = Supervisor::builder().child(stage.child("a")).child(stage.child("a")).start("app").await;
    assert!(matches!(error, Err(StartError::Duplicate { .. })));
    assert_eq!(stage.said(), "");
}

#[tokio::test]
async fn a_start_that_is_dropped_aborts_what_was_started() {
    let drops = DropCounter::new();
    let counted = drops.clone();
    let lives = ChildSpec::new("lives", move |cx| {
        let guard = counted.guard();
        async move {
            cx.cancelled().await;
            drop(guard);
            Ok(())
        }
    });
    let hangs = ChildSpec::starting("hangs", |_cx| async {
        std::future::pending::<()>().await;
        Ok(async { Ok(()) })
    });
    let mut start = Box::pin(Supervisor::builder().child(lives).child(hangs).start("app"));
    assert!(poll_once(start.as_mut()).is_pending());
    while drops.alive() == 0 {
        tokio::task::yield_now().await;
    }
    drop(start);
    while drops.alive() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_supervisor_without_children_waits() {
    let tree = Supervisor::builder().start("app").await.expect("a start");
    assert!(tree.which_children().is_empty() && !tree.is_stopped());
    let report = tree.shutdown(Duration::from_secs(1)).await;
    assert!(report.is_clean() && tree.is_stopped());
}
