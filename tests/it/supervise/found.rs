//! What was found to go wrong once: a child that is lost, a wait that does not end, a look that lies.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use regatta::policy::Backoff;
use regatta::supervise::{
    ChildError, ChildSpec, Exit, Ignored, Intensity, Restart, Shutdown, Strategy, Supervisor, SupervisorRef,
};
use tokio::time::{Instant, advance, timeout};

use super::kit::{Cue, Stage, settle, states};

const SECOND: Duration = Duration::from_secs(1);

fn backoff() -> Backoff {
    Backoff::exponential(SECOND..=4 * SECOND).jitter(0.0)
}

fn waits(name: &'static str) -> ChildSpec {
    ChildSpec::new(name, |cx| async move {
        cx.cancelled().await;
        Ok(())
    })
}

/// Passes so much time on a paused clock, in steps in which everything can happen.
async fn pass(tree: &SupervisorRef, seconds: u32) {
    for _ in 0..seconds {
        advance(SECOND).await;
        settle(tree).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_is_late_is_tried_again() {
    let stage = Stage::new();
    let hangs_once = ChildSpec::starting("a", |cx| async move {
        if cx.incarnation() == 2 {
            std::future::pending::<()>().await;
        }
        Ok(async move {
            if cx.incarnation() == 1 {
                return Err("once".into());
            }
            cx.cancelled().await;
            Ok(())
        })
    });
    let tree = Supervisor::builder().strategy(Strategy::OneForAll).child(hangs_once.start_timeout(SECOND));
    let tree = tree.child(stage.child("b")).start("app").await.expect("a start");
    pass(&tree, 20).await;
    assert_eq!(states(&tree), "a: running, b: running");
}

#[tokio::test(start_paused = true)]
async fn siblings_are_started_though_the_one_that_failed_is_stopped() {
    let stage = Stage::new();
    let tree = Supervisor::builder().strategy(Strategy::OneForAll).backoff(backoff());
    let tree = tree.child(stage.child("a")).child(stage.child("b")).child(stage.child("c"));
    let tree = tree.start("app").await.expect("a start");
    stage.after(3).await;
    stage.cue("a", Cue::Fail);
    stage.after(3).await;
    settle(&tree).await;
    assert_eq!(states(&tree), "a: restarting, b: restarting, c: restarting");
    tree.stop_child("a").await.expect("it is there");
    tree.stop_child("b").await.expect("it is there");
    pass(&tree, 2).await;
    assert_eq!(states(&tree), "a: stopped, b: stopped, c: running");
}

#[tokio::test]
async fn the_rest_is_started_though_the_one_that_cannot_be_is_stopped() {
    let stage = Stage::new();
    let tree = Supervisor::builder().strategy(Strategy::RestForOne).intensity(Intensity::unlimited());
    let endless: &'static str = Box::leak(format!("s{}", "e".repeat(10_000)).into_boxed_str());
    let tree = tree.child(stage.starter("a", endless)).child(stage.child("b")).start("app").await.expect("a start");
    stage.after(3).await;
    stage.cue("a", Cue::Fail);
    stage.after(4).await;
    tree.stop_child("a").await.expect("it is there");
    settle(&tree).await;
    settle(&tree).await;
    assert_eq!(states(&tree), "a: stopped, b: running");
}

#[tokio::test]
async fn one_that_retires_while_it_is_stopped_is_forgotten() {
    let retires = || {
        ChildSpec::new("r", |cx| async move {
            cx.cancelled().await;
            cx.retire();
            Ok(())
        })
    };
    let stage = Stage::new();
    let tree = Supervisor::builder().strategy(Strategy::OneForAll).child(stage.child("a")).child(retires());
    let tree = tree.start("app").await.expect("a start");
    stage.after(1).await;
    stage.cue("a", Cue::Fail);
    stage.after(2).await;
    settle(&tree).await;
    assert_eq!(states(&tree), "a: running");
    tree.start_child(retires()).await.expect("the name is free");
    settle(&tree).await;
    tree.stop_child("r").await.expect("it lives");
    assert_eq!(states(&tree), "a: running");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_queued_does_not_hold_up_a_shutdown() {
    let slow = ChildSpec::new("slow", |cx| async move {
        cx.cancelled().await;
        let _ = timeout(SECOND, std::future::pending::<()>()).await;
        Ok(())
    });
    let (go, gone) = tokio::sync::watch::channel(false);
    let asks = ChildSpec::new("asks", move |cx| {
        let mut gone = gone.clone();
        async move {
            gone.wait_for(|is_gone| *is_gone).await?;
            let refused = cx.supervisor().start_child(waits("new")).await;
            assert!(refused.is_err());
            cx.cancelled().await;
            Ok(())
        }
    });
    let tree = Supervisor::builder().child(asks.shutdown(Shutdown::Unlimited)).child(slow).start("app").await;
    let tree = tree.expect("a start");
    settle(&tree).await;
    let handle = tree.handle();
    let stopping = tokio::spawn(async move { handle.stop_child("slow").await });
    tokio::task::yield_now().await;
    go.send_replace(true);
    tokio::task::yield_now().await;
    let report = tree.shutdown(600 * SECOND).await;
    assert!(report.is_clean() && report.elapsed <= 2 * SECOND, "{report}");
    let _ = stopping.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn a_request_of_one_that_is_being_stopped_is_refused() {
    let asks = ChildSpec::new("asks", |cx| async move {
        cx.cancelled().await;
        let refused = cx.supervisor().stop_child("other").await;
        assert!(matches!(refused, Err(ChildError::Reentrant { .. })));
        Ok(())
    });
    let tree = Supervisor::builder().child(asks).child(waits("other")).start("app").await.expect("a start");
    settle(&tree).await;
    let begun = Instant::now();
    tree.stop_child("asks").await.expect("it lives");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(matches!(tree.which_children()[0].last_exit, Some(Exit::Shutdown)));
}

#[tokio::test(start_paused = true)]
async fn one_that_lives_may_ask_while_its_supervisor_still_starts() {
    let root = Supervisor::builder().start("root").await.expect("a start");
    let (handle, got) = (root.handle(), Arc::new(Mutex::new(None)));
    let told = got.clone();
    let worker = ChildSpec::new("worker", move |cx| {
        let (handle, told) = (handle.clone(), told.clone());
        async move {
            let started = handle.start_child(waits("extra")).await;
            *told.lock().expect("no panic") = Some(started.is_ok());
            cx.cancelled().await;
            Ok(())
        }
    });
    let slow = ChildSpec::starting("slow", |cx| async move {
        let _ = timeout(SECOND, std::future::pending::<()>()).await;
        Ok(async move {
            cx.cancelled().await;
            Ok(())
        })
    });
    let below = Supervisor::builder().child(worker).child(slow);
    root.start_child(ChildSpec::supervisor("below", below)).await.expect("it is new");
    settle(&root).await;
    settle(&root).await;
    assert_eq!(*got.lock().expect("no panic"), Some(true));
}

#[derive(Debug)]
struct Bomb;

impl std::fmt::Display for Bomb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a bomb")
    }
}

impl std::error::Error for Bomb {}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "on the way out");
    }
}

