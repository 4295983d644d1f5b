//! Old values that are dropped in the background.

use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use regatta::observe::{Flow, Registry, Row};
use regatta::sync::{Rcu, RcuMap, Reclaimer};

use super::panics;
use crate::support::{eventually, without_deadlock};

const SECOND: Duration = Duration::from_secs(1);

/// Takes note of the thread it is dropped on; waits there for a word, if it has somebody to give it.
struct Old {
    dropped_on: Arc<Mutex<Vec<ThreadId>>>,
    wait: Option<Mutex<mpsc::Receiver<()>>>,
}

impl Drop for Old {
    fn drop(&mut self) {
        if let Some(word) = &self.wait {
            let _ = word.lock().expect("no panic").recv();
        }
        self.dropped_on.lock().expect("no panic").push(thread::current().id());
    }
}

#[derive(Clone, Default)]
struct Threads(Arc<Mutex<Vec<ThreadId>>>);

impl Threads {
    fn value(&self) -> Old {
        Old { dropped_on: self.0.clone(), wait: None }
    }

    fn value_that_waits(&self) -> (Old, mpsc::Sender<()>) {
        let (word, wait) = mpsc::channel();
        (Old { dropped_on: self.0.clone(), wait: Some(Mutex::new(wait)) }, word)
    }

    fn all(&self) -> Vec<ThreadId> {
        self.0.lock().expect("no panic").clone()
    }
}

fn row(registry: &Registry) -> Row {
    registry.snapshot().of_kind("reclaimer").next().expect("it lives").clone()
}

fn flow(registry: &Registry) -> Flow {
    let flow = row(registry).flow;
    assert!(flow.is_conserved(), "{flow}");
    flow
}

#[test]
fn without_one_the_last_reader_drops_the_old_value() {
    let threads = Threads::default();
    let cell = Rcu::new(threads.value());
    let kept = cell.snapshot();
    cell.store(threads.value());
    assert_eq!(threads.all(), []);
    drop(kept);
    assert_eq!(threads.all(), [thread::current().id()]);
}

#[tokio::test]
async fn with_one_neither_reader_nor_writer_drops_an_old_value() {
    let (threads, mine) = (Threads::default(), Registry::new());
    let reclaimer = mine.enter(|| Reclaimer::new("old", 100));
    let cell = Rcu::builder(threads.value()).reclaimer(&reclaimer).build();
    let kept = cell.snapshot();
    for _ in 0..10 {
        cell.store(threads.value());
    }
    drop(kept);
    let report = reclaimer.shutdown(60 * SECOND).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(threads.all().len(), 10);
    assert!(!threads.all().contains(&thread::current().id()));
    let flow = flow(&mine);
    assert_eq!((flow.accepted, flow.done, flow.in_flight), (10, 10, 0));
}

#[tokio::test]
async fn a_slow_destructor_holds_up_no_reader() {
    let (threads, mine) = (Threads::default(), Registry::new());
    let reclaimer = mine.enter(|| Reclaimer::new("slow", 100));
    let (slow, word) = threads.value_that_waits();
    let cell = Rcu::builder(slow).reclaimer(&reclaimer).build();
    let kept = cell.snapshot();
    cell.store(threads.value());
    drop(kept); // returns, although the destructor waits
    cell.store(threads.value());
    assert_eq!((threads.all().len(), flow(&mine).in_flight), (0, 2));
    word.send(()).expect("it waits");
    assert!(reclaimer.shutdown(60 * SECOND).await.is_clean());
    assert_eq!((threads.all().len(), flow(&mine).in_flight), (2, 0));
}

#[tokio::test]
async fn a_grace_period_ends_when_the_readers_have_left_although_the_value_still_waits() {
    let threads = Threads::default();
    let reclaimer = Reclaimer::new("slow", 100);
    let (slow, word) = threads.value_that_waits();
    let cell = Rcu::builder(slow).reclaimer(&reclaimer).build();
    let kept = cell.snapshot();
    cell.store(threads.value());
    drop(kept);
    cell.synchronize().await;
    assert_eq!(threads.all().len(), 0);
    word.send(()).expect("it waits");
    assert!(reclaimer.shutdown(60 * SECOND).await.is_clean());
}

