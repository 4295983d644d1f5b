//! Whatever the elements, the order is that of the standard library's stable sort.

use proptest::prelude::*;
use regatta::parallel::{sort, sort_by, sort_by_cached_key, sort_by_key};
use regatta::pool::CpuPool;
use tokio::runtime::Builder;

/// An element that shows whether equal ones have kept their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Card {
    key: u32,
    place: usize,
}

impl PartialOrd for Card {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Card {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

fn cards(keys: impl IntoIterator<Item = u32>) -> Vec<Card> {
    keys.into_iter().enumerate().map(|(place, key)| Card { key, place }).collect()
}

/// Numbers in no order, the same each time.
fn mixed(count: usize, values: u32) -> impl Iterator<Item = u32> {
    let mut state = 12_345_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u32 % values
    })
    .take(count)
}

/// All four sorts agree with the standard library's.
async fn check(cards: Vec<Card>, workers: usize) {
    let pool = CpuPool::new(workers);
    let mut expected = cards.clone();
    expected.sort();
    let what = format!("{} elements, {workers} workers", cards.len());
    assert!(sort(cards.clone()).on(&pool).await.expect("it sorts") == expected, "sort, {what}");
    assert!(sort_by(cards.clone(), Card::cmp).on(&pool).await.expect("it sorts") == expected, "sort_by, {what}");
    let by_key = sort_by_key(cards.clone(), |card| card.key);
    assert!(by_key.on(&pool).await.expect("it sorts") == expected, "sort_by_key, {what}");
    let by_cached_key = sort_by_cached_key(cards.clone(), |card| card.key.to_string().len() as u32 * 1_000 + card.key);
    expected.sort_by_cached_key(|card| card.key.to_string().len() as u32 * 1_000 + card.key);
    assert!(by_cached_key.on(&pool).await.expect("it sorts") == expected, "sort_by_cached_key, {what}");
}

#[tokio::test]
async fn it_is_stable_at_every_size_around_a_threshold() {
    for size in [0, 1, 2, 63, 64, 65, 4_096, 4_097, 16_383, 16_384, 16_385, 24_575, 24_576, 32_768, 65_537] {
        for workers in [1, 2, 3, 8] {
            check(cards(mixed(size, 500)), workers).await;
        }
    }
}

#[tokio::test]
async fn it_is_stable_for_every_shape_of_input() {
    const COUNT: u32 = 70_000;
    let shapes: [(&str, Vec<u32>); 9] = [
        ("sorted", (0..COUNT).collect()),
        ("reversed", (0..COUNT).rev().collect()),
        ("reversed with equal neighbours", (0..COUNT).rev().map(|n| n / 2).collect()),
        ("organ pipe", (0..COUNT / 2).chain((0..COUNT / 2).rev()).collect()),
        ("all the same", vec![7; COUNT as usize]),
        ("two values", mixed(COUNT as usize, 2).collect()),
        ("one frequent value", mixed(COUNT as usize, 1_000).map(|n| n.max(900)).collect()),
        ("saw", (0..COUNT).map(|n| n % 1_000).collect()),
        ("sorted but for the last", (1..COUNT).chain([0]).collect()),
    ];
    for (name, keys) in shapes {
        for workers in [1, 2, 3, 8] {
            let mut sorted = keys.clone();
            sorted.sort_unstable();
            let pool = CpuPool::new(workers);
            assert!(sort(keys.clone()).on(&pool).await.expect("numbers") == sorted, "numbers, {name}, {workers}");
            check(cards(keys.clone()), workers).await;
        }
    }
}

#[tokio::test]
async fn numbers_of_every_type_are_sorted() {
    macro_rules! check {
        ($($Type:ty),*) => {
            $(
                let numbers: Vec<$Type> = mixed(40_000, u32::MAX).map(|n| (n as $Type).wrapping_mul(77)).collect();
                let mut expected = numbers.clone();
                expected.sort_unstable();
                assert!(sort(numbers).await.expect("it sorts") == expected, stringify!($Type));
            )*
        };
    }
    check!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
    let letters: Vec<char> = mixed(40_000, 0xd000).filter_map(char::from_u32).collect();
    let mut expected = letters.clone();
    expected.sort_unstable();
    assert!(sort(letters).await.expect("it sorts") == expected);
    let falses = sort(mixed(40_000, 2).map(|n| n > 0).collect()).await.expect("it sorts");
    assert!(falses.is_sorted());
}

