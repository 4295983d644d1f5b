//! The queue through its public API. Futures are polled by hand and clocks are paused: no test sleeps.

mod blocking;
mod lanes;
mod letters;
mod reports;
mod send_many;
mod twin;

use std::collections::{BTreeMap, HashSet};
use std::error::Error as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::support::{waker_dropped_with, waker_that_panics, without_deadlock};
use futures::{FutureExt, Stream, StreamExt};
use regatta::BoxError;
use regatta::error::{Closed, Elapsed, Full};
use regatta::observe::Registry;
use regatta::policy::{Overflow, Priority};
use regatta::queue::{self, Consumer, Delivery, OnDrop, Producer, ProducerConsumer, Stats, TryRecvError};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};

const SECOND: Duration = Duration::from_secs(1);

/// Counts how many of its clones were dropped.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

struct Counted(Drops);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drops {
    fn item(&self) -> Counted {
        Counted(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn filled(capacity: usize, items: impl IntoIterator<Item = u32>) -> (Producer<u32>, Consumer<u32>) {
    let (producer, consumer) = queue::bounded(capacity);
    for item in items {
        producer.try_send(item).expect("there is room");
    }
    (producer, consumer)
}

/// Receives and finishes everything that is queued now.
fn drain(consumer: &Consumer<u32>) -> Vec<u32> {
    std::iter::from_fn(|| consumer.try_recv().ok().map(Delivery::into_inner)).collect()
}

fn conserved(stats: Stats) -> Stats {
    assert!(stats.flow.is_conserved(), "{stats:?}");
    assert_eq!(stats.flow.in_flight, (stats.queued + stats.delivered) as u64, "{stats:?}");
    stats
}

thread_local! {
    /// Where the last panic of this thread came from, and its message.
    static REFUSED: std::cell::RefCell<Option<(String, String)>> = const { std::cell::RefCell::new(None) };
}

/// Runs something that is to be refused: the file it was refused in and why, or nothing if it was not.
fn refusal(run: impl FnOnce()) -> Option<(String, String)> {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let file = info.location().map(|place| place.file().to_owned()).unwrap_or_default();
            let message = info.to_string();
            REFUSED.with(|refused| *refused.borrow_mut() = Some((file, message)));
            others(info);
        }));
    });
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).err()?;
    REFUSED.take()
}

// The rows of the textbook.

#[test]
fn textbook_put_waits_when_full() {
    let (producer, consumer) = filled(1, [1]);
    let mut put = task::spawn(producer.send(2));
    assert_pending!(put.poll());
    consumer.try_recv().expect("1 is queued").done();
    assert!(put.is_woken());
    assert_ready_ok!(put.poll());
}

#[tokio::test(start_paused = true)]
async fn textbook_get_with_timeout_ends_at_the_timeout() {
    let (_producer, consumer) = queue::Builder::new(1).name("slow").build::<u32>();
    let begun = tokio::time::Instant::now();
    let elapsed = consumer.recv_timeout(SECOND).await.unwrap_err();
    assert_eq!((begun.elapsed(), elapsed), (SECOND, Elapsed::new("queue `slow`", SECOND)));
}

#[test]
fn textbook_join_waits_for_task_done() {
    let (producer, consumer) = filled(4, [1]);
    let mut join = task::spawn(producer.join());
    assert_pending!(join.poll());
    let delivery = consumer.try_recv().expect("1 is queued");
    assert_pending!(join.poll());
    delivery.done();
    assert!(join.is_woken());
    assert_ready!(join.poll());
}

#[test]
fn textbook_a_task_that_is_never_done_is_redelivered_and_counted() {
    let (_producer, consumer) = filled(4, [1]);
    drop(consumer.try_recv().expect("first attempt"));
    let delivery = consumer.try_recv().expect("second attempt");
    assert_eq!((*delivery, delivery.attempt()), (1, 2));
    delivery.done();
    let stats = conserved(consumer.stats());
    assert_eq!((stats.abandoned, stats.redelivered, stats.flow.done), (1, 1, 1));
}

#[test]
fn textbook_shutdown_is_seen_by_producers_too() {
    let (producer, consumer) = filled(1, [1]);
    let mut waiting = task::spawn(producer.send(2));
    let mut closed = task::spawn(producer.closed());
    assert_pending!(waiting.poll());
    assert_pending!(closed.poll());
    consumer.close();
    assert!(waiting.is_woken() && closed.is_woken());
    let error = assert_ready!(waiting.poll()).unwrap_err();
    assert!(error.is_closed() && producer.is_closed());
    assert_eq!(error.into_inner(), 2);
    assert_ready!(closed.poll());
    assert_eq!(drain(&consumer), [1]); // consumers drain, then end
    assert_eq!(consumer.try_recv().unwrap_err(), TryRecvError::Closed);
}

#[tokio::test]
async fn textbook_run_counts_each_worker() {
    let report = ProducerConsumer::new(4)
        .producers(3, |id, tx: Producer<usize>| async move {
            for item in 0..=id {
                tx.send(item).await?;
            }
            Ok::<_, BoxError>(())
        })
        .consumers(2, |_, _| async { Ok::<_, BoxError>(()) })
        .run()
        .await;
    assert_eq!(report.produced, [1, 2, 3]);
    assert_eq!((report.consumed.len(), report.consumed.iter().sum::<u64>()), (2, 6));
    assert!(report.is_clean() && report.flow.is_conserved(), "{report}");
}

#[tokio::test]
async fn textbook_run_reports_errors_abandoned_items_and_panics() {
    let report = ProducerConsumer::new(4)
        .producers(2, |id, tx: Producer<u32>| async move {
            for item in 0..10 {
                tx.send(item).await?;
            }
            match id {
                0 => Ok(()),
                _ => Err(BoxError::from("out of ideas")),
            }
        })
        .consumers(1, |_, item| async move {
            match item {
                3 => Err("three"),
                5 => panic!("five"),
                _ => Ok(()),
            }
        })
        .run()
        .await;
    assert_eq!((report.produced.as_slice(), report.consumed.as_slice()), ([10, 10].as_slice(), [16].as_slice()));
    assert_eq!((report.failed, report.abandoned), (4, 2));
    assert_eq!((report.error_count, report.panic_count), (3, 2));
    assert_eq!(report.errors[0].to_string(), "producer 1: out of ideas");
    assert_eq!(report.errors[1].to_string(), "consumer 0: three");
    assert_eq!(report.panics[0].to_string(), "consumer 0 panicked: five");
    assert!(report.flow.is_conserved() && !report.is_clean());
}

