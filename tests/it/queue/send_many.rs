//! Sending several items at once.

use super::*;
use std::collections::VecDeque;

#[test]
fn a_batch_that_fits_is_queued_in_its_order() {
    let (producer, consumer) = filled(8, [0]);
    assert_ready_ok!(task::spawn(producer.send_many(vec![1, 2, 3])).poll());
    producer.try_send_many(VecDeque::from([4])).expect("there is room");
    producer.send_many_blocking([5, 6]).expect("there is room");
    assert_eq!(drain(&consumer), [0, 1, 2, 3, 4, 5, 6]);
    let stats = conserved(producer.stats());
    assert_eq!((stats.flow.accepted, stats.high_water), (7, 7));
}

#[test]
fn an_empty_batch_is_sent_whatever_the_state_of_the_queue() {
    let (producer, _consumer) = filled(1, [1]);
    assert_ready_ok!(task::spawn(producer.send_many([])).poll());
    producer.close();
    assert_ready_ok!(task::spawn(producer.send_many(vec![])).poll());
    producer.try_send_many([]).expect("there is nothing to refuse");
    assert_eq!(conserved(producer.stats()).flow.accepted, 1);
}

#[test]
fn a_batch_larger_than_the_room_is_sent_as_room_comes() {
    let (producer, consumer) = filled(2, [1]);
    let mut send = task::spawn(producer.send_many([2, 3, 4, 5]));
    assert_pending!(send.poll());
    assert_eq!(producer.len(), 2);
    assert_eq!(drain(&consumer), [1, 2]);
    assert!(send.is_woken());
    assert_pending!(send.poll()); // two places: 3 and 4 are sent
    assert_eq!(drain(&consumer), [3, 4]);
    assert_ready_ok!(send.poll());
    assert_eq!(drain(&consumer), [5]);
    assert_eq!(conserved(producer.stats()).high_water, 2);
}

#[test]
fn a_batch_may_be_far_larger_than_the_capacity() {
    let (producer, consumer) = queue::bounded(3);
    let mut send = task::spawn(producer.send_many((0..1_000).collect::<Vec<u32>>()));
    let mut seen = Vec::new();
    while send.poll().is_pending() {
        seen.extend(batch(&consumer, 5).into_items());
    }
    seen.extend(drain(&consumer));
    assert_eq!(seen, (0..1_000).collect::<Vec<_>>());
}

#[test]
fn try_send_many_hands_back_what_does_not_fit() {
    let (producer, consumer) = queue::Builder::new(2).name("mails").build();
    let error = producer.try_send_many([1, 2, 3, 4]).unwrap_err();
    assert_eq!(error.to_string(), "the item was not sent: queue `mails` is full: 2 of 2 taken");
    assert_eq!((error.is_full(), error.into_inner(), drain(&consumer)), (true, vec![3, 4], vec![1, 2]));
}

#[test]
fn a_batch_that_is_refused_half_way_hands_back_the_rest() {
    let (producer, consumer) = queue::Builder::new(2).overflow(Overflow::Reject).build();
    let error = assert_ready!(task::spawn(producer.send_many([1, 2, 3])).poll()).unwrap_err();
    assert!(error.is_full());
    assert_eq!((error.into_inner(), drain(&consumer)), (vec![3], vec![1, 2]));
    let mut send = task::spawn(producer.send_many([4]));
    producer.close();
    let error = assert_ready!(send.poll()).unwrap_err();
    assert!(error.is_closed());
    assert_eq!(error.into_inner(), [4]);
}

#[test]
fn closing_hands_a_waiting_batch_its_rest_back() {
    let (producer, consumer) = filled(2, []);
    let mut send = task::spawn(producer.send_many([1, 2, 3, 4]));
    assert_pending!(send.poll());
    consumer.close();
    assert!(send.is_woken());
    let error = assert_ready!(send.poll()).unwrap_err();
    assert_eq!((error.is_closed(), error.into_inner(), drain(&consumer)), (true, vec![3, 4], vec![1, 2]));
}