/// Bytes that are easily mistaken: the padding of short texts, and what is not ASCII.
fn text() -> impl Strategy<Value = String> {
    let letters =
        proptest::sample::select(vec!["\0", "a", "b", "z", "ä", "€", "🦀", "\u{10ffff}", "aaaaaaaa", "\0\0\0\0"]);
    proptest::collection::vec(letters, 0..5).prop_map(|letters| letters.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn texts_of_every_type_are_sorted(some in proptest::collection::vec(text(), 1..200), repeats in 1..200_usize) {
        let texts: Vec<String> = some.iter().cycle().take(some.len() * repeats).cloned().collect();
        let mut expected = texts.clone();
        expected.sort();
        let bytes: Vec<Vec<u8>> = texts.iter().map(|text| text.clone().into_bytes()).collect();
        let boxed: Vec<Box<str>> = texts.iter().map(|text| text.as_str().into()).collect();
        let shared: Vec<std::sync::Arc<str>> = texts.iter().map(|text| text.as_str().into()).collect();
        Builder::new_current_thread().build().expect("a runtime").block_on(async {
            let pool = CpuPool::new(2);
            assert_eq!(sort(texts).on(&pool).await.expect("it sorts"), expected);
            let sorted = sort(bytes).on(&pool).await.expect("it sorts");
            assert!(sorted.iter().map(Vec::as_slice).eq(expected.iter().map(String::as_bytes)));
            assert!(sort(boxed).on(&pool).await.expect("it sorts").iter().map(|text| &**text).eq(&expected));
            assert!(sort(shared).on(&pool).await.expect("it sorts").iter().map(|text| &**text).eq(&expected));
        });
    }

    #[test]
    fn cards_are_sorted_stably(keys in proptest::collection::vec(0..50_u32, 0..300), repeats in 1..300, workers in 1..9_usize) {
        let keys: Vec<u32> = (0..repeats as u32).flat_map(|n| keys.iter().map(move |key| key ^ (n % 5))).collect();
        Builder::new_current_thread().build().expect("a runtime").block_on(check(cards(keys), workers));
    }
}

#[tokio::test]
async fn static_texts_with_long_common_beginnings_are_sorted() {
    let words: Vec<&'static str> = mixed(40_000, 26)
        .map(|n| {
            ["http://example.org/", "http://example.org/a", "http://", "", "https://example.org/\0"][n as usize % 5]
        })
        .collect();
    let mut expected = words.clone();
    expected.sort();
    assert_eq!(sort(words).await.expect("it sorts"), expected);
}

#[tokio::test]
async fn equal_texts_keep_their_order() {
    let texts: Vec<std::sync::Arc<str>> = mixed(40_000, 300).map(|n| format!("{n:09}").into()).collect();
    let mut expected = texts.clone();
    expected.sort();
    let sorted = sort(texts).await.expect("it sorts");
    assert!(sorted.iter().zip(&expected).all(|(left, right)| std::sync::Arc::ptr_eq(left, right)));
}

#[tokio::test]
async fn elements_without_a_size_are_sorted() {
    assert_eq!(sort(vec![(); 100_000]).await.expect("it sorts").len(), 100_000);
    let backwards = sort_by(vec![(); 100_000], |_, _| std::cmp::Ordering::Greater).await;
    assert_eq!(backwards.map_or_else(|error| error.into_inner().len(), |units| units.len()), 100_000);
}

/// Texts that nearly all begin alike, and some that come before them, or behind, or are the beginning itself.
#[tokio::test]
async fn texts_that_begin_unlike_most_are_put_in_their_place() {
    let mut texts: Vec<String> = mixed(40_000, 5_000).map(|n| format!("https://example.org/{n}")).collect();
    let others =
        ["", "a", "https://", "https://example.org/", "https://example.org/\0", "https://example.org/\u{10ffff}", "z"];
    for (n, other) in others.into_iter().enumerate() {
        texts.insert(n * 5_000 + 3, other.into());
    }
    let mut expected = texts.clone();
    expected.sort();
    assert_eq!(sort(texts).await.expect("it sorts"), expected);
}

#[tokio::test]
async fn nearly_equal_elements_are_sorted_by_any_number_of_workers() {
    for workers in [2, 3, 4, 5, 8, 64] {
        let pool = CpuPool::new(workers);
        for others in [0, 1, 2, 3, 10, 40] {
            for other in [0_u64, 9] {
                let mut numbers = vec![5_u64; 70_000];
                (0..others).for_each(|n| numbers[n * 97 + 13] = other);
                let mut expected = numbers.clone();
                expected.sort_unstable();
                let keyed: Vec<(u64, usize)> = numbers.iter().copied().zip(0..).collect();
                let mut keyed_expected = keyed.clone();
                keyed_expected.sort_by_key(|(number, _)| *number);
                assert_eq!(
                    sort(numbers).on(&pool).await.expect("no panic"),
                    expected,
                    "{others} of {other}, {workers} workers"
                );
                assert_eq!(
                    sort_by_key(keyed, |(number, _)| *number).on(&pool).await.expect("no panic"),
                    keyed_expected
                );
            }
        }
    }
}
