//! One publishes and eight take everything, each in a task of its own.
//!
//! A broadcast that never waits loses what a receiver is too slow for, and who is too slow differs from run to run: two
//! sides that lose differ in what they do. So `topic/8subscribers` publishes in bursts of half the capacity, and waits
//! until all eight have taken a burst before it begins the next, by the same semaphore on both sides: nothing can be lost,
//! nobody pays for a limit that is not reached, and what remains are publishing, waking and taking. A message that is
//! missed ends the run with a panic.
//!
//! `publish_lossless` waits by itself. Beside it is what one writes for that: a channel for each of the eight, whose sender
//! waits when it is full.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use regatta::actor::{Subscription, Topic};
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio::task::JoinHandle;

use crate::measure::Contest;

const SUBSCRIBERS: u64 = 8;
const CAPACITY: usize = 1024;
const BURST: u64 = CAPACITY as u64 / 2;
const BURSTS: u64 = 200;
const PUBLISHED: u64 = BURST * BURSTS;
/// What is counted: each message once for each subscriber.
const TAKEN: u64 = PUBLISHED * SUBSCRIBERS;

pub(crate) fn contests() -> Vec<Contest> {
    let (bursts, lossless) = ("topic/8subscribers", "topic/8subscribers/lossless");
    vec![
        Contest::of_tasks(bursts, "tokio broadcast", TAKEN, ours, theirs).bar(0.8),
        Contest::of_tasks(lossless, "8 tokio mpsc", TAKEN, ours_lossless, theirs_lossless),
    ]
}

/// Takes the next message; a missed one is an error.
trait Take: Send + 'static {
    fn take(&mut self) -> impl Future<Output = u64> + Send;
}

impl Take for Subscription<u64> {
    async fn take(&mut self) -> u64 {
        self.next().await.expect("it never ends").expect("nothing is missed")
    }
}

impl Take for broadcast::Receiver<u64> {
    async fn take(&mut self) -> u64 {
        self.recv().await.expect("nothing is missed")
    }
}

impl Take for mpsc::Receiver<u64> {
    async fn take(&mut self) -> u64 {
        self.recv().await.expect("there is more")
    }
}

async fn ours() -> Duration {
    let topic = Topic::new("bench", CAPACITY);
    let subscribe = || topic.subscribe();
    in_bursts(subscribe, |n| assert_eq!(topic.publish(n) as u64, SUBSCRIBERS)).await
}

async fn theirs() -> Duration {
    let sender = broadcast::Sender::new(CAPACITY);
    let subscribe = || sender.subscribe();
    in_bursts(subscribe, |n| assert_eq!(sender.send(n).map_or(0, |heard| heard as u64), SUBSCRIBERS)).await
}

async fn ours_lossless() -> Duration {
    let topic = Topic::new("bench", CAPACITY);
    let takers: Vec<_> = (0..SUBSCRIBERS).map(|_| spawn_taker(topic.subscribe(), None)).collect();
    let begun = Instant::now();
    for n in 0..PUBLISHED {
        topic.publish_lossless(n).await;
    }
    finish(begun, takers).await
}

async fn theirs_lossless() -> Duration {
    let mut senders = Vec::new();
    let takers: Vec<_> = (0..SUBSCRIBERS)
        .map(|_| {
            let (tx, rx) = mpsc::channel(CAPACITY);
            senders.push(tx);
            spawn_taker(rx, None)
        })
        .collect();
    let begun = Instant::now();
    for n in 0..PUBLISHED {
        for sender in &senders {
            assert!(sender.send(n).await.is_ok());
        }
    }
    finish(begun, takers).await
}

/// Publishes bursts, each when everybody has taken the last one.
async fn in_bursts<R: Take>(subscribe: impl Fn() -> R, publish: impl Fn(u64)) -> Duration {
    let taken = Arc::new(Semaphore::new(0));
    let takers: Vec<_> = (0..SUBSCRIBERS).map(|_| spawn_taker(subscribe(), Some(taken.clone()))).collect();
    let begun = Instant::now();
    for burst in 0..BURSTS {
        (burst * BURST..(burst + 1) * BURST).for_each(&publish);
        taken.acquire_many(SUBSCRIBERS as u32).await.expect("it is open").forget();
    }
    finish(begun, takers).await
}

/// Takes everything; gives a permit after each burst, if somebody waits for it.
fn spawn_taker<R: Take>(mut from: R, taken: Option<Arc<Semaphore>>) -> JoinHandle<u64> {
    tokio::spawn(async move {
        let mut sum = 0;
        for _ in 0..BURSTS {
            for _ in 0..BURST {
                sum += from.take().await;
            }
            taken.iter().for_each(|taken| taken.add_permits(1));
        }
        sum
    })
}

async fn finish(begun: Instant, takers: Vec<JoinHandle<u64>>) -> Duration {
    for taker in takers {
        assert_eq!(
            taker.await.expect("nobody panics"),
            PUBLISHED * (PUBLISHED - 1) / 2,
            "messages were lost or doubled"
        );
    }
    begun.elapsed()
}
