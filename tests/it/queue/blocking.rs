//! The ends of threads that run no async code.

use super::*;
use std::thread;

type Call = fn(&Producer<u32>, &Consumer<u32>);

/// The blocking calls of both ends, with a limit where they take one.
fn all_calls() -> [(&'static str, Call); 8] {
    [
        ("send_blocking", |producer, _| _ = producer.send_blocking(1)),
        ("send_blocking_timeout", |producer, _| _ = producer.send_blocking_timeout(1, SECOND)),
        ("recv_blocking", |_, consumer| _ = consumer.recv_blocking()),
        ("recv_blocking_timeout", |_, consumer| _ = consumer.recv_blocking_timeout(SECOND)),
        ("recv_many_blocking", |_, consumer| _ = consumer.recv_many_blocking(1)),
        ("recv_many_blocking_timeout", |_, consumer| _ = consumer.recv_many_blocking_timeout(1, SECOND)),
        ("join_blocking", |producer, _| producer.join_blocking()),
        ("join_blocking_timeout", |_, consumer| _ = consumer.join_blocking_timeout(SECOND)),
    ]
}

#[test]
fn plain_threads_hand_over_through_a_queue_of_one() {
    without_deadlock(|| {
        let (producer, consumer) = queue::bounded::<u32>(1);
        let receiver = thread::spawn(move || {
            let receive = || consumer.recv_blocking().map(Delivery::into_inner);
            std::iter::from_fn(receive).collect::<Vec<_>>()
        });
        (0..2_000).for_each(|item| producer.send_blocking(item).expect("open"));
        drop(producer);
        assert_eq!(receiver.join().expect("no panic"), (0..2_000).collect::<Vec<_>>());
    });
}

#[test]
fn plain_threads_and_tasks_mix_on_one_queue() {
    without_deadlock(|| {
        let (producer, consumer) = queue::bounded::<u32>(2);
        let sender = producer.clone();
        let sender = thread::spawn(move || (0..500).try_for_each(|item| sender.send_blocking(item)));
        let receiver = consumer.clone();
        let receiver = thread::spawn(move || {
            let mut count = 0;
            while let Some(batch) = receiver.recv_many_blocking(3) {
                count += batch.into_items().count();
            }
            count
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let count = runtime.block_on(async move {
            let sending = async move {
                for item in 500..1_000 {
                    producer.send(item).await.expect("open");
                }
            };
            let receiving = async move {
                let mut count = 0;
                while let Some(delivery) = consumer.recv().await {
                    delivery.done();
                    count += 1;
                    tokio::task::yield_now().await;
                }
                count
            };
            tokio::join!(sending, receiving).1
        });
        sender.join().expect("no panic").expect("open");
        assert_eq!(receiver.join().expect("no panic") + count, 1_000);
    });
}

#[tokio::test]
async fn blocking_threads_of_tokio_may_block() {
    let (producer, consumer) = queue::bounded::<u32>(1);
    let sum = tokio::task::spawn_blocking(move || {
        std::iter::from_fn(|| consumer.recv_blocking()).map(Delivery::into_inner).sum::<u32>()
    });
    for item in 1..=100 {
        producer.send(item).await.expect("open");
    }
    let joining = producer.clone();
    tokio::task::spawn_blocking(move || joining.join_blocking()).await.expect("no panic");
    assert_eq!(conserved(producer.stats()).flow.done, 100);
    drop(producer);
    assert_eq!(sum.await.expect("no panic"), 5_050);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_may_block_inside_block_in_place() {
    // More items than a task may take in one go: a thread that blocks is no task.
    let (producer, consumer) = queue::bounded::<u32>(1_000);
    let worker = tokio::spawn(async move {
        let receive = || consumer.recv_blocking().map(Delivery::into_inner);
        tokio::task::block_in_place(|| std::iter::from_fn(receive).count())
    });
    producer.send_many((0..1_000).collect::<Vec<_>>()).await.expect("open");
    producer.close();
    assert_eq!(worker.await.expect("no panic"), 1_000);
}

fn assert_all_refuse() {
    let (producer, consumer) = queue::Builder::new(4).name("mails").build::<u32>();
    producer.try_send(0).expect("there is room");
    for (name, call) in all_calls() {
        let (file, message) = refusal(|| call(&producer, &consumer)).expect(name);
        assert!(file.ends_with("tests/it/queue/blocking.rs"), "{name} panics in {file}");
        assert!(message.contains("Cannot block the current thread from within a runtime"), "{name}: {message}");
    }
    let stats = conserved(producer.stats());
    assert_eq!((stats.flow.accepted, stats.queued, stats.delivered), (1, 1, 0));
}

#[tokio::test]
async fn a_runtime_of_one_thread_refuses_to_be_blocked_at_the_line_of_the_caller() {
    assert_all_refuse();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_worker_refuses_to_be_blocked_at_the_line_of_the_caller() {
    tokio::spawn(async { assert_all_refuse() }).await.expect("no panic");
}

#[test]
fn zero_items_are_refused_before_anything_else() {
    let (_producer, consumer) = queue::bounded::<u32>(1);
    for call in [(|consumer| drop(consumer.recv_many_blocking(0))) as fn(&Consumer<u32>), |consumer| {
        _ = consumer.recv_many_blocking_timeout(0, SECOND);
    }] {
        let (file, message) = refusal(|| call(&consumer)).expect("zero");
        assert!(file.ends_with("blocking.rs") && message.contains("max must be above zero"), "{file}: {message}");
    }
}

#[test]
fn a_blocking_send_that_runs_out_of_time_hands_the_item_back() {
    let (producer, consumer) = filled(1, [1]);
    let error = producer.send_blocking_timeout(2, Duration::ZERO).unwrap_err();
    assert!(error.is_elapsed());
    assert_eq!(error.into_inner(), 2);
    let error = producer.send_blocking_timeout(3, Duration::from_millis(1)).unwrap_err();
    assert!(error.source().expect("a word").is::<Elapsed>());
    assert_eq!((conserved(producer.stats()).flow.accepted, drain(&consumer)), (1, vec![1]));
    producer.send_blocking_timeout(4, Duration::ZERO).expect("there is room: no time is needed");
    assert_eq!(drain(&consumer), [4]);
}

#[test]
fn a_blocking_receive_that_runs_out_of_time_names_the_queue() {
    let (producer, consumer) = queue::Builder::new(2).name("slow").build::<u32>();
    let short = Duration::from_millis(1);
    assert_eq!(consumer.recv_blocking_timeout(short).unwrap_err(), Elapsed::new("queue `slow`", short));
    let elapsed = consumer.recv_many_blocking_timeout(2, Duration::ZERO).unwrap_err();
    assert_eq!(elapsed, Elapsed::new("queue `slow`", Duration::ZERO));
    (1..3).for_each(|item| producer.try_send(item).expect("there is room"));
    let delivery = consumer.recv_blocking_timeout(Duration::ZERO).expect("no time is needed").expect("1");
    let batch = consumer.recv_many_blocking_timeout(9, Duration::MAX).expect("no time is needed").expect("2");
    assert_eq!((*delivery, batch.len()), (1, 1));
    assert_eq!(producer.join_blocking_timeout(short).unwrap_err(), Elapsed::new("queue `slow`", short));
    delivery.done();
    batch.done();
    producer.join_blocking_timeout(Duration::ZERO).expect("all is finished");
}

#[test]
fn a_blocking_receive_that_ran_out_of_time_has_left_the_line() {
    let (producer, consumer) = filled(1, []);
    assert!(consumer.recv_blocking_timeout(Duration::ZERO).is_err());
    let mut recv = task::spawn(consumer.recv());
    assert_pending!(recv.poll());
    producer.try_send(1).expect("there is room");
    assert!(recv.is_woken(), "it is the first in line");
    assert!(producer.send_blocking_timeout(2, Duration::ZERO).is_err());
    let mut send = task::spawn(producer.send(3));
    assert_pending!(send.poll());
    assert_ready!(recv.poll()).expect("1").done();
    assert!(send.is_woken(), "it is the first in line");
}

#[test]
fn closing_frees_threads_that_are_blocked_on_either_side() {
    without_deadlock(|| {
        let (producer, consumer) = filled(1, [1]);
        let delivery = consumer.try_recv().expect("1 is queued");
        producer.try_send(2).expect("a delivery takes no room");
        let sender = producer.clone();
        let sender = thread::spawn(move || sender.send_blocking(3).unwrap_err());
        producer.close();
        let receiver = thread::spawn(move || [(); 2].map(|()| consumer.recv_blocking().map(Delivery::into_inner)));
        let error = sender.join().expect("3 is refused");
        assert!(error.is_closed() && error.into_inner() == 3);
        delivery.done();
        assert_eq!(receiver.join().expect("no panic"), [Some(2), None]);
    });
}

#[test]
fn join_blocking_waits_for_deliveries_in_flight() {
    without_deadlock(|| {
        for _ in 0..200 {
            let (producer, consumer) = filled(1, [1]);
            let delivery = consumer.try_recv().expect("1 is queued");
            let joining = thread::spawn(move || {
                producer.join_blocking();
                producer.stats().flow.done
            });
            delivery.done();
            assert_eq!(joining.join().expect("no panic"), 1);
        }
    });
}

#[test]
fn a_blocked_thread_is_freed_by_what_is_put_back() {
    without_deadlock(|| {
        for _ in 0..200 {
            let (_producer, consumer) = filled(1, [1]);
            let delivery = consumer.try_recv().expect("1 is queued");
            let receiver = thread::spawn(move || consumer.recv_blocking().expect("it comes back").attempt());
            delivery.nack();
            assert_eq!(receiver.join().expect("no panic"), 2);
        }
    });
}
