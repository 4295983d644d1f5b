//! Topics and groups.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use regatta::actor::{Context, Group, Lagged, Topic};
use regatta::observe::Registry;
use regatta::{BoxError, actor};
use tokio::time::timeout;

use super::kit::Log;
use crate::support::{Gate, without_deadlock};

#[tokio::test]
async fn everybody_who_has_subscribed_gets_everything_from_then_on() {
    let topic = Topic::new("news", 8);
    assert_eq!(topic.publish(0), 0);
    let mut first = topic.subscribe();
    assert_eq!(topic.publish(1), 1);
    let mut second = topic.subscribe();
    assert_eq!(topic.clone().publish(2), 2);
    assert_eq!((first.next().await, first.next().await), (Some(Ok(1)), Some(Ok(2))));
    assert_eq!(second.next().await, Some(Ok(2)));
    assert!(second.next().now_or_never().is_none());
    assert_eq!(second.try_next(), Ok(None));
    topic.publish(3);
    assert_eq!(second.try_next(), Ok(Some(3)));
}

#[tokio::test]
async fn a_slow_one_learns_what_it_has_missed_and_goes_on() {
    let topic = Topic::new("news", 3); // four places
    let (mut slow, mut quick) = (topic.subscribe(), topic.subscribe());
    for number in 0..10 {
        topic.publish(number);
        assert_eq!(quick.next().await, Some(Ok(number)));
    }
    let lagged = slow.next().await.expect("news").expect_err("it was slow");
    assert_eq!((&*lagged.topic, lagged.missed), ("news", 6));
    assert!(lagged.to_string().starts_with("a subscriber of topic `news` was too slow and missed 6"));
    assert_eq!(slow.next().await, Some(Ok(6)));
    assert_eq!(slow.try_next(), Ok(Some(7)));
}

#[tokio::test]
async fn one_that_is_gone_is_not_waited_for() {
    let topic = Topic::new("news", 1);
    let (gone, mut here) = (topic.subscribe(), topic.subscribe());
    assert_eq!(topic.publish_lossless(1).await, 2);
    let mut waiting = Box::pin(topic.publish_lossless(2));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(here.next().await, Some(Ok(1)));
    assert!(waiting.as_mut().now_or_never().is_none(), "the other one has not taken it");
    drop(gone);
    assert_eq!(waiting.await, 1);
    assert_eq!(here.next().await, Some(Ok(2)));
    // One that is dropped while it waits has published nothing.
    topic.publish(3);
    assert!(topic.publish_lossless(4).now_or_never().is_none());
    assert_eq!(here.next().await, Some(Ok(3)));
    assert_eq!(here.try_next(), Ok(None));
    drop(here);
    assert_eq!((topic.subscribers(), topic.publish_lossless(5).await), (0, 0));
}

#[test]
fn nobody_misses_anything_that_is_published_without_loss() {
    without_deadlock(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
        runtime.block_on(async {
            let topic = Topic::new("news", 4);
            let takers: Vec<_> = (0..3)
                .map(|_| {
                    let subscription = topic.subscribe();
                    tokio::spawn(async move { subscription.take(2_000).map(|got| got.expect("no loss")).count().await })
                })
                .collect();
            let givers: Vec<_> = (0..2)
                .map(|_| {
                    let topic = topic.clone();
                    tokio::spawn(async move {
                        for number in 0..1_000 {
                            topic.publish_lossless(number).await;
                        }
                    })
                })
                .collect();
            for giver in givers {
                giver.await.expect("no panic");
            }
            for taker in takers {
                assert_eq!(taker.await.expect("no panic"), 2_000);
            }
        });
    });
}

#[tokio::test]
async fn a_topic_has_a_row() {
    let registry = Registry::new();
    let topic = registry.enter(|| Topic::new("news", 4));
    topic.publish(1);
    let subscription = topic.subscribe();
    topic.publish(2);
    let snapshot = registry.snapshot();
    let row = &snapshot.rows[0];
    assert_eq!((&*row.kind, &*row.name, row.flow.accepted, row.flow.dropped), ("topic", "news", 2, 1));
    assert!(row.flow.is_conserved());
    drop((topic, subscription));
    assert!(registry.snapshot().rows.is_empty());
}

#[test]
#[should_panic(expected = "topic: capacity must be above zero")]
fn a_topic_without_room_is_refused() {
    let _ = Topic::<u8>::new("news", 0);
}

struct Reader {
    topic: Topic<u32>,
    log: Log,
}

#[regatta::actor]
impl Reader {
    #[msg(from = u32)]
    pub fn read(&mut self, number: u32) {
        self.log.write(number.to_string());
    }

    pub fn missed(&mut self, lagged: Lagged) {
        self.log.write(lagged.to_string());
    }

    pub fn crash(&mut self) {
        panic!("as told");
    }

    pub fn ready(&self) {}

    async fn started(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
        cx.attach(self.topic.subscribe(), |got| match got {
            Ok(number) => number.into(),
            Err(lagged) => ReaderMsg::Missed { lagged, reply: actor::Reply::nobody() },
        });
        Ok(())
    }
}

