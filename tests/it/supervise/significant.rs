//! Supervisors that end with their significant children.

use std::time::Duration;

use regatta::supervise::{AutoShutdown, ChildError, Exit, Intensity, Restart, StartError, Supervisor};

use super::kit::{Cue, Stage, settle, states};

#[tokio::test]
async fn it_ends_with_any_of_them() {
    let stage = Stage::new();
    let tree = Supervisor::builder().auto_shutdown(AutoShutdown::AnySignificant).child(stage.child("plain"));
    let tree = tree.child(stage.child("a").restart(Restart::Transient).significant(true));
    let tree = tree.child(stage.child("b").restart(Restart::Temporary).significant(true));
    let tree = tree.start("app").await.expect("a start");
    stage.after(3).await;
    stage.cue("b", Cue::Fail);
    assert!(matches!(tree.wait_stopped().await, Exit::Shutdown));
    assert_eq!(stage.said(), "-b -a -plain");
}

#[tokio::test]
async fn it_ends_with_the_last_of_them() {
    let stage = Stage::new();
    let tree = Supervisor::builder().auto_shutdown(AutoShutdown::AllSignificant).child(stage.child("plain"));
    let tree = tree.child(stage.child("a").restart(Restart::Transient).significant(true));
    let tree = tree.child(stage.child("b").restart(Restart::Temporary).significant(true));
    let tree = tree.start("app").await.expect("a start");
    stage.after(3).await;
    stage.cue("b", Cue::Done);
    stage.after(1).await;
    settle(&tree).await;
    assert_eq!(states(&tree), "plain: running, a: running");
    stage.cue("a", Cue::Done);
    assert!(matches!(tree.wait_stopped().await, Exit::Shutdown));
}

#[tokio::test]
async fn a_significant_child_that_is_restarted_ends_nothing() {
    let stage = Stage::new();
    let tree = Supervisor::builder().auto_shutdown(AutoShutdown::AnySignificant);
    let tree = tree.child(stage.child("a").restart(Restart::Transient).significant(true)).start("app").await;
    let tree = tree.expect("a start");
    stage.after(1).await;
    stage.cue("a", Cue::Fail);
    assert_eq!(stage.after(2).await, "-a +a");
    assert!(!tree.is_stopped());
}

#[tokio::test]
async fn one_that_was_stopped_ends_nothing() {
    let stage = Stage::new();
    let tree = Supervisor::builder().auto_shutdown(AutoShutdown::AnySignificant);
    let tree = tree.child(stage.child("a").restart(Restart::Transient).significant(true)).start("app").await;
    let tree = tree.expect("a start");
    tree.stop_child("a").await.expect("it lives");
    settle(&tree).await;
    assert!(!tree.is_stopped());
}

#[tokio::test]
async fn what_can_mean_nothing_is_refused() {
    let stage = Stage::new();
    let transient = || stage.child("a").restart(Restart::Transient).significant(true);
    let never = Supervisor::builder().child(transient()).start("app").await;
    assert!(matches!(never, Err(StartError::Significant { .. })));
    let permanent = Supervisor::builder().auto_shutdown(AutoShutdown::AnySignificant);
    let permanent = permanent.child(stage.child("a").significant(true)).start("app").await;
    assert!(matches!(permanent, Err(StartError::Significant { .. })));
    let tree = Supervisor::builder().start("app").await.expect("a start");
    assert!(matches!(tree.start_child(transient()).await, Err(ChildError::Significant { .. })));
    assert_eq!(stage.said(), "");
}

#[tokio::test]
async fn its_end_is_normal_above() {
    let stage = Stage::new();
    let below = Supervisor::builder().auto_shutdown(AutoShutdown::AnySignificant);
    let below = below.child(stage.child("a").restart(Restart::Temporary).significant(true));
    let below = regatta::supervise::ChildSpec::supervisor("below", below).restart(Restart::Transient);
    let tree = Supervisor::builder().intensity(Intensity::new(0, Duration::MAX)).child(below).start("app").await;
    let tree = tree.expect("a start");
    stage.after(1).await;
    stage.cue("a", Cue::Done);
    stage.after(1).await;
    settle(&tree).await;
    settle(&tree).await;
    assert_eq!(states(&tree), "below: stopped");
}
