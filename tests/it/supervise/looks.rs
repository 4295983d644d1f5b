//! What can be seen from outside.

use std::time::Duration;

use regatta::observe::Registry;
use regatta::supervise::{ChildSpec, Intensity, Supervisor};
use tokio::sync::broadcast;

use super::kit::{Cue, Stage, kind, settle};

#[tokio::test]
async fn a_tree_prints_as_a_tree() {
    let stage = Stage::new();
    let below = Supervisor::builder().child(stage.child("b")).child(stage.child("c"));
    let tree = Supervisor::builder().child(stage.child("a")).child(ChildSpec::supervisor("below", below));
    let tree = tree.child(stage.child("d")).start("app").await.expect("a start");
    stage.after(4).await;
    stage.cue("b", Cue::Fail);
    stage.after(2).await;
    settle(&tree).await;
    let expected = "app\n\
                    ├─ a: running\n\
                    ├─ below (supervisor): running\n\
                    │  ├─ b: running, life 2 (1 restart), before: failed: as told\n\
                    │  └─ c: running\n\
                    └─ d: running";
    assert_eq!(tree.tree().to_string(), expected);
}

#[tokio::test]
async fn events_tell_the_whole_story() {
    let stage = Stage::new();
    let (events, mut seen) = broadcast::channel(64);
    let below = Supervisor::builder().intensity(Intensity::OTP).child(stage.starter("a", "ses"));
    let tree = Supervisor::builder().events(events).child(ChildSpec::supervisor("below", below));
    let tree = tree.start("app").await.expect("a start");
    stage.after(2).await;
    stage.cue("a", Cue::Fail);
    while tree.which_children()[0].incarnation < 2 {
        tokio::task::yield_now().await;
    }
    settle(&tree).await;
    let _ = tree.shutdown(Duration::from_secs(5)).await;
    let mut story = Vec::new();
    while let Ok(event) = seen.try_recv() {
        story.push(format!("{}/{} {}", event.supervisor, event.child, kind(&event.kind)));
    }
    let expected = [
        "app/below/a started",
        "app/below started",
        "app/below/a exited",
        "app/below/a restarting",
        "app/below/a start failed",
        "app/below/a gave up",
        "app/below exited",
        "app/below restarting",
        "app/below/a started",
        "app/below started",
        "app/below/a exited",
        "app/below exited",
    ];
    let story: Vec<_> = story.iter().map(String::as_str).collect();
    assert_eq!(story, expected);
}

#[tokio::test]
async fn rows_show_children_and_conserve_lives() {
    let registry = Registry::new();
    let stage = Stage::new();
    let below = ChildSpec::supervisor("below", Supervisor::builder().child(stage.child("b")));
    let tree = registry.scope(Supervisor::builder().child(stage.child("a")).child(below).start("app")).await;
    let tree = tree.expect("a start");
    stage.after(2).await;
    stage.cue("b", Cue::Panic);
    stage.after(2).await;
    let snapshot = registry.snapshot();
    let (app, below) = (snapshot.named("app").expect("a row"), snapshot.named("app/below").expect("a row"));
    assert_eq!((&*app.kind, &*app.state, below.parent), ("supervisor", "open", Some(app.id)));
    assert_eq!((below.flow.accepted, below.flow.failed, below.flow.in_flight), (2, 1, 1));
    assert!(app.flow.is_conserved() && below.flow.is_conserved());
    let _ = tree.shutdown(Duration::from_secs(5)).await;
    assert_eq!(registry.snapshot().named("app").expect("a row").state, "stopped");
    drop(tree);
    assert!(registry.snapshot().rows.is_empty());
}

#[tokio::test]
async fn supervisors_below_are_found_by_their_way() {
    let stage = Stage::new();
    let deep = Supervisor::builder().child(stage.child("leaf"));
    let io = Supervisor::builder().child(ChildSpec::supervisor("deep", deep));
    let tree = Supervisor::builder().child(ChildSpec::supervisor("io", io)).start("app").await.expect("a start");
    stage.after(1).await;
    assert_eq!(tree.supervisor("io").expect("it runs").path(), "app/io");
    let deep = tree.supervisor("io/deep").expect("it runs");
    assert_eq!(deep.path(), "app/io/deep");
    deep.stop_child("leaf").await.expect("it lives");
    for nobody in ["", "io/", "io/deep/leaf", "deep", "app/io"] {
        assert!(tree.supervisor(nobody).is_none(), "{nobody}");
    }
}
