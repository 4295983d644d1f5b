//! A counter: told by one, told by eight, asked in turn, spawned.
//!
//! The peer is what one writes by hand: a task, a channel of tokio's, an enum, and a oneshot in each question.

use std::time::{Duration, Instant};

use regatta::actor::{self, Actor, ActorRef, Builder, Context, Reply};
use tokio::sync::{mpsc, oneshot};

use crate::measure::Contest;

const TELLS: u64 = 1_000_000;
const ASKS: u64 = 100_000;
const SPAWNS: u64 = 100_000;
const SENDERS: u64 = 8;
const ROOM: usize = 1024;

pub(crate) fn contests() -> Vec<Contest> {
    let peer = "by hand";
    vec![
        Contest::of_tasks("actor/tell", peer, TELLS, || tell(ours(ROOM)), || tell(by_hand(ROOM))).bar(1.0),
        Contest::of_tasks("actor/tell8", peer, TELLS, || tell8(ours(ROOM)), || tell8(by_hand(ROOM))).bar(0.9),
        Contest::of_tasks("actor/ask", peer, ASKS, || ask(ours(ROOM)), || ask(by_hand(ROOM))).bar(0.9),
        Contest::of_tasks("actor/spawn", peer, SPAWNS, || spawn(|| actor::spawn(Counter(0))), || spawn(|| by_hand(64)()))
            .bar(0.7),
    ]
}

/// What both sides can do.
trait Count: Clone + Send + 'static {
    fn add(&self, by: u64) -> impl Future<Output = ()> + Send;
    fn get(&self) -> impl Future<Output = u64> + Send;
}

struct Counter(u64);

enum Msg {
    Add(u64),
    Get(Reply<u64>),
}

impl Actor for Counter {
    type Msg = Msg;

    async fn handle(&mut self, msg: Msg, _: &mut Context<Self>) {
        match msg {
            Msg::Add(by) => self.0 += by,
            Msg::Get(reply) => drop(reply.send(self.0)),
        }
    }
}

fn ours(room: usize) -> impl Fn() -> ActorRef<Counter> {
    move || Builder::new().mailbox(room).spawn(Counter(0))
}

impl Count for ActorRef<Counter> {
    async fn add(&self, by: u64) {
        assert!(self.tell(Msg::Add(by)).await.is_ok());
    }

    async fn get(&self) -> u64 {
        self.ask(Msg::Get).await.expect("an answer")
    }
}

enum ByHand {
    Add(u64),
    Get(oneshot::Sender<u64>),
}

fn by_hand(room: usize) -> impl Fn() -> mpsc::Sender<ByHand> {
    move || {
        let (tx, mut rx) = mpsc::channel(room);
        tokio::spawn(async move {
            let mut sum = 0;
            while let Some(msg) = rx.recv().await {
                match msg {
                    ByHand::Add(by) => sum += by,
                    ByHand::Get(reply) => drop(reply.send(sum)),
                }
            }
        });
        tx
    }
}

impl Count for mpsc::Sender<ByHand> {
    async fn add(&self, by: u64) {
        assert!(self.send(ByHand::Add(by)).await.is_ok());
    }

    async fn get(&self) -> u64 {
        let (reply, answer) = oneshot::channel();
        assert!(self.send(ByHand::Get(reply)).await.is_ok());
        answer.await.expect("an answer")
    }
}

async fn tell<C: Count>(make: impl Fn() -> C) -> Duration {
    let counter = make();
    let begun = Instant::now();
    for _ in 0..TELLS {
        counter.add(1).await;
    }
    assert_eq!(counter.get().await, TELLS);
    begun.elapsed()
}

async fn tell8<C: Count>(make: impl Fn() -> C) -> Duration {
    let counter = make();
    let begun = Instant::now();
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let counter = counter.clone();
            tokio::spawn(async move {
                for _ in 0..TELLS / SENDERS {
                    counter.add(1).await;
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.expect("no panic");
    }
    assert_eq!(counter.get().await, TELLS);
    begun.elapsed()
}

async fn ask<C: Count>(make: impl Fn() -> C) -> Duration {
    let counter = make();
    let begun = Instant::now();
    for _ in 0..ASKS {
        assert_eq!(counter.get().await, 0);
    }
    begun.elapsed()
}

/// The time to make them; that they work is looked at afterwards.
async fn spawn<C: Count>(make: impl Fn() -> C) -> Duration {
    let begun = Instant::now();
    let counters: Vec<_> = (0..SPAWNS).map(|_| make()).collect();
    let took = begun.elapsed();
    for counter in counters.iter().step_by(1_000) {
        assert_eq!(counter.get().await, 0);
    }
    took
}
