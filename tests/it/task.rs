//! Task groups: who owns a task, how it ends, what the report says.

use std::time::Duration;

use regatta::CancellationToken;
use regatta::pool::CpuPool;
use regatta::task::TaskGroup;

use crate::support::{DropCounter, Gate, poll_once};

#[tokio::test]
async fn a_task_gives_its_value() {
    let group = TaskGroup::new("sums");
    assert_eq!(group.spawn("one", async { 1 + 1 }).unwrap().await.unwrap(), 2);
    assert!(group.is_empty());
}

#[tokio::test]
async fn a_panic_is_a_value_with_message_and_name() {
    let group = TaskGroup::new("server");
    let error = group.spawn("broken", async { panic!("out of {}", "cheese") }).unwrap().await.unwrap_err();
    assert!(error.is_panicked());
    assert_eq!(error.to_string(), "task `server/broken` panicked: out of cheese");
    let report = group.shutdown(Duration::from_secs(1)).await;
    assert_eq!((report.finished, report.panicked_count), (0, 1));
    assert_eq!(&*report.panicked[0].message, "out of cheese");
    assert!(!report.is_clean());
}

#[tokio::test]
async fn a_panic_in_a_destructor_is_a_value_too() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("boom");
        }
    }
    let group = TaskGroup::new("server");
    let bomb = Bomb;
    let task = group.spawn("armed", async move {
        let _held = &bomb;
    });
    assert_eq!(task.unwrap().await.unwrap_err().to_string(), "task `server/armed` panicked: boom");
    assert!(group.is_empty());
}

#[tokio::test]
async fn a_panic_in_a_destructor_of_an_aborted_task_is_told_by_handle_and_report() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("boom");
        }
    }
    let group = TaskGroup::new("server");
    let begun = Bomb;
    let begun = group.spawn("begun", async move {
        let _held = begun;
        std::future::pending::<()>().await;
    });
    tokio::task::yield_now().await;
    let unbegun = Bomb;
    let unbegun = group.spawn("unbegun", async move {
        let _held = unbegun;
        std::future::pending::<()>().await;
    });
    let report = group.aborted().await;
    assert_eq!((report.aborted, report.panicked_count), (0, 2), "{report}");
    let told: Vec<String> = report.panicked.iter().map(ToString::to_string).collect();
    for handle in [begun.unwrap(), unbegun.unwrap()] {
        let error = handle.await.unwrap_err();
        assert!(error.is_panicked() && told.contains(&error.to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_panic_payload_that_panics_when_dropped_is_survived() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("boom");
        }
    }
    let group = TaskGroup::new("server");
    let task = group.spawn("armed", async { std::panic::panic_any(Bomb) });
    let error = task.unwrap().await.unwrap_err();
    assert_eq!(error.to_string(), "task `server/armed` panicked: (a payload that is not text)");
}

/// Panics at every event.
struct PanickingSubscriber;

impl tracing::Subscriber for PanickingSubscriber {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        panic!("the log is full");
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_log_that_panics_leaves_no_task_in_the_books() {
    let _log = tracing::subscriber::set_default(PanickingSubscriber);
    let group = TaskGroup::new("server");
    let task = group.spawn("broken", async { panic!("out of cheese") }).unwrap();
    let report = tokio::time::timeout(Duration::from_secs(1), group.join()).await.expect("the task has left");
    assert_eq!((report.panicked_count, group.len()), (1, 0));
    assert_eq!(task.await.unwrap_err().to_string(), "task `server/broken` panicked: out of cheese");
}

#[tokio::test]
async fn a_log_that_panics_does_not_keep_a_pool_from_stopping() {
    let _log = tracing::subscriber::set_default(PanickingSubscriber);
    let pool = CpuPool::new(1);
    drop(pool.submit(|| 7).await.unwrap().await);
    pool.abort();
    assert!(pool.aborted().await.is_clean());
}

#[tokio::test]
async fn a_closed_group_hands_the_future_back() {
    let group = TaskGroup::new("server");
    group.close();
    group.close();
    let refused = group.spawn("late", std::future::ready(7)).unwrap_err();
    assert_eq!(refused.to_string(), "the task was not spawned: task group `server` is closed");
    assert_eq!(refused.into_inner().await, 7);
}

#[tokio::test]
async fn join_waits_without_asking_anyone_to_stop() {
    let (group, gate) = (TaskGroup::new("server"), Gate::new());
    let held = gate.clone();
    group.spawn("slow", async move { held.wait().await }).unwrap();
    let mut join = std::pin::pin!(group.join());
    assert!(poll_once(join.as_mut()).is_pending());
    assert!(!group.token().is_cancelled());
    gate.open();
    let report = join.await;
    assert_eq!(report.finished, 1);
    assert!(report.is_clean());
}

#[tokio::test]
async fn shutdown_asks_and_lets_finish() {
    let group = TaskGroup::new("server");
    let token = group.token();
    group.spawn("polite", async move { token.cancelled().await }).unwrap();
    let report = group.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.finished, report.aborted), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn shutdown_aborts_at_the_deadline() {
    let (group, probe) = (TaskGroup::new("server"), DropCounter::new());
    let held = probe.guard();
    group
        .spawn("deaf", async move {
            let _held = held;
            std::future::pending::<()>().await;
        })
        .unwrap();
    let begun = tokio::time::Instant::now();
    let report = group.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.finished, report.aborted), (0, 1));
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert_eq!(report.elapsed.as_secs(), 5);
    assert_eq!(probe.alive(), 0);
    assert_eq!(report.to_string(), "server: 0 finished, 1 aborted, 0 panicked, none still running, stopped in 5.0s");
}

