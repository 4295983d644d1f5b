//! Each stage both ways, with tasks and in one: the results are the same, the errors, and what was counted.

use std::sync::Arc;
use std::time::Duration;

use regatta::observe::Flow;
use regatta::pipeline::{Concurrency, OnError, Pipeline, PipelineError, PipelineStats};
use regatta::policy::{Backoff, Overflow, Rate, RetryBudget};
use regatta::queue;
use tokio::task::yield_now;

use super::kit::{Log, burst, ended, settled};

/// What there is to see of a run.
#[derive(Debug, PartialEq)]
struct Facts<O> {
    /// The output, or the error's words.
    result: Result<O, String>,
    flows: Vec<(Arc<str>, Flow)>,
}

impl<O> Facts<O> {
    fn new(result: Result<O, PipelineError>, stats: PipelineStats) -> Self {
        settled(&stats);
        let flows = stats.stages.into_iter().map(|stage| (stage.name, stage.flow)).collect();
        Self { result: result.map_err(|error| error.to_string()), flows }
    }

    /// How many items failed where: all that can be compared where a run ends early, since stages with tasks are ahead.
    fn failed(&self) -> Vec<(Arc<str>, u64)> {
        self.flows.iter().map(|(name, flow)| (name.clone(), flow.failed)).collect()
    }
}

/// Runs stages with tasks, and then in one: the facts of both.
macro_rules! both_ways {
    ($items:expr, |$source:ident| $stages:expr) => {{
        let $source = Pipeline::from_iter($items);
        let (result, stats) = ended($stages.titled("twice").spawn()).await;
        let with_tasks = Facts::new(result, stats);
        let $source = Pipeline::from_iter($items).inline();
        let mut run = $stages.titled("twice");
        let result = (&mut run).await;
        (with_tasks, Facts::new(result, run.stats()))
    }};
}

macro_rules! same {
    ($(|$source:ident| $stages:expr;)*) => {$(
        let (with_tasks, inline) = both_ways!(0..20_u32, |$source| $stages.collect::<Vec<_>>());
        assert_eq!(inline, with_tasks, "{}", stringify!($stages));
        assert!(inline.result.is_ok(), "{}", stringify!($stages));
    )*};
}

/// An item that fails by an error.
fn checked(n: u32) -> Result<u32, String> {
    if n % 5 == 3 { Err(format!("{n} fails")) } else { Ok(n) }
}

/// An item that fails by a panic.
fn survived(n: u32) -> u32 {
    if n % 5 == 3 { burst() } else { n }
}

async fn slowly<T>(n: u32, end: impl FnOnce(u32) -> T) -> T {
    for _ in 0..n % 4 {
        yield_now().await;
    }
    end(n)
}

#[tokio::test]
async fn fused_stages_are_the_same() {
    same! {
        |source| source.map(|n| n + 1);
        |source| source.map(survived).on_error(OnError::Skip);
        |source| source.try_map(checked).on_error(OnError::Skip).named("check");
        |source| source.filter(|n| n % 3 == 0);
        |source| source.filter(|n| survived(*n) > 2).on_error(OnError::Skip);
        |source| source.flat_map(|n| 0..n % 4);
        |source| source.flat_map(|n| (0..n).map(survived)).on_error(OnError::Skip);
        |source| source.map(|n| vec![n; 2]).flatten();
        |source| source.scan(|| 0, |sum, n| { *sum += n; *sum });
        |source| source.try_scan(|| 0, |sum, n| { *sum += n; checked(n).map(|_| *sum) }).on_error(OnError::Skip);
        |source| source.try_scan(|| 0, |sum, n| { *sum += n; checked(n).map(|_| *sum) }).on_error(OnError::Reset);
        |source| source.take_while(|n| *n < 7);
        |source| source.inspect(|n| { survived(*n); }).on_error(OnError::Skip);
        |source| source.window(3, 2);
        |source| source.take(7).map(|n| n);
        |source| source.take(0);
    }
}

#[tokio::test]
async fn asynchronous_stages_are_the_same() {
    same! {
        |source| source.map_async(1, |n| slowly(n, |n| n));
        |source| source.map_async(4, |n| slowly(n, |n| n + 1));
        |source| source.map_async(4, |n| slowly(n, survived)).on_error(OnError::Skip);
        |source| source.map_async(4, |n| slowly(survived(n), |n| n)).on_error(OnError::Skip).named("strict");
        |source| source.try_map_async(4, |n| slowly(n, checked)).on_error(OnError::Skip);
        |source| source.map_async(4, |n| slowly(n, |n| n)).filter(|n| n % 2 == 0).map_async(2, |n| slowly(n, |n| n));
        |source| source.map_async(usize::MAX, |n| slowly(n, |n| n)).flat_map(|n| [n, n]).map_async(1, |n| slowly(n, |n| n));
    }
}

