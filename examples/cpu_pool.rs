//! Counts primes on the CPU pool while a ticker on the same, single-threaded runtime keeps its beat.
//!
//! Run: `cargo run --release --example cpu_pool`
//!
//! You will see one line for each range as it is finished, in the order of the ranges, then how often the ticker ticked
//! meanwhile: the runtime's only thread was never held up. The last job panics, and the panic arrives as a value.

use std::error::Error;
use std::time::Duration;

use regatta::pool::CpuPool;
use regatta::task::TaskGroup;

const RANGE: u64 = 100_000;
const RANGES: u64 = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = CpuPool::builder().name("primes").build();
    let group = TaskGroup::new("example");
    let stop = group.token();
    let ticker = group.spawn("ticker", async move {
        let mut beat = tokio::time::interval(Duration::from_millis(1));
        let mut ticks = 0_u64;
        while stop.run_until_cancelled(beat.tick()).await.is_some() {
            ticks += 1;
        }
        ticks
    })?;

    // One job for each range, each with a handle of its own: they are awaited one after the other and run side by side.
    let mut jobs = Vec::new();
    for range in 0..RANGES {
        jobs.push(pool.submit(move || count_primes(range * RANGE..(range + 1) * RANGE)).await?);
    }
    let mut total = 0;
    for (range, job) in (0_u64..).zip(jobs) {
        let primes = job.await?;
        total += primes;
        println!("{:>7}..{:<7} {primes} primes", range * RANGE, (range + 1) * RANGE);
    }
    assert_eq!(total, 78_498, "the number of primes below a million");

    // The same with `map`, which submits, bounds and collects.
    let counts = pool.map(0..RANGES, |range| count_primes(range * RANGE..(range + 1) * RANGE)).await?;
    assert_eq!(counts.iter().sum::<u64>(), total);

    let broken = pool.submit(|| 1_u64.checked_div(0).expect("not by zero")).await?;
    println!("{}", broken.await.expect_err("it panics"));

    let report = pool.shutdown(Duration::from_secs(10)).await;
    assert_eq!((report.finished, report.panicked_count), (2 * RANGES, 1));
    println!("{report}");
    let _ = group.shutdown(Duration::from_secs(1)).await;
    let ticks = ticker.await?;
    assert!(ticks > 0, "the ticker had its turns");
    println!("{total} primes below {}, {ticks} ticks meanwhile", RANGE * RANGES);
    Ok(())
}

/// Trial division: slow on purpose.
fn count_primes(range: std::ops::Range<u64>) -> u64 {
    range.filter(|&n| n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0)).count() as u64
}