#[tokio::test]
async fn an_error_whose_destructor_panics_ends_nobody_else() {
    let child = ChildSpec::new("a", |cx| async move {
        if cx.incarnation() < 3 {
            return Err(Bomb.into());
        }
        cx.cancelled().await;
        Ok(())
    });
    let tree = Supervisor::builder().child(child).child(waits("b")).start("app").await.expect("a start");
    while tree.which_children()[0].incarnation < 3 {
        tokio::task::yield_now().await;
    }
    settle(&tree).await;
    assert_eq!(states(&tree), "a: running, b: running");
}

#[tokio::test]
async fn a_closure_whose_destructor_panics_ends_nobody_else() {
    let bomb = Bomb;
    let child = ChildSpec::new("a", move |_cx| {
        let _ = &bomb;
        async { Ok(()) }
    });
    let tree = Supervisor::builder().child(waits("b")).start("app").await.expect("a start");
    tree.start_child(child.restart(Restart::Temporary)).await.expect("it is new");
    while tree.which_children().len() > 1 {
        tokio::task::yield_now().await;
    }
    settle(&tree).await;
    assert_eq!(states(&tree), "b: running");
}

#[tokio::test]
async fn a_board_tells_the_truth_after_an_abort() {
    let below = ChildSpec::supervisor("below", Supervisor::builder().child(waits("c")));
    let tree = Supervisor::builder().child(waits("a")).child(below).start("app").await.expect("a start");
    settle(&tree).await;
    let _ = tree.aborted().await;
    assert_eq!(states(&tree), "a: stopped, below: stopped");
    assert!(matches!(tree.which_children()[0].last_exit, Some(Exit::Killed)));
}

