//! Restarts that wait.

use std::time::Duration;

use regatta::policy::Backoff;
use regatta::supervise::{EventKind, Intensity, Strategy, Supervisor};
use tokio::time::{Instant, advance};

use super::kit::{Cue, Stage, settle, states};

fn backoff() -> Backoff {
    Backoff::exponential(Duration::from_secs(1)..=Duration::from_secs(4)).jitter(0.0)
}

#[tokio::test(start_paused = true)]
async fn delays_grow_and_are_forgotten_after_a_long_life() {
    let stage = Stage::new();
    let tree = Supervisor::builder().intensity(Intensity::unlimited()).backoff(backoff()).child(stage.child("a"));
    let tree = tree.start("app").await.expect("a start");
    let mut delays = Vec::new();
    for life in 0..6 {
        stage.after(1).await;
        if life == 5 {
            advance(Duration::from_secs(5)).await;
        }
        let begun = Instant::now();
        stage.cue("a", Cue::Fail);
        stage.after(1).await;
        while states(&tree) != "a: running" {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        delays.push(begun.elapsed().as_secs());
    }
    assert_eq!(delays, [1, 2, 4, 4, 4, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_attends_to_others_while_a_child_waits() {
    let stage = Stage::new();
    let tree = Supervisor::builder().child(stage.child("a").backoff(backoff())).child(stage.child("b"));
    let tree = tree.start("app").await.expect("a start");
    let mut events = tree.subscribe();
    stage.after(2).await;
    stage.cue("a", Cue::Fail);
    stage.after(1).await;
    settle(&tree).await;
    assert_eq!(states(&tree), "a: restarting, b: running");
    while let Ok(event) = events.try_recv() {
        if let EventKind::Restarting { delay, recent, .. } = event.kind {
            assert_eq!((delay, recent), (Duration::from_secs(1), 1));
        }
    }
    stage.cue("b", Cue::Fail);
    assert_eq!(stage.after(2).await, "-b +b");
    tree.stop_child("a").await.expect("it is there");
    advance(Duration::from_secs(10)).await;
    settle(&tree).await;
    assert_eq!(states(&tree), "a: stopped, b: running");
}

#[tokio::test(start_paused = true)]
async fn a_group_waits_as_a_whole() {
    let stage = Stage::new();
    let tree = Supervisor::builder().strategy(Strategy::OneForAll).backoff(backoff());
    let tree = tree.child(stage.child("a")).child(stage.child("b")).start("app").await.expect("a start");
    stage.after(2).await;
    stage.cue("a", Cue::Fail);
    assert_eq!(stage.after(2).await, "-a -b");
    settle(&tree).await;
    assert_eq!(states(&tree), "a: restarting, b: restarting");
    assert_eq!(stage.after(2).await, "+a +b");
    drop(tree);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_a_delay() {
    let stage = Stage::new();
    let tree = Supervisor::builder().backoff(backoff()).child(stage.child("a")).start("app").await.expect("a start");
    stage.after(1).await;
    stage.cue("a", Cue::Fail);
    stage.after(1).await;
    settle(&tree).await;
    let report = tree.shutdown(Duration::from_secs(60)).await;
    assert_eq!(report.elapsed, Duration::ZERO);
}
