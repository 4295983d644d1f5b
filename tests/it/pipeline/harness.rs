//! Every stage of a pipeline keeps to the rules of streams. Whoever adds a stage adds a line to the list below, with what it
//! may hold.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regatta::pipeline::{Concurrency, Pipeline, Segment};
use regatta::policy::{Backoff, Overflow, Rate};
use regatta::pool::CpuPool;
use regatta::testing::Verify;

/// For stages that gather, set up so that what they have leaves soon without more.
const SOON: Duration = Duration::from_millis(1);

/// The stages, each as a test under both flavours of the runtime: a name, the method, what it may do, and how it gives what it
/// gets.
macro_rules! stages {
    ($($name:ident: $method:literal, $may:expr, |$source:ident| $stage:expr;)*) => {
        /// The methods that are verified.
        const VERIFIED: &[&str] = &[$($method),*];

        $(mod $name {
            #[allow(unused_imports, reason = "not every stage needs them all")]
            use super::*;

            async fn body() {
                let held = Arc::new(());
                let inside = held.clone();
                let may: Verify = $may;
                let report = may.captured(&held).run(move |input| {
                    let inside = inside.clone();
                    // A closure of the source's segment has it, so every stage has, until it lets its source go.
                    let $source = Pipeline::from_stream(input).map(move |n| {
                        let _ = &inside;
                        n
                    });
                    $stage.into_stream()
                });
                report.await.assert_ok();
            }

            #[tokio::test(start_paused = true)]
            async fn on_one_thread() {
                body().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_two_threads() {
                body().await;
            }
        })*
    };
}

fn holds(items: usize) -> Verify {
    Verify::new().holds_at_most(items)
}

/// A stage on a pool that lives as long as the pipeline.
fn with_a_pool<S: Segment>(make: impl FnOnce(&CpuPool) -> Pipeline<S>) -> Pipeline<impl Segment<Item = S::Item>> {
    let pool = CpuPool::new(2);
    make(&pool).map(move |item| {
        let _ = &pool;
        item
    })
}

stages! {
    map: "map", holds(1), |source| source.map(|n| n);
    try_map: "try_map", holds(1), |source| source.try_map(Ok::<_, String>);
    filter: "filter", holds(1), |source| source.filter(|_| true);
    flat_map: "flat_map", holds(1), |source| source.flat_map(|n| [n]);
    // Eight in work, and sixteen results.
    map_async: "map_async", holds(8 + 16), |source| source.map_async(8, |n| async move { n });
    map_async_unordered: "map_async", holds(8 + 16).unordered(),
        |source| source.map_async(Concurrency::unordered(8), |n| async move { n });
    try_map_async: "try_map_async", holds(8 + 16),
        |source| source.try_map_async(8, |n| async move { Ok::<_, String>(n) });
    // Two chunks in work, and as many results.
    map_cpu: "map_cpu", holds(4 * 64), |source| source.map_cpu(2, |n| n);
    map_cpu_unordered: "map_cpu", holds(4 * 64).unordered(),
        |source| source.map_cpu(Concurrency::unordered(2), |n| n);
    map_cpu_on: "map_cpu_on", holds(4 * 64), |source| with_a_pool(|pool| source.map_cpu_on(pool, 2, |n| n));
    try_map_cpu: "try_map_cpu", holds(4 * 64), |source| source.try_map_cpu(2, Ok::<_, String>);
    try_map_cpu_on: "try_map_cpu_on", holds(4 * 64),
        |source| with_a_pool(|pool| source.try_map_cpu_on(pool, 2, Ok::<_, String>));
    buffer: "buffer", holds(4), |source| source.buffer(4, Overflow::Wait);
    buffer_of_the_newest: "buffer", holds(usize::MAX).lossy(), |source| source.buffer(4, Overflow::DropOldest);
    buffer_of_the_oldest: "buffer", holds(usize::MAX).lossy(), |source| source.buffer(4, Overflow::DropNewest);
    buffer_that_refuses: "buffer", holds(usize::MAX), |source| source.buffer(usize::MAX, Overflow::Reject);
    // The batch it gathers, one that waits, and one that is taken apart.
    batch: "batch", holds(3 * 3), |source| source.batch(3, SOON).flat_map(|batch| batch);
    // Here up to sixteen items are pulled before their weights are known.
    batch_weighted: "batch_weighted", holds(3 * 3 + 16),
        |source| source.batch_weighted(3, SOON, |_| 1).flat_map(|batch| batch);
    scan: "scan", holds(1), |source| source.scan(|| 0_u64, |count, n| { *count += 1; n });
    try_scan: "try_scan", holds(1), |source| source.try_scan(|| (), |(), n| Ok::<_, String>(n));
    take: "take", holds(1), |source| source.take(usize::MAX);
    take_while: "take_while", holds(1), |source| source.take_while(|_| true);
    inspect: "inspect", holds(1), |source| source.inspect(|_| {});
    flatten: "flatten", holds(1), |source| source.map(|n| [n]).flatten();
    window: "window", holds(1), |source| source.window(1, 1).flat_map(|window| window);
    debounce: "debounce", holds(usize::MAX).lossy(), |source| source.debounce(SOON);
    conflate: "conflate", holds(usize::MAX),
        |source| source.conflate(|n| vec![n], |items, n| items.push(n)).flat_map(|items| items);
    throttle: "throttle", holds(16), |source| source.throttle(Rate::per_sec(u32::MAX));
    keyed: "map_async", holds(20).unordered(),
        |source| source.map_async(Concurrency::keyed(8, |n: &u32| n % 3).window(20), |n| async move { n });
    keyed_by_one: "map_async", holds(20),
        |source| source.map_async(Concurrency::keyed(8, |_: &u32| ()).window(20), |n| async move { n });
    retry: "retry", holds(8 + 16), |source| source.map_async(8, |n| async move { n }).retry(soon_again());
    timeout: "timeout", holds(8 + 16), |source| source.map_async(8, |n| async move { n }).timeout(Duration::MAX);
    merge: "merge", holds(1), |source| source.merge(Pipeline::from_iter(None));
    merge_all: "merge_all", holds(2 * 5).unordered(),
        |source| Pipeline::merge_all(source.partition::<2, _>(4, |n| *n as usize % 2));
    chain: "chain", holds(1), |source| source.chain(Pipeline::from_iter(None));
    zip: "zip", holds(1), |source| source.zip(Pipeline::from_iter(0_u64..)).map(|(n, _)| n);
    merge_sorted: "merge_sorted", holds(1), |source| source.merge_sorted(Pipeline::from_iter(None));
    merge_sorted_by: "merge_sorted_by", holds(1),
        |source| source.merge_sorted_by(Pipeline::from_iter(None), |a: &u32, b: &u32| a.cmp(b));
    broadcast: "broadcast", holds(4 + 1), |source| {
        let [left, right] = source.broadcast(4);
        left.zip(right).map(|(n, _)| n)
    };
    broadcast_lossy: "broadcast_lossy", holds(usize::MAX).lossy(), |source| {
        let [only] = source.broadcast_lossy(4);
        only
    };
    partition: "partition", holds(2 * 4 + 1).unordered(), |source| {
        let [even, odd] = source.partition(4, |n| *n as usize % 2);
        even.merge(odd)
    };
    balance: "balance", holds(2 * 4 + 1).unordered(), |source| {
        let [left, right] = source.balance(4);
        left.merge(right)
    };
}

/// The same in one task.
macro_rules! inline_stages {
    ($($name:ident: $method:literal, $may:expr, |$source:ident| $stage:expr;)*) => {
        /// The methods of inline pipelines that are verified.
        const VERIFIED_INLINE: &[&str] = &[$($method),*];

        mod inline {
            use super::*;

            $(#[tokio::test(start_paused = true)]
            async fn $name() {
                let held = Arc::new(());
                let inside = held.clone();
                let may: Verify = $may;
                let report = may.captured(&held).run(move |input| {
                    let inside = inside.clone();
                    let $source = Pipeline::from_stream(input).inline().map(move |n: u32| {
                        let _ = &inside;
                        n
                    });
                    $stage.into_stream()
                });
                report.await.assert_ok();
            })*
        }
    };
}

inline_stages! {
    map: "map", holds(1), |source| source.map(|n| n);
    try_map: "try_map", holds(1), |source| source.try_map(Ok::<_, String>);
    filter: "filter", holds(1), |source| source.filter(|_| true);
    flat_map: "flat_map", holds(1), |source| source.flat_map(|n| [n]);
    flatten: "flatten", holds(1), |source| source.map(|n| [n]).flatten();
    scan: "scan", holds(1), |source| source.scan(|| 0_u64, |count, n| { *count += 1; n });
    try_scan: "try_scan", holds(1), |source| source.try_scan(|| (), |(), n| Ok::<_, String>(n));
    take: "take", holds(1), |source| source.take(usize::MAX);
    take_while: "take_while", holds(1), |source| source.take_while(|_| true);
    inspect: "inspect", holds(1), |source| source.inspect(|_| {});
    window: "window", holds(1), |source| source.window(1, 1).flat_map(|window| window);
    map_async: "map_async", holds(8 + 16), |source| source.map_async(8, |n| async move { n });
    unordered: "map_async", holds(8 + 16).unordered(),
        |source| source.map_async(Concurrency::unordered(8), |n| async move { n });
    keyed: "map_async", holds(20).unordered(),
        |source| source.map_async(Concurrency::keyed(8, |n: &u32| n % 3).window(20), |n| async move { n });
    try_map_async: "try_map_async", holds(8 + 16),
        |source| source.try_map_async(8, |n| async move { Ok::<_, String>(n) });
    retry: "retry", holds(8 + 16), |source| source.map_async(8, |n| async move { n }).retry(soon_again());
    timeout: "timeout", holds(8 + 16), |source| source.map_async(8, |n| async move { n }).timeout(Duration::MAX);
    buffer: "buffer", holds(4), |source| source.buffer(4, Overflow::Wait);
    batch: "batch", holds(3 * 3), |source| source.batch(3, SOON).flat_map(|batch| batch);
    batch_weighted: "batch_weighted", holds(3 * 3 + 16),
        |source| source.batch_weighted(3, SOON, |_| 1).flat_map(|batch| batch);
    debounce: "debounce", holds(usize::MAX).lossy(), |source| source.debounce(SOON);
    conflate: "conflate", holds(usize::MAX),
        |source| source.conflate(|n| vec![n], |items, n| items.push(n)).flat_map(|items| items);
    throttle: "throttle", holds(16), |source| source.throttle(Rate::per_sec(u32::MAX));
    merge: "merge", holds(1), |source| source.merge(Pipeline::from_iter(None).inline());
    chain: "chain", holds(1), |source| source.chain(Pipeline::from_iter(None).inline());
    zip: "zip", holds(1), |source| source.zip(Pipeline::from_iter(0_u64..).inline()).map(|(n, _)| n);
    merge_sorted: "merge_sorted", holds(1), |source| source.merge_sorted(Pipeline::from_iter(None).inline());
    merge_sorted_by: "merge_sorted_by", holds(1),
        |source| source.merge_sorted_by(Pipeline::from_iter(None).inline(), |a: &u32, b: &u32| a.cmp(b));
}

fn soon_again() -> Backoff {
    Backoff::exponential(SOON..=SOON)
}

/// Methods that give a pipeline and are no stage.
const NO_STAGES: &[(&str, &str)] = &[
    ("from_iter", "a source"),
    ("from_stream", "a source, and the one in front of every stage here"),
    ("from_queue", "a source"),
    ("named", "says something about the stage before"),
    ("on_error", "says something about the stage before"),
    ("retry_budget", "says something about the stage before"),
];

/// The public methods of `impl … Pipeline<…>` blocks, or of another type's, that give one, several, or themselves.
fn methods(text: &str, of: &str) -> Vec<String> {
    let named = format!("{of}<");
    let blocks = text.split("\nimpl").skip(1).filter_map(|block| {
        let (head, body) = block.split_once('{')?;
        let is_ours = head.contains(&named) && !head.contains(" for ");
        is_ours.then(|| body.split("\n}").next().unwrap_or(body))
    });
    let functions = blocks.flat_map(|body| body.split("\n    pub fn ").skip(1));
    let giving = functions.filter(|function| {
        let head = function.split(['{', ';']).next().unwrap_or_default();
        // What stands behind the last arrow before the bounds.
        let head = head.split("\n    where").next().unwrap_or_default();
        let gives = head.rsplit_once("->").map_or("", |(_, gives)| gives);
        [&*named, "Branches<", "Self"].iter().any(|kind| gives.contains(kind))
    });
    giving.map(|function| function.split(['<', '(']).next().unwrap_or_default().to_owned()).collect()
}

/// Every method of a type that gives one is a stage that was verified, or known to be none; and every one that is listed is
/// there.
fn assert_all_verified(folder: &str, of: &str, verified: &[&str], no_stages: &[(&str, &str)]) {
    let mut found = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("the sources are there") {
        let path = entry.expect("a folder's entries are readable").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(methods(&fs::read_to_string(path).expect("sources are UTF-8"), of));
        }
    }
    for method in verified.iter().copied().chain(no_stages.iter().map(|(method, _)| *method)) {
        assert!(found.iter().any(|other| other == method), "`{method}` is listed here, and not found in {folder}");
    }
    let is_known = |method: &str| verified.contains(&method) || no_stages.iter().any(|(name, _)| *name == method);
    found.retain(|method| !is_known(method));
    assert!(found.is_empty(), "no test puts {found:?} of {of} through the rules: add each to the list, or say why not");
}

