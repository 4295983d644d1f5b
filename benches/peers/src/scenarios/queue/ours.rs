//! The work queue: every item is received, summed up and finished.

use std::ops::Range;
use std::time::Duration;

use regatta::queue::{self, Consumer, Producer};

use super::{BATCH, CAPACITY, relay};

pub(super) async fn tracked(width: u64) -> Duration {
    let (producer, consumer) = queue::bounded(CAPACITY);
    relay(width, move |items| send(producer.clone(), items), move || sum(consumer.clone())).await
}

pub(super) async fn batch(width: u64) -> Duration {
    let (producer, consumer) = queue::bounded(CAPACITY);
    relay(width, move |items| send(producer.clone(), items), move || sum_batches(consumer.clone())).await
}

pub(super) async fn batch_both(width: u64) -> Duration {
    let (producer, consumer) = queue::bounded(CAPACITY);
    relay(width, move |items| send_batches(producer.clone(), items), move || sum_batches(consumer.clone())).await
}

async fn send(producer: Producer<u64>, items: Range<u64>) {
    for item in items {
        producer.send(item).await.expect("the queue is open");
    }
}

async fn send_batches(producer: Producer<u64>, items: Range<u64>) {
    for first in items.clone().step_by(BATCH) {
        let batch: Vec<u64> = (first..items.end.min(first + BATCH as u64)).collect();
        producer.send_many(batch).await.expect("the queue is open");
    }
}

async fn sum(consumer: Consumer<u64>) -> u64 {
    let mut sum = 0;
    while let Some(delivery) = consumer.recv().await {
        sum += *delivery;
        delivery.done();
    }
    sum
}

async fn sum_batches(consumer: Consumer<u64>) -> u64 {
    let mut sum = 0;
    while let Some(batch) = consumer.recv_many(BATCH).await {
        // The batch is finished when its iterator is dropped.
        sum += batch.into_items().sum::<u64>();
    }
    sum
}
