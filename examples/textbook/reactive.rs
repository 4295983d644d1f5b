//! The classical reactive-stream exercise: a processor between a fast producer and a slow consumer, whose demand reaches the
//! producer.
//!
//! ```text
//! cargo run --example textbook_reactive
//! ```
//!
//! The classical form counts `request(n)` in each stage by hand, and gets it wrong where a stage drops, batches or restarts.
//! Here a stage asks for what it has room for, so the producer is held back whatever lies between; probes at both ends show
//! it, and the harness runs the processor through the rules of Reactive Streams. You will see how far the producer runs ahead
//! while nobody consumes, that demand is answered with what is there, and the rules that hold.

use regatta::pipeline::{OnError, Pipeline};
use regatta::testing::{self, TestSink, TestSource, Verify};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // The processor: parse, leave out what is wrong, work four at a time, in order.
    let (producer, input) = TestSource::new();
    let processed = Pipeline::from_stream(input)
        .try_map(|line: String| line.parse::<u32>())
        .on_error(OnError::Skip)
        .map_async(4, |n| async move { n * n })
        .into_stream();
    let mut consumer = TestSink::new(processed);

    for n in 0..1_000 {
        producer.send(if n == 3 { "three".to_owned() } else { n.to_string() });
    }
    producer.end();
    consumer.expect_all([0, 1, 4]).await;
    // Others have had their turns by then, and whatever can run ahead has done so.
    testing::quiet().await;
    let ahead = producer.pulled();
    println!("three were consumed, {ahead} were taken from the producer, and no more until somebody asks");
    // Three, one that was left out, four in work and sixteen results.
    assert!((3..=24).contains(&ahead), "{ahead}");

    consumer.expect_all([16, 25]).await;
    for n in 6..1_000 {
        consumer.expect(n * n).await;
    }
    consumer.expect_end().await;
    println!("all others followed, and then the end");

    // A processor that gives back what it gets can be verified. It may hold four items in work, and sixteen results.
    let processor = |input| Pipeline::from_stream(input).map_async(4, |n| async move { n }).into_stream();
    let report = Verify::new().holds_at_most(4 + 16).run(processor).await;
    println!("{report}:");
    for rule in report.kept() {
        println!("- {rule}");
    }
    report.assert_ok();
}
