//! The queue under every interleaving of its lock, two or three threads at a time.
//!
//! Each model ends only if nobody is left asleep: a thread that waits for a wake-up that never comes is a deadlock that
//! the checker reports.

use loom::future::block_on;
use loom::thread;
use regatta::policy::Priority;
use regatta::queue::{self, Consumer, DeadLetter, Producer};
use std::pin::pin;
use std::task::{Context, Waker};

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Waits as one that is polled once and then given up: it may have been called up in between.
fn poll_once<F: Future>(future: F) -> bool {
    let mut future = pin!(future);
    let is_ready = future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    thread::yield_now();
    is_ready
}

fn assert_settled(producer: &Producer<u32>, accepted: u64) {
    let flow = producer.stats().flow;
    assert!(flow.is_conserved(), "{flow}");
    assert_eq!((flow.accepted, flow.in_flight), (accepted, 0), "{flow}");
}

fn take(consumer: &Consumer<u32>) -> Option<u32> {
    block_on(consumer.recv()).map(queue::Delivery::into_inner)
}

#[test]
fn items_are_handed_over_through_a_queue_of_one() {
    model(|| {
        let (producer, consumer) = queue::bounded(1);
        let receiver = thread::spawn(move || [take(&consumer), take(&consumer), take(&consumer)]);
        block_on(producer.send(1)).expect("open");
        block_on(producer.send(2)).expect("open");
        drop(producer);
        assert_eq!(receiver.join().expect("no panic"), [Some(1), Some(2), None]);
    });
}

#[test]
fn a_receiver_that_gives_up_passes_its_wake_on() {
    model(|| {
        let (producer, consumer) = queue::bounded(1);
        let other = consumer.clone();
        let quitter = thread::spawn(move || {
            let got = poll_once(other.recv());
            (got, other)
        });
        let sender = thread::spawn(move || {
            producer.try_send(1).expect("there is room");
            producer
        });
        // Whatever the other does, the item is for us: a delivery that it drops comes back.
        assert_eq!(take(&consumer), Some(1));
        quitter.join().expect("no panic");
        assert_settled(&sender.join().expect("no panic"), 1);
    });
}

#[test]
fn a_sender_that_gives_up_passes_its_wake_on() {
    model(|| {
        let (producer, consumer) = queue::bounded(1);
        producer.try_send(1).expect("there is room");
        let quitter = producer.clone();
        let quitter = thread::spawn(move || {
            poll_once(quitter.send(2));
        });
        let sender = producer.clone();
        let sender = thread::spawn(move || block_on(sender.send(3)).is_ok());
        assert_eq!(take(&consumer), Some(1));
        quitter.join().expect("no panic");
        // If the quitter did send, this makes room for the other.
        let mut last = take(&consumer);
        if last == Some(2) {
            last = take(&consumer);
        }
        assert_eq!(last, Some(3));
        assert!(sender.join().expect("no panic"));
        drop(producer);
        assert_eq!(take(&consumer), None);
    });
}

#[test]
fn close_wakes_whoever_waits_on_either_side() {
    model(|| {
        let (producer, consumer) = queue::bounded(1);
        producer.try_send(1).expect("there is room");
        let sender = producer.clone();
        let sender = thread::spawn(move || block_on(sender.send(2)).map_err(queue::SendError::into_inner));
        let other = consumer.clone();
        let receiver = thread::spawn(move || {
            let mut count = 0;
            while take(&other).is_some() {
                count += 1;
            }
            count
        });
        consumer.close();
        let sent = sender.join().expect("no panic");
        assert_eq!(receiver.join().expect("no panic"), 1 + u64::from(sent.is_ok()));
        assert!(sent.is_ok() || sent == Err(2));
        assert_settled(&producer, 1 + u64::from(sent.is_ok()));
    });
}