#[tokio::test]
async fn stages_that_give_up_order_are_the_same_but_for_it() {
    let unordered = Concurrency::unordered(4);
    let (mut with_tasks, mut inline) = both_ways!(0..20_u32, |source| {
        let stages = source.try_map_async(unordered, |n| slowly(n, checked)).on_error(OnError::Skip);
        stages.map_async(unordered, |n| slowly(n, survived)).collect::<Vec<_>>()
    });
    for facts in [&mut with_tasks, &mut inline] {
        facts.result.as_mut().unwrap().sort_unstable();
    }
    assert_eq!(inline, with_tasks);
}

#[tokio::test(start_paused = true)]
async fn stages_that_gather_are_the_same() {
    same! {
        |source| source.buffer(3, Overflow::Wait);
        |source| source.batch(3, Duration::MAX);
        |source| source.batch(3, Duration::from_millis(5));
        |source| source.batch_weighted(10, Duration::MAX, |n| u64::from(*n));
        |source| source.batch_weighted(10, Duration::MAX, |n| u64::from(survived(*n))).on_error(OnError::Skip);
        |source| source.debounce(Duration::MAX);
        |source| source.debounce(Duration::from_millis(5));
        |source| source.throttle(Rate::per_sec(10).burst(3));
        |source| source.map_async(3, |n| slowly(n, |n| n)).buffer(1, Overflow::Wait).batch(4, Duration::MAX);
    }
    // Into how many values depends on who is busy when; what becomes of the items does not.
    let (with_tasks, inline) = both_ways!(0..20_u32, |source| {
        let merged = source.conflate(|n| vec![survived(n)], |merged, n| merged.push(survived(n)));
        merged.on_error(OnError::Skip).fold(Vec::new(), |all, more| [all, more].concat())
    });
    assert_eq!((&inline.result, &inline.flows[..2]), (&with_tasks.result, &with_tasks.flows[..2]));
}

/// Runs stages both ways until they fail: what came out before, which is the same.
macro_rules! fails_the_same {
    ($(|$source:ident| $stages:expr;)*) => {$(
        let log = Log::new();
        let (with_tasks, inline) = both_ways!(0..20_u32, |$source| {
            let seen = log.clone();
            $stages.for_each(1, move |out| {
                seen.push(out);
                async {}
            })
        });
        assert_eq!((&inline.result, inline.failed()), (&with_tasks.result, with_tasks.failed()), "{}", stringify!($stages));
        assert!(inline.result.is_err(), "{}", stringify!($stages));
        let (all, half) = (log.all(), log.all().len() / 2);
        assert_eq!(all[..half], all[half..], "{}", stringify!($stages));
    )*};
}

#[tokio::test]
async fn failures_are_the_same() {
    fails_the_same! {
        |source| source.map(survived);
        |source| source.try_map(checked);
        |source| source.flat_map(|n| (0..n).map(survived));
        |source| source.try_scan(|| 0, |sum, n| { *sum += n; checked(n) });
        |source| source.map_async(4, |n| slowly(n, survived)).named("strict");
        |source| source.map_async(4, |n| slowly(survived(n), |n| n));
        |source| source.try_map_async(4, |n| slowly(n, checked));
        |source| source.try_map(checked).map_async(4, |n| slowly(n, |n| n));
        |source| source.try_map_async(4, |n| slowly(n, checked)).map_async(1, |n| slowly(n, |n| n));
        |source| source.try_map(checked).batch(2, Duration::MAX);
        |source| source.batch_weighted(10, Duration::MAX, |n| u64::from(survived(*n)));
        |source| source.map_async(4, |n| slowly(n, survived)).buffer(2, Overflow::Wait).map(|n| n);
        |source| source.map(|n| if n == 9 { burst() } else { n }).map(|n| n).map_async(2, |n| slowly(n, |n| n));
    }
}

#[tokio::test]
async fn a_source_that_panics_and_an_end_that_fails_are_the_same() {
    let broken = || (0..20_u32).map(survived);
    let (with_tasks, inline) =
        both_ways!(broken(), |source| source.map_async(4, |n| slowly(n, |n| n)).collect::<Vec<_>>());
    assert_eq!((&inline.result, inline.failed()), (&with_tasks.result, with_tasks.failed()));
    assert!(inline.result.is_err());
    for policy in [OnError::Stop, OnError::Skip] {
        let (with_tasks, inline) = both_ways!(0..20_u32, |source| {
            source.try_for_each(1, |n| slowly(n, |n| checked(n).map(drop))).named("store").on_error(policy.clone())
        });
        assert_eq!((&inline.result, inline.failed()), (&with_tasks.result, with_tasks.failed()));
        assert_eq!(inline.result.is_ok(), matches!(policy, OnError::Skip));
    }
}