#[tokio::test]
async fn textbook_an_early_close_stops_producers_at_their_next_send() {
    let report = ProducerConsumer::new(1)
        .producers(3, |id, tx: Producer<u32>| async move {
            for item in 0.. {
                if id == 0 && item == 5 {
                    tx.close();
                }
                tx.send(item).await?;
            }
            Ok::<_, BoxError>(())
        })
        .consumers(2, |_, _| async { Ok::<_, BoxError>(()) })
        .run()
        .await;
    assert_eq!((report.stopped_early, report.error_count), (3, 0));
    assert_eq!(report.produced[0], 5);
    assert_eq!(report.produced.iter().sum::<u64>(), report.consumed.iter().sum::<u64>());
}

// Full.

#[test]
fn try_send_to_a_full_queue_hands_the_item_back() {
    let (producer, _consumer) = queue::Builder::new(1).name("mails").build();
    producer.try_send(1).expect("there is room");
    let error = producer.try_send(2).unwrap_err();
    assert!(error.is_full() && !error.is_closed() && !error.is_elapsed());
    assert_eq!(error.to_string(), "the item was not sent: queue `mails` is full: 1 of 1 taken");
    assert_eq!(error.source().expect("a word").downcast_ref(), Some(&Full::new("queue `mails`", 1)));
    assert_eq!(error.into_inner(), 2);
}

#[test]
fn reject_fails_a_send_at_once() {
    let (producer, _consumer) = queue::Builder::new(1).overflow(Overflow::Reject).build();
    assert_ready_ok!(task::spawn(producer.send(1)).poll());
    assert!(assert_ready!(task::spawn(producer.send(2)).poll()).unwrap_err().is_full());
}

#[test]
fn drop_oldest_drops_what_was_put_back_before_what_is_fresh() {
    let (producer, consumer) = queue::Builder::new(2).overflow(Overflow::DropOldest).build();
    producer.try_send(1).expect("never full");
    consumer.try_recv().expect("1 is queued").nack();
    producer.try_send(2).expect("never full");
    producer.try_send(3).expect("never full"); // drops 1
    assert_eq!(drain(&consumer), [2, 3]);
    let stats = conserved(consumer.stats());
    assert_eq!((stats.flow.accepted, stats.flow.dropped, stats.high_water), (3, 1, 2));
}

#[test]
fn drop_newest_counts_the_offered_item_as_accepted_and_dropped() {
    let (producer, consumer) = queue::Builder::new(1).overflow(Overflow::DropNewest).build();
    producer.try_send(1).expect("there is room");
    assert_ready_ok!(task::spawn(producer.send(2)).poll());
    assert_eq!(drain(&consumer), [1]);
    let stats = conserved(consumer.stats());
    assert_eq!((stats.flow.accepted, stats.flow.dropped), (2, 1));
}

#[test]
fn items_put_back_count_against_the_capacity_for_senders() {
    let (producer, consumer) = filled(1, [1]);
    let delivery = consumer.try_recv().expect("1 is queued");
    producer.try_send(2).expect("a delivery takes no room");
    delivery.nack();
    assert_eq!(consumer.len(), 2);
    assert!(producer.try_send(3).unwrap_err().is_full());
    let mut send = task::spawn(producer.send(3));
    assert_pending!(send.poll());
    consumer.try_recv().expect("two are queued").done();
    assert!(!send.is_woken(), "there is no room yet");
    consumer.try_recv().expect("one is queued").done();
    assert!(send.is_woken());
    assert_ready_ok!(send.poll());
}

#[test]
fn items_that_fail_over_and_over_do_not_pile_up() {
    for overflow in [Overflow::Wait, Overflow::Reject, Overflow::DropOldest, Overflow::DropNewest] {
        let (producer, consumer) = queue::Builder::new(8).overflow(overflow).build();
        for _ in 0..100 {
            (0..16).for_each(|_| _ = producer.try_send(0));
            let batch = batch(&consumer, usize::MAX);
            (0..16).for_each(|_| _ = producer.try_send(0)); // producers go on while the batch is being tried
            batch.nack();
            assert!(producer.len() <= 16, "{overflow:?}: {:?}", producer.stats());
        }
        let most = if overflow == Overflow::DropOldest { 8 } else { 16 };
        assert_eq!(conserved(producer.stats()).high_water, most, "{overflow:?}");
        drop(batch(&consumer, usize::MAX).into_items());
        assert!(producer.try_send(0).is_ok() && producer.len() == 1, "all is repaid once all is finished");
    }
}

#[test]
fn what_is_put_back_above_the_capacity_takes_room_until_as_many_are_finished() {
    let (producer, consumer) = filled(2, [1, 2]);
    let both = batch(&consumer, 2);
    (3..5).for_each(|item| producer.try_send(item).expect("a delivery takes no room"));
    both.nack();
    let mut all = batch(&consumer, 4).into_deliveries();
    let mut sends = [5, 6].map(|item| task::spawn(producer.send(item)));
    sends.iter_mut().for_each(|send| assert_pending!(send.poll()));
    assert!(producer.is_empty() && producer.try_send(0).unwrap_err().is_full());
    all.next().expect("four").done();
    assert_eq!([sends[0].is_woken(), sends[1].is_woken()], [true, false]);
    assert_ready_ok!(sends[0].poll());
    all.next().expect("three").done();
    assert_ready_ok!(sends[1].poll());
    assert!(producer.try_send(0).unwrap_err().is_full());
    drop(sends);
    all.by_ref().for_each(Delivery::done);
    conserved(producer.stats());
}

#[test]
fn a_consumer_that_holds_many_deliveries_shuts_no_producer_out() {
    let (producer, consumer) = queue::bounded(4);
    let mut held = Vec::new();
    for _ in 0..25 {
        (0..4).for_each(|item| producer.try_send(item).expect("deliveries take no room"));
        held.extend(batch(&consumer, 4).into_deliveries());
    }
    assert!(producer.try_send(0).is_ok());
    held.drain(..).for_each(Delivery::nack); // 101 are queued; after 97 of them there is room again
    (0..97).for_each(|_| consumer.try_recv().expect("queued").done());
    assert!(producer.try_send(0).unwrap_err().is_full());
    held.extend(std::iter::from_fn(|| consumer.try_recv().ok()));
    assert_eq!(held.len(), 4);
    (0..4).for_each(|item| producer.try_send(item).expect("one capacity in hand leaves another to be filled"));
}

#[tokio::test(start_paused = true)]
async fn send_timeout_hands_the_item_back() {
    let (producer, _consumer) = filled(1, [1]);
    let error = producer.send_timeout(2, SECOND).await.unwrap_err();
    assert!(error.is_elapsed());
    assert!(error.source().expect("a word").is::<Elapsed>());
    assert_eq!(error.into_inner(), 2);
    assert_eq!(conserved(producer.stats()).flow.accepted, 1);
}