#[test]
fn the_policies_that_drop_hold_for_each_item_of_a_batch() {
    let send = |overflow| {
        let (producer, consumer) = queue::Builder::new(3).overflow(overflow).build();
        producer.try_send(0).expect("there is room");
        assert_ready_ok!(task::spawn(producer.send_many([1, 2, 3, 4])).poll());
        let flow = conserved(producer.stats()).flow;
        (drain(&consumer), flow.accepted, flow.dropped)
    };
    assert_eq!(send(Overflow::DropOldest), (vec![2, 3, 4], 5, 2));
    assert_eq!(send(Overflow::DropNewest), (vec![0, 1, 2], 5, 2));
}

#[test]
fn a_batch_goes_to_the_lane_of_its_producer() {
    let (producer, consumer) = filled(8, [20, 21]);
    producer.with_priority(Priority::High).try_send_many([10, 11]).expect("there is room");
    let error = producer.with_priority(Priority::Low).try_send_many([30, 31, 32, 33, 34]).unwrap_err();
    assert_eq!(error.into_inner(), [34]);
    let lens = Priority::ALL.map(|priority| conserved(producer.stats()).queued_in(priority));
    assert_eq!((lens, drain(&consumer)), ([2, 2, 4], vec![10, 11, 20, 21, 30, 31, 32, 33]));
}

