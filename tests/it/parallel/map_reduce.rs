//! Pairs of records, joined by key: the same as a sequential loop gives, whatever the input, the workers and the partitions.

mod kit;
mod panics;
mod policies;
mod stops;
mod streams;

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::iter;
use proptest::collection::vec;
use proptest::prelude::*;
use regatta::parallel::{Emit, MapReduce, Text};
use regatta::pool::CpuPool;

use kit::{counted, multi_thread, words_of};

use super::kit::Held;

/// What a key's values are in a loop; sorted, because their order is not promised.
fn by_key(records: &[(u32, u32)]) -> HashMap<u32, Vec<u32>> {
    let mut lists = HashMap::<u32, Vec<u32>>::new();
    for (key, value) in records {
        lists.entry(*key).or_default().push(*value);
    }
    lists.values_mut().for_each(|values| values.sort_unstable());
    lists
}

fn sorted(mut values: Vec<u32>) -> Vec<u32> {
    values.sort_unstable();
    values
}

async fn check(records: Vec<(u32, u32)>, pool: &CpuPool, partitions: usize) {
    let lists = by_key(&records);
    let list = || {
        MapReduce::new()
            .map(|pair: &(u32, u32)| [*pair])
            .reduce(|_, values| sorted(values))
            .partitions(partitions)
            .on(pool)
    };
    let shared: Arc<[_]> = records.clone().into();
    assert_eq!(list().run(records.clone()).await.as_ref(), Ok(&lists));
    assert_eq!(list().run(shared).await.as_ref(), Ok(&lists));
    assert_eq!(list().run_stream(iter(records.clone())).await.as_ref(), Ok(&lists));

    let sums: HashMap<u32, (u32, u64)> =
        lists.iter().map(|(key, values)| (*key, (*key, values.iter().map(|n| u64::from(*n)).sum()))).collect();
    let sum = || {
        let emit = |pair: &(u32, u32), emit: &mut Emit<'_, u32, u64>| emit.one(pair.0, u64::from(pair.1));
        let combined = MapReduce::new().map_emit(emit).combine(|sum: &mut u64, n| *sum += n);
        combined.reduce(|key, sum| (*key, sum)).partitions(partitions).on(pool)
    };
    assert_eq!(sum().run(records.clone()).await.as_ref(), Ok(&sums));
    assert_eq!(sum().run_stream(iter(records)).await.as_ref(), Ok(&sums));
}

#[test]
fn results_are_those_of_a_loop() {
    let runtime = multi_thread();
    let pools = [1, 2, 8].map(|limit| runtime.block_on(async { CpuPool::new(limit) }));
    let records = prop_oneof![vec((0..5_u32, any::<u32>()), 0..3_000), vec((any::<u32>(), any::<u32>()), 0..3_000)];
    proptest!(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() }, |(records in records, pool in 0..3_usize, size in 0..3_usize)| {
        runtime.block_on(check(records, &pools[pool], [1, 7, 64][size]));
    });
}

#[test]
fn every_word_of_a_text_is_counted_once() {
    let runtime = multi_thread();
    let pool = runtime.block_on(async { CpuPool::new(2) });
    let word = prop_oneof!["[a-c]{1,2}", "[äß€𝄞\u{3000}]{1,4}", "x{1,20000}"];
    let space = prop_oneof![Just(" "), Just("\r\n"), Just("\t\t"), Just("\n")];
    proptest!(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() }, |(words in vec((word, space), 0..30), repeat in 1..60_usize)| {
        let text: String = words.iter().map(|(word, space)| format!("{word}{space}")).collect::<String>().repeat(repeat);
        let expected = words_of(&text);
        prop_assert_eq!(runtime.block_on(counted(Text::from(text), &pool)), Ok(expected));
    });
}

#[tokio::test]
async fn a_text_without_a_space_is_one_piece() {
    let pool = CpuPool::new(2);
    let text = "long".repeat(200_000);
    let lengths = MapReduce::new()
        .map(|text: &str| [(text.len(), 1)])
        .combine(|n: &mut u32, m| *n += m)
        .on(&pool)
        .run(Text::from(Arc::<str>::from(text)));
    assert_eq!(lengths.await, Ok([(800_000, 1)].into()));
}

#[tokio::test]
async fn pieces_of_a_text_are_short_and_end_after_a_space() {
    let text = "lorem ipsum\r\n".repeat(100_000);
    let pieces = MapReduce::new()
        .map(|text: &str| [(text.ends_with(|last: char| last.is_ascii_whitespace()), text.len())])
        .reduce(|_, lengths| (lengths.iter().sum::<usize>(), lengths.into_iter().max()));
    let pieces = pieces.run(Text::from(text)).await.expect("nothing fails");
    let (sum, longest) = pieces[&true];
    assert_eq!((pieces.len(), sum), (1, 1_300_000));
    assert!(longest.is_some_and(|longest| longest <= 256 * 1024 + 6), "{longest:?}");
}

