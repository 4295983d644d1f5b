//! Records that fail, memory that is limited, progress that is told.

use std::error::Error;

use futures::stream::iter;
use regatta::parallel::{Emit, MapReduce, MapReduceError, OnRecordError, Phase, Progress};
use regatta::pool::CpuPool;
use tokio::sync::watch;

use super::kit::multi_thread;

/// Digits, every tenth of which are none.
fn digits() -> Vec<String> {
    (0..10_000).map(|n| if n % 10 == 7 { format!("no. {n}") } else { n.to_string() }).collect()
}

#[expect(clippy::ptr_arg, reason = "a mapper is given a reference to its record")]
fn parse(digits: &String) -> Result<[(u32, u32); 1], String> {
    digits.parse::<u32>().map(|n| [(n % 10, 1)]).map_err(|_| digits.clone())
}

#[tokio::test]
async fn one_record_that_fails_ends_the_work() {
    let count = || MapReduce::new().try_map(parse).combine(|n: &mut u32, m| *n += m);
    for error in [count().run(digits()).await, count().run_stream(iter(digits())).await] {
        let Err(MapReduceError::Failed { record, error }) = error else { panic!("{error:?}") };
        assert_eq!(error, format!("no. {record}"));
    }
}

#[tokio::test]
async fn an_error_says_which_record_failed() {
    let count = MapReduce::new().try_map(parse).combine(|n: &mut u32, m| *n += m);
    let error = count.run(["1", "2", "three"].map(String::from)).await.expect_err("the third is no number");
    assert_eq!((error.to_string(), error.source().is_none()), ("record 2 failed: three".to_owned(), true));
    assert_eq!(error.into_failed().as_deref(), Some("three"));
}

#[tokio::test]
async fn records_that_fail_are_skipped_and_counted() {
    let count = || MapReduce::new().try_map(parse).reduce(|_, ones| ones.len()).on_record_error(OnRecordError::Skip);
    let (counts, skipped) = count().run_counted(digits()).await.expect("they are skipped");
    assert_eq!((counts.len(), counts[&3], skipped.count, skipped.first.len()), (9, 1_000, 1_000, 0));
    let (streamed, skipped) = count().run_stream_counted(iter(digits())).await.expect("they are skipped");
    assert_eq!((streamed, skipped.count), (counts, 1_000));
}

#[test]
fn the_first_errors_are_kept_in_the_order_of_the_input() {
    let runtime = multi_thread();
    runtime.block_on(async {
        let first: Vec<_> = (0..25).map(|n| (10 * n + 7, format!("no. {}", 10 * n + 7))).collect();
        for limit in [1, 2, 8] {
            let pool = CpuPool::new(limit);
            let count = || {
                let count = MapReduce::new().try_map(parse).combine(|n: &mut u32, m| *n += m).on(&pool);
                count.on_record_error(OnRecordError::Collect(25))
            };
            let (_, skipped) = count().run_counted(digits()).await.expect("they are skipped");
            assert_eq!((skipped.count, &skipped.first), (1_000, &first));
            let (_, skipped) = count().run_stream_counted(iter(digits())).await.expect("they are skipped");
            assert_eq!((skipped.count, &skipped.first), (1_000, &first));
        }
    });
}

#[tokio::test]
async fn all_errors_are_kept_if_so_many_are_asked_for() {
    let count = MapReduce::new().try_map(parse).combine(|n: &mut u32, m| *n += m);
    let (_, skipped) =
        count.on_record_error(OnRecordError::Collect(usize::MAX)).run_counted(digits()).await.expect("skipped");
    assert_eq!((skipped.count, skipped.first.len()), (1_000, 1_000));
}

#[tokio::test]
async fn what_a_record_emits_before_it_fails_stays() {
    let emit = |n: &u32, emit: &mut Emit<'_, u32, u32>| {
        emit.one(*n, 1);
        Err::<(), _>("after the first pair")
    };
    let kept = MapReduce::new().try_map_emit(emit).combine(|n: &mut u32, m| *n += m);
    let (kept, skipped) = kept.on_record_error(OnRecordError::Skip).run_counted([5, 6]).await.expect("skipped");
    assert_eq!((kept, skipped.count), ([(5, 1), (6, 1)].into(), 2));
}

fn memory_of<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, MapReduceError<E>>) -> (u64, u64, u64) {
    match result {
        Err(MapReduceError::MemoryLimit(memory)) => (memory.limit, memory.reached, memory.records),
        other => panic!("the limit was not reached: {other:?}"),
    }
}

