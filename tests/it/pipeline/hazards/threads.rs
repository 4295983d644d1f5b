//! What goes wrong with threads that others need too.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use regatta::pipeline::Pipeline;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::pipeline::kit::{Count, polled, quiet};
use crate::support::{Gate, eventually};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_cpu_stage_takes_more_threads_than_its_limit() {
    let (now, peak) = (Count::default(), Arc::new(AtomicUsize::new(0)));
    let seen = peak.clone();
    let work = move |n: u32| {
        seen.fetch_max(now.up() + 1, Ordering::SeqCst);
        std::thread::yield_now();
        now.down();
        n
    };
    let running = Pipeline::from_iter(0..1_000).map_cpu(2, work).for_each(1, |_| async {});
    running.await.unwrap();
    assert!((1..=2).contains(&peak.load(Ordering::SeqCst)), "{peak:?} at once");
}

#[test]
fn a_stage_that_waits_for_items_keeps_a_blocking_thread() {
    // There is one, for everybody.
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let source = stream::iter(0..10).chain(stream::pending());
        let mut results = Pipeline::from_stream(source).map_cpu(4, |n: u32| n).into_stream();
        assert_eq!(results.by_ref().take(10).count().await, 10);
        assert!(polled(results.next()).await.is_pending());
        quiet().await;
        let other = tokio::task::spawn_blocking(|| "done");
        assert_eq!(timeout(LONG, other).await.expect("a thread is free").unwrap(), "done");
        drop(results);
    });
}

#[test]
fn jobs_that_wait_for_a_thread_outlive_an_abort() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let calls = Count::default();
    let counted = calls.clone();
    runtime.block_on(async {
        let (begun, gate) = (calls.clone(), Gate::new());
        let held = gate.clone();
        let handle = tokio::runtime::Handle::current();
        let work = move |_: u32| {
            counted.up();
            handle.block_on(held.wait());
        };
        let mut running = Pipeline::from_iter(0..1_000).map_cpu(2, work).for_each(1, |()| async {}).spawn();
        eventually(LONG, "both are at work", || begun.get() == 2).await;
        running.abort();
        gate.open();
        assert!(running.aborted().await.still_running.is_empty());
    });
    // Each job finished the item it was at, and no other was begun.
    assert_eq!(calls.get(), 2);
    let begun = Instant::now();
    drop(runtime);
    assert!(begun.elapsed() < Duration::from_secs(5), "the runtime waited {:?} for its threads", begun.elapsed());
}

/// A future that is kept in a `select!` loop, and not polled while a branch runs, keeps its place in every line it stands in.
#[test]
fn the_library_itself_keeps_a_future_that_it_does_not_poll() {
    fn look(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("a folder's entries are readable").path();
            if path.is_dir() {
                look(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("sources are UTF-8");
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                found.extend(code.filter(|line| line.contains("select!")).map(|line| format!("{path:?}: {line}")));
            }
        }
    }
    let mut found = Vec::new();
    look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.is_empty(), "write a `poll_fn`, whose futures are polled every time, or a task: {found:#?}");
}