#[tokio::test]
async fn a_deadline_without_end_does_not_overflow() {
    let group = TaskGroup::new("server");
    group.spawn("quick", async {}).unwrap();
    assert!(group.shutdown(Duration::MAX).await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_closure_in_its_work_is_reported_as_still_running() {
    let group = TaskGroup::new("server");
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (let_go, wait) = std::sync::mpsc::channel::<()>();
    let closure = group.spawn_blocking("stuck", move || {
        begun.send(()).unwrap();
        let _ = wait.recv();
    });
    has_begun.await.unwrap();
    let report = group.shutdown(Duration::ZERO).await;
    assert_eq!(report.still_running.len(), 1);
    assert_eq!(&*report.still_running[0], "task `server/stuck`");
    let_go.send(()).unwrap();
    closure.unwrap().await.unwrap();
    assert_eq!(group.shutdown(Duration::ZERO).await.finished, 1);
}

#[test]
fn a_blocking_closure_that_has_not_begun_is_gone_once_its_group_is() {
    let one_thread = tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build();
    one_thread.unwrap().block_on(async {
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (let_go, wait) = std::sync::mpsc::channel::<()>();
        let other = tokio::task::spawn_blocking(move || {
            begun.send(()).unwrap();
            let _ = wait.recv();
        });
        has_begun.await.unwrap();

        let (group, probe) = (TaskGroup::new("server"), DropCounter::new());
        let [first, second] = [probe.guard(), probe.guard()];
        let first = group.spawn_blocking("first", move || drop(first)).unwrap();
        let second = group.spawn_blocking("second", move || drop(second)).unwrap();
        first.abort();
        assert_eq!((probe.alive(), group.len()), (1, 1));
        let report = group.shutdown(Duration::ZERO).await;
        assert_eq!((probe.alive(), report.aborted, report.still_running.len()), (0, 2, 0), "{report}");

        let_go.send(()).unwrap();
        other.await.unwrap();
        for handle in [first, second] {
            assert!(handle.await.unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_blocking_closure_that_a_runtime_never_began_is_counted_as_aborted() {
    let one_thread = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let (group, probe) = (TaskGroup::new("server"), DropCounter::new());
    let (let_go, wait) = std::sync::mpsc::channel::<()>();
    one_thread.block_on(async {
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        tokio::task::spawn_blocking(move || {
            begun.send(()).unwrap();
            let _ = wait.recv();
        });
        has_begun.await.unwrap();
        let held = probe.guard();
        group.spawn_blocking("late", move || drop(held)).unwrap();
    });
    one_thread.shutdown_background();
    // The thread drops what is left in the queue when it comes back to it.
    let_go.send(()).unwrap();
    while !group.is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(probe.alive(), 0);
}

#[tokio::test]
async fn a_blocking_closure_sees_the_request_to_stop() {
    let group = TaskGroup::new("server");
    let token = group.token();
    group
        .spawn_blocking("patient", move || {
            while !token.is_cancelled() {
                std::thread::yield_now();
            }
        })
        .unwrap();
    assert!(group.shutdown(Duration::from_secs(60)).await.is_clean());
}

#[tokio::test]
async fn dropping_the_group_aborts_its_tasks() {
    let (group, probe) = (TaskGroup::new("server"), DropCounter::new());
    let held = probe.guard();
    let task = group.spawn("deaf", async move {
        let _held = held;
        std::future::pending::<()>().await;
    });
    drop(group);
    let error = task.unwrap().await.unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(error.to_string(), "task `server/deaf` was cancelled");
    assert_eq!(probe.alive(), 0);
}

#[tokio::test]
async fn dropping_a_handle_detaches_nothing() {
    let group = TaskGroup::new("server");
    let gate = Gate::new();
    let held = gate.clone();
    drop(group.spawn("kept", async move { held.wait().await }));
    assert_eq!(group.len(), 1);
    gate.open();
    assert_eq!(group.join().await.finished, 1);
}

#[tokio::test]
async fn a_spawner_does_not_keep_the_group() {
    let group = TaskGroup::new("server");
    let spawner = group.spawner();
    assert_eq!(spawner.spawn("child", async { 3 }).unwrap().await.unwrap(), 3);
    drop(group);
    assert!(spawner.spawn("orphan", async {}).is_err());
}

#[tokio::test]
async fn an_aborted_group_aborts_what_is_spawned_meanwhile() {
    let group = TaskGroup::new("server");
    let spawner = group.spawner();
    group
        .spawn("parent", async move {
            // The group is closed by the abort before this task is polled, or takes the child along.
            if let Ok(child) = spawner.spawn("child", std::future::pending::<()>()) {
                let _ = child.await;
            }
        })
        .unwrap();
    tokio::task::yield_now().await;
    let report = group.aborted().await;
    assert_eq!(report.aborted, 2);
    assert!(report.still_running.is_empty());
}

#[tokio::test]
async fn a_token_of_the_callers_only_asks() {
    let parent = CancellationToken::new();
    let group = TaskGroup::with_token("server", &parent);
    let token = group.token();
    let task = group.spawn("polite", async move { token.cancelled().await }).unwrap();
    parent.cancel();
    task.await.unwrap();
    assert!(!group.is_closed());
}

#[tokio::test]
async fn a_group_that_stops_does_not_cancel_the_callers_token() {
    let process = CancellationToken::new();
    let [dropped, aborted, shut] = ["dropped", "aborted", "shut"].map(|name| TaskGroup::with_token(name, &process));
    let asked = [&dropped, &aborted, &shut].map(TaskGroup::token);
    drop(dropped);
    aborted.abort();
    assert!(shut.shutdown(Duration::ZERO).await.is_clean());
    assert!(asked.iter().all(CancellationToken::is_cancelled));
    assert!(!process.is_cancelled());
}

#[tokio::test]
async fn shutdown_may_be_given_up_and_called_again() {
    let (group, gate) = (TaskGroup::new("server"), Gate::new());
    let held = gate.clone();
    group.spawn("slow", async move { held.wait().await }).unwrap();
    {
        let mut first = std::pin::pin!(group.shutdown(Duration::from_secs(60)));
        assert!(poll_once(first.as_mut()).is_pending());
    }
    assert!(group.is_closed());
    assert_eq!(group.len(), 1);
    gate.open();
    assert!(group.shutdown(Duration::from_secs(60)).await.is_clean());
}

#[test]
fn a_runtime_that_goes_away_ends_its_tasks() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let probe = DropCounter::new();
    let group = TaskGroup::new("server");
    let held = probe.guard();
    runtime.block_on(async {
        group
            .spawn("deaf", async move {
                let _held = held;
                std::future::pending::<()>().await;
            })
            .unwrap();
        tokio::task::yield_now().await;
    });
    drop(runtime);
    assert_eq!(probe.alive(), 0);
    assert!(group.is_empty());
}

#[test]
fn a_shutdown_that_has_nothing_to_wait_for_needs_no_timer() {
    let no_timers = tokio::runtime::Builder::new_current_thread().build().unwrap();
    no_timers.block_on(async {
        let group = TaskGroup::new("server");
        group.spawn("quick", async {}).unwrap().await.unwrap();
        assert_eq!(group.shutdown(Duration::from_secs(1)).await.finished, 1);
        assert!(CpuPool::new(1).shutdown(Duration::from_secs(1)).await.is_clean());
    });
}

#[test]
#[should_panic(expected = "TaskGroup::spawn needs a tokio runtime: add #[tokio::main]")]
fn spawning_needs_a_runtime() {
    let _ = TaskGroup::new("server").spawn("early", async {});
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_that_race_with_an_abort_are_all_accounted_for() {
    for round in 0..50 {
        let group = TaskGroup::new("storm");
        for task in 0..100 {
            let spawned = group.spawn("drop", async move {
                for _ in 0..(task * 7 + round) % 5 {
                    tokio::task::yield_now().await;
                }
            });
            spawned.unwrap();
        }
        let report = group.aborted().await;
        assert_eq!(report.finished + report.aborted, 100, "{report}");
        assert!(group.is_empty());
    }
}