#[test]
#[should_panic(expected = "capacity must be above zero")]
fn zero_capacity_is_refused() {
    let _ = queue::bounded::<u32>(0);
}

#[test]
#[should_panic(expected = "max must be above zero")]
fn zero_items_are_refused() {
    let (_producer, consumer) = queue::bounded::<u32>(1);
    drop(consumer.recv_many(0));
}

#[tokio::test]
#[should_panic(expected = "n must be above zero")]
async fn zero_workers_are_refused() {
    let (_producer, consumer) = queue::bounded::<u32>(1);
    let _ = consumer.for_each(0, |_| async { Ok::<_, ()>(()) }).await;
}

#[tokio::test]
async fn max_capacity_and_max_workers_allocate_for_what_is_there_only() {
    let (producer, consumer) = filled(usize::MAX, 0..100);
    assert_eq!((producer.capacity(), producer.len()), (usize::MAX, 100));
    drop(producer);
    let report = consumer.for_each(usize::MAX, |_| async { Ok::<_, ()>(()) }).await;
    assert_eq!(report.handled, 100);
}

// Closed.

#[test]
fn the_end_waits_for_deliveries_that_may_come_back() {
    let (producer, consumer) = filled(4, [1]);
    let other = consumer.clone();
    let delivery = consumer.try_recv().expect("1 is queued");
    drop(producer);
    let mut recv = task::spawn(other.recv());
    assert_pending!(recv.poll());
    delivery.nack();
    assert!(recv.is_woken());
    let delivery = assert_ready!(recv.poll()).expect("it came back");
    let mut end = task::spawn(other.recv());
    assert_pending!(end.poll());
    delivery.done();
    assert!(end.is_woken());
    assert!(assert_ready!(end.poll()).is_none());
}

#[test]
fn dropping_the_last_producer_closes() {
    let (producer, consumer) = queue::bounded::<u32>(1);
    let clone = producer.clone();
    drop(producer);
    assert!(!consumer.is_closed());
    let mut recv = task::spawn(consumer.recv());
    assert_pending!(recv.poll());
    drop(clone);
    assert!(recv.is_woken() && consumer.is_closed());
    assert!(assert_ready!(recv.poll()).is_none());
}

#[test]
fn dropping_the_last_consumer_discards_and_wakes_senders() {
    let drops = Drops::default();
    let (producer, consumer) = queue::bounded(1);
    producer.try_send(drops.item()).expect("there is room");
    let mut send = task::spawn(producer.send(drops.item()));
    let mut join = task::spawn(producer.join());
    assert_pending!(send.poll());
    assert_pending!(join.poll());
    drop(consumer);
    assert_eq!(drops.count(), 1);
    assert!(send.is_woken() && join.is_woken());
    assert!(assert_ready!(send.poll()).unwrap_err().is_closed());
    assert_ready!(join.poll());
    assert_eq!(conserved(producer.stats()).flow.discarded, 1);
}

#[test]
fn a_nack_after_the_last_consumer_left_discards() {
    let (producer, consumer) = filled(4, [1]);
    let delivery = consumer.try_recv().expect("1 is queued");
    drop(consumer);
    let mut join = task::spawn(producer.join());
    assert_pending!(join.poll());
    delivery.nack();
    assert_ready!(join.poll());
    let stats = conserved(producer.stats());
    assert_eq!((stats.flow.discarded, stats.nacked, stats.redelivered), (1, 1, 0));
}

#[test]
fn close_now_hands_back_and_join_unblocks_only_at_zero() {
    let (producer, consumer) = filled(4, [1, 2, 3]);
    let delivery = consumer.try_recv().expect("1 is queued");
    let mut join = task::spawn(producer.join());
    assert_pending!(join.poll());
    assert_eq!(producer.close_now(), [2, 3]);
    assert!(!join.is_woken(), "1 is unfinished");
    delivery.done();
    assert!(join.is_woken());
    assert_ready!(join.poll());
    let stats = conserved(producer.stats());
    assert_eq!((stats.flow.done, stats.flow.discarded), (1, 2));
    assert!(producer.try_send(4).unwrap_err().is_closed());
}

#[test]
fn what_is_put_back_after_close_now_is_delivered_or_handed_back() {
    let (producer, consumer) = filled(4, [1, 2]);
    let (first, second) = (consumer.try_recv().expect("1"), consumer.try_recv().expect("2"));
    assert_eq!(producer.close_now(), Vec::<u32>::new());
    first.nack();
    assert_eq!(consumer.try_recv().expect("1 came back").into_inner(), 1);
    second.nack();
    assert_eq!(producer.close_now(), [2]);
    assert_eq!(consumer.try_recv().unwrap_err(), TryRecvError::Closed);
    conserved(consumer.stats());
}

#[test]
fn join_after_close_waits_for_the_rest() {
    let (producer, consumer) = filled(4, [1]);
    producer.close();
    producer.close();
    let mut join = task::spawn(consumer.join());
    assert_pending!(join.poll());
    assert_eq!(drain(&consumer), [1]);
    assert_ready!(join.poll());
}

#[test]
fn join_of_an_empty_queue_is_ready() {
    let (producer, _consumer) = queue::bounded::<u32>(1);
    assert_ready!(task::spawn(producer.join()).poll());
}

#[test]
fn a_closed_queue_names_itself() {
    let (producer, _consumer) = queue::Builder::new(1).name("mails").build();
    producer.close();
    let error = producer.try_send(1).unwrap_err();
    assert_eq!(error.to_string(), "the item was not sent: queue `mails` is closed");
    assert!(error.source().expect("a word").is::<Closed>());
    assert_ready!(task::spawn(producer.closed()).poll());
}

// Deliveries.

#[test]
fn the_lanes_take_turns() {
    let (_producer, consumer) = filled(8, [1, 2, 3, 4]);
    let mut order = Vec::new();
    for _ in 0..8 {
        let delivery = consumer.try_recv().expect("something is queued");
        order.push(*delivery);
        if *delivery == 1 { delivery.nack() } else { delivery.done() }
    }
    // 1 fails for ever: it neither starves the others nor is starved.
    assert_eq!(order, [1, 1, 2, 1, 3, 1, 4, 1]);
}

#[test]
fn an_item_past_its_attempts_is_given_up() {
    let (producer, consumer) = queue::Builder::new(1).attempts(2).build();
    producer.try_send(1).expect("there is room");
    consumer.try_recv().expect("first").nack();
    consumer.try_recv().expect("second").nack();
    assert_eq!(consumer.try_recv().unwrap_err(), TryRecvError::Empty);
    assert_ready!(task::spawn(producer.join()).poll());
    let stats = conserved(consumer.stats());
    assert_eq!((stats.flow.failed, stats.nacked, stats.redelivered), (1, 2, 1));
}

