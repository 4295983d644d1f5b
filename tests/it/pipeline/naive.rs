//! What people write by hand, each with the fault it comes with. Next to `buffered` and `buffer_unordered`, these are the
//! designs that the hazards are shown on.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::{self, FuturesUnordered, Stream, StreamExt};
use regatta::CancellationToken;
use tokio::sync::mpsc;

fn received<T>(mut receiver: mpsc::Receiver<T>) -> impl Stream<Item = T> {
    stream::poll_fn(move |cx| receiver.poll_recv(cx))
}

/// Workers around a shared source and a channel. Nobody keeps their handles.
pub(super) fn detached_workers<I, F, Fut, U>(items: I, workers: usize, work: F) -> impl Stream<Item = U>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = U> + Send + 'static,
    U: Send + 'static,
{
    let (sender, receiver) = mpsc::channel(workers);
    let items = Arc::new(Mutex::new(items));
    for _ in 0..workers {
        let (items, work, sender) = (items.clone(), work.clone(), sender.clone());
        tokio::spawn(async move {
            loop {
                let Some(item) = items.lock().unwrap().next() else { break };
                if sender.send(work(item).await).await.is_err() {
                    break;
                }
            }
        });
    }
    received(receiver)
}

/// Puts numbered results in order again, however many come before the one that is missing.
pub(super) fn reordered<T>(mut results: impl Stream<Item = (usize, T)> + Unpin) -> impl Stream<Item = T> {
    let (mut early, mut wanted) = (HashMap::new(), 0);
    stream::poll_fn(move |cx| {
        loop {
            if let Some(result) = early.remove(&wanted) {
                wanted += 1;
                return Poll::Ready(Some(result));
            }
            match ready!(results.poll_next_unpin(cx)) {
                Some((number, result)) => early.insert(number, result),
                None => return Poll::Ready(None),
            };
        }
    })
}

/// One task that holds all futures, and polls none of them while it hands a result over.
pub(super) fn stage_loop<F, Fut, U>(
    mut items: impl Iterator<Item = u32> + Send + 'static,
    limit: usize,
    work: F,
) -> impl Stream<Item = U>
where
    F: Fn(u32) -> Fut + Send + 'static,
    Fut: Future<Output = U> + Send + 'static,
    U: Send + 'static,
{
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut in_flight = FuturesUnordered::new();
        loop {
            in_flight.extend(items.by_ref().take(limit - in_flight.len()).map(&work));
            let Some(result) = in_flight.next().await else { break };
            if sender.send(result).await.is_err() {
                break;
            }
        }
    });
    received(receiver)
}

/// Gathers batches until it is told to stop, and then forgets the one it has begun.
pub(super) fn batches(
    items: impl Stream<Item = u32> + Send + 'static,
    size: usize,
    linger: Duration,
    stop: CancellationToken,
) -> impl Stream<Item = Vec<u32>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let (mut items, mut batch) = (std::pin::pin!(items), Vec::new());
        loop {
            let is_due = tokio::select! {
                () = stop.cancelled() => break,
                item = tokio::time::timeout(linger, items.next()) => match item {
                    Ok(Some(item)) => {
                        batch.push(item);
                        false
                    }
                    Ok(None) => break,
                    Err(_) => true,
                },
            };
            if (is_due || batch.len() == size) && sender.send(std::mem::take(&mut batch)).await.is_err() {
                break;
            }
        }
    });
    received(receiver)
}

/// Gives what it gets, and asks to be polled again when there is nothing.
pub(super) struct Restless<S>(pub(super) S);

impl<S: Stream + Unpin> Stream for Restless<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let polled = self.0.poll_next_unpin(cx);
        if polled.is_pending() {
            cx.waker().wake_by_ref();
        }
        polled
    }
}

/// Puts what fails back into its own input, for which it needs a sender.
pub(super) fn retrying<F>(mut work: F) -> (mpsc::Sender<u32>, impl Stream<Item = u32>)
where
    F: FnMut(u32) -> Result<u32, u32> + Send + 'static,
{
    let (sender, mut input) = mpsc::channel(8);
    let (output, receiver) = mpsc::channel(8);
    let own = sender.clone();
    tokio::spawn(async move {
        while let Some(item) = input.recv().await {
            let _ = match work(item) {
                Ok(result) => output.send(result).await,
                Err(again) => own.send(again).await,
            };
        }
    });
    (sender, received(receiver))
}