#[test]
fn a_batch_is_counted_for_its_producer() {
    let run = async {
        ProducerConsumer::new(4)
            .producers(2, |id, tx: Producer<usize>| async move { tx.send_many(vec![id; 10 + id]).await })
            .consumers(2, |_, _| async { Ok::<_, BoxError>(()) })
            .run()
            .await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(runtime.block_on(run).produced, [10, 11]);
}

#[test]
fn a_batch_calls_as_many_receivers_as_it_has_items() {
    let (producer, consumer) = queue::bounded(8);
    let mut receives: Vec<_> = (0..4).map(|_| task::spawn(consumer.recv())).collect();
    receives.iter_mut().for_each(|receive| assert_pending!(receive.poll()));
    producer.try_send_many([1, 2]).expect("there is room");
    assert_eq!(receives.iter().map(|receive| receive.is_woken()).collect::<Vec<_>>(), [true, true, false, false]);
}

#[test]
fn a_batch_that_waits_keeps_its_place_at_the_front() {
    let (producer, consumer) = filled(1, [1]);
    let mut many = task::spawn(producer.send_many([2, 3]));
    let mut one = task::spawn(producer.send(4));
    assert_pending!(many.poll());
    assert_pending!(one.poll());
    for item in 1..3 {
        assert_eq!(drain(&consumer), [item]);
        assert!(many.is_woken() && !one.is_woken());
        let _ = many.poll();
    }
    assert_eq!(drain(&consumer), [3]);
    assert!(one.is_woken());
    assert_ready_ok!(one.poll());
}

// Cancelled.

#[test]
fn a_batch_given_up_after_any_number_of_polls_loses_nothing() {
    for polls in 0..4 {
        let (producer, consumer) = queue::bounded(2);
        let mut seen = Vec::new();
        let mut send = task::spawn(producer.send_many((0..9).collect::<Vec<u32>>()));
        for _ in 0..polls {
            assert_pending!(send.poll());
            seen.extend(drain(&consumer));
        }
        let rest = send.into_inner().into_inner();
        assert_eq!(seen.len(), 2 * polls);
        assert!(seen.into_iter().chain(rest).eq(0..9));
        producer.try_send(9).expect("there is room");
        assert_eq!((drain(&consumer), conserved(producer.stats()).flow.in_flight), (vec![9], 0));
    }
}

#[test]
fn a_called_batch_that_is_dropped_passes_the_call_on() {
    let (producer, consumer) = filled(1, [1]);
    let mut many = task::spawn(producer.send_many([2, 3]));
    let mut one = task::spawn(producer.send(4));
    assert_pending!(many.poll());
    assert_pending!(one.poll());
    assert_eq!(drain(&consumer), [1]);
    assert!(many.is_woken() && !one.is_woken());
    drop(many);
    assert!(one.is_woken());
    assert_ready_ok!(one.poll());
}

#[test]
fn a_batch_that_is_dropped_takes_the_rest_along() {
    let drops = Drops::default();
    let (producer, _consumer) = queue::bounded(2);
    let mut send = task::spawn(producer.send_many((0..5).map(|_| drops.item()).collect::<Vec<_>>()));
    assert!(send.poll().is_pending());
    drop(send);
    assert_eq!((drops.count(), producer.len()), (3, 2));
}

#[test]
#[should_panic(expected = "a SendManyFuture was polled after it was ready")]
fn a_batch_that_was_sent_is_not_sent_again() {
    let (producer, _consumer) = queue::bounded(2);
    let mut send = task::spawn(producer.send_many([1]));
    assert_ready_ok!(send.poll());
    let _ = send.poll();
}

// Foreign code.

#[test]
fn destructors_that_panic_break_no_batch() {
    let armed = Arc::new(AtomicBool::new(true));
    let items = |count| (0..count).map(|_| PanicsWhenDropped(armed.clone())).collect::<Vec<_>>();
    let (producer, consumer) = queue::Builder::new(2).overflow(Overflow::DropOldest).build();
    assert!(task::spawn(producer.send_many(items(6))).poll().is_ready());
    assert!(producer.try_send_many(items(2)).is_ok());
    assert_eq!((conserved(producer.stats()).flow.dropped, Arc::strong_count(&armed)), (6, 3));
    drop(consumer);
    let (producer, _consumer) = queue::bounded(1);
    let mut send = task::spawn(producer.send_many(items(4)));
    assert!(send.poll().is_pending());
    drop(send);
    assert_eq!(Arc::strong_count(&armed), 2, "one is queued");
    armed.store(false, Ordering::Relaxed);
}

#[test]
fn a_destructor_in_a_batch_may_call_back_into_the_queue() {
    without_deadlock(|| {
        let (producer, consumer) = queue::Builder::new(1).overflow(Overflow::DropOldest).build();
        let items: Vec<_> = (0..4).map(|_| CallsBack(Some(producer.clone()))).collect();
        assert!(producer.try_send_many(items).is_ok());
        let items: Vec<_> = (0..4).map(|_| CallsBack(Some(producer.clone()))).collect();
        drop(producer.send_many(items));
        drop(consumer.close_now());
        conserved(producer.stats());
    });
}

#[test]
fn a_blocked_batch_is_sent_as_room_comes() {
    without_deadlock(|| {
        let (producer, consumer) = queue::bounded(4);
        let sender = std::thread::spawn(move || producer.send_many_blocking((0..5_000).collect::<Vec<u32>>()));
        let receive = || consumer.recv_many_blocking(3).map(|batch| batch.into_items().collect::<Vec<_>>());
        let seen: Vec<u32> = std::iter::from_fn(receive).flatten().collect();
        sender.join().expect("no panic").expect("open");
        assert_eq!(seen, (0..5_000).collect::<Vec<_>>());
    });
}

/// Batches of any size that are given up now and then, and sent on: each item exactly once, in order per producer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_of_batches_loses_nothing() {
    const PRODUCERS: u64 = 4;
    const ITEMS: u64 = 20_000;
    let (producer, consumer) = queue::bounded::<Item>(16);
    let sending: Vec<_> = (0..PRODUCERS)
        .map(|id| {
            let producer = producer.clone();
            tokio::spawn(async move {
                let mut dice = Dice(id + 1);
                let mut next = 0;
                while next < ITEMS {
                    let size = (1 + dice.below(60)).min(ITEMS - next);
                    let mut rest: Vec<Item> = (next..next + size).map(|number| (id, number)).collect();
                    next += size;
                    while !rest.is_empty() {
                        let mut send = producer.send_many(rest);
                        let sent = patience(&mut send, dice.below(3)).await;
                        sent.into_iter().for_each(|sent| sent.expect("nobody closes"));
                        rest = send.into_inner();
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    let receiving: Vec<_> = (0..3)
        .map(|_| {
            let consumer = consumer.clone();
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while let Some(batch) = consumer.recv_many(7).await {
                    seen.extend(batch.into_items());
                }
                seen
            })
        })
        .collect();
    for sending in sending {
        sending.await.expect("no panic");
    }
    producer.join().await;
    producer.close();
    let mut all = HashSet::new();
    for receiving in receiving {
        let mut latest = BTreeMap::new();
        for (id, number) in receiving.await.expect("no panic") {
            assert!(latest.insert(id, number).is_none_or(|before| before < number), "order of producer {id}");
            assert!(all.insert((id, number)), "{id} {number} twice");
        }
    }
    assert_eq!((all.len() as u64, conserved(producer.stats()).flow.done), (PRODUCERS * ITEMS, PRODUCERS * ITEMS));
}
