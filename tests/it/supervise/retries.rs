//! Restarts whose start fails.

use std::time::Duration;

use regatta::supervise::{Exit, Intensity, Strategy, Supervisor};

use super::kit::{Cue, Stage, settle, states};

#[tokio::test]
async fn a_failed_restart_is_retried_between_requests() {
    let stage = Stage::new();
    let tree = Supervisor::builder().intensity(Intensity::unlimited());
    let endless: &'static str = Box::leak(format!("s{}", "e".repeat(100_000)).into_boxed_str());
    let tree = tree.child(stage.starter("a", endless)).child(stage.child("b")).start("app").await.expect("a start");
    stage.after(3).await;
    stage.cue("a", Cue::Fail);
    stage.after(10).await;
    // It fails for ever, and other requests are served.
    tree.stop_child("b").await.expect("it is there");
    assert!(["a: restarting, b: stopped", "a: starting, b: stopped"].contains(&states(&tree).as_str()));
    let error = tree.restart_child("a").await.expect_err("it is about to be started");
    assert_eq!(error.to_string(), "child `app/a` is restarting: stop it first");
    tree.stop_child("a").await.expect("it is there");
    settle(&tree).await;
    stage.said();
    settle(&tree).await;
    assert_eq!((states(&tree).as_str(), stage.said().as_str()), ("a: stopped, b: stopped", ""));
    let report = tree.shutdown(Duration::from_secs(5)).await;
    assert!(report.elapsed < Duration::from_secs(5));
}

#[tokio::test]
async fn every_try_counts() {
    let stage = Stage::new();
    let tree = Supervisor::builder().intensity(Intensity::new(3, Duration::from_secs(3600)));
    let tree = tree.child(stage.starter("a", "seeeeeee")).start("app").await.expect("a start");
    stage.after(2).await;
    stage.cue("a", Cue::Fail);
    assert!(matches!(tree.wait_stopped().await, Exit::GaveUp(_)));
    // The failure, and three starts.
    assert_eq!(stage.said(), "-a ea ea ea");
}

#[tokio::test]
async fn a_group_goes_on_at_the_child_that_failed() {
    let stage = Stage::new();
    let tree = Supervisor::builder().strategy(Strategy::RestForOne).intensity(Intensity::unlimited());
    let tree = tree.child(stage.starter("a", "")).child(stage.starter("b", "see")).child(stage.starter("c", ""));
    let tree = tree.start("app").await.expect("a start");
    stage.after(6).await;
    stage.cue("a", Cue::Fail);
    let said = stage.after(10).await;
    // `a` is up while `b` is tried; `c` waits for it.
    let starts: Vec<_> = said.split(' ').filter(|line| !line.starts_with(['+', '-'])).collect();
    assert_eq!(starts, ["sa", "eb", "eb", "sb", "sc"], "{said}");
    assert_eq!(said.matches("-a").count(), 1, "{said}");
    settle(&tree).await;
    assert_eq!(states(&tree), "a: running, b: running, c: running");
}

#[tokio::test]
async fn a_group_of_all_starts_over() {
    let stage = Stage::new();
    let tree = Supervisor::builder().strategy(Strategy::OneForAll).intensity(Intensity::unlimited());
    let tree = tree.child(stage.starter("a", "")).child(stage.starter("b", "se")).start("app").await.expect("a start");
    stage.after(4).await;
    stage.cue("b", Cue::Fail);
    let said = stage.after(9).await;
    let starts: Vec<_> = said.split(' ').filter(|line| !line.starts_with(['+', '-'])).collect();
    assert_eq!(starts, ["sa", "eb", "sa", "sb"], "{said}");
    drop(tree);
}