#[tokio::test]
async fn pieces_cut_at_lines_end_after_a_line_feed() {
    let text = "a line of several words\r\n".repeat(50_000);
    let lines = MapReduce::new()
        .map_emit(|text: &str, emit: &mut Emit<'_, String, u32>| text.lines().for_each(|line| emit.by_ref(line, 1)))
        .combine(|n: &mut u32, m| *n += m);
    let lines = lines.run(Text::from(text).cut_at_lines());
    assert_eq!(lines.await, Ok([("a line of several words".to_owned(), 50_000)].into()));
}

#[tokio::test]
async fn nothing_gives_an_empty_map() {
    let pool = CpuPool::new(2);
    let count = || MapReduce::new().map(|n: &u32| [(*n, 1)]).combine(|n: &mut u32, m| *n += m).on(&pool);
    assert_eq!(count().run(Vec::new()).await, Ok(HashMap::new()));
    assert_eq!(count().run_stream(iter([])).await, Ok(HashMap::new()));
    assert_eq!(counted(Text::from(""), &pool).await, Ok(HashMap::new()));
    let none = MapReduce::new().map(|_: &u32| None::<(u32, u32)>).reduce(|_, all| all.len()).on(&pool);
    assert_eq!(none.run([1, 2, 3]).await, Ok(HashMap::new()));
}

/// So many that workers stop combining, and a few that begin to come again later, so that they take it up again.
#[tokio::test]
async fn keys_that_nearly_all_differ_are_joined_at_the_end() {
    for (distinct, repeats, limit) in [(300_000_u64, 1, 1), (300_000, 2, 2), (110_000, 12, 1), (600_000, 1, 2)] {
        let pool = CpuPool::new(limit);
        let records: Vec<u64> = (0..repeats).flat_map(|_| 0..distinct).collect();
        let combined = MapReduce::new().map(|n: &u64| [(*n, 1_u64)]).combine(|n: &mut u64, m| *n += m).on(&pool);
        let counts = combined.run(records.clone()).await.expect("nothing fails");
        assert!(
            counts.len() as u64 == distinct && counts.values().all(|n| *n == repeats),
            "{distinct} times {repeats}"
        );
        let listed = MapReduce::new().map(|n: &u64| [(n.to_string(), *n)]).reduce(|_, all| all.len() as u64).on(&pool);
        let counts = listed.run(records).await.expect("nothing fails");
        assert!(
            counts.len() as u64 == distinct && counts.values().all(|n| *n == repeats),
            "{distinct} times {repeats}"
        );
    }
}

#[tokio::test]
async fn a_borrowed_key_is_made_once_for_each_worker() {
    #[derive(PartialEq, Eq, Hash, Debug)]
    struct Word(String);
    impl std::borrow::Borrow<str> for Word {
        fn borrow(&self) -> &str {
            &self.0
        }
    }
    static MADE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    impl From<&str> for Word {
        fn from(word: &str) -> Self {
            MADE.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Self(word.to_owned())
        }
    }
    let pool = CpuPool::new(2);
    let counts = MapReduce::new()
        .map_emit(|word: &&'static str, emit: &mut Emit<'_, Word, u32>| emit.by_ref(*word, 1))
        .combine(|n: &mut u32, m| *n += m)
        .on(&pool);
    let counts = counts.run(vec!["again"; 10_000]).await.expect("nothing fails");
    assert_eq!(counts, [(Word("again".to_owned()), 10_000)].into());
    assert!(MADE.load(std::sync::atomic::Ordering::SeqCst) <= 2);
}

#[test]
#[should_panic(expected = "MapReduce: partitions must be above zero")]
fn zero_partitions_are_refused() {
    let _ = MapReduce::new().partitions(0);
}

#[tokio::test]
async fn the_most_partitions_work() {
    let counts = MapReduce::new().map(|n: &u32| [(*n % 3, 1)]).combine(|n: &mut u32, m| *n += m).partitions(usize::MAX);
    assert_eq!(counts.run((0..30).collect::<Vec<u32>>()).await, Ok([(0, 10), (1, 10), (2, 10)].into()));
}

#[tokio::test]
async fn both_halves_are_worked_on_by_all_workers() {
    let pool = CpuPool::new(2);
    let (mapping, reducing) = (Held::default(), Held::default());
    let (map_gate, reduce_gate) = (mapping.clone(), reducing.clone());
    let map = move |n: &u32| {
        map_gate.pass();
        [(*n, *n)]
    };
    let reduce = move |_: &u32, values: Vec<u32>| {
        reduce_gate.pass();
        values.len()
    };
    let lengths = tokio::spawn(MapReduce::new().map(map).reduce(reduce).on(&pool).run((0..64).collect::<Vec<u32>>()));
    mapping.until_entered(2).await;
    mapping.open();
    reducing.until_entered(2).await;
    reducing.open();
    assert_eq!(lengths.await.expect("no panic").expect("no panic").len(), 64);
}
