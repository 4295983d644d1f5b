//! Priorities: three lanes, one capacity.

use super::*;
use regatta::policy::Priority::{High, Low, Normal};

/// A queue with these items, each sent with its priority.
fn laned(capacity: usize, items: impl IntoIterator<Item = (Priority, u32)>) -> (Producer<u32>, Consumer<u32>) {
    let (producer, consumer) = queue::bounded(capacity);
    for (priority, item) in items {
        producer.with_priority(priority).try_send(item).expect("there is room");
    }
    (producer, consumer)
}

/// Receives so many; `keep` says which are done, the others are put back.
fn order_of(consumer: &Consumer<u32>, count: usize, keep: impl Fn(u32) -> bool) -> Vec<u32> {
    let receive = |_| {
        let delivery = consumer.try_recv().expect("something is queued");
        let item = *delivery;
        if keep(item) {
            delivery.done()
        } else {
            delivery.nack()
        }
        item
    };
    (0..count).map(receive).collect()
}

#[test]
fn the_higher_lane_goes_first_and_each_lane_keeps_its_order() {
    let (_producer, consumer) = laned(8, [(Low, 30), (Normal, 20), (High, 10), (Low, 31), (Normal, 21), (High, 11)]);
    // The fourth turn begins with the middle lane.
    assert_eq!(drain(&consumer), [10, 11, 20, 21, 30, 31]);
}

#[test]
fn no_lane_is_starved_by_higher_ones_that_are_never_empty() {
    let lane = |priority, first| (first..first + 100).map(move |item| (priority, item));
    let (_producer, consumer) = laned(300, lane(High, 0).chain(lane(Normal, 100)).chain(lane(Low, 200)));
    let first: Vec<u32> = order_of(&consumer, 32, |_| true);
    let of_lane = |index: u32| first.iter().filter(|&item| item / 100 == index).count();
    assert_eq!([of_lane(0), of_lane(1), of_lane(2)], [24, 6, 2]);
    assert_eq!(conserved(consumer.stats()).queued, 268);
}

#[test]
fn without_a_priority_an_item_is_normal() {
    let (producer, consumer) = laned(4, [(Low, 1)]);
    producer.try_send(2).expect("there is room");
    let delivery = consumer.try_recv().expect("two are queued");
    assert_eq!((*delivery, delivery.priority(), producer.priority()), (2, Normal, Priority::default()));
    delivery.done();
}

#[tokio::test(start_paused = true)]
async fn a_producer_with_a_priority_is_a_producer_like_any_other() {
    let (producer, consumer) = queue::bounded(8);
    let urgent = producer.with_priority(High).clone();
    drop(producer);
    assert_eq!((urgent.priority(), urgent.is_closed()), (High, false));
    urgent.send(1).await.expect("there is room");
    urgent.send_timeout(2, SECOND).await.expect("there is room");
    urgent.try_send(3).expect("there is room");
    assert_eq!(consumer.stats().queued_in(High), 3);
    drop(urgent);
    assert!(consumer.is_closed());
}

#[test]
fn the_lanes_share_one_capacity() {
    let (producer, consumer) = laned(2, [(High, 1), (Low, 2)]);
    let [high, low] = [High, Low].map(|priority| producer.with_priority(priority));
    assert!(high.try_send(3).unwrap_err().is_full() && low.try_send(3).unwrap_err().is_full());
    let (mut first, mut second) = (task::spawn(low.send(3)), task::spawn(high.send(4)));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    consumer.try_recv().expect("two are queued").done();
    assert!(first.is_woken() && !second.is_woken(), "senders stand in one line, whatever their priority");
    assert_ready_ok!(first.poll());
    assert_eq!(conserved(producer.stats()).high_water, 2);
}