#[test]
fn every_stage_is_verified() {
    assert_all_verified("src/pipeline", "Pipeline", VERIFIED, NO_STAGES);
}

#[test]
fn every_inline_stage_is_verified() {
    let attributes = ["named", "on_error", "retry_budget"].map(|name| (name, "says something about the stage before"));
    assert_all_verified("src/pipeline/inline", "Inline", VERIFIED_INLINE, &attributes);
}

#[test]
fn methods_that_give_pipelines_are_found() {
    let text = "\nimpl<S: Segment> Pipeline<S> {\n    /// Docs.\n    pub fn merge<O>(\n        self,\n        other: O,\n    ) -> Pipeline<Merge<S, O>>\n    where\n        O: Fn(u8) -> u8,\n    {\n        if true {}\n    }\n\n    pub fn split(self) -> (Pipeline<S>, Pipeline<S>) {\n    }\n\n    pub fn fold<F>(self, f: F) -> Run<()>\n    where\n        F: Fn(Pipeline<S>) -> u8,\n    {\n    }\n\n    fn private(self) -> Self {\n    }\n\n    pub fn named(self) -> Self {\n    }\n}\n\nimpl<S> Debug for Pipeline<S> {\n    pub fn none(self) -> Self {\n    }\n}\n\nimpl Run {\n    pub fn other(self) -> Self {\n    }\n}\n";
    assert_eq!(methods(text, "Pipeline"), ["merge", "split", "named"]);
}
