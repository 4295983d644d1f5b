//! One value for one who waits, and for a thousand: everybody waits, the value comes, everybody takes it.
//!
//! The peer is what one writes by hand: `futures::future::Shared` over a oneshot channel.

use std::future::Future;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::Shared;
use regatta::promise::{self, PromiseFuture};
use tokio::sync::oneshot;

use crate::measure::Contest;

/// How many values are handed over, all in all.
const TAKEN: u64 = 200_000;

pub(crate) fn contests() -> Vec<Contest> {
    let peer = "futures Shared";
    vec![
        Contest::of_tasks("promise/1", peer, TAKEN, || in_one_task(1, ours), || in_one_task(1, theirs)).bar(1.0),
        Contest::of_tasks("promise/1000", peer, TAKEN, || in_one_task(1_000, ours), || in_one_task(1_000, theirs))
            .bar(1.0),
        Contest::of_tasks("promise/1000/tasks", peer, TAKEN, || in_tasks(1_000, ours), || in_tasks(1_000, theirs)),
    ]
}

/// The future, and what gives it its value.
fn ours() -> (impl FnOnce(u64) + Send, PromiseFuture<u64, ()>) {
    let (writer, future) = promise::promise();
    (move |value| writer.resolve(value), future)
}

fn theirs() -> (impl FnOnce(u64) + Send, Shared<oneshot::Receiver<u64>>) {
    let (tx, rx) = oneshot::channel();
    (move |value| tx.send(value).expect("somebody waits"), rx.shared())
}

/// All wait in one task, so that nothing but the promise is measured.
async fn in_one_task<S, F, E>(waiters: u64, make: impl Fn() -> (S, F)) -> Duration
where
    S: FnOnce(u64),
    F: Future<Output = Result<u64, E>> + Clone + Unpin,
{
    let begun = Instant::now();
    let mut waiting = Vec::with_capacity(waiters as usize);
    let mut sum = 0;
    for _ in 0..TAKEN / waiters {
        let (settle, future) = make();
        waiting.extend(std::iter::repeat_n(future, waiters as usize));
        for future in &mut waiting {
            assert!(futures::poll!(future).is_pending(), "there is no value yet");
        }
        settle(1);
        for future in waiting.drain(..) {
            sum += future.await.unwrap_or(0);
        }
    }
    checked(begun, sum)
}

/// Each waits in a task of its own.
async fn in_tasks<S, F, E>(waiters: u64, make: impl Fn() -> (S, F)) -> Duration
where
    S: FnOnce(u64),
    F: Future<Output = Result<u64, E>> + Clone + Send + 'static,
    E: Send + 'static,
{
    let begun = Instant::now();
    let mut sum = 0;
    for _ in 0..TAKEN / waiters {
        let (settle, future) = make();
        let tasks: Vec<_> = std::iter::repeat_n(future, waiters as usize).map(tokio::spawn).collect();
        tokio::task::yield_now().await;
        settle(1);
        for task in tasks {
            sum += task.await.map_or(0, |value| value.unwrap_or(0));
        }
    }
    checked(begun, sum)
}

fn checked(begun: Instant, sum: u64) -> Duration {
    assert_eq!(sum, TAKEN, "values were lost or doubled");
    begun.elapsed()
}