/// Tries its best with some items.
fn lucky(tries: &Log<u32>, n: u32) -> Result<u32, String> {
    tries.push(n);
    let so_far = tries.all().iter().filter(|tried| **tried == n).count();
    if n % 5 == 3 && so_far % 3 != 0 { Err(format!("{n} fails")) } else { Ok(n) }
}

#[tokio::test(start_paused = true)]
async fn retries_and_timeouts_are_the_same() {
    let backoff = || Backoff::exponential(Duration::from_millis(1)..=Duration::from_millis(8)).attempts(3).jitter(0.0);
    let (some, none) = (RetryBudget::ratio(0.0).reserve(100), RetryBudget::ratio(0.0).reserve(0));
    let tries = Log::new();
    let limit = Duration::from_millis(50);
    same! {
        |source| { let tries = tries.clone(); source.try_map_async(4, move |n| slowly(n, { let tries = tries.clone(); move |n| lucky(&tries, n) })).retry(backoff()).retry_budget(some) };
        |source| source.try_map_async(4, |n| slowly(n, checked)).retry(backoff()).retry_budget(some).on_error(OnError::Skip);
        |source| source.try_map_async(4, |n| slowly(n, checked)).retry(backoff()).retry_budget(none).on_error(OnError::Skip);
        |source| source.map_async(4, |n| slowly(n, survived)).retry(backoff()).on_error(OnError::Skip);
        |source| source.map_async(4, |n| async move { if n == 3 { std::future::pending().await } else { n } }).timeout(limit).on_error(OnError::Skip);
        |source| source.map_async(1, |n| async move { if n == 3 { std::future::pending().await } else { n } }).timeout(limit).retry(backoff()).on_error(OnError::Skip);
    }
    let (with_tasks, inline) = both_ways!(0..20_u32, |source| {
        source.map_async(1, |_| std::future::pending::<u32>()).timeout(limit).named("fetch").collect::<Vec<_>>()
    });
    assert_eq!(inline.result, with_tasks.result);
    let (with_tasks, inline) = both_ways!(0..20_u32, |source| {
        let end = source.try_for_each(2, |n| slowly(n, |n| checked(n).map(drop))).retry(backoff()).retry_budget(some);
        end.timeout(limit).on_error(OnError::Skip)
    });
    assert_eq!(inline, with_tasks);
}

#[tokio::test]
async fn keys_are_the_same() {
    let by = || Concurrency::keyed(4, |n: &u32| n % 3);
    let one = || Concurrency::keyed(4, |_: &u32| ());
    let broken = || Concurrency::keyed(4, |n: &u32| survived(*n));
    // With one key, order is the input's.
    same! {
        |source| source.map_async(one(), |n| slowly(n, |n| n));
        |source| source.try_map_async(one(), |n| slowly(n, checked)).on_error(OnError::Skip);
        |source| source.map_async(one().window(3), |n| slowly(n, |n| n));
    }
    let (mut with_tasks, mut inline) =
        both_ways!(0..50_u32, |source| source.map_async(by(), |n| slowly(n, |n| n)).collect::<Vec<_>>());
    for facts in [&mut with_tasks, &mut inline] {
        let taken = facts.result.as_mut().unwrap();
        for key in 0..3 {
            assert!(taken.iter().filter(|n| **n % 3 == key).is_sorted(), "{taken:?}");
        }
        taken.sort_unstable();
    }
    assert_eq!(inline, with_tasks);
    for (policy, is_ok) in [(OnError::Skip, true), (OnError::Stop, false)] {
        let (mut with_tasks, mut inline) = both_ways!(0..20_u32, |source| {
            source.map_async(broken(), |n| slowly(n, |n| n)).on_error(policy.clone()).collect::<Vec<_>>()
        });
        for facts in [&mut with_tasks, &mut inline] {
            facts.result.iter_mut().for_each(|taken| taken.sort_unstable());
        }
        assert_eq!((&inline.result, inline.result.is_ok()), (&with_tasks.result, is_ok));
    }
}

#[tokio::test]
async fn the_cap_of_a_key_is_the_same() {
    let capped = || Concurrency::keyed(2, |_: &u32| ()).cap(4);
    let (with_tasks, inline) = both_ways!(0..20_u32, |source| {
        let stage = source.map_async(capped(), |n| async move {
            // All others have come by then.
            for _ in 0..100 {
                yield_now().await;
            }
            n
        });
        stage.on_error(OnError::Skip).collect::<Vec<_>>()
    });
    assert_eq!(inline.result.unwrap(), [0, 1, 2, 3]);
    assert_eq!(with_tasks.result.unwrap(), [0, 1, 2, 3]);
}