#[tokio::test(start_paused = true)]
async fn a_late_start_is_not_waited_for_without_a_limit() {
    let hangs = ChildSpec::starting("a", |_cx| async {
        std::future::pending::<()>().await;
        Ok(async { Ok(()) })
    });
    let hangs = hangs.start_timeout(SECOND).shutdown(Shutdown::Unlimited);
    let begun = Instant::now();
    assert!(Supervisor::builder().child(hangs).start("app").await.is_err());
    assert_eq!(begun.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_hangs_is_no_long_life() {
    let hangs = ChildSpec::starting("a", |cx| async move {
        if cx.incarnation() > 1 {
            std::future::pending::<()>().await;
        }
        Ok(async { Err("once".into()) })
    });
    let hangs = hangs.start_timeout(30 * SECOND).shutdown(Shutdown::Kill).backoff(backoff());
    let tree = Supervisor::builder().intensity(Intensity::unlimited()).child(hangs).start("app").await;
    let tree = tree.expect("a start");
    // 1 + 30, 2 + 30, 4 + 30, 4 + 30 …
    let mut begins = Vec::new();
    let begun = Instant::now();
    while begins.len() < 5 {
        if tree.which_children()[0].incarnation as usize > begins.len() + 1 {
            begins.push(begun.elapsed().as_secs());
        }
        pass(&tree, 1).await;
    }
    let gaps: Vec<_> = begins.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().zip([32, 34, 34, 34]).all(|(gap, expected)| gap.abs_diff(expected) <= 1), "{gaps:?}");
}

#[tokio::test]
async fn an_ignored_start_is_no_failure_to_look_at() {
    let ignored = ChildSpec::starting("a", |_cx| async {
        if true {
            return Err(Ignored.into());
        }
        Ok(async { Ok(()) })
    });
    let tree = Supervisor::builder().child(ignored).start("app").await.expect("a start");
    assert_eq!(tree.tree().to_string(), "app\n└─ a: stopped");
}

#[tokio::test]
async fn requests_are_served_beside_children_that_fail_all_the_time() {
    let mut tree = Supervisor::builder().intensity(Intensity::unlimited()).child(waits("b"));
    for number in 0..400 {
        tree = tree.child(ChildSpec::new(number.to_string(), |_cx| async { Err("again".into()) }));
    }
    let tree = tree.start("app").await.expect("a start");
    let stopped = timeout(20 * SECOND, tree.stop_child("b")).await;
    assert!(matches!(stopped, Ok(Ok(()))), "{stopped:?}");
}

#[tokio::test]
async fn the_token_of_a_life_is_cancelled_when_it_is_over() {
    let (told, mut tell) = tokio::sync::mpsc::channel(4);
    let child = ChildSpec::new("a", move |cx| {
        let told = told.clone();
        async move {
            told.send(cx.token()).await?;
            if cx.incarnation() == 1 {
                return Err("once".into());
            }
            std::future::pending().await
        }
    });
    let tree = Supervisor::builder().child(child.shutdown(Shutdown::Kill)).start("app").await.expect("a start");
    let (first, second) = (tell.recv().await.expect("a life"), tell.recv().await.expect("a life"));
    tree.stop_child("a").await.expect("it lives");
    assert!(first.is_cancelled() && second.is_cancelled());
}
