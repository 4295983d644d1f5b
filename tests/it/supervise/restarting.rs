//! What is started again, and with whom.

use regatta::supervise::{Intensity, Restart, Strategy, Supervisor, SupervisorBuilder};

use super::kit::{Cue, Stage, settle, states};

fn three(stage: &Stage, strategy: Strategy) -> SupervisorBuilder {
    let builder = Supervisor::builder().strategy(strategy).intensity(Intensity::unlimited());
    builder.child(stage.starter("a", "")).child(stage.starter("b", "")).child(stage.starter("c", ""))
}

#[tokio::test]
async fn restart_types_decide() {
    let cases = [
        (Restart::Permanent, Cue::Fail, "a: running"),
        (Restart::Permanent, Cue::Panic, "a: running"),
        (Restart::Permanent, Cue::Done, "a: running"),
        (Restart::Transient, Cue::Fail, "a: running"),
        (Restart::Transient, Cue::Panic, "a: running"),
        (Restart::Transient, Cue::Done, "a: stopped"),
        (Restart::Temporary, Cue::Fail, ""),
        (Restart::Temporary, Cue::Panic, ""),
        (Restart::Temporary, Cue::Done, ""),
    ];
    for (restart, cue, expected) in cases {
        let stage = Stage::new();
        let tree = Supervisor::builder().child(stage.child("a").restart(restart)).start("app").await.expect("a start");
        assert_eq!(stage.after(1).await, "+a");
        stage.cue("a", cue);
        stage.after(1).await;
        settle(&tree).await;
        assert_eq!(states(&tree), expected, "{restart:?} {cue:?}");
        let lives = if expected == "a: running" { 2 } else { 1 };
        assert!(tree.which_children().iter().all(|child| child.incarnation == lives), "{restart:?} {cue:?}");
    }
}

#[tokio::test]
async fn one_for_one_restarts_the_child_alone() {
    let stage = Stage::new();
    let tree = three(&stage, Strategy::OneForOne).start("app").await.expect("a start");
    stage.after(6).await;
    stage.cue("b", Cue::Fail);
    assert_eq!(stage.after(3).await, "-b sb +b");
    drop(tree);
}

#[tokio::test]
async fn one_for_all_restarts_everybody_in_order() {
    let stage = Stage::new();
    let tree = three(&stage, Strategy::OneForAll).start("app").await.expect("a start");
    stage.after(6).await;
    stage.cue("b", Cue::Panic);
    let said = stage.after(9).await;
    assert!(said.starts_with("-b -c -a sa"), "{said}");
    let starts: Vec<_> = said.split(' ').filter(|line| line.starts_with('s')).collect();
    assert_eq!(starts, ["sa", "sb", "sc"]);
    settle(&tree).await;
    let restarts: Vec<_> = tree.which_children().iter().map(|child| child.restarts).collect();
    assert_eq!(restarts, [1, 1, 1]);
}

#[tokio::test]
async fn rest_for_one_restarts_those_after_it() {
    let stage = Stage::new();
    let tree = three(&stage, Strategy::RestForOne).start("app").await.expect("a start");
    stage.after(6).await;
    stage.cue("b", Cue::Fail);
    let said = stage.after(6).await;
    assert!(said.starts_with("-b -c sb") && !said.contains('a'), "{said}");
    drop(tree);
}

#[tokio::test]
async fn a_temporary_sibling_is_forgotten() {
    let stage = Stage::new();
    let builder = Supervisor::builder().strategy(Strategy::OneForAll).child(stage.child("a"));
    let tree = builder.child(stage.child("b").restart(Restart::Temporary)).start("app").await.expect("a start");
    stage.after(2).await;
    stage.cue("a", Cue::Fail);
    assert_eq!(stage.after(3).await, "-a -b +a");
    assert_eq!(states(&tree), "a: running");
}

#[tokio::test]
async fn a_transient_child_that_ended_starts_with_its_siblings() {
    let stage = Stage::new();
    let builder = Supervisor::builder().strategy(Strategy::OneForAll).child(stage.child("a"));
    let tree = builder.child(stage.child("b").restart(Restart::Transient)).start("app").await.expect("a start");
    stage.after(2).await;
    stage.cue("b", Cue::Done);
    stage.after(1).await;
    settle(&tree).await;
    assert_eq!(states(&tree), "a: running, b: stopped");
    stage.cue("a", Cue::Fail);
    assert_eq!(stage.after(3).await, "-a +a +b");
    drop(tree);
}

#[tokio::test]
async fn a_life_knows_how_the_one_before_ended() {
    let stage = Stage::new();
    let told = stage.clone();
    let child = regatta::supervise::ChildSpec::new("a", move |cx| {
        told.say(format_args!("{}", cx.last_exit().map_or_else(|| "first".to_owned(), ToString::to_string)));
        async move {
            match cx.incarnation() {
                1 => Err("no luck".into()),
                2 => panic!("no luck"),
                _ => {
                    cx.cancelled().await;
                    Ok(())
                }
            }
        }
    });
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    assert_eq!(stage.after(3).await, "first failed: no luck task `app/a` panicked: no luck");
    drop(tree);
}

#[tokio::test]
async fn a_life_that_retires_is_the_last() {
    for cue in [Cue::Done, Cue::Fail, Cue::Panic] {
        let stage = Stage::new();
        let retires = stage.clone();
        let child = regatta::supervise::ChildSpec::new("a", move |cx| {
            cx.retire();
            let stage = retires.clone();
            async move { stage.play(&cx).await }
        });
        let tree = Supervisor::builder().intensity(Intensity::new(0, std::time::Duration::MAX)).child(child);
        let tree = tree.start("app").await.expect("a start");
        stage.after(1).await;
        stage.cue("a", cue);
        stage.after(1).await;
        settle(&tree).await;
        assert!(tree.which_children().is_empty() && !tree.is_stopped());
    }
}
