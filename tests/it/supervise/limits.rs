//! How many failures are too many, and what then.

use std::time::Duration;

use regatta::supervise::{ChildSpec, Exit, Intensity, Restart, Strategy, Supervisor};
use tokio::time::advance;

use super::kit::{Cue, Stage, settle, states};

async fn fail(stage: &Stage, name: &str) {
    stage.cue(name, Cue::Fail);
    stage.after(1).await;
}

#[tokio::test(start_paused = true)]
async fn the_window_is_inclusive_and_slides() {
    let second = Duration::from_secs(1);
    // Four failures; with 3 allowed in 5 s, the fourth is too many if the first is at most 5 s old.
    for (gaps, is_too_many) in [([1, 1, 3], true), ([2, 2, 2], false), ([4, 4, 4], false), ([5, 0, 0], true)] {
        let stage = Stage::new();
        let tree = Supervisor::builder().intensity(Intensity::new(3, 5 * second)).child(stage.child("a"));
        let tree = tree.start("app").await.expect("a start");
        stage.after(1).await;
        fail(&stage, "a").await;
        for gap in gaps {
            settle(&tree).await;
            stage.said();
            advance(gap * second).await;
            fail(&stage, "a").await;
        }
        settle(&tree).await;
        assert_eq!(tree.is_stopped(), is_too_many, "{gaps:?}");
    }
}

#[tokio::test]
async fn a_group_counts_once() {
    let stage = Stage::new();
    let tree = Supervisor::builder().strategy(Strategy::OneForAll).intensity(Intensity::OTP);
    let tree = tree.child(stage.child("a")).child(stage.child("b")).child(stage.child("c"));
    let tree = tree.start("app").await.expect("a start");
    stage.after(3).await;
    stage.cue("b", Cue::Fail);
    stage.after(6).await;
    assert_eq!(states(&tree), "a: running, b: running, c: running");
    stage.cue("a", Cue::Fail);
    assert!(matches!(tree.wait_stopped().await, Exit::GaveUp(_)));
}

#[tokio::test]
async fn only_ends_that_restart_count() {
    let stage = Stage::new();
    let none = Intensity::new(0, Duration::from_secs(5));
    let tree = Supervisor::builder().intensity(none).child(stage.child("permanent"));
    let tree = tree.child(stage.child("transient").restart(Restart::Transient));
    let tree = tree.child(stage.child("temporary").restart(Restart::Temporary)).start("app").await.expect("a start");
    stage.after(3).await;
    stage.cue("transient", Cue::Done);
    stage.cue("temporary", Cue::Fail);
    stage.after(2).await;
    settle(&tree).await;
    assert_eq!(states(&tree), "permanent: running, transient: stopped");
    stage.cue("permanent", Cue::Done);
    assert!(matches!(tree.wait_stopped().await, Exit::GaveUp(_)));
}

#[tokio::test]
async fn none_allowed_gives_up_at_once() {
    let stage = Stage::new();
    let none = Intensity::new(0, Duration::ZERO);
    let tree = Supervisor::builder().intensity(none).child(stage.child("a")).start("app").await.expect("a start");
    stage.after(1).await;
    stage.cue("a", Cue::Panic);
    let Exit::GaveUp(gave_up) = tree.wait_stopped().await else { panic!("it goes on") };
    let expected = "supervisor `app` gave up: child `a` failed once more than 0 restarts within 0ns allow; the last time \
                    it panicked: as told";
    assert_eq!(gave_up.to_string(), expected);
    assert_eq!(stage.said(), "-a");
}

#[tokio::test]
async fn unlimited_never_gives_up() {
    let stage = Stage::new();
    let tree = Supervisor::builder().intensity(Intensity::unlimited()).child(stage.child("a"));
    let tree = tree.start("app").await.expect("a start");
    stage.after(1).await;
    for _ in 0..1_000 {
        stage.cue("a", Cue::Fail);
        stage.after(2).await;
    }
    assert_eq!((states(&tree).as_str(), tree.which_children()[0].restarts), ("a: running", 1_000));
}

#[tokio::test]
async fn a_child_can_have_its_own_limit() {
    let stage = Stage::new();
    let own = stage.child("own").intensity(Intensity::new(1, Duration::from_secs(60)));
    let tree = Supervisor::builder().intensity(Intensity::unlimited()).child(own).child(stage.child("other"));
    let tree = tree.start("app").await.expect("a start");
    stage.after(2).await;
    for _ in 0..5 {
        stage.cue("other", Cue::Fail);
        stage.after(2).await;
    }
    stage.cue("own", Cue::Fail);
    stage.after(2).await;
    stage.cue("own", Cue::Fail);
    let Exit::GaveUp(gave_up) = tree.wait_stopped().await else { panic!("it goes on") };
    assert_eq!((&*gave_up.child, gave_up.limit.to_string().as_str()), ("own", "1 restart within 60s"));
}

#[tokio::test]
async fn giving_up_stops_the_others_in_reverse() {
    let stage = Stage::new();
    let none = Intensity::new(0, Duration::from_secs(5));
    let tree = Supervisor::builder().intensity(none).child(stage.child("a")).child(stage.child("b"));
    let tree = tree.child(stage.child("c")).child(stage.child("d")).start("app").await.expect("a start");
    stage.after(4).await;
    stage.cue("b", Cue::Fail);
    tree.wait_stopped().await;
    assert_eq!(stage.said(), "-b -d -c -a");
}

#[tokio::test]
async fn giving_up_escalates() {
    for (restart, expected) in [(Restart::Permanent, "below: running"), (Restart::Transient, "below: stopped")] {
        let stage = Stage::new();
        let none = Intensity::new(0, Duration::from_secs(5));
        let below = Supervisor::builder().intensity(none).child(stage.child("a"));
        let below = ChildSpec::supervisor("below", below).restart(restart);
        let tree = Supervisor::builder().intensity(Intensity::OTP).child(below).start("app").await.expect("a start");
        stage.after(1).await;
        stage.cue("a", Cue::Fail);
        stage.after(if restart == Restart::Permanent { 2 } else { 1 }).await;
        settle(&tree).await;
        settle(&tree).await;
        assert_eq!(states(&tree), expected);
        assert!(matches!(tree.which_children()[0].last_exit, Some(Exit::GaveUp(_))));
        if restart == Restart::Permanent {
            stage.cue("a", Cue::Fail); // it counts above: the second is too many
            let exit = tree.wait_stopped().await;
            assert!(exit.to_string().starts_with("supervisor `app` gave up: child `below`"), "{exit}");
        }
    }
}

#[tokio::test]
async fn limits_multiply() {
    let stage = Stage::new();
    let two = Intensity::new(2, Duration::from_secs(3600));
    let below = ChildSpec::supervisor("below", Supervisor::builder().intensity(two).child(stage.child("a")));
    let tree = Supervisor::builder().intensity(two).child(below).start("app").await.expect("a start");
    let mut lives = 0;
    while !tree.is_stopped() {
        stage.after(1).await;
        lives += 1;
        stage.cue("a", Cue::Fail);
        stage.after(1).await;
        settle(&tree).await;
        settle(&tree).await;
        if !tree.is_stopped() {
            stage.say("+a, that was said meanwhile");
        }
    }
    // Each of three lives of `below` sees three of `a`.
    assert_eq!(lives, 9);
}

#[test]
#[should_panic(expected = "Intensity: within must be above zero; `Intensity::unlimited()` never gives up")]
fn restarts_within_no_time_are_refused() {
    let _ = Intensity::new(1, Duration::ZERO);
}