#[tokio::test]
async fn dead_letters_are_the_same() {
    let (producer, dead) = queue::bounded(100);
    let letters = || OnError::dead_letter(producer.clone());
    same! {
        |source| source.map(survived).on_error(letters());
        |source| source.try_map(checked).on_error(letters());
        |source| source.try_map_async(4, |n| slowly(n, checked)).on_error(letters());
        |source| source.batch_weighted(1, Duration::MAX, |n| { survived(*n); 1 }).on_error(letters());
    }
    let mut left_out = Vec::new();
    while let Ok(letter) = dead.try_recv() {
        left_out.extend(letter.into_inner().item);
    }
    // Four kinds of stages, both ways. Four at once fail in the order in which they end.
    left_out.chunks_mut(4).for_each(<[u32]>::sort_unstable);
    assert_eq!(left_out, [3, 8, 13, 18].repeat(8));
}

#[tokio::test]
async fn a_queue_of_letters_that_is_full_holds_up_an_inline_stage_and_nothing_is_lost() {
    let (producer, dead) = queue::bounded(1);
    let letters = || OnError::dead_letter(producer.clone());
    let gathered = Pipeline::from_iter(0..20_u32).inline().batch_weighted(1, Duration::MAX, |n| {
        survived(*n);
        1
    });
    let runs = async {
        let awaited =
            Pipeline::from_iter(0..20_u32).inline().try_map_async(4, |n| slowly(n, checked)).on_error(letters());
        assert_eq!(awaited.collect::<Vec<_>>().await.unwrap().len(), 16);
        let fused = Pipeline::from_iter(0..20_u32).inline().try_map(checked).on_error(letters());
        assert_eq!(fused.collect::<Vec<_>>().await.unwrap().len(), 16);
        assert_eq!(gathered.on_error(letters()).collect::<Vec<_>>().await.unwrap().len(), 16);
    };
    let reads = async {
        let mut left_out = Vec::new();
        for _ in 0..12 {
            for _ in 0..50 {
                yield_now().await;
            }
            left_out.extend(dead.recv().await.unwrap().into_inner().item);
        }
        left_out
    };
    let both = async { tokio::join!(runs, reads).1 };
    let mut left_out = tokio::time::timeout(Duration::from_secs(60), both).await.expect("it hangs");
    left_out.chunks_mut(4).for_each(<[u32]>::sort_unstable);
    assert_eq!(left_out, [3, 8, 13, 18].repeat(3));
}

#[tokio::test]
async fn pipelines_that_come_together_are_the_same() {
    macro_rules! together {
        ($(|$left:ident, $right:ident| $stages:expr;)*) => {$({
            let ($left, $right) = (Pipeline::from_iter(0..20_u32), Pipeline::from_iter(5..15_u32));
            let (result, stats) = ended($stages.collect::<Vec<_>>().titled("twice").spawn()).await;
            let with_tasks = Facts::new(result, stats);
            let ($left, $right) = (Pipeline::from_iter(0..20_u32).inline(), Pipeline::from_iter(5..15_u32).inline());
            let mut run = $stages.collect::<Vec<_>>().titled("twice");
            let result = (&mut run).await;
            assert_eq!(Facts::new(result, run.stats()), with_tasks, "{}", stringify!($stages));
        })*};
    }
    together! {
        |left, right| left.chain(right);
        |left, right| left.zip(right);
        |left, right| left.merge_sorted(right);
        |left, right| left.map_async(4, |n| slowly(n, |n| n)).merge_sorted_by(right, |a, b| a.cmp(b));
        |left, right| left.chain(right.map_async(4, |n| slowly(n, |n| n)));
    }
}

/// Which of two is taken from first is nobody's promise: what comes of both is.
#[tokio::test]
async fn pipelines_that_are_merged_are_the_same_but_for_the_order() {
    fn sorted<E>(result: Result<Vec<u32>, E>) -> Result<Vec<u32>, E> {
        result.map(|mut all| {
            all.sort_unstable();
            all
        })
    }
    let merged = Pipeline::from_iter(0..20_u32).merge(Pipeline::from_iter(5..15_u32)).collect::<Vec<_>>();
    let (result, stats) = ended(merged.titled("twice").spawn()).await;
    let with_tasks = Facts::new(sorted(result), stats);
    let (left, right) = (Pipeline::from_iter(0..20_u32).inline(), Pipeline::from_iter(5..15_u32).inline());
    let mut run = left.merge(right).collect::<Vec<_>>().titled("twice");
    let result = sorted((&mut run).await);
    assert_eq!(Facts::new(result, run.stats()), with_tasks);
}
