//! The classical scatter and gather: data in chunks, a function for each chunk, one for the results.
//!
//! Run: `cargo run --example textbook_scatter_gather`
//!
//! You will see the sum of a million numbers in four chunks, how long each chunk is, that an empty list gathers an empty
//! list, and what is left of a slow chunk when there is a time limit.

use std::error::Error;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use regatta::parallel::{Missing, scatter_gather};
use regatta::pool::CpuPool;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = CpuPool::new(4);

    // scatter_gather(data, num_workers, worker_fn, gather_fn)
    let numbers: Vec<u64> = (1..=1_000_000).collect();
    let sum = |chunk: Vec<u64>| chunk.into_iter().sum::<u64>();
    let total = scatter_gather(numbers, 4, sum, |sums| sums.into_iter().sum::<u64>()).on(&pool).await?;
    println!("sum: {total}");
    assert_eq!(total, 500_000_500_000);

    // Chunks differ by one element at the most, and their results come in order.
    let lengths =
        scatter_gather((0..10).collect(), 4, |chunk: Vec<u32>| chunk.len(), |lengths| lengths).on(&pool).await?;
    println!("ten elements in four chunks: {lengths:?}");
    assert_eq!(lengths, [3, 3, 2, 2]);

    let nothing = scatter_gather(Vec::<u32>::new(), 4, |chunk| chunk.len(), |lengths| lengths).on(&pool).await?;
    assert!(nothing.is_empty());

    // One chunk hangs; after 100 ms we go on without it.
    let (release, stuck) = mpsc::channel::<()>();
    let stuck = Mutex::new(stuck);
    let search = move |shard: Vec<&'static str>| {
        if shard.contains(&"broken shard") {
            let _ = stuck.lock().map(|stuck| stuck.recv());
        }
        shard.len()
    };
    let shards = vec!["shard 1", "broken shard", "shard 3"];
    let found = scatter_gather(shards, 3, search, |hits| hits.into_iter().sum::<usize>()).on(&pool);
    let found = found.timeout(Duration::from_millis(100)).await?;
    println!("found in time: {}, missing: {:?}", found.value, found.missing);
    assert_eq!((found.value, &found.missing[..]), (2, &[(1, Missing::Late)][..]));
    drop(release);
    Ok(())
}
