//! One stage is ten times slower than the others, and the handle says which.
//!
//! ```text
//! cargo run --example slow_stage
//! ```
//!
//! You will see where each stage's time went: those before the slow one are *blocked*, since nobody takes their results, and
//! those after it *starved*. The one that is busy all the time limits the pipeline. Then the program gives that stage ten
//! workers instead of one and runs again.

use std::time::{Duration, Instant};

use regatta::pipeline::{Pipeline, PipelineError, PipelineStats};

const ITEMS: u32 = 100;

#[tokio::main]
async fn main() -> Result<(), PipelineError> {
    let (alone, stats) = run(1).await?;
    println!("one worker each: {alone:?}");
    print(&stats);
    let limit = limiting(&stats);
    println!("→ `{limit}` limits the pipeline\n");
    assert_eq!(limit, "resize");

    let (helped, stats) = run(10).await?;
    println!("ten workers for `{limit}`: {helped:?}");
    print(&stats);
    assert!(helped * 3 < alone, "{helped:?} after {alone:?}");
    Ok(())
}

async fn run(resizers: usize) -> Result<(Duration, PipelineStats), PipelineError> {
    let begun = Instant::now();
    let mut running = Pipeline::from_iter(0..ITEMS)
        .map_async(1, |n| work(n, 1))
        .named("download")
        .map_async(resizers, |n| work(n, 10))
        .named("resize")
        .map_async(1, |n| work(n, 1))
        .named("upload")
        .for_each(1, |_| async {})
        .titled("pictures")
        .spawn();
    (&mut running).await?;
    Ok((begun.elapsed(), running.stats()))
}

async fn work(item: u32, millis: u64) -> u32 {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    item
}

/// The stage that was busy for the largest part of its time.
fn limiting(stats: &PipelineStats) -> String {
    let with_times = stats.stages.iter().filter_map(|stage| Some((stage.times?.busy, &stage.name)));
    with_times.max().expect("some stages have tasks").1.to_string()
}

fn print(stats: &PipelineStats) {
    println!("{:10} {:>8} {:>8} {:>8}", "", "busy", "blocked", "starved");
    for stage in &stats.stages {
        if let Some(times) = stage.times {
            let millis = |time: Duration| format!("{} ms", time.as_millis());
            println!(
                "{:10} {:>8} {:>8} {:>8}",
                stage.name,
                millis(times.busy),
                millis(times.blocked),
                millis(times.starved)
            );
        }
    }
}
