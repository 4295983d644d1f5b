//! Sorts on all cores: numbers, records by a key, names; stable, and with everything back when a comparison panics.
//!
//! Run: `cargo run --release --example merge_sort`
//!
//! You will see how long std, the textbook's merge sort by divide and conquer, and `parallel::sort` take for the same numbers;
//! that records with the same key keep their order; that an order that panics gives the records back; and that the
//! single thread of this runtime kept ticking meanwhile.

use std::error::Error;
use std::time::{Duration, Instant};

use regatta::parallel::{divide_and_conquer, sort, sort_by, sort_by_cached_key};
use regatta::task::TaskGroup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let group = TaskGroup::new("merge_sort");
    let stop = group.token();
    let ticking = group.spawn("ticker", async move {
        let (mut beat, mut ticks) = (tokio::time::interval(Duration::from_millis(1)), 0_u32);
        while stop.run_until_cancelled(beat.tick()).await.is_some() {
            ticks += 1;
        }
        ticks
    })?;

    let numbers: Vec<u64> = (1..=2_000_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let copies = [numbers.clone(), numbers.clone()];
    let [by_std, by_textbook] = copies;

    let begun = Instant::now();
    let expected = group.spawn_blocking("std", move || {
        let mut numbers = by_std;
        numbers.sort();
        numbers
    });
    let expected = expected.map_err(|error| error.to_string())?.await?;
    println!("std, one core:              {:?}", begun.elapsed());

    let begun = Instant::now();
    let sorted = divide_and_conquer(by_textbook, |part: &Vec<u64>| part.len() <= 4096, solve, halves, merge).await?;
    println!("textbook, all cores:        {:?}", begun.elapsed());
    assert_eq!(sorted, expected);

    let begun = Instant::now();
    let sorted = sort(numbers).await?;
    println!("parallel::sort, all cores:  {:?}", begun.elapsed());
    assert_eq!(sorted, expected);

    // Stable: of the same length, the first stays first. The key of a name is made once.
    let names: Vec<String> = (0..100_000).map(|n| format!("{:x}", n * 7919 % 100_003)).collect();
    let by_length = sort_by_cached_key(names.clone(), String::len).await?;
    let mut expected = names;
    expected.sort_by_key(String::len);
    assert_eq!(by_length, expected);

    // An order that breaks: the elements come back, each of them.
    let floats: Vec<f64> = (0..50_000).map(|n| if n == 31_000 { f64::NAN } else { f64::from(n % 977) }).collect();
    let failed = sort_by(floats, |a, b| a.partial_cmp(b).expect("no NaN")).await.expect_err("there is a NaN");
    println!("{failed}");
    assert_eq!(failed.into_inner().len(), 50_000);

    group.close();
    group.token().cancel();
    println!("ticks meanwhile: {}", ticking.await?);
    Ok(())
}

fn solve(mut part: Vec<u64>) -> Vec<u64> {
    part.sort();
    part
}

fn halves(mut part: Vec<u64>) -> Vec<Vec<u64>> {
    let right = part.split_off(part.len() / 2);
    vec![part, right]
}

/// std's sort finds the two sorted halves, and merges them.
fn merge(parts: Vec<Vec<u64>>) -> Vec<u64> {
    let mut merged: Vec<u64> = parts.into_iter().flatten().collect();
    merged.sort();
    merged
}
