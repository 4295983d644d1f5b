//! Children, runtimes and schedules that mean no good.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use regatta::supervise::{ChildSpec, Exit, Intensity, Restart, Strategy, Supervisor};

use super::kit::{Cue, Stage, settle, states};
use crate::support::{DropCounter, without_deadlock};

#[tokio::test]
async fn a_closure_that_panics_is_a_failure_of_its_child() {
    let child = ChildSpec::new("a", |cx| {
        assert!(cx.incarnation() > 1, "not the first time");
        async move {
            cx.cancelled().await;
            Ok(())
        }
    });
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    while tree.which_children()[0].incarnation < 2 {
        tokio::task::yield_now().await;
    }
    settle(&tree).await;
    assert_eq!(states(&tree), "a: running");
}

#[tokio::test]
async fn a_destructor_that_panics_is_a_failure_of_its_child() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on the way out");
        }
    }
    let child = ChildSpec::new("a", |_cx| async {
        let _bomb = Bomb;
        Ok(())
    });
    let tree = Supervisor::builder().intensity(Intensity::new(2, Duration::MAX));
    let tree = tree.child(child.restart(Restart::Transient)).start("app").await.expect("a start");
    let Exit::GaveUp(gave_up) = tree.wait_stopped().await else { panic!("it goes on") };
    assert!(gave_up.to_string().ends_with("the last time it panicked: on the way out"), "{gave_up}");
}

#[test]
fn a_runtime_that_ends_takes_the_tree_along() {
    without_deadlock(|| {
        let drops = DropCounter::new();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (tree, waiting) = runtime.block_on(async {
            let counted = drops.clone();
            let child = ChildSpec::new("a", move |_cx| {
                let guard = counted.guard();
                async move {
                    std::future::pending::<()>().await;
                    drop(guard);
                    Ok(())
                }
            });
            let below = ChildSpec::supervisor("below", Supervisor::builder().child(child.clone()));
            let tree = Supervisor::builder().child(child).child(below).start("app").await.expect("a start");
            while drops.alive() < 2 {
                tokio::task::yield_now().await;
            }
            (tree.handle(), tree)
        });
        drop(runtime);
        assert_eq!(drops.alive(), 0);
        let other = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        other.block_on(async {
            // The workers of a runtime end side by side: the supervisor may still see its children go, and give up.
            assert!(matches!(tree.wait_stopped().await, Exit::Killed | Exit::GaveUp(_)));
            let late = tree.start_child(ChildSpec::new("late", |_cx| async { Ok(()) })).await;
            assert!(late.expect_err("it is over").is_closed());
        });
        drop(waiting);
    });
}

#[tokio::test]
async fn a_failure_of_another_during_a_group_restart_counts_later() {
    let stage = Stage::new();
    // When `b` is stopped, it fails instead, and so does `c`, in the middle of the restart that `a` has caused.
    let fails = |name: &'static str| {
        ChildSpec::new(name, |cx| async move {
            cx.cancelled().await;
            Err("asked at a bad time".into())
        })
    };
    let tree = Supervisor::builder().strategy(Strategy::OneForAll).intensity(Intensity::OTP).child(stage.child("a"));
    let tree = tree.child(fails("b")).child(fails("c")).start("app").await.expect("a start");
    stage.after(1).await;
    stage.cue("a", Cue::Fail);
    stage.after(2).await;
    settle(&tree).await;
    assert_eq!(states(&tree), "a: running, b: running, c: running");
}

#[tokio::test]
async fn two_children_that_fail_at_once_are_both_restarted() {
    let stage = Stage::new();
    let tree =
        Supervisor::builder().child(stage.child("a")).child(stage.child("b")).start("app").await.expect("a start");
    stage.after(2).await;
    stage.cue("a", Cue::Fail);
    stage.cue("b", Cue::Panic);
    stage.after(4).await;
    settle(&tree).await;
    assert_eq!(states(&tree), "a: running, b: running");
    assert_eq!(tree.which_children().iter().map(|child| child.restarts).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lives_never_overlap_and_none_is_lost() {
    let alive = Arc::new(AtomicUsize::new(0));
    let lives = Arc::new(AtomicUsize::new(0));
    let counted = (alive.clone(), lives.clone());
    let child = move |name: String| {
        let (alive, lives) = counted.clone();
        ChildSpec::new(name, move |cx| {
            let (alive, lives) = (alive.clone(), lives.clone());
            async move {
                assert_eq!(alive.fetch_add(1, Ordering::SeqCst), 0, "two lives at once");
                let life = lives.fetch_add(1, Ordering::SeqCst);
                if life % 3 == 0 {
                    tokio::task::yield_now().await;
                }
                alive.fetch_sub(1, Ordering::SeqCst);
                match life {
                    2_000.. => cx.retire(),
                    life if life % 2 == 0 => return Err("again".into()),
                    _ => {}
                }
                Ok(())
            }
        })
    };
    let tree = Supervisor::builder().intensity(Intensity::unlimited()).child(child("a".to_owned()));
    let tree = tree.start("app").await.expect("a start");
    let mut events = tree.subscribe();
    while !tree.which_children().is_empty() {
        let _ = events.recv().await;
    }
    assert_eq!((lives.load(Ordering::SeqCst), alive.load(Ordering::SeqCst)), (2_001, 0));
}

#[tokio::test]
async fn a_context_that_is_kept_holds_nobody_up() {
    let (told, mut tell) = tokio::sync::mpsc::channel(1);
    let child = ChildSpec::new("a", move |cx| {
        let told = told.clone();
        async move {
            told.send(cx.clone()).await?;
            cx.cancelled().await;
            Ok(())
        }
    });
    let tree = Supervisor::builder().child(child).start("app").await.expect("a start");
    let kept = tell.recv().await.expect("its context");
    let report = tree.shutdown(Duration::from_secs(5)).await;
    assert!(report.is_clean(), "{report}");
    assert!(kept.supervisor().is_stopped() && kept.token().is_cancelled());
}
