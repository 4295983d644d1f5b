//! Channels: an item is forgotten when it is received.

use std::iter;
use std::ops::Range;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use tokio::sync::mpsc;

use super::{BATCH, CAPACITY, relay};

pub(super) async fn async_channel(width: u64) -> Duration {
    let (tx, rx) = async_channel::bounded(CAPACITY);
    relay(width, move |items| send(tx.clone(), items), move || sum(rx.clone())).await
}

pub(super) async fn drained(width: u64) -> Duration {
    let (tx, rx) = async_channel::bounded(CAPACITY);
    relay(width, move |items| send(tx.clone(), items), move || sum_drained(rx.clone())).await
}

async fn send(tx: Sender<u64>, items: Range<u64>) {
    for item in items {
        tx.send(item).await.expect("the channel is open");
    }
}

async fn sum(rx: Receiver<u64>) -> u64 {
    let mut sum = 0;
    while let Ok(item) = rx.recv().await {
        sum += item;
    }
    sum
}

/// Waits for an item, then takes what else is there.
async fn sum_drained(rx: Receiver<u64>) -> u64 {
    let mut sum = 0;
    while let Ok(item) = rx.recv().await {
        sum += item;
        sum += iter::from_fn(|| rx.try_recv().ok()).take(BATCH - 1).sum::<u64>();
    }
    sum
}

pub(super) async fn tokio_mpsc() -> Duration {
    let (tx, rx) = mpsc::channel(CAPACITY);
    let mut rx = Some(rx);
    relay(1, move |items| tokio_send(tx.clone(), items), move || tokio_sum(rx.take().expect("one consumer"))).await
}

pub(super) async fn tokio_recv_many() -> Duration {
    let (tx, rx) = mpsc::channel(CAPACITY);
    let mut rx = Some(rx);
    relay(1, move |items| tokio_send(tx.clone(), items), move || tokio_sum_many(rx.take().expect("one consumer"))).await
}

pub(super) async fn tokio_both_many() -> Duration {
    let (tx, rx) = mpsc::channel(CAPACITY);
    let mut rx = Some(rx);
    let receive = move || tokio_sum_many(rx.take().expect("one consumer"));
    relay(1, move |items| tokio_send_many(tx.clone(), items), receive).await
}

async fn tokio_send_many(tx: mpsc::Sender<u64>, items: Range<u64>) {
    for first in items.clone().step_by(BATCH) {
        let batch: Vec<u64> = (first..items.end.min(first + BATCH as u64)).collect();
        let permits = tx.reserve_many(batch.len()).await.expect("the channel is open");
        permits.zip(batch).for_each(|(permit, item)| permit.send(item));
    }
}

async fn tokio_send(tx: mpsc::Sender<u64>, items: Range<u64>) {
    for item in items {
        tx.send(item).await.expect("the channel is open");
    }
}

async fn tokio_sum(mut rx: mpsc::Receiver<u64>) -> u64 {
    let mut sum = 0;
    while let Some(item) = rx.recv().await {
        sum += item;
    }
    sum
}

async fn tokio_sum_many(mut rx: mpsc::Receiver<u64>) -> u64 {
    let mut sum = 0;
    let mut items = Vec::with_capacity(BATCH);
    while rx.recv_many(&mut items, BATCH).await > 0 {
        sum += items.drain(..).sum::<u64>();
    }
    sum
}

pub(super) async fn flume(width: u64) -> Duration {
    let (tx, rx) = flume::bounded(CAPACITY);
    relay(width, move |items| flume_send(tx.clone(), items), move || flume_sum(rx.clone())).await
}

async fn flume_send(tx: flume::Sender<u64>, items: Range<u64>) {
    for item in items {
        tx.send_async(item).await.expect("the channel is open");
    }
}

async fn flume_sum(rx: flume::Receiver<u64>) -> u64 {
    let mut sum = 0;
    while let Ok(item) = rx.recv_async().await {
        sum += item;
    }
    sum
}

pub(super) async fn kanal(width: u64) -> Duration {
    let (tx, rx) = kanal::bounded_async(CAPACITY);
    relay(width, move |items| kanal_send(tx.clone(), items), move || kanal_sum(rx.clone())).await
}

async fn kanal_send(tx: kanal::AsyncSender<u64>, items: Range<u64>) {
    for item in items {
        tx.send(item).await.expect("the channel is open");
    }
}

async fn kanal_sum(rx: kanal::AsyncReceiver<u64>) -> u64 {
    let mut sum = 0;
    while let Ok(item) = rx.recv().await {
        sum += item;
    }
    sum
}
