//! The classical divide and conquer: base case, divide, combine; merge sort and sum.
//!
//! Run: `cargo run --release --example textbook_divide_and_conquer`
//!
//! You will see a list sorted by merging halves, a sum over a tree of ranges, and both on a pool of one worker: nobody
//! waits for a part, so there is nothing to deadlock, however deep it goes.

use std::error::Error;
use std::ops::Range;

use regatta::parallel::{bisect, divide_and_conquer};
use regatta::pool::CpuPool;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let list: Vec<u64> = (0..200_000).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).collect();
    let mut expected = list.clone();
    expected.sort();

    for workers in [1, 4] {
        let pool = CpuPool::new(workers);

        // is_base, solve_base, divide -> list, combine
        let sorted = divide_and_conquer(
            list.clone(),
            |list: &Vec<u64>| list.len() <= 1_000,
            |mut list| {
                list.sort();
                list
            },
            |mut list| {
                let right = list.split_off(list.len() / 2);
                vec![list, right]
            },
            merge_all,
        );
        assert_eq!(sorted.on(&pool).await?, expected);

        // Halves, the fast form.
        let sum = bisect(
            0..10_000_000_u64,
            |range: &Range<u64>| range.end - range.start <= 1_000,
            |range| range.sum::<u64>(),
            |range| {
                let middle = range.start.midpoint(range.end);
                [range.start..middle, middle..range.end]
            },
            |left, right| left + right,
        );
        assert_eq!(sum.on(&pool).await?, 49_999_995_000_000);
        println!("{workers} worker(s): {} numbers sorted, ten million summed", expected.len());
    }

    // A problem that is nothing but deep: a list of a million, one element off at a time.
    let depth = bisect(1_000_000_u32, |n| *n == 1, |_| 1_u32, |n| [1, n - 1], |left, right| left + right).await?;
    println!("depth {depth}");
    assert_eq!(depth, 1_000_000);
    Ok(())
}

/// Merges sorted lists, two by two.
fn merge_all(parts: Vec<Vec<u64>>) -> Vec<u64> {
    parts.into_iter().reduce(merge).unwrap_or_default()
}

fn merge(left: Vec<u64>, right: Vec<u64>) -> Vec<u64> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        // The left one first where they are equal: a merge sort is stable.
        merged.extend(if a <= b { left.next() } else { right.next() });
    }
    merged.extend(left);
    merged.extend(right);
    merged
}
