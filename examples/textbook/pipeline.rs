//! The classical pipeline exercise: three steps, one worker each, connected by bounded buffers.
//!
//! ```text
//! cargo run --example textbook_pipeline
//! ```
//!
//! The classical form wires three queues and three threads, and waits for each queue in the right order; a step that
//! fails early or late changes that order. Here the stages are one value: results come in order, and completion is known
//! when the pipeline says so. You will see the squares of the even numbers, and what each stage has done.

use std::time::Duration;

use regatta::pipeline::{Pipeline, PipelineError};
use regatta::policy::Overflow;

#[tokio::main]
async fn main() -> Result<(), PipelineError> {
    let mut running = Pipeline::from_iter(1..=20_u64)
        .named("count")
        .map_async(1, |n| async move {
            // Every item takes its time, and the next stage works meanwhile.
            tokio::time::sleep(Duration::from_millis(1)).await;
            n
        })
        .named("read")
        .filter(|n| n % 2 == 0)
        .named("even")
        .buffer(5, Overflow::Wait)
        .named("buffer")
        .map_async(1, |n| async move { n * n })
        .named("square")
        .batch(4, Duration::from_secs(1))
        .named("batch")
        .collect::<Vec<_>>()
        .named("collect")
        .titled("squares")
        .spawn();

    let batches = (&mut running).await?;
    for batch in &batches {
        println!("{batch:?}");
    }
    let expected: Vec<u64> = (1..=20).filter(|n| n % 2 == 0).map(|n| n * n).collect();
    assert_eq!(batches.concat(), expected, "in order, and complete");

    let stats = running.stats();
    for stage in &stats.stages {
        println!("{:8} {}", stage.name, stage.flow);
        assert!(stage.flow.is_conserved());
        assert_eq!(stage.flow.in_flight, 0, "completion is known, not guessed");
    }
    Ok(())
}