#[test]
fn with_on_drop_done_a_bare_drop_finishes() {
    let (producer, consumer) = queue::Builder::new(8).on_drop(OnDrop::Done).build();
    (1..=3).for_each(|item| producer.try_send(item).expect("there is room"));
    drop(consumer.try_recv().expect("three are queued"));
    drop(task::spawn(consumer.recv_many(8)).poll());
    let stats = conserved(consumer.stats());
    assert_eq!((stats.flow.done, stats.abandoned), (3, 0));
}

#[test]
fn a_delivery_can_be_changed_and_keeps_the_change() {
    let (_producer, consumer) = filled(1, [1]);
    let mut delivery = consumer.try_recv().expect("1 is queued");
    *delivery += 10;
    delivery.nack();
    assert_eq!(drain(&consumer), [11]);
}

#[test]
fn done_drops_the_item_before_it_counts() {
    let drops = Drops::default();
    let (producer, consumer) = queue::bounded(1);
    producer.try_send(drops.item()).expect("there is room");
    let mut join = task::spawn(producer.join());
    assert_pending!(join.poll());
    consumer.try_recv().expect("one is queued").done();
    assert_eq!(drops.count(), 1);
    assert_ready!(join.poll());
}

#[test]
fn a_delivery_outlives_every_end() {
    let (producer, consumer) = filled(1, [1]);
    let delivery = consumer.try_recv().expect("1 is queued");
    drop((producer, consumer));
    assert_eq!(delivery.into_inner(), 1);
}

// Batches.

fn batch(consumer: &Consumer<u32>, max: usize) -> queue::Batch<u32> {
    assert_ready!(task::spawn(consumer.recv_many(max)).poll()).expect("something is queued")
}

#[test]
fn a_batch_takes_all_that_is_queued_up_to_max() {
    let (producer, consumer) = filled(8, 0..6);
    let first = batch(&consumer, 4);
    assert_eq!((first.len(), first.iter().copied().collect::<Vec<_>>()), (4, vec![0, 1, 2, 3]));
    assert_eq!(batch(&consumer, usize::MAX).into_items().collect::<Vec<_>>(), [4, 5]);
    first.done();
    assert_eq!(conserved(producer.stats()).flow.done, 6);
}

#[test]
fn an_abandoned_batch_comes_back_in_order() {
    let (_producer, consumer) = filled(8, 0..4);
    drop(batch(&consumer, 8));
    let again = batch(&consumer, 8);
    assert!((&again).into_iter().eq(&[0, 1, 2, 3]));
    assert!(again.into_deliveries().all(|delivery| delivery.attempt() == 2));
    let stats = conserved(consumer.stats());
    assert_eq!((stats.abandoned, stats.redelivered), (8, 8));
}

#[test]
fn deliveries_of_a_batch_fare_by_themselves_and_the_rest_is_abandoned() {
    let (_producer, consumer) = filled(8, 0..4);
    let mut deliveries = batch(&consumer, 8).into_deliveries();
    deliveries.next().expect("0").done();
    deliveries.next().expect("1").nack();
    assert_eq!(deliveries.len(), 2);
    drop(deliveries);
    let stats = conserved(consumer.stats());
    assert_eq!((stats.flow.done, stats.nacked, stats.abandoned, stats.queued), (1, 1, 2, 3));
    assert_eq!(drain(&consumer), [1, 2, 3]);
}

#[test]
fn items_of_a_batch_are_done_when_the_iterator_is_dropped() {
    let (producer, consumer) = filled(8, 0..3);
    let mut items = batch(&consumer, 8).into_items();
    assert_eq!(items.next(), Some(0));
    assert_eq!(conserved(producer.stats()).delivered, 3);
    drop(items);
    assert_eq!(conserved(producer.stats()).flow.done, 3);
}

#[test]
fn a_batch_wakes_as_many_senders_as_there_is_room() {
    let (producer, consumer) = filled(2, [1, 2]);
    let mut sends: Vec<_> = (3..6).map(|item| task::spawn(producer.send(item))).collect();
    sends.iter_mut().for_each(|send| assert_pending!(send.poll()));
    batch(&consumer, 2).done();
    assert_eq!(sends.iter().map(|send| send.is_woken()).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn a_batch_mixes_the_lanes_in_turn() {
    let (_producer, consumer) = filled(8, 0..4);
    drop(batch(&consumer, 2));
    let mixed = batch(&consumer, 8);
    let mut seen: Vec<u32> = mixed.iter().copied().collect();
    let attempts: Vec<u32> = mixed.into_deliveries().map(|delivery| delivery.attempt()).collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3]);
    assert!(attempts == [1, 2, 1, 2] || attempts == [2, 1, 2, 1], "{attempts:?}");
}

// Wake-ups.

#[test]
fn a_notified_receiver_that_is_dropped_passes_the_wake_on() {
    let (producer, consumer) = queue::bounded(8);
    let mut first = task::spawn(consumer.recv());
    let mut second = task::spawn(consumer.recv_many(4));
    assert_pending!(first.poll());
    assert!(second.poll().is_pending());
    producer.try_send(1).expect("there is room");
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    assert!(second.is_woken());
    assert!(assert_ready!(second.poll()).is_some());
}

#[test]
fn a_notified_sender_that_is_dropped_passes_the_wake_on() {
    let (producer, consumer) = filled(1, [1]);
    let mut first = task::spawn(producer.send(2));
    let mut second = task::spawn(producer.send(3));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    consumer.try_recv().expect("1 is queued").done();
    assert!(first.is_woken() && !second.is_woken());
    assert_eq!(first.into_inner().into_inner(), Some(2));
    assert!(second.is_woken());
    assert_ready_ok!(second.poll());
}

#[test]
fn a_stream_that_is_notified_and_dropped_or_left_passes_the_wake_on() {
    for is_dropped in [true, false] {
        let (producer, mut consumer) = queue::bounded(8);
        let other = consumer.clone();
        let mut cx = task::spawn(());
        cx.enter(|cx, _| assert!(Pin::new(&mut consumer).poll_next(cx).is_pending()));
        let mut recv = task::spawn(other.recv());
        assert_pending!(recv.poll());
        producer.try_send(1).expect("there is room");
        assert!(cx.is_woken() && !recv.is_woken());
        let kept = if is_dropped {
            drop(consumer);
            None
        } else {
            drop(consumer.recv());
            Some(consumer)
        };
        assert!(recv.is_woken(), "dropped: {is_dropped}");
        drop(kept);
    }
}