#[test]
fn a_nack_wakes_a_receiver_that_waits() {
    model(|| {
        let (producer, consumer) = queue::bounded(1);
        producer.try_send(1).expect("there is room");
        let delivery = consumer.try_recv().expect("1 is queued");
        let other = consumer.clone();
        let receiver = thread::spawn(move || {
            let delivery = block_on(other.recv()).expect("it comes back");
            delivery.attempt()
        });
        producer.close();
        delivery.nack();
        assert_eq!(receiver.join().expect("no panic"), 2);
        // That delivery was abandoned, so it is back once more.
        assert_eq!(take(&consumer), Some(1));
        assert_eq!(take(&consumer), None);
    });
}

#[test]
fn finishing_what_was_put_back_above_the_capacity_wakes_a_sender() {
    model(|| {
        let (producer, consumer) = queue::bounded(1);
        producer.try_send(1).expect("there is room");
        let delivery = consumer.try_recv().expect("1 is queued");
        producer.try_send(2).expect("a delivery takes no room");
        delivery.nack();
        let both = [consumer.try_recv(), consumer.try_recv()].map(|taken| taken.expect("two are queued"));
        assert!(producer.is_empty() && producer.try_send(3).is_err());
        let sender = thread::spawn(move || {
            block_on(producer.send(3)).expect("open");
            producer
        });
        both.into_iter().for_each(queue::Delivery::done);
        assert_eq!(take(&consumer), Some(3));
        assert_settled(&sender.join().expect("no panic"), 3);
    });
}

#[test]
fn join_sees_the_last_item_done() {
    model(|| {
        let (producer, consumer) = queue::bounded(2);
        producer.try_send(1).expect("there is room");
        producer.try_send(2).expect("there is room");
        let other = consumer.clone();
        let first = thread::spawn(move || take(&other));
        let second = thread::spawn(move || take(&consumer));
        block_on(producer.join());
        assert_settled(&producer, 2);
        assert!(first.join().expect("no panic").is_some() && second.join().expect("no panic").is_some());
    });
}

#[test]
fn the_end_comes_with_the_last_done_not_with_the_last_item() {
    model(|| {
        let (producer, consumer) = queue::bounded(1);
        producer.try_send(1).expect("there is room");
        drop(producer);
        let other = consumer.clone();
        let worker = thread::spawn(move || take(&other));
        let mine = take(&consumer);
        let theirs = worker.join().expect("no panic");
        assert_eq!([mine, theirs].into_iter().flatten().count(), 1);
    });
}

#[test]
fn the_last_consumer_that_leaves_gives_a_sender_its_item_back() {
    model(|| {
        let (producer, consumer) = queue::bounded(1);
        let leaver = thread::spawn(move || drop(consumer));
        let first = block_on(producer.send(1));
        let second = block_on(producer.send(2));
        leaver.join().expect("no panic");
        assert!(second.is_err_and(|error| error.into_inner() == 2));
        let flow = producer.stats().flow;
        assert_eq!((flow.accepted, flow.discarded, flow.in_flight), (first.is_ok().into(), first.is_ok().into(), 0));
    });
}

#[test]
fn a_batch_makes_room_for_senders_and_is_seen_by_join() {
    model(|| {
        let (producer, consumer) = queue::bounded(2);
        producer.try_send(1).expect("there is room");
        producer.try_send(2).expect("there is room");
        let sender = producer.clone();
        let sender = thread::spawn(move || block_on(sender.send(3)).expect("open"));
        let worker = thread::spawn(move || {
            let mut items = Vec::new();
            while let Some(batch) = block_on(consumer.recv_many(4)) {
                items.extend(batch.into_items());
            }
            items
        });
        block_on(producer.join());
        sender.join().expect("no panic");
        drop(producer);
        assert_eq!(worker.join().expect("no panic"), [1, 2, 3]);
    });
}

#[test]
fn senders_of_two_lanes_share_one_place() {
    model(|| {
        let (producer, consumer) = queue::bounded(1);
        let low = producer.with_priority(Priority::Low);
        let low = thread::spawn(move || block_on(low.send(1)).expect("open"));
        let high = producer.with_priority(Priority::High);
        drop(producer);
        let high = thread::spawn(move || block_on(high.send(2)).expect("open"));
        let mut both = [take(&consumer), take(&consumer)];
        both.sort_unstable();
        assert_eq!(both, [Some(1), Some(2)]);
        low.join().expect("no panic");
        high.join().expect("no panic");
        assert_eq!(take(&consumer), None);
    });
}