#[test]
fn stats_tell_what_is_queued_in_each_lane() {
    let (producer, consumer) = laned(8, [(High, 1), (Low, 2), (Low, 3), (Normal, 4)]);
    let lens = || Priority::ALL.map(|priority| conserved(producer.stats()).queued_in(priority));
    assert_eq!(lens(), [1, 1, 2]);
    let high = consumer.try_recv().expect("four are queued");
    assert_eq!(lens(), [0, 1, 2]);
    high.nack();
    assert_eq!(lens(), [1, 1, 2]);
    assert_eq!((lens().iter().sum::<usize>(), producer.len()), (4, 4));
    assert_eq!((producer.close_now().len(), lens()), (4, [0, 0, 0]));
}

#[test]
fn what_is_put_back_keeps_its_priority_in_every_way_it_can_be_put_back() {
    let (_producer, consumer) = laned(8, [(High, 1), (Low, 2)]);
    let seen = |delivery: &Delivery<u32>| (**delivery, delivery.attempt(), delivery.priority());
    consumer.try_recv().expect("1").nack();
    drop(consumer.try_recv().expect("1 again"));
    batch(&consumer, 8).nack();
    drop(batch(&consumer, 8));
    drop(batch(&consumer, 8).into_deliveries());
    let deliveries: Vec<_> = batch(&consumer, 8).into_deliveries().collect();
    assert_eq!(deliveries.iter().map(seen).collect::<Vec<_>>(), [(1, 6, High), (2, 4, Low)]);
}

#[test]
fn a_high_item_that_always_fails_takes_at_most_every_second_delivery() {
    let lows = (100..104).map(|item| (Low, item));
    let normals = (10..14).map(|item| (Normal, item));
    let (_producer, consumer) = laned(16, lows.chain(normals).chain([(High, 1)]));
    let order = order_of(&consumer, 16, |item| item != 1);
    assert!(order[1..].windows(2).all(|pair| pair != [1, 1]), "from its second attempt on: {order:?}");
    let others: Vec<u32> = order.iter().copied().filter(|&item| item != 1).collect();
    assert_eq!(others.len(), 8, "{order:?}");
    assert_eq!(conserved(consumer.stats()).queued, 1);
}

#[test]
fn a_low_item_that_always_fails_takes_little_from_the_higher_lanes() {
    let (_producer, consumer) = laned(100, (10..100).map(|item| (High, item)).chain([(Low, 1)]));
    let order = order_of(&consumer, 64, |item| item != 1);
    assert_eq!(order.iter().filter(|&&item| item == 1).count(), 3, "{order:?}"); // once fresh, then every 32nd
}

#[test]
fn in_its_lane_what_was_put_back_takes_turns_with_what_is_fresh() {
    for priority in Priority::ALL {
        let (_producer, consumer) = laned(8, (1..5).map(|item| (priority, item)));
        assert_eq!(order_of(&consumer, 8, |item| item != 1), [1, 1, 2, 1, 3, 1, 4, 1], "{priority:?}");
    }
}

#[test]
fn when_all_was_put_back_no_lane_is_starved() {
    let (_producer, consumer) = laned(8, [(High, 0), (Normal, 1), (Low, 2)]);
    let order = order_of(&consumer, 64, |_| false);
    for item in 0..3 {
        assert!(order.iter().filter(|&&other| other == item).count() >= 4, "{item} in {order:?}");
    }
}

#[test]
fn drop_oldest_drops_the_oldest_of_the_lowest_lane_that_holds_anything() {
    let (producer, consumer) = queue::Builder::new(3).overflow(Overflow::DropOldest).build();
    let [high, normal, low] = Priority::ALL.map(|priority| producer.with_priority(priority));
    let send = |producer: &Producer<u32>, item| producer.try_send(item).expect("never full");
    send(&low, 30);
    send(&high, 10);
    send(&low, 31);
    send(&high, 11); // drops 30
    send(&normal, 20); // drops 31
    send(&high, 12); // drops 20
    send(&low, 32); // there is nothing lower than the high ones: drops 10
    send(&low, 33); // drops 32
    let in_lanes = Priority::ALL.map(|priority| conserved(producer.stats()).queued_in(priority));
    assert_eq!((in_lanes, drain(&consumer)), ([2, 0, 1], vec![11, 12, 33]));
    assert_eq!(conserved(producer.stats()).flow.dropped, 5);
}