#[tokio::test]
async fn an_actor_takes_a_topic_as_a_stream_and_leaves_it_with_its_life() {
    let (topic, log) = (Topic::new("news", 4), Log::default());
    let (theirs, seen) = (topic.clone(), log.clone());
    let reader = Reader::supervised(move || Reader { topic: theirs.clone(), log: seen.clone() });
    reader.ready().await.expect("an answer");
    topic.publish(1);
    while log.lines().is_empty() {
        tokio::task::yield_now().await;
    }
    reader.crash().await.expect_err("it panics");
    reader.ready().await.expect("an answer");
    assert_eq!(topic.subscribers(), 1);
    topic.publish(2);
    while log.lines().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(log.lines(), ["1", "2"]);
    reader.actor().stop().await;
    assert_eq!(topic.subscribers(), 0);
}

struct Member {
    number: usize,
    log: Log,
}

#[regatta::actor]
impl Member {
    pub fn number(&self) -> usize {
        self.number
    }

    pub async fn hold(&mut self, gate: Gate) {
        gate.wait().await;
    }

    pub fn note(&mut self, key: u32, number: u32) {
        self.log.write(format!("{key}:{number}"));
    }
}

fn group(len: usize, log: &Log) -> Group<Member> {
    Group::new((0..len).map(|number| Member { number, log: log.clone() }.spawn()))
}

#[tokio::test]
async fn members_have_their_turns_and_the_dead_have_none() {
    let group = group(3, &Log::default());
    let mut numbers = Vec::new();
    for _ in 0..6 {
        numbers.push(group.in_turn().number().await.expect("an answer"));
    }
    assert_eq!(numbers, [0, 1, 2, 0, 1, 2]);
    group.members()[1].actor().stop().await;
    for _ in 0..6 {
        assert_ne!(group.in_turn().number().await.expect("an answer"), 1);
        assert_ne!(group.least_loaded().number().await.expect("an answer"), 1);
    }
    group.drain().await;
    assert!(group.in_turn().number().await.expect_err("all have ended").is_closed());
    assert!(group.least_loaded().number().await.expect_err("all have ended").is_closed());
}

#[tokio::test]
async fn the_least_loaded_is_the_one_with_the_least_to_do() {
    let group = group(3, &Log::default());
    let gate = Gate::new();
    let members = group.members();
    for busy in [0, 2] {
        members[busy].hold(gate.clone()).tell().await.expect("room");
    }
    for _ in 0..4 {
        assert_eq!(group.least_loaded().number().await.expect("an answer"), 1);
    }
    gate.open();
}

#[tokio::test]
async fn the_order_of_a_key_is_kept_across_a_replacement() {
    let log = Log::default();
    let group = group(3, &log);
    let old = group.by_key(&7).await;
    assert_eq!(group.by_key(&7).await, old);
    let gate = Gate::new();
    old.hold(gate.clone()).tell().await.expect("room");
    for number in 0..10 {
        group.by_key(&7).await.note(7, number).tell().await.expect("room");
    }
    let replacing = tokio::spawn({
        let (group, old, log) = (group.clone(), old.clone(), log.clone());
        async move { group.replace(&old, || Member { number: 17, log }.spawn()).await }
    });
    while !old.actor().is_closed() {
        tokio::task::yield_now().await;
    }
    // Others go on; this key waits.
    let waiting = tokio::spawn({
        let group = group.clone();
        async move { group.by_key(&7).await.note(7, 10).await.expect("an answer") }
    });
    assert!(timeout(Duration::from_millis(20), group.by_key(&7)).await.is_err());
    group.in_turn().number().await.expect("an answer");
    gate.open();
    assert!(replacing.await.expect("no panic"));
    waiting.await.expect("no panic");
    assert_eq!(group.by_key(&7).await.number().await.expect("an answer"), 17);
    assert_eq!(log.lines(), (0..=10).map(|number| format!("7:{number}")).collect::<Vec<_>>());
    assert!(!group.replace(&old, || unreachable!("it is no member any more")).await);
}

#[test]
#[should_panic(expected = "group: members must be above zero")]
fn a_group_of_nobody_is_refused() {
    let _ = Group::<Member>::new([]);
}

/// Its first clone panics.
struct Fragile(Arc<AtomicU64>);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(self.0.fetch_add(1, Ordering::Relaxed) > 0, "the first clone");
        Self(self.0.clone())
    }
}

#[tokio::test]
async fn a_clone_that_panics_costs_a_message_and_neither_the_subscription_nor_the_publisher() {
    for is_waiting in [false, true] {
        let (topic, clones) = (Topic::new("fragile", 1), Arc::new(AtomicU64::new(0)));
        let mut slow = topic.subscribe();
        let mut next = Box::pin(AssertUnwindSafe(slow.next()).catch_unwind());
        if is_waiting {
            assert!((&mut next).now_or_never().is_none());
        }
        topic.publish(Fragile(clones.clone()));
        let lossless = topic.clone();
        let second = Fragile(clones.clone());
        let mut publishing = Box::pin(async move { lossless.publish_lossless(second).await });
        assert!((&mut publishing).now_or_never().is_none());
        assert!(next.as_mut().await.is_err());
        drop(next);
        assert_eq!(publishing.await, 1);
        assert!(matches!(slow.next().await, Some(Ok(_))), "waiting: {is_waiting}");
        assert_eq!(topic.subscribers(), 1);
    }
}
