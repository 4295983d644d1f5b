//! A counter: told by one, told by eight, asked in turn, spawned.

use std::time::{Duration, Instant};

#[cfg(feature = "actix")]
use super::actix;
use super::{Count, ROOM, attribute, by_hand, kameo, ours, ractor};
use crate::measure::Contest;

const TELLS: u64 = 1_000_000;
const ASKS: u64 = 100_000;
const SPAWNS: u64 = 100_000;
const SENDERS: u64 = 8;
/// Places of a mailbox where there are many actors: what ours and kameo have if one says nothing.
const SMALL: usize = 64;

pub(super) fn contests() -> Vec<Contest> {
    let (one, eight, asked, made) = ("actor/tell", "actor/tell8", "actor/ask", "actor/spawn");
    let (tell_ours, tell8_ours) = (|| tell(ours::counter(ROOM)), || tell8(ours::counter(ROOM)));
    let (ask_ours, spawn_ours) = (|| ask(ours::counter(ROOM)), || spawn(|| ours::counter(SMALL)));
    vec![
        Contest::of_tasks(one, "by hand", TELLS, tell_ours, || tell(by_hand::counter(ROOM))).bar(1.0),
        Contest::of_tasks(one, "kameo", TELLS, tell_ours, || tell(kameo::counter(ROOM))).bar(4.0),
        Contest::of_tasks(one, "ractor", TELLS, tell_ours, || tell(ractor::counter())).bar(2.5),
        Contest::of_tasks(eight, "by hand", TELLS, tell8_ours, || tell8(by_hand::counter(ROOM))).bar(0.9),
        Contest::of_tasks(eight, "kameo", TELLS, tell8_ours, || tell8(kameo::counter(ROOM))).bar(3.0),
        Contest::of_tasks(eight, "ractor", TELLS, tell8_ours, || tell8(ractor::counter())).bar(2.0),
        Contest::of_tasks(asked, "by hand", ASKS, ask_ours, || ask(by_hand::counter(ROOM))).bar(0.9),
        Contest::of_tasks(asked, "kameo", ASKS, ask_ours, || ask(kameo::counter(ROOM))).bar(1.6),
        Contest::of_tasks(asked, "ractor", ASKS, ask_ours, || ask(ractor::counter())).bar(1.6),
        Contest::of_tasks(made, "by hand", SPAWNS, spawn_ours, || spawn(|| by_hand::counter(SMALL))).bar(0.7),
        Contest::of_tasks(made, "kameo", SPAWNS, spawn_ours, || spawn(|| kameo::counter(SMALL))).bar(4.0),
        Contest::of_tasks(made, "ractor", SPAWNS, spawn_ours, || spawn(ractor::counter)).bar(3.0),
        Contest::of_tasks(made, "ractor spawn_instant", SPAWNS, spawn_ours, || spawn(ractor::instant_counter)),
    ]
}

/// The same loops, with actors that an attribute makes.
pub(super) fn attribute_contests() -> Vec<Contest> {
    let (told, asked) = ("actor/macro_tell", "actor/macro_ask");
    let (tell_ours, ask_ours) = (|| tell(attribute::ours(ROOM)), || ask(attribute::ours(ROOM)));
    vec![
        Contest::of_tasks(told, "impl Actor", TELLS, tell_ours, || tell(attribute::by_hand(ROOM))),
        Contest::of_tasks(told, "impl Actor, no reply", TELLS, tell_ours, || tell(ours::counter(ROOM))),
        Contest::of_tasks(told, "kameo messages", TELLS, tell_ours, || tell(attribute::kameo(ROOM))).bar(4.0),
        Contest::of_tasks(asked, "impl Actor", ASKS, ask_ours, || ask(attribute::by_hand(ROOM))),
        Contest::of_tasks(asked, "kameo messages", ASKS, ask_ours, || ask(attribute::kameo(ROOM))).bar(1.6),
    ]
}

#[cfg(feature = "actix")]
pub(super) fn actix_contests() -> Vec<Contest> {
    let (one, tell_ours) = ("actor/tell", || tell(ours::counter(ROOM)));
    vec![
        Contest::of_tasks(one, "actix try_send", TELLS, tell_ours, || tell(actix::trying_counter())).bar(2.0),
        Contest::of_tasks(one, "actix do_send", TELLS, tell_ours, || tell(actix::doing_counter())).bar(2.0),
    ]
}

async fn tell<C: Count>(counter: impl Future<Output = C>) -> Duration {
    let counter = counter.await;
    let begun = Instant::now();
    for _ in 0..TELLS {
        counter.add(1).await;
    }
    assert_eq!(counter.get().await, TELLS);
    begun.elapsed()
}

async fn tell8<C: Count>(counter: impl Future<Output = C>) -> Duration {
    let counter = counter.await;
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

async fn ask<C: Count>(counter: impl Future<Output = C>) -> Duration {
    let counter = counter.await;
    let begun = Instant::now();
    for _ in 0..ASKS {
        assert_eq!(counter.get().await, 0);
    }
    begun.elapsed()
}

/// The time to make them; that they work is looked at afterwards.
async fn spawn<C: Count, F: Future<Output = C>>(make: impl Fn() -> F) -> Duration {
    let mut counters = Vec::with_capacity(SPAWNS as usize);
    let begun = Instant::now();
    for _ in 0..SPAWNS {
        counters.push(make().await);
    }
    let took = begun.elapsed();
    for counter in counters.iter().step_by(1_000) {
        assert_eq!(counter.get().await, 0);
    }
    took
}