#[test]
fn drop_oldest_counts_what_was_put_back_as_older_in_its_lane_only() {
    let (producer, consumer) = queue::Builder::new(3).overflow(Overflow::DropOldest).build();
    let [high, _, low] = Priority::ALL.map(|priority| producer.with_priority(priority));
    high.try_send(10).expect("never full");
    consumer.try_recv().expect("10").nack();
    low.try_send(30).expect("never full");
    consumer.try_recv().expect("30: 10 was put back, and it is not its turn").nack();
    low.try_send(31).expect("never full");
    low.try_send(32).expect("never full"); // drops 30, not 10 and not 31
    let mut left = drain(&consumer);
    left.sort_unstable();
    assert_eq!(left, [10, 31, 32]);
}

#[test]
fn drop_oldest_makes_room_for_what_is_put_back_in_the_lowest_lane() {
    let (producer, consumer) = queue::Builder::new(2).overflow(Overflow::DropOldest).build();
    let [high, _, low] = Priority::ALL.map(|priority| producer.with_priority(priority));
    high.try_send(10).expect("never full");
    let delivery = consumer.try_recv().expect("10");
    low.try_send(30).expect("never full");
    low.try_send(31).expect("never full");
    delivery.nack(); // drops 30
    assert_eq!((drain(&consumer), conserved(producer.stats()).flow.dropped), (vec![10, 31], 1));
}

#[test]
fn a_batch_has_the_order_of_single_receives() {
    let mixed = || {
        let items = (0..40).map(|item| (Priority::ALL[item as usize * 7 % 3], item));
        let (producer, consumer) = laned(64, items);
        (0..10).for_each(|_| consumer.try_recv().expect("queued").nack());
        (producer, consumer)
    };
    let ((_one, single), (_many, batched)) = (mixed(), mixed());
    let one_by_one = drain(&single);
    let in_batches: Vec<u32> = (0..8).flat_map(|_| batch(&batched, 5).into_items()).collect();
    assert_eq!((one_by_one.len(), in_batches), (40, one_by_one));
}

#[test]
fn close_now_hands_back_the_highest_lane_first() {
    let (producer, consumer) = laned(8, [(Low, 30), (High, 10), (Normal, 20), (High, 11), (Low, 31)]);
    let taken: Vec<_> = (0..2).map(|_| consumer.try_recv().expect("queued")).collect();
    taken.into_iter().rev().for_each(Delivery::nack);
    assert_eq!(producer.close_now(), [11, 10, 20, 30, 31]);
    assert_eq!(conserved(producer.stats()).flow.discarded, 5);
}

#[test]
fn join_and_the_end_wait_for_every_lane() {
    for priority in Priority::ALL {
        let (producer, consumer) = laned(1, [(priority, 1)]);
        let mut join = task::spawn(producer.join());
        assert_pending!(join.poll());
        producer.close();
        let delivery = consumer.try_recv().expect("1 is queued");
        assert_eq!(consumer.try_recv().unwrap_err(), TryRecvError::Empty);
        delivery.done();
        assert_ready!(join.poll());
        assert_eq!(consumer.try_recv().unwrap_err(), TryRecvError::Closed);
    }
}

#[test]
fn an_item_of_any_lane_calls_a_receiver() {
    for priority in Priority::ALL {
        let (producer, consumer) = queue::bounded(1);
        let mut recv = task::spawn(consumer.recv());
        assert_pending!(recv.poll());
        producer.with_priority(priority).try_send(1).expect("there is room");
        assert!(recv.is_woken());
        assert_eq!(assert_ready!(recv.poll()).expect("1").into_inner(), 1);
    }
}

