//! The textbook's producer–consumer, row by row: a bounded buffer, timeouts, `task_done` and `join`, the shutdown event,
//! and a run of several producers and consumers with a report.
//!
//! Run it with `cargo run --example textbook_producer_consumer`. It prints the report and asserts everything it says.

use std::time::Duration;

use regatta::BoxError;
use regatta::queue::{self, Producer, ProducerConsumer};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let short = Duration::from_millis(10);

    // A bounded buffer: `put` waits when it is full; one that gives up has its item back.
    let (producer, consumer) = queue::bounded(2);
    producer.send("a").await?;
    producer.send("b").await?;
    let error = producer.send_timeout("c", short).await.expect_err("it is full");
    assert!(error.is_elapsed());
    assert_eq!(error.into_inner(), "c");

    // `task_done` and `join`: received is not finished.
    let (first, second) = (consumer.recv().await.expect("a"), consumer.recv().await.expect("b"));
    assert!(tokio::time::timeout(short, producer.join()).await.is_err());
    first.done();

    // A task that is dropped without `task_done` is abandoned: it comes back, and is counted.
    drop(second);
    let again = consumer.recv().await.expect("b");
    assert_eq!((*again, again.attempt()), ("b", 2));
    again.done();
    producer.join().await;
    assert_eq!(consumer.stats().abandoned, 1);

    // `get(timeout)`.
    assert!(consumer.recv_timeout(short).await.is_err());

    // The shutdown event is seen by producers too; consumers drain, then end.
    producer.send("d").await?;
    consumer.close();
    producer.closed().await;
    assert!(producer.send("e").await.expect_err("closed").is_closed());
    consumer.recv().await.expect("d").done();
    assert!(consumer.recv().await.is_none());

    // Producers and consumers, run to the end.
    let report = ProducerConsumer::new(5)
        .producers(3, |id, tx: Producer<usize>| async move {
            for number in 0..10 {
                tx.send(100 * id + number).await?;
            }
            Ok::<_, BoxError>(())
        })
        .consumers(2, |_id, item| async move {
            match item {
                207 => Err("207 is not to our taste"),
                _ => Ok(()),
            }
        })
        .run()
        .await;
    println!("{report}");
    assert_eq!(report.produced, [10, 10, 10]);
    assert_eq!((report.consumed.iter().sum::<u64>(), report.failed, report.abandoned), (29, 1, 0));
    assert!(report.errors[0].to_string().ends_with("207 is not to our taste"));
    Ok(())
}