/// One item in its last attempt, the queue it came from, and where its letter will go.
struct LastAttempt {
    delivery: queue::Delivery<u32>,
    producer: Producer<u32>,
    consumer: Consumer<u32>,
    failed: Consumer<DeadLetter<u32>>,
}

fn last_attempt() -> LastAttempt {
    let (letters, failed) = queue::bounded(1);
    let (producer, consumer) = queue::Builder::new(1).attempts(1).dead_letters(letters).build();
    producer.try_send(1).expect("there is room");
    let delivery = consumer.try_recv().expect("1 is queued");
    LastAttempt { delivery, producer, consumer, failed }
}

#[test]
fn join_waits_for_a_letter_on_its_way() {
    model(|| {
        let LastAttempt { delivery, producer, consumer, failed } = last_attempt();
        let worker = thread::spawn(move || delivery.nack());
        block_on(producer.join());
        assert_eq!(failed.len(), 1, "the letter has arrived");
        assert_settled(&producer, 1);
        worker.join().expect("no panic");
        drop(consumer);
    });
}

#[test]
fn the_end_waits_for_a_letter_on_its_way() {
    model(|| {
        let LastAttempt { delivery, producer, consumer, failed } = last_attempt();
        let worker = thread::spawn(move || drop(delivery));
        let closer = thread::spawn(move || producer.close());
        assert_eq!(take(&consumer), None);
        assert_eq!(failed.len(), 1, "the letter has arrived");
        worker.join().expect("no panic");
        closer.join().expect("no panic");
    });
}

#[test]
fn an_item_has_failed_before_its_letter_is_received() {
    model(|| {
        let LastAttempt { delivery, producer, consumer, failed } = last_attempt();
        let worker = thread::spawn(move || delivery.nack());
        let letter = block_on(failed.recv()).expect("a letter");
        let flow = producer.stats().flow;
        assert_eq!((letter.item, flow.failed, flow.in_flight), (1, 1, 0));
        letter.done();
        worker.join().expect("no panic");
        drop(consumer);
    });
}

#[test]
fn the_letter_of_a_queue_that_is_gone_ends_the_queue_of_letters() {
    model(|| {
        let LastAttempt { delivery, producer, consumer, failed } = last_attempt();
        let worker = thread::spawn(move || delivery.nack());
        let leaver = thread::spawn(move || drop((producer, consumer)));
        assert_eq!(block_on(failed.recv()).map(|letter| letter.into_inner().item), Some(1));
        assert!(block_on(failed.recv()).is_none());
        worker.join().expect("no panic");
        leaver.join().expect("no panic");
    });
}

#[test]
fn a_batch_goes_through_a_queue_of_one() {
    model(|| {
        let (producer, consumer) = queue::bounded(1);
        let receiver = thread::spawn(move || [take(&consumer), take(&consumer), take(&consumer)]);
        block_on(producer.send_many([1, 2])).expect("open");
        drop(producer);
        assert_eq!(receiver.join().expect("no panic"), [Some(1), Some(2), None]);
    });
}

#[test]
fn a_batch_that_gives_up_passes_its_call_on() {
    model(|| {
        let (producer, consumer) = queue::bounded(1);
        producer.try_send(1).expect("there is room");
        let quitter = producer.clone();
        let quitter = thread::spawn(move || {
            poll_once(quitter.send_many([2, 3]));
        });
        let sender = producer.clone();
        let sender = thread::spawn(move || block_on(sender.send(4)).is_ok());
        // The quitter has sent nothing or 2: whichever it was, 4 comes.
        let mut last = take(&consumer);
        while last != Some(4) {
            last = take(&consumer);
        }
        quitter.join().expect("no panic");
        assert!(sender.join().expect("no panic"));
        drop(producer);
        // 2 may have come behind 4.
        let rest = take(&consumer);
        assert!(rest.is_none() || take(&consumer).is_none());
    });
}