#[test]
fn a_called_receiver_that_is_dropped_passes_the_call_of_what_was_put_back_on() {
    for priority in Priority::ALL {
        let (_producer, consumer) = laned(1, [(priority, 1)]);
        let delivery = consumer.try_recv().expect("1 is queued");
        let (mut first, mut second) = (task::spawn(consumer.recv()), task::spawn(consumer.recv_many(4)));
        assert_pending!(first.poll());
        assert!(second.poll().is_pending());
        delivery.nack();
        assert!(first.is_woken() && !second.is_woken());
        drop(first);
        assert!(second.is_woken());
        let again = assert_ready!(second.poll()).expect("1").into_deliveries().next().expect("1");
        assert_eq!((again.attempt(), again.priority()), (2, priority));
        again.done();
    }
}

#[test]
fn a_called_sender_that_is_dropped_passes_the_call_on_to_any_lane() {
    for (first, second) in [(High, Low), (Low, High)] {
        let (producer, consumer) = laned(1, [(Normal, 1)]);
        let [first, second] = [first, second].map(|priority| producer.with_priority(priority));
        let (mut first, mut second) = (task::spawn(first.send(2)), task::spawn(second.send(3)));
        assert_pending!(first.poll());
        assert_pending!(second.poll());
        consumer.try_recv().expect("1 is queued").done();
        assert!(first.is_woken() && !second.is_woken());
        drop(first);
        assert!(second.is_woken());
        assert_ready_ok!(second.poll());
    }
}

#[tokio::test]
async fn a_run_counts_the_items_of_every_priority() {
    let report = ProducerConsumer::new(4)
        .producers(2, |_, tx: Producer<u32>| async move {
            for (item, priority) in (0..30).zip(Priority::ALL.into_iter().cycle()) {
                tx.with_priority(priority).send(item).await?;
            }
            Ok::<_, BoxError>(())
        })
        .consumers(2, |_, _| async { Ok::<_, BoxError>(()) })
        .run()
        .await;
    assert_eq!((report.produced, report.consumed.iter().sum::<u64>()), (vec![30, 30], 60));
}

/// Producers of every priority, consumers that fail now and then: each item exactly once, in order in each lane of a
/// producer as long as nothing was put back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_to_many_with_priorities_delivers_each_item_exactly_once() {
    const PRODUCERS: u64 = 6;
    const ITEMS: u64 = 6_000;
    let (producer, consumer) = queue::bounded::<(u64, u64)>(16);
    let consumers: Vec<_> = (0..4)
        .map(|id| {
            let consumer = consumer.clone();
            tokio::spawn(async move {
                let (mut dice, mut seen, mut latest) = (Dice(id + 7), Vec::new(), BTreeMap::new());
                while let Some(delivery) = consumer.recv().await {
                    match dice.below(20) {
                        0 => delivery.nack(),
                        1 => drop(delivery),
                        _ => {
                            let (producer, number) = *delivery;
                            assert_eq!(delivery.priority(), Priority::ALL[number as usize % 3]);
                            if delivery.attempt() == 1 {
                                let before = latest.insert((producer, number % 3), number);
                                assert!(before.is_none_or(|before| before < number), "order within a lane");
                            }
                            seen.push(delivery.into_inner());
                        }
                    }
                }
                seen
            })
        })
        .collect();
    drop(consumer);
    for id in 0..PRODUCERS {
        let producer = producer.clone();
        tokio::spawn(async move {
            let lanes = Priority::ALL.map(|priority| producer.with_priority(priority));
            for number in 0..ITEMS {
                lanes[number as usize % 3].send((id, number)).await.expect("open");
            }
        });
    }
    while producer.stats().flow.accepted < PRODUCERS * ITEMS {
        tokio::task::yield_now().await;
    }
    producer.join().await;
    producer.close();
    let stats = conserved(producer.stats());
    let mut seen = HashSet::new();
    for consumer in consumers {
        for item in consumer.await.expect("no panic") {
            assert!(seen.insert(item), "{item:?} twice");
        }
    }
    assert_eq!((seen.len() as u64, stats.flow.done), (PRODUCERS * ITEMS, PRODUCERS * ITEMS));
    assert_eq!(stats.redelivered, stats.nacked + stats.abandoned);
}