#[tokio::test]
async fn a_limit_of_memory_ends_the_work() {
    const LIMIT: usize = 1 << 20;
    let numbers = || (0..200_000_u64).map(|n| n.to_string()).collect::<Vec<_>>();
    let count = || {
        let words = |word: &String, emit: &mut Emit<'_, String, u64>| emit.by_ref(word.as_str(), 1);
        MapReduce::new().map_emit(words).combine(|n: &mut u64, m| *n += m).memory_limit(LIMIT)
    };
    for result in [count().run(numbers()).await, count().run_stream(iter(numbers())).await] {
        let (limit, reached, records) = memory_of(result);
        assert_eq!(limit, LIMIT as u64);
        assert!(reached > limit && reached < limit + limit / 4, "{reached} of {limit}");
        assert!(records > 0 && records < 100_000, "{records}");
    }
}

#[tokio::test]
async fn values_results_and_one_record_count_for_the_limit() {
    let list = || MapReduce::new().map(|n: &u32| [(0, vec![0_u8; *n as usize])]).memory_limit(1 << 20);
    memory_of(list().reduce(|_, all| all.len()).run(vec![10_000; 1_000]).await);
    let strings = |_: &u32, all: Vec<Vec<u8>>| "x".repeat(all.len() << 20);
    memory_of(list().reduce(strings).run([1, 1]).await);
    let endless = |_: &u32, emit: &mut Emit<'_, u64, u64>| (0..10_000_000).for_each(|n| emit.one(n, n));
    memory_of(MapReduce::new().map_emit(endless).reduce(|_, all| all.len()).memory_limit(1 << 20).run([1]).await);
    let same = |_: &u32, emit: &mut Emit<'_, u64, String>| (0..1_000_000).for_each(|_| emit.one(7, "seven".to_owned()));
    let joined = MapReduce::new().map_emit(same).combine(|all: &mut String, more| all.push_str(&more));
    memory_of(joined.memory_limit(1 << 20).run([1]).await);
}

#[tokio::test]
async fn what_stays_below_the_limit_is_done() {
    let count =
        || MapReduce::new().map(|n: &u64| [(n % 100, 1)]).combine(|n: &mut u64, m| *n += m).memory_limit(1 << 20);
    let many = 0..300_000_u64;
    assert_eq!(count().run_stream(iter(many.clone())).await.map(|counts| counts[&7]), Ok(3_000));
    assert_eq!(count().run(many.collect::<Vec<_>>()).await.map(|counts| counts[&7]), Ok(3_000));
}

#[tokio::test]
async fn an_error_of_memory_says_what_to_do() {
    let count = MapReduce::new().map(|n: &u64| [(*n, 1)]).combine(|n: &mut u64, m| *n += m).memory_limit(1);
    let error = count.run([1, 2, 3]).await.expect_err("a byte is not enough");
    assert!(error.is_memory_limit());
    let message = error.to_string();
    assert!(
        message.contains("and 1 are allowed; raise its memory limit, combine values, or emit fewer keys"),
        "{message}"
    );
}

#[test]
#[should_panic(expected = "MapReduce: memory_limit must be above zero")]
fn a_limit_of_zero_is_refused() {
    let _ = MapReduce::new().memory_limit(0);
}

/// Runs it and gives all that was told, as far as it was seen.
async fn told<F, R>(run: impl FnOnce(watch::Sender<Progress>) -> F) -> Vec<Progress>
where
    F: Future<Output = R>,
{
    let (sender, mut receiver) = watch::channel(Progress::default());
    let watching = tokio::spawn(async move {
        let mut seen = vec![*receiver.borrow_and_update()];
        while receiver.changed().await.is_ok() {
            seen.push(*receiver.borrow_and_update());
        }
        seen
    });
    run(sender).await;
    watching.await.expect("no panic")
}

fn check(seen: &[Progress], records: u64, keys: u64) {
    assert!(
        seen.is_sorted_by(|a, b| a.phase <= b.phase && a.records <= b.records && a.keys <= b.keys),
        "it falls: {seen:?}"
    );
    let last = seen.last().expect("something was told");
    assert_eq!((last.phase, last.records, last.total, last.keys), (Phase::Done, records, Some(records), keys));
}

#[tokio::test]
async fn progress_rises_to_the_end() {
    let count = || MapReduce::new().map(|n: &u64| [(n % 1_000, 1)]).combine(|n: &mut u64, m| *n += m);
    let all: Vec<u64> = (0..100_000).collect();
    check(&told(|sender| count().progress(sender).run(all.clone())).await, 100_000, 1_000);
    check(&told(|sender| count().progress(sender).run_stream(iter(all))).await, 100_000, 1_000);
    check(&told(|sender| count().progress(sender).run(Vec::new())).await, 0, 0);
}