#[test]
fn a_notified_waiter_that_finds_nothing_waits_on_at_the_front() {
    let (producer, consumer) = queue::bounded(8);
    let mut first = task::spawn(consumer.recv());
    let mut second = task::spawn(consumer.recv());
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    producer.try_send(1).expect("there is room");
    consumer.try_recv().expect("barging").done();
    assert_pending!(first.poll());
    producer.try_send(2).expect("there is room");
    assert!(first.is_woken() && !second.is_woken());
}

#[test]
fn a_sleeper_that_is_not_polled_keeps_no_room_from_others() {
    let (producer, consumer) = filled(1, [1]);
    let mut sleeper = task::spawn(producer.send(2));
    assert_pending!(sleeper.poll());
    consumer.try_recv().expect("1 is queued").done();
    producer.try_send(3).expect("the room is nobody's");
    assert_eq!(drain(&consumer), [3]);
}

/// Each public future: polled k times, dropped, and then everything still works.
#[test]
fn futures_dropped_after_any_number_of_polls_lose_nothing() {
    for polls in 0..3 {
        let (producer, consumer) = filled(1, [1]);
        macro_rules! give_up {
            ($future:expr) => {{
                let mut future = task::spawn($future);
                for _ in 0..polls {
                    let _ = future.poll().is_ready();
                }
            }};
        }
        give_up!(producer.join());
        give_up!(producer.closed());
        let mut send = task::spawn(producer.send(2));
        (0..polls).for_each(|_| assert_pending!(send.poll()));
        assert_eq!(send.into_inner().into_inner(), Some(2));
        assert_eq!(drain(&consumer), [1]);
        for _ in 0..polls.min(1) {
            assert_pending!(task::spawn(consumer.recv()).poll());
        }
        give_up!(consumer.recv());
        give_up!(consumer.recv_many(3));
        assert_eq!(conserved(producer.stats()).flow.in_flight, 0);

        let mut recv = task::spawn(consumer.recv());
        assert_pending!(recv.poll());
        producer.try_send(3).expect("there is room");
        assert!(recv.is_woken());
        assert_eq!(assert_ready!(recv.poll()).expect("3").into_inner(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn timed_waits_dropped_at_any_await_lose_nothing() {
    let (producer, consumer) = filled(1, [1]);
    for polls in 0..3 {
        let mut send = task::spawn(producer.send_timeout(2, SECOND));
        (0..polls).for_each(|_| assert_pending!(send.poll()));
    }
    assert_eq!(drain(&consumer), [1]);
    for polls in 0..3 {
        let mut recv = task::spawn(consumer.recv_timeout(SECOND));
        (0..polls).for_each(|_| assert!(recv.poll().is_pending()));
    }
    assert_eq!(conserved(producer.stats()).flow.in_flight, 0);
    producer.send_timeout(3, SECOND).await.expect("there is room");
    assert_eq!(consumer.recv_timeout(SECOND).await.expect("in time").expect("open").into_inner(), 3);
}

#[tokio::test]
async fn an_end_that_is_always_ready_lets_others_run() {
    let (producer, consumer) = filled(usize::MAX, 0..10_000);
    let turns = Arc::new(AtomicUsize::new(0));
    let heartbeat = tokio::spawn({
        let turns = turns.clone();
        async move {
            loop {
                turns.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    drop(producer);
    while let Some(delivery) = consumer.recv().await {
        delivery.done();
    }
    assert!(turns.load(Ordering::Relaxed) > 10);
    heartbeat.abort();
}

// Foreign code.

struct PanicsWhenDropped(Arc<AtomicBool>);

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        assert!(!self.0.load(Ordering::Relaxed), "a destructor panics");
    }
}

#[test]
fn a_destructor_that_panics_breaks_no_books() {
    let armed = Arc::new(AtomicBool::new(true));
    let item = || PanicsWhenDropped(armed.clone());
    let (producer, consumer) = queue::Builder::new(2).overflow(Overflow::DropOldest).attempts(1).build();
    (0..3).for_each(|_| producer.try_send(item()).expect("never full")); // a victim's panic is not the sender's
    let delivery = consumer.try_recv().expect("two are queued");
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| delivery.done())).is_err());
    consumer.try_recv().expect("one is queued").nack(); // given up
    producer.try_send(item()).expect("there is room");
    assert_ready!(task::spawn(consumer.recv_many(4)).poll()).expect("one is queued").done();
    (0..2).for_each(|_| producer.try_send(item()).expect("there is room"));
    drop(consumer);
    let stats = conserved(producer.stats());
    let flow = stats.flow;
    assert_eq!((flow.done, flow.failed, flow.dropped, flow.discarded, flow.in_flight), (2, 1, 1, 2, 0));
}

#[test]
fn a_batch_survives_every_one_of_its_destructors() {
    let armed = Arc::new(AtomicBool::new(true));
    let (producer, consumer) = queue::Builder::new(6).on_drop(OnDrop::Done).build();
    (0..6).for_each(|_| producer.try_send(PanicsWhenDropped(armed.clone())).expect("there is room"));
    let receive = || assert_ready!(task::spawn(consumer.recv_many(2)).poll()).expect("two are left");
    receive().done();
    drop(receive());
    drop(receive().into_items());
    assert_eq!((conserved(producer.stats()).flow.done, Arc::strong_count(&armed)), (6, 1));
}

/// Waits with a waker that panics when it is called.
fn poll_shrilly<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(&waker_that_panics()))
}

#[test]
fn a_waker_that_panics_loses_no_item() {
    let (producer, consumer) = filled(1, [1]);
    let mut send = Box::pin(producer.send(2));
    assert!(poll_shrilly(&mut send).is_pending());
    consumer.try_recv().expect("1 is queued").done(); // calls the sender
    drop(send);
    let mut join = Box::pin(producer.join());
    producer.try_send(3).expect("there is room");
    assert!(poll_shrilly(&mut join).is_pending());
    consumer.try_recv().expect("3 is queued").done();
    assert_eq!(conserved(consumer.stats()).flow.done, 2);
}

#[test]
fn a_waker_that_panics_keeps_no_wake_from_others() {
    let (producer, consumer) = filled(1, []);
    let (mut shrill, mut other) = (Box::pin(producer.closed()), task::spawn(consumer.closed()));
    let (mut shrill_end, mut end) = (Box::pin(consumer.recv()), task::spawn(consumer.recv()));
    assert!(poll_shrilly(&mut shrill).is_pending() && poll_shrilly(&mut shrill_end).is_pending());
    assert_pending!(other.poll());
    assert_pending!(end.poll());
    producer.close();
    assert!(other.is_woken() && end.is_woken());
}

#[test]
fn a_waker_may_call_back_into_the_queue_when_it_is_dropped() {
    without_deadlock(|| {
        let calls = Arc::new(AtomicUsize::new(0));
        let (producer, consumer) = filled(1, [1]);
        let waker = || {
            let (producer, calls) = (producer.clone(), calls.clone());
            waker_dropped_with(move || {
                let _ = producer.try_send(2);
                calls.fetch_add(1, Ordering::SeqCst);
            })
        };
        let mut send = Box::pin(producer.send(3));
        assert!(send.poll_unpin(&mut Context::from_waker(&waker())).is_pending());
        assert!(send.poll_unpin(&mut Context::from_waker(&waker())).is_pending()); // displaces the first
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        drop(send); // leaves with the second
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        let mut send = Box::pin(producer.send(3));
        assert!(send.poll_unpin(&mut Context::from_waker(&waker())).is_pending());
        consumer.try_recv().expect("1 is queued").done(); // wakes the third: 2 takes the room
        assert_eq!((calls.load(Ordering::SeqCst), consumer.len()), (3, 1));
        assert!(send.poll_unpin(&mut Context::from_waker(&waker())).is_pending());
        producer.close();
        assert!(send.poll_unpin(&mut Context::from_waker(&waker())).is_ready());
        assert_eq!((calls.load(Ordering::SeqCst), drain(&consumer)), (5, vec![2]));
    });
}

struct CallsBack(Option<Producer<CallsBack>>);

impl Drop for CallsBack {
    fn drop(&mut self) {
        if let Some(producer) = self.0.take() {
            let _ = producer.try_send(CallsBack(None));
            assert!(producer.stats().flow.is_conserved());
        }
    }
}

#[test]
fn a_destructor_may_call_back_into_the_queue() {
    let (producer, consumer) = queue::Builder::new(2).overflow(Overflow::DropOldest).build();
    for _ in 0..4 {
        producer.try_send(CallsBack(Some(producer.clone()))).expect("never full");
    }
    consumer.try_recv().expect("something is queued").done();
    drop(task::spawn(consumer.recv_many(1)).poll());
    drop(consumer.close_now());
    drop(consumer);
    conserved(producer.stats());
}

// Streams, handlers and the runner.

#[tokio::test]
async fn a_consumer_is_a_stream_that_stays_ended() {
    let (producer, mut consumer) = filled(8, 0..3);
    drop(producer);
    let items: Vec<u32> = consumer.by_ref().map(Delivery::into_inner).collect().await;
    assert_eq!(items, [0, 1, 2]);
    assert!(consumer.next().await.is_none() && consumer.next().await.is_none());
}

#[tokio::test]
async fn for_each_finishes_retries_and_survives_panics() {
    let (producer, consumer) = queue::Builder::new(8).attempts(3).build();
    (0..6).for_each(|item| producer.try_send(item).expect("there is room"));
    drop(producer);
    let watch = consumer.clone();
    let report = consumer
        .for_each(2, |item| async move {
            match item {
                2 => Err("two"),
                4 => panic!("four"),
                _ => Ok(()),
            }
        })
        .await;
    assert_eq!((report.handled, report.nacked, report.panicked), (4, 3, 3));
    let stats = conserved(watch.stats());
    assert_eq!((stats.flow.done, stats.flow.failed, stats.nacked, stats.abandoned), (4, 2, 3, 3));
}

/// Panics when it is dropped, if it is the first.
#[derive(Clone)]
struct FirstPanics(u32);

impl Drop for FirstPanics {
    fn drop(&mut self) {
        assert!(self.0 != 1 || std::thread::panicking(), "a destructor panics");
    }
}

#[tokio::test]
async fn for_each_outlives_a_destructor_that_panics_after_its_handler() {
    let (producer, consumer) = queue::Builder::new(8).on_drop(OnDrop::Done).build();
    (1..4).for_each(|item| _ = producer.try_send(FirstPanics(item)));
    producer.close();
    let handler = |item: FirstPanics| async move { if item.0 == 1 { panic!("one") } else { Ok::<_, ()>(()) } };
    let report = consumer.for_each(1, handler).await;
    assert_eq!((report.handled, report.panicked), (2, 1));
    assert_eq!(conserved(producer.stats()).flow.done, 3);
}

/// Panics whenever the queue has an error to tell.
struct Unheard;

impl tracing::Subscriber for Unheard {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "regatta::queue" && *metadata.level() == tracing::Level::ERROR
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        panic!("a subscriber panics");
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn for_each_outlives_a_subscriber_that_panics() {
    let _unheard = tracing::subscriber::set_default(Unheard);
    let (producer, consumer) = queue::Builder::new(8).attempts(2).build();
    (0..4).for_each(|item| producer.try_send(item).expect("there is room"));
    producer.close();
    let report = consumer.for_each(2, |item| async move { if item < 2 { panic!() } else { Ok::<_, ()>(()) } }).await;
    assert_eq!((report.handled, report.panicked), (2, 4));
    let flow = conserved(producer.stats()).flow;
    assert_eq!((flow.done, flow.failed), (2, 2));
}

/// At each drop, how many items were done.
#[derive(Clone)]
struct SeesDone(Arc<Mutex<Option<Producer<SeesDone>>>>, Arc<Mutex<Vec<u64>>>);

impl Drop for SeesDone {
    fn drop(&mut self) {
        if let Some(producer) = &*self.0.lock().expect("not poisoned") {
            self.1.lock().expect("not poisoned").push(producer.stats().flow.done);
        }
    }
}

#[tokio::test]
async fn for_each_drops_an_item_before_it_is_done() {
    let (producer, consumer) = queue::bounded(4);
    let item = SeesDone(Arc::default(), Arc::default());
    assert!(producer.try_send(item.clone()).is_ok());
    producer.close();
    let watched = item.0.clone();
    *watched.lock().expect("not poisoned") = Some(producer);
    let report = consumer
        .for_each(1, |item| async move {
            drop(item);
            Ok::<_, ()>(())
        })
        .await;
    assert_eq!((report.handled, item.1.lock().expect("not poisoned").as_slice()), (1, [0, 0].as_slice()));
    let _end = watched.lock().expect("not poisoned").take();
}

#[tokio::test]
async fn for_each_runs_at_most_n_at_once_and_starts_them_as_needed() {
    let (producer, consumer) = filled(64, 0..64);
    drop(producer);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let handler = {
        let (running, most) = (running.clone(), most.clone());
        move |_| {
            let (running, most) = (running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, ()>(())
            }
        }
    };
    assert_eq!(consumer.for_each(5, handler).await.handled, 64);
    assert_eq!(most.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn for_each_dropped_stops_its_workers_and_puts_back() {
    let (producer, consumer) = filled(8, 0..3);
    let rest = consumer.clone();
    let mut run = Box::pin(consumer.for_each(2, |_| std::future::pending::<Result<(), ()>>()));
    while producer.stats().delivered < 2 {
        assert!(run.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(run);
    while producer.stats().delivered > 0 {
        tokio::task::yield_now().await;
    }
    let mut items = drain(&rest);
    items.sort_unstable();
    assert_eq!(items, [0, 1, 2]);
    assert_eq!(conserved(rest.stats()).abandoned, 2);
}

#[tokio::test]
async fn a_run_that_is_dropped_aborts_all_workers() {
    let drops = Drops::default();
    let held = drops.clone();
    let run = ProducerConsumer::new(2)
        .producers(1, move |_, tx: Producer<Counted>| {
            let held = held.clone();
            async move {
                for _ in 0..4 {
                    tx.send(held.item()).await?;
                }
                Ok::<_, BoxError>(())
            }
        })
        .consumers(1, |_, item| async move {
            let _item = item;
            std::future::pending::<Result<(), BoxError>>().await
        })
        .run();
    let mut run = Box::pin(run);
    for _ in 0..10 {
        assert!(run.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(run);
    while Arc::strong_count(&drops.0) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(drops.count(), 4); // one in hand, two queued, one on its way
}

#[tokio::test]
async fn a_producer_that_panics_is_reported_and_the_rest_goes_on() {
    let report = ProducerConsumer::new(2)
        .producers(2, |id, tx: Producer<usize>| {
            assert!(id != 1, "no future at all");
            async move { tx.send(id).await }
        })
        .consumers(1, |_, _| async { Ok::<_, BoxError>(()) })
        .run()
        .await;
    assert_eq!((report.produced.as_slice(), report.panic_count), ([1, 0].as_slice(), 1));
    assert_eq!(report.panics[0].to_string(), "producer 1 panicked: no future at all");
}

/// Errors of hostile code.
enum Hostile {
    PanicsWhenConverted,
    PanicsWhenDropped(Arc<AtomicBool>),
}

impl From<Hostile> for BoxError {
    fn from(hostile: Hostile) -> Self {
        match hostile {
            Hostile::PanicsWhenConverted => panic!("a conversion panics"),
            Hostile::PanicsWhenDropped(armed) => Box::new(Landmine { _item: PanicsWhenDropped(armed) }),
        }
    }
}

struct Landmine {
    _item: PanicsWhenDropped,
}

impl std::fmt::Debug for Landmine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Landmine")
    }
}

impl std::fmt::Display for Landmine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a landmine")
    }
}

impl std::error::Error for Landmine {}

#[tokio::test]
async fn a_run_outlives_errors_that_panic() {
    let armed = Arc::new(AtomicBool::new(true));
    let landmine = armed.clone();
    let report = ProducerConsumer::new(4)
        .producers(1, |_, tx: Producer<u32>| async move {
            for item in 0..100 {
                tx.send(item).await?;
            }
            Ok::<_, BoxError>(())
        })
        .consumers(2, move |_, item| {
            let ended = match item % 4 {
                1 => Err(Hostile::PanicsWhenConverted),
                2 => Err(Hostile::PanicsWhenDropped(landmine.clone())),
                _ => Ok(()),
            };
            async {
                tokio::task::yield_now().await;
                ended
            }
        })
        .run()
        .await;
    armed.store(false, Ordering::Relaxed);
    assert!(report.flow.is_conserved(), "{report}");
    assert_eq!((report.produced.as_slice(), report.consumed.iter().sum::<u64>()), ([100].as_slice(), 50), "{report}");
    assert_eq!((report.failed, report.abandoned, report.flow.discarded), (50, 0, 0), "{report}");
    assert_eq!((report.error_count, report.panic_count, report.errors.len()), (25, 25, 16), "{report}");
    assert_eq!(Arc::strong_count(&armed), 17, "what is not kept is dropped");
}

/// An error whose chain of sources never ends, or panics.
#[derive(Debug)]
enum Chain {
    Endless,
    Panics,
}

impl std::fmt::Display for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Chain {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Endless => Some(self),
            Self::Panics => panic!("a source panics"),
        }
    }
}

async fn run_with_producer_error(error: fn() -> Chain) -> queue::Report {
    ProducerConsumer::new(4)
        .producers(1, move |_, tx: Producer<u32>| async move {
            tx.send(1).await?;
            Err::<(), BoxError>(error().into())
        })
        .consumers(1, |_, _| async { Ok::<_, BoxError>(()) })
        .run()
        .await
}

#[tokio::test]
async fn a_run_outlives_an_error_whose_source_panics() {
    let report = run_with_producer_error(|| Chain::Panics).await;
    assert_eq!((report.consumed.as_slice(), report.error_count), ([1].as_slice(), 1), "{report}");
}

#[tokio::test]
async fn a_run_outlives_an_error_whose_sources_never_end() {
    let report = run_with_producer_error(|| Chain::Endless).await;
    assert_eq!((report.consumed.as_slice(), report.error_count), ([1].as_slice(), 1), "{report}");
}

#[test]
fn a_queue_has_a_row_in_its_registry() {
    let registry = Registry::new();
    let (producer, consumer) = registry.enter(|| queue::Builder::new(4).name("mails").build());
    producer.try_send(1).expect("there is room");
    let snapshot = registry.snapshot();
    let row = snapshot.named("mails").expect("it is alive");
    assert_eq!((&*row.kind, &*row.state, row.flow), ("queue", "open", producer.stats().flow));
    let gauges: Vec<String> = row.gauges.iter().map(ToString::to_string).collect();
    assert_eq!(gauges, ["queued 1/4", "delivered 0", "high water 1"]);
    let unnamed = registry.enter(|| queue::bounded::<u32>(1));
    assert!(unnamed.0.name().starts_with("queue#"));
    drop((producer, consumer, unnamed));
    assert!(registry.snapshot().rows.is_empty());
}

#[test]
fn ends_deliveries_and_futures_cross_threads() {
    fn send<V: Send>(value: V) -> V {
        value
    }
    fn unpin<V: Unpin>(value: V) -> V {
        value
    }
    let (producer, consumer) = send(queue::bounded::<std::cell::Cell<u32>>(1));
    fn sync<V: Sync>(_: &V) {}
    sync(&producer);
    sync(&consumer);
    drop(unpin(send(producer.send(std::cell::Cell::new(1)))));
    drop(unpin(send(consumer.recv())));
    drop(unpin(send(consumer.recv_many(1))));
    drop(unpin(send(consumer.join())));
    drop(unpin(send(consumer.closed())));
    drop(send(consumer.recv_timeout(SECOND)));
    drop(send(producer.send_timeout(std::cell::Cell::new(1), SECOND)));
    assert!(format!("{producer:?} {consumer:?}").contains("capacity: 1"));
}

#[test]
fn errors_need_nothing_of_the_item_to_be_shown() {
    struct Opaque;
    let (producer, _consumer) = queue::bounded(1);
    producer.try_send(Opaque).expect("there is room");
    let error = producer.try_send(Opaque).expect_err("it is full");
    assert!(format!("{error:?}").starts_with("SendError"));
    let boxed: BoxError = error.into();
    assert!(boxed.downcast_ref::<queue::SendError<Opaque>>().is_some_and(queue::SendError::is_full));
}

#[tokio::test]
async fn for_each_needs_no_item_that_can_be_shared() {
    let (producer, consumer) = queue::bounded(1);
    producer.send(std::cell::Cell::new(1)).await.expect("open");
    drop(producer);
    let report = consumer.for_each(1, |item| async move { if item.get() == 1 { Ok(()) } else { Err(()) } }).await;
    assert_eq!(report.to_string(), "1 handled, 0 nacked, 0 panicked");
}

// Storms.

/// xorshift64 (Marsaglia 2003): the same storm every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Polls a future at most so often; then gives it up.
async fn patience<F: Future + Unpin>(future: &mut F, polls: u64) -> Option<F::Output> {
    let mut left = polls;
    std::future::poll_fn(|cx| match future.poll_unpin(cx) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
        std::task::Poll::Pending => {
            left -= 1;
            std::task::Poll::Pending
        }
    })
    .await
}

type Item = (u64, u64);

async fn offer(producer: Producer<Item>, id: u64, items: u64) -> Vec<Item> {
    let mut dice = Dice(id + 1);
    let mut handed_back = Vec::new();
    for number in 0..items {
        let mut item = (id, number);
        loop {
            let mut send = producer.send(item);
            match patience(&mut send, dice.below(3)).await {
                Some(sent) => {
                    sent.expect("nobody closes");
                    break;
                }
                None => {
                    item = send.into_inner().expect("it was not sent");
                    if dice.below(50) == 0 {
                        handed_back.push(item);
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
    }
    handed_back
}

/// What was finished, in order.
async fn work_off(consumer: Consumer<Item>, id: u64) -> Vec<Item> {
    let mut dice = Dice(1000 + id);
    let mut finished = Vec::new();
    loop {
        let patience_now = dice.below(3);
        let deliveries: Vec<Delivery<Item>> = match dice.below(2) {
            0 => match patience(&mut consumer.recv(), patience_now).await {
                Some(None) => return finished,
                received => received.flatten().into_iter().collect(),
            },
            _ => match patience(&mut consumer.recv_many(8), patience_now).await {
                Some(None) => return finished,
                received => received.flatten().into_iter().flat_map(queue::Batch::into_deliveries).collect(),
            },
        };
        if deliveries.is_empty() {
            tokio::task::yield_now().await;
        }
        for delivery in deliveries {
            match dice.below(100) {
                0 => delivery.nack(),
                1 => drop(delivery),
                _ if delivery.attempt() == 1 => finished.push(delivery.into_inner()),
                // Its order is no longer that of its producer.
                _ => finished.push({
                    let (id, number) = delivery.into_inner();
                    (id | REDELIVERED, number)
                }),
            }
        }
    }
}

const REDELIVERED: u64 = 1 << 32;

/// Producers take the priorities in turn.
async fn storm(tasks: u64, items: u64, priorities: &[Priority]) {
    let (producer, consumer) = queue::bounded(16);
    let consumers: Vec<_> = (0..tasks).map(|id| tokio::spawn(work_off(consumer.clone(), id))).collect();
    let lanes = priorities.iter().cycle().map(|&priority| producer.with_priority(priority));
    let producers: Vec<_> =
        (0..tasks).zip(lanes).map(|(id, lane)| tokio::spawn(offer(lane, id, items / tasks))).collect();
    let mut seen = HashSet::new();
    let mut handed_back = 0;
    for producer in producers {
        for item in producer.await.expect("no panic") {
            handed_back += 1;
            assert!(seen.insert(item), "{item:?} twice");
        }
    }
    producer.join().await;

    // No lost wake-up afterwards: who waits now is woken by what comes now.
    let idle = conserved(producer.stats());
    assert_eq!(idle.flow.in_flight, 0);
    assert_eq!(idle.flow.done + handed_back, items);
    producer.close();
    for consumer in consumers {
        let mut latest = BTreeMap::new();
        for (id, number) in consumer.await.expect("no panic") {
            assert!(seen.insert((id & !REDELIVERED, number)), "{id} {number} twice");
            if id & REDELIVERED == 0 {
                assert!(latest.insert(id, number).is_none_or(|before| before < number), "order of producer {id}");
            }
        }
    }
    assert_eq!(seen.len() as u64, items);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_of_cancellations_loses_nothing() {
    storm(8, 100_000, &[Priority::Normal]).await;
}

#[tokio::test]
async fn a_storm_of_cancellations_on_one_thread_loses_nothing() {
    storm(8, 20_000, &[Priority::Normal]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_of_cancellations_in_three_lanes_loses_nothing() {
    storm(8, 40_000, &Priority::ALL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn close_now_under_load_accounts_for_everything() {
    for round in 0..50 {
        let (producer, consumer) = queue::bounded::<Item>(4);
        let finished = Arc::new(Mutex::new(Vec::new()));
        let consumers: Vec<_> = (0..3)
            .map(|_| {
                let (consumer, finished) = (consumer.clone(), finished.clone());
                tokio::spawn(async move {
                    while let Some(delivery) = consumer.recv().await {
                        finished.lock().expect("no panic").push(delivery.into_inner());
                    }
                })
            })
            .collect();
        let producers: Vec<_> = (0..3_u64)
            .map(|id| {
                let producer = producer.clone();
                tokio::spawn(async move {
                    let mut sent = 0_u64;
                    while producer.send((id, sent)).await.is_ok() {
                        sent += 1;
                    }
                    sent
                })
            })
            .collect();
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        let handed_back = producer.close_now().len() as u64;
        producer.join().await;
        let mut sent = 0;
        for producer in producers {
            sent += producer.await.expect("no panic");
        }
        for consumer in consumers {
            consumer.await.expect("no panic");
        }
        let flow = conserved(producer.stats()).flow;
        assert_eq!((flow.accepted, flow.discarded, flow.in_flight), (sent, handed_back, 0));
        assert_eq!(finished.lock().expect("no panic").len() as u64, flow.done);
    }
}
