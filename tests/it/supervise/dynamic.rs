//! Children that come and go.

use std::time::Duration;

use regatta::supervise::{ChildError, ChildSpec, Intensity, Restart, Supervisor};

use super::kit::{Cue, Stage, settle, states};

#[tokio::test]
async fn a_child_is_started_stopped_restarted_and_deleted() {
    let stage = Stage::new();
    let tree = Supervisor::builder().start("app").await.expect("a start");
    tree.start_child(stage.child("a")).await.expect("it is new");
    let error = tree.start_child(stage.child("a")).await.expect_err("it is there");
    assert_eq!(error.to_string(), "there is a child `app/a` already, and it is running");
    let error = tree.delete_child("a").await.expect_err("it lives");
    assert_eq!(error.to_string(), "child `app/a` is running: stop it first");
    assert!(matches!(tree.restart_child("a").await, Err(ChildError::NotStopped { .. })));

    tree.stop_child("a").await.expect("it lives");
    tree.stop_child("a").await.expect("once more changes nothing");
    assert_eq!(states(&tree), "a: stopped");
    let error = tree.start_child(stage.child("a")).await.expect_err("it is there");
    assert_eq!(error.to_string(), "there is a child `app/a` already, and it is stopped");
    tree.restart_child("a").await.expect("it is stopped");
    assert_eq!((states(&tree).as_str(), tree.which_children()[0].restarts), ("a: running", 0));
    tree.stop_child("a").await.expect("it lives");
    tree.delete_child("a").await.expect("it is stopped");
    assert_eq!(states(&tree), "");
    for gone in [tree.stop_child("a").await, tree.restart_child("a").await, tree.delete_child("a").await] {
        assert_eq!(gone.expect_err("it is gone").to_string(), "there is no child `app/a`");
    }
    tree.start_child(stage.child("a")).await.expect("the name is free");
}

#[tokio::test]
async fn stopping_and_restarting_by_hand_counts_nothing() {
    let stage = Stage::new();
    let tree = Supervisor::builder().intensity(Intensity::new(0, Duration::from_secs(60))).child(stage.child("a"));
    let tree = tree.start("app").await.expect("a start");
    for _ in 0..10 {
        tree.stop_child("a").await.expect("it lives");
        tree.restart_child("a").await.expect("it is stopped");
    }
    assert!(!tree.is_stopped());
}

#[tokio::test]
async fn a_temporary_child_that_is_stopped_is_forgotten() {
    let stage = Stage::new();
    let tree = Supervisor::builder().start("app").await.expect("a start");
    tree.start_child(stage.child("a").restart(Restart::Temporary)).await.expect("it is new");
    tree.stop_child("a").await.expect("it lives");
    assert_eq!(states(&tree), "");
}

#[tokio::test]
async fn a_child_whose_start_fails_is_not_kept() {
    let stage = Stage::new();
    let tree = Supervisor::builder().start("app").await.expect("a start");
    let error = tree.start_child(stage.starter("a", "e")).await.expect_err("it fails");
    assert_eq!(error.to_string(), "child `app/a` was not started: failed: not today");
    assert_eq!(states(&tree), "");
    tree.start_child(stage.starter("b", "se")).await.expect("it starts");
    tree.stop_child("b").await.expect("it lives");
    assert!(matches!(tree.restart_child("b").await, Err(ChildError::NotStarted { .. })));
    assert_eq!(states(&tree), "b: stopped");
}

#[tokio::test]
async fn a_restarted_supervisor_has_its_first_children() {
    let stage = Stage::new();
    let (told, mut tell) = tokio::sync::mpsc::channel(4);
    let first = stage.clone();
    let reports = ChildSpec::new("first", move |cx| {
        let (stage, told) = (first.clone(), told.clone());
        async move {
            told.send(cx.supervisor().clone()).await?;
            stage.play(&cx).await
        }
    });
    let below = Supervisor::builder().intensity(Intensity::new(0, Duration::MAX)).child(reports);
    let tree = Supervisor::builder().child(ChildSpec::supervisor("below", below)).start("app").await.expect("a start");
    let below = tell.recv().await.expect("its first life");
    below.start_child(stage.child("later")).await.expect("it is new");
    assert_eq!((below.path(), states(&below).as_str()), ("app/below", "first: running, later: running"));
    stage.after(2).await;
    stage.cue("first", Cue::Fail);
    let again = tell.recv().await.expect("its second life");
    settle(&tree).await;
    assert_eq!(states(&again), "first: running");
    assert!(below.is_stopped() && !again.is_stopped());
    assert!(below.start_child(stage.child("late")).await.expect_err("it is over").is_closed());
}

#[tokio::test]
async fn ten_thousand_children_come_and_go() {
    let tree = Supervisor::builder().start("app").await.expect("a start");
    let waits = |name: String| {
        ChildSpec::new(name, |cx| async move {
            cx.cancelled().await;
            Ok(())
        })
    };
    for number in 0..10_000 {
        tree.start_child(waits(number.to_string()).restart(Restart::Temporary)).await.expect("it is new");
    }
    for number in (0..10_000).step_by(2) {
        tree.stop_child(&number.to_string()).await.expect("it lives");
    }
    assert_eq!(tree.which_children().len(), 5_000);
    let report = tree.shutdown(Duration::from_secs(60)).await;
    assert!(report.is_clean() && report.finished == 10_001, "{report}");
}

#[tokio::test]
async fn a_request_that_would_wait_for_its_own_child_is_refused() {
    let (told, mut tell) = tokio::sync::mpsc::channel(4);
    let inside = told.clone();
    let running = ChildSpec::new("running", move |cx| {
        let told = inside.clone();
        async move {
            let refused = cx.supervisor().stop_child("running").await;
            told.send(refused).await?;
            cx.cancelled().await;
            Ok(())
        }
    });
    let starting = ChildSpec::starting("starting", move |cx| {
        let told = told.clone();
        async move {
            let other = ChildSpec::new("other", |_cx| async { Ok(()) });
            told.send(cx.supervisor().start_child(other).await).await?;
            Ok(async move {
                cx.cancelled().await;
                Ok(())
            })
        }
    });
    let tree = Supervisor::builder().child(running).child(starting).start("app").await.expect("a start");
    for _ in 0..2 {
        let refused = tell.recv().await.expect("an answer").expect_err("it would wait for itself");
        assert!(matches!(refused, ChildError::Reentrant { .. }), "{refused}");
    }
    assert_eq!(states(&tree), "running: running, starting: running");
}

#[tokio::test]
async fn a_child_starts_a_sibling() {
    let stage = Stage::new();
    let told = stage.clone();
    let parent = ChildSpec::new("parent", move |cx| {
        let stage = told.clone();
        async move {
            cx.supervisor().start_child(stage.child("sibling")).await?;
            cx.cancelled().await;
            Ok(())
        }
    });
    let tree = Supervisor::builder().child(parent).start("app").await.expect("a start");
    assert_eq!(stage.after(1).await, "+sibling");
    assert_eq!(states(&tree), "parent: running, sibling: running");
}