#[tokio::test]
async fn what_finds_it_full_or_closed_is_dropped_in_place_and_counted() {
    let (threads, mine) = (Threads::default(), Registry::new());
    let reclaimer = mine.enter(|| Reclaimer::new("small", 1));
    let (slow, word) = threads.value_that_waits();
    let cell = Rcu::builder(slow).reclaimer(&reclaimer).build();
    cell.store(threads.value());
    // The worker has taken the slow one, so there is room for one that waits.
    eventually(20 * SECOND, "the worker drops", || row(&mine).gauges[0].value == 0).await;
    cell.store(threads.value());
    cell.store(threads.value());
    assert_eq!(threads.all(), [thread::current().id()]);
    reclaimer.close();
    cell.store(threads.value());
    assert_eq!(threads.all(), [thread::current().id(); 2]);
    assert_eq!((row(&mine).gauges[0].to_string(), row(&mine).count_of("in place")), ("queued 1/1".into(), Some(2)));
    word.send(()).expect("it waits");
    assert!(reclaimer.shutdown(60 * SECOND).await.is_clean());
    assert_eq!((threads.all().len(), &*row(&mine).state), (4, "aborted"));
}

#[tokio::test]
async fn a_destructor_that_panics_is_counted_and_the_others_go_on() {
    struct Panics(bool);
    impl Drop for Panics {
        fn drop(&mut self) {
            assert!(!self.0, "dropped badly");
        }
    }
    let mine = Registry::new();
    let reclaimer = mine.enter(|| Reclaimer::new("bad", 100));
    let cell = Rcu::builder(Panics(true)).reclaimer(&reclaimer).build();
    cell.store(Panics(false));
    cell.store(Panics(false));
    assert!(reclaimer.shutdown(60 * SECOND).await.is_clean());
    let flow = flow(&mine);
    assert_eq!((flow.accepted, flow.failed, flow.done), (2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_what_waits_is_dropped_here_and_what_runs_is_named() {
    let (threads, mine) = (Threads::default(), Registry::new());
    let reclaimer = mine.enter(|| Reclaimer::new("stuck", 100));
    let (slow, word) = threads.value_that_waits();
    let cell = Rcu::builder(slow).reclaimer(&reclaimer).build();
    cell.store(threads.value());
    eventually(20 * SECOND, "the worker drops", || row(&mine).gauges[0].value == 0).await;
    cell.store(threads.value());
    let report = reclaimer.shutdown(Duration::ZERO).await;
    assert_eq!(report.still_running.len(), 1, "{report}");
    assert_eq!(threads.all(), [thread::current().id()]);
    assert_eq!((flow(&mine).discarded, flow(&mine).in_flight), (1, 1));
    word.send(()).expect("it waits");
    eventually(20 * SECOND, "the stuck one has ended", || flow(&mine).in_flight == 0).await;
}

#[tokio::test]
async fn when_its_owner_is_gone_values_are_dropped_in_place() {
    let threads = Threads::default();
    let reclaimer = Reclaimer::new("gone", 100);
    let cell = Rcu::builder(threads.value()).reclaimer(&reclaimer).build();
    drop(reclaimer);
    cell.store(threads.value());
    assert_eq!(threads.all(), [thread::current().id()]);
}

#[test]
fn when_its_runtime_is_gone_no_value_is_lost() {
    let threads = Threads::default();
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let reclaimer = runtime.block_on(async { Reclaimer::new("orphan", 100) });
    let cell = Rcu::builder(threads.value()).reclaimer(&reclaimer).build();
    drop(runtime);
    for _ in 0..3 {
        cell.store(threads.value());
    }
    assert_eq!(threads.all(), [thread::current().id(); 3]);
}

#[test]
fn a_destructor_in_the_background_may_use_the_cell() {
    struct Returns(Option<Rcu<Option<Returns>>>);
    impl Drop for Returns {
        fn drop(&mut self) {
            if let Some(cell) = self.0.take() {
                cell.store(None);
            }
        }
    }
    without_deadlock(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let reclaimer = Reclaimer::new("returns", 100);
            let cell = Rcu::builder(None).reclaimer(&reclaimer).build();
            cell.store(Some(Returns(Some(cell.clone()))));
            cell.store(None);
            assert!(reclaimer.shutdown(60 * SECOND).await.is_clean());
            assert_eq!(cell.version(), 3);
        });
    });
}

#[tokio::test]
async fn a_map_gives_its_old_versions_away_too() {
    let threads = Threads::default();
    let reclaimer = Reclaimer::new("maps", 100);
    let map: RcuMap<u32, Arc<Old>> = RcuMap::builder().reclaimer(&reclaimer).build();
    map.extend((0..200).map(|key| (key, Arc::new(threads.value()))));
    let kept = map.snapshot();
    map.clear();
    drop(kept);
    assert!(reclaimer.shutdown(60 * SECOND).await.is_clean());
    assert_eq!(threads.all().len(), 200);
    assert!(!threads.all().contains(&thread::current().id()));
}

#[test]
fn misuse_is_refused() {
    assert!(panics(|| Reclaimer::new("none", 1)).contains("Reclaimer::new needs a tokio runtime"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _entered = runtime.enter();
    assert_eq!(panics(|| Reclaimer::new("none", 0)), "Reclaimer: capacity must be above zero");
    drop(Reclaimer::new("most", usize::MAX));
}
