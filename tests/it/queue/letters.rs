//! Dead letters: what becomes of an item after its last attempt.

use super::*;
use regatta::queue::{Builder, DeadLetter, Reason};
use std::sync::OnceLock;

/// A queue of one attempt, and where its dead letters go.
fn posted(room: usize) -> (Producer<u32>, Consumer<u32>, Consumer<DeadLetter<u32>>) {
    let (letters, failed) = queue::Builder::new(room).name("failed").build();
    let (producer, consumer) = Builder::new(16).name("mails").attempts(1).dead_letters(letters).build();
    (producer, consumer, failed)
}

fn send_all(producer: &Producer<u32>, items: impl IntoIterator<Item = u32>) {
    items.into_iter().for_each(|item| producer.try_send(item).expect("there is room"));
}

fn items_of(failed: &Consumer<DeadLetter<u32>>) -> Vec<u32> {
    std::iter::from_fn(|| failed.try_recv().ok()).map(|letter| letter.into_inner().item).collect()
}

/// Sent, lost, panicked.
fn counts<T>(producer: &Producer<T>) -> [u64; 3] {
    let stats = conserved(producer.stats());
    [stats.letters_sent, stats.letters_lost, stats.letters_panicked]
}

#[test]
fn a_letter_says_what_is_known_of_the_item() {
    let (letters, failed) = queue::bounded(4);
    let (producer, consumer) = Builder::new(4).name("mails").attempts(2).dead_letters(letters).build();
    producer.try_send(1).expect("there is room");
    producer.with_priority(Priority::High).try_send(2).expect("there is room");
    while let Ok(mut delivery) = consumer.try_recv() {
        *delivery += 10;
        if delivery.priority() == Priority::High { delivery.nack() } else { drop(delivery) }
    }
    let all: Vec<DeadLetter<u32>> = std::iter::from_fn(|| failed.try_recv().ok()).map(Delivery::into_inner).collect();
    let known: Vec<_> =
        all.iter().map(|letter| (letter.item, letter.attempts, letter.reason, letter.priority)).collect();
    let expected = [(22, 2, Reason::Nacked, Priority::High), (21, 2, Reason::Abandoned, Priority::Normal)];
    assert_eq!(known, expected);
    assert_eq!(&*all[0].queue, "mails");
    assert_eq!(all[0].to_string(), "an item of queue `mails` was given up after attempt 2, which was nacked");
    assert_eq!((counts(&producer), producer.stats().flow.failed), ([2, 0, 0], 2));
}

#[test]
fn without_a_destination_a_dead_letter_is_a_number() {
    let (producer, consumer) = Builder::new(4).attempts(1).build();
    send_all(&producer, [1]);
    consumer.try_recv().expect("1").nack();
    assert_eq!((counts(&producer), producer.stats().flow.failed), ([0, 0, 0], 1));
}

#[test]
fn what_is_finished_discarded_or_tried_again_is_no_letter() {
    let (letters, failed) = queue::bounded(8);
    let builder = Builder::new(8).attempts(2).dead_letters(letters);
    let (producer, consumer) = builder.clone().build();
    send_all(&producer, 0..3);
    consumer.try_recv().expect("0").done();
    let [first, second] = [(); 2].map(|()| consumer.try_recv().expect("1, and 2"));
    first.nack();
    drop(consumer);
    second.nack();
    let (done, consumer) = builder.on_drop(OnDrop::Done).build();
    send_all(&done, [1]);
    drop(consumer.try_recv().expect("1"));
    assert_eq!((items_of(&failed), counts(&producer), counts(&done)), (vec![], [0, 0, 0], [0, 0, 0]));
    assert_eq!(producer.stats().flow.discarded, 2);
}

#[test]
fn a_last_attempt_is_a_letter_also_after_the_last_consumer_has_left() {
    let (producer, consumer, failed) = posted(4);
    send_all(&producer, [1]);
    let held = consumer.try_recv().expect("1");
    drop(consumer);
    held.nack();
    assert_eq!((items_of(&failed), producer.stats().flow.failed), (vec![1], 1));
}

#[test]
fn a_batch_sends_a_letter_for_each_item_in_order() {
    let (producer, consumer, failed) = posted(16);
    send_all(&producer, 0..9);
    batch(&consumer, 3).nack();
    drop(batch(&consumer, 3));
    let mut deliveries = batch(&consumer, 3).into_deliveries();
    deliveries.next().expect("6").done();
    drop(deliveries);
    assert_eq!((items_of(&failed), counts(&producer)), (vec![0, 1, 2, 3, 4, 5, 7, 8], [8, 0, 0]));
    assert_ready!(task::spawn(producer.join()).poll());
}

#[test]
fn a_full_queue_of_letters_blocks_nobody_and_loses_nothing_in_silence() {
    let (producer, consumer, failed) = posted(2);
    send_all(&producer, 0..5);
    batch(&consumer, 4).nack();
    assert_eq!((counts(&producer), producer.stats().flow.failed), ([2, 2, 0], 4));
    assert_eq!(items_of(&failed), [0, 1]);
    drop(consumer.try_recv().expect("4"));
    assert_eq!((counts(&producer), items_of(&failed)), ([3, 2, 0], vec![4]));
}

#[test]
fn a_closed_queue_of_letters_loses_nothing_in_silence() {
    let (producer, consumer, failed) = posted(2);
    drop(failed);
    send_all(&producer, [1]);
    consumer.try_recv().expect("1").nack();
    assert_eq!((counts(&producer), producer.stats().flow.failed), ([0, 1, 0], 1));
    assert_ready!(task::spawn(producer.join()).poll());
}

#[test]
fn a_queue_of_letters_may_drop_its_oldest() {
    let (letters, failed) = Builder::new(2).overflow(Overflow::DropOldest).build();
    let (producer, consumer) = Builder::new(8).attempts(1).dead_letters(letters).build();
    send_all(&producer, 0..4);
    batch(&consumer, 4).nack();
    assert_eq!((counts(&producer), failed.stats().flow.dropped, items_of(&failed)), ([4, 0, 0], 2, vec![2, 3]));
}

#[test]
fn a_letter_wakes_whoever_waits_for_it() {
    let (producer, consumer, failed) = posted(2);
    let mut waiting = task::spawn(failed.recv());
    assert_pending!(waiting.poll());
    send_all(&producer, [1]);
    consumer.try_recv().expect("1").nack();
    assert!(waiting.is_woken());
    assert_eq!(assert_ready!(waiting.poll()).expect("a letter").into_inner().item, 1);
}

#[test]
fn a_called_receiver_of_letters_that_is_dropped_passes_the_call_on() {
    let (producer, consumer, failed) = posted(2);
    let (mut first, mut second) = (task::spawn(failed.recv()), task::spawn(failed.recv()));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    send_all(&producer, [1]);
    drop(batch(&consumer, 1));
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    assert!(second.is_woken());
    assert_eq!(assert_ready!(second.poll()).expect("a letter").into_inner().item, 1);
}

#[test]
fn the_queue_of_letters_is_closed_when_nothing_is_left_that_could_send_one() {
    let (producer, consumer, failed) = posted(2);
    send_all(&producer, [1]);
    let held = consumer.try_recv().expect("1");
    drop((producer, consumer));
    assert!(!failed.is_closed());
    held.nack();
    assert!(failed.is_closed());
    assert_eq!((items_of(&failed), failed.try_recv().unwrap_err()), (vec![1], TryRecvError::Closed));
}

#[test]
fn letters_have_letters_of_their_own() {
    let (last, buried) = queue::bounded(4);
    let (letters, failed) = Builder::new(4).name("failed").attempts(1).dead_letters(last).build();
    let (producer, consumer) = Builder::new(4).name("mails").attempts(1).dead_letters(letters).build();
    send_all(&producer, [1]);
    consumer.try_recv().expect("1").nack();
    drop(failed.try_recv().expect("a letter"));
    let letter: DeadLetter<DeadLetter<u32>> = buried.try_recv().expect("a letter of a letter").into_inner();
    assert_eq!((&*letter.queue, &*letter.item.queue, letter.item.item), ("failed", "mails", 1));
    assert_eq!((letter.reason, letter.item.reason), (Reason::Abandoned, Reason::Nacked));
}

#[test]
#[should_panic(expected = "dead letters need a limit, call `attempts`")]
fn letters_without_a_limit_on_attempts_are_refused() {
    let (letters, _failed) = queue::bounded::<DeadLetter<u32>>(1);
    let _ = Builder::new(1).dead_letters(letters).build();
}

#[test]
fn misuse_is_refused_at_the_line_of_the_caller() {
    let refused: [(&str, fn()); 3] = [
        ("capacity", || _ = Builder::new(0)),
        ("attempts", || _ = Builder::new(1).attempts(0)),
        ("attempts", || _ = Builder::new(1).on_dead_letter(|_: DeadLetter<u32>| {}).build()),
    ];
    for (parameter, call) in refused {
        let (file, message) = refusal(call).expect(parameter);
        assert!(file.ends_with("tests/it/queue/letters.rs") && message.contains(parameter), "{file}: {message}");
    }
}

// When.

/// A queue of one attempt whose callback is given the queue's own ends, weakly enough for a test.
type Ends = Arc<OnceLock<(Producer<u32>, Consumer<u32>)>>;

fn called_back(callback: impl Fn(&Producer<u32>, &Consumer<u32>, DeadLetter<u32>) + Send + Sync + 'static) -> Ends {
    let ends = Ends::default();
    let mine = Arc::downgrade(&ends);
    let builder = Builder::new(4).attempts(1).on_dead_letter(move |letter| {
        let ends = mine.upgrade().expect("the test holds the ends");
        let (producer, consumer) = ends.get().expect("the queue is built");
        callback(producer, consumer, letter);
    });
    assert!(ends.set(builder.build()).is_ok());
    ends
}

fn fail(ends: &Ends, item: u32) {
    let (producer, consumer) = ends.get().expect("the queue is built");
    producer.try_send(item).expect("there is room");
    consumer.try_recv().expect("it is queued").nack();
}

#[test]
fn an_item_has_failed_before_its_letter_is_there() {
    let ends = called_back(|producer, _, letter| {
        let stats = conserved(producer.stats());
        assert_eq!((letter.item, stats.flow.failed, stats.flow.in_flight, stats.letters_sent), (1, 1, 0, 0));
    });
    fail(&ends, 1);
    assert_eq!(counts(&ends.get().expect("built").0), [1, 0, 0]);
}

#[test]
fn join_and_the_end_wait_for_a_letter_on_its_way() {
    let ends = called_back(|producer, consumer, _| {
        producer.close();
        assert!(producer.join().now_or_never().is_none());
        assert_eq!(consumer.try_recv().unwrap_err(), TryRecvError::Empty);
    });
    let (producer, consumer) = ends.get().expect("built");
    producer.try_send(1).expect("there is room");
    let delivery = consumer.try_recv().expect("1");
    let (mut join, mut end) = (task::spawn(producer.join()), task::spawn(consumer.recv()));
    assert_pending!(join.poll());
    assert_pending!(end.poll());
    delivery.nack();
    assert_eq!(counts(producer), [1, 0, 0]); // and the callback did not panic
    assert!(join.is_woken() && end.is_woken());
    assert_ready!(join.poll());
    assert!(assert_ready!(end.poll()).is_none());
}

#[test]
fn join_waits_for_every_letter_of_a_batch() {
    let seen = Arc::new(AtomicUsize::new(0));
    let looking = seen.clone();
    let ends = called_back(move |producer, _, _| {
        assert!(producer.join().now_or_never().is_none());
        looking.fetch_add(1, Ordering::Relaxed);
    });
    let (producer, consumer) = ends.get().expect("built");
    send_all(producer, 0..3);
    batch(consumer, 3).nack();
    assert_eq!((seen.load(Ordering::Relaxed), counts(producer)), (3, [3, 0, 0]));
    assert_ready!(task::spawn(producer.join()).poll());
}

// Foreign code.

#[test]
fn a_callback_may_use_the_queue() {
    without_deadlock(|| {
        // It gives the item a second life, with a number that ends it.
        let ends = called_back(|producer, consumer, letter| {
            if letter.item < 3 {
                producer.try_send(letter.item + 1).expect("there is room");
                consumer.try_recv().expect("it is queued").nack(); // calls back, in the callback
            }
        });
        fail(&ends, 0);
        let (producer, _) = ends.get().expect("built");
        assert_eq!((counts(producer), producer.stats().flow.failed), ([4, 0, 0], 4));
        assert_ready!(task::spawn(producer.join()).poll());
    });
}

#[test]
fn letters_that_lead_back_to_their_own_queue_do_not_deadlock() {
    without_deadlock(|| {
        let home: Arc<OnceLock<Producer<u32>>> = Arc::default();
        let back = home.clone();
        let return_home = move |letter: DeadLetter<DeadLetter<u32>>| {
            back.get().expect("built").try_send(letter.item.item + 1).expect("there is room");
        };
        let (letters, failed) = Builder::new(1).attempts(1).on_dead_letter(return_home).build();
        let (producer, consumer) = Builder::new(1).attempts(1).dead_letters(letters).build();
        assert!(home.set(producer.clone()).is_ok());
        producer.try_send(0).expect("there is room");
        for round in 0..5 {
            let delivery = consumer.try_recv().expect("it came back");
            assert_eq!(*delivery, round);
            delivery.nack();
            failed.try_recv().expect("a letter").nack();
        }
        assert_eq!((counts(&producer), drain(&consumer)), ([5, 0, 0], vec![5]));
        producer.close();
    });
}

#[test]
fn a_queue_whose_letters_go_to_itself_does_not_deadlock() {
    without_deadlock(|| {
        // A queue of mails and of letters about mails.
        enum Post {
            Mail(u32),
            Returned(Box<DeadLetter<Post>>),
        }
        let own: Arc<OnceLock<Producer<Post>>> = Arc::default();
        let target = own.clone();
        let (producer, consumer) = Builder::new(1)
            .attempts(1)
            .on_dead_letter(move |letter| {
                let _ = target.get().expect("built").try_send(Post::Returned(Box::new(letter)));
            })
            .build();
        assert!(own.set(producer.clone()).is_ok());
        assert!(producer.try_send(Post::Mail(7)).is_ok());
        consumer.try_recv().expect("a mail").nack();
        match consumer.try_recv().expect("its letter").into_inner() {
            Post::Returned(letter) => assert!(matches!(letter.item, Post::Mail(7))),
            Post::Mail(_) => panic!("a letter is expected"),
        }
        producer.close();
    });
}

#[test]
fn a_callback_that_panics_is_counted_and_breaks_nothing() {
    let ends = called_back(|_, _, letter| assert!(letter.item % 2 == 0, "odd"));
    let (producer, consumer) = ends.get().expect("built");
    send_all(producer, 0..4);
    batch(consumer, 4).nack();
    assert_eq!((counts(producer), producer.stats().flow.failed), ([2, 0, 2], 4));
    assert_ready!(task::spawn(producer.join()).poll());
    fail(&ends, 6);
    assert_eq!(counts(producer), [3, 0, 2]);
}

#[test]
fn a_callback_that_panics_while_its_thread_panics_breaks_nothing() {
    let ends = called_back(|_, _, _| std::panic::resume_unwind(Box::new("in the callback")));
    let (producer, consumer) = ends.get().expect("built");
    send_all(producer, [1]);
    let delivery = consumer.try_recv().expect("1");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _delivery = delivery;
        std::panic::resume_unwind(Box::new("in the handler"))
    }));
    assert!(panicked.is_err());
    assert_eq!((counts(producer), producer.stats().abandoned), ([0, 0, 1], 1));
}

#[test]
fn a_destructor_that_panics_does_no_harm_to_letters() {
    let armed = Arc::new(AtomicBool::new(true));
    let item = || PanicsWhenDropped(armed.clone());
    let (letters, failed) = queue::bounded(1);
    let (producer, consumer) = Builder::new(4).attempts(1).dead_letters(letters).build();
    (0..3).for_each(|_| producer.try_send(item()).expect("there is room"));
    assert_ready!(task::spawn(consumer.recv_many(2)).poll()).expect("three are queued").nack(); // the second is lost
    drop(failed);
    consumer.try_recv().expect("one is queued").nack(); // lost as well
    assert_eq!((counts(&producer), producer.stats().flow.failed), ([1, 2, 0], 3));
    assert_eq!(Arc::strong_count(&armed), 1, "all are dropped");
}

#[test]
fn what_a_callback_owns_may_panic_when_it_is_dropped() {
    let bomb = PanicsWhenDropped(Arc::new(AtomicBool::new(true)));
    let (producer, consumer) = Builder::new(4)
        .attempts(1)
        .on_dead_letter(move |_: DeadLetter<u32>| {
            let _held = &bomb;
        })
        .build();
    send_all(&producer, [1]);
    let delivery = consumer.try_recv().expect("1");
    drop((producer, consumer));
    delivery.nack(); // the last reference to the queue
}

#[tokio::test]
async fn for_each_sends_letters_for_errors_and_for_panics() {
    let (letters, failed) = queue::bounded(8);
    let (producer, consumer) = Builder::new(8).attempts(2).dead_letters(letters).build();
    send_all(&producer, 0..4);
    producer.close();
    let report = consumer
        .for_each(2, |item| async move {
            match item {
                1 => Err("one"),
                2 => std::panic::resume_unwind(Box::new("two")),
                _ => Ok(()),
            }
        })
        .await;
    assert_eq!((report.handled, report.nacked, report.panicked), (2, 2, 2));
    let mut all: Vec<_> = std::iter::from_fn(|| failed.try_recv().ok()).map(Delivery::into_inner).collect();
    all.sort_by_key(|letter| letter.item);
    let known: Vec<_> = all.iter().map(|letter| (letter.item, letter.attempts, letter.reason)).collect();
    assert_eq!(known, [(1, 2, Reason::Nacked), (2, 2, Reason::Abandoned)]);
}

// The log, and the row.

/// Keeps the fields of each error of the queue.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Errors {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "regatta::queue" && *metadata.level() == tracing::Level::ERROR
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Letter<'a>(&'a mut Vec<String>);
        impl tracing::field::Visit for Letter<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "letter" {
                    self.0.push(format!("{value:?}"));
                }
            }
        }
        event.record(&mut Letter(&mut self.0.lock().expect("not poisoned")));
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn the_log_says_what_became_of_each_letter() {
    let errors = Errors::default();
    tracing::subscriber::with_default(errors.clone(), || {
        let (producer, consumer, failed) = posted(1);
        send_all(&producer, 0..3);
        batch(&consumer, 2).nack();
        drop(failed);
        consumer.try_recv().expect("2").nack();
        let (producer, consumer) = Builder::new(1).name("calls").attempts(1).on_dead_letter(|_| panic!("no")).build();
        send_all(&producer, [3]);
        consumer.try_recv().expect("3").nack();
        let (producer, consumer) = Builder::new(1).attempts(1).build();
        send_all(&producer, [4]);
        consumer.try_recv().expect("4").nack();
    });
    let expected = [
        "sent",
        "queue `failed` is full: 1 of 1 taken",
        "queue `failed` is closed",
        "queue `calls` panicked: no",
        "none",
    ];
    assert_eq!(*errors.0.lock().expect("not poisoned"), expected);
}

#[test]
fn a_subscriber_that_panics_keeps_no_letter_back() {
    let _unheard = tracing::subscriber::set_default(Unheard);
    let (producer, consumer, failed) = posted(1);
    send_all(&producer, 0..2);
    batch(&consumer, 2).nack();
    assert_eq!((counts(&producer), items_of(&failed)), ([1, 1, 0], vec![0]));
}

#[test]
fn letters_that_were_lost_are_in_the_row_of_the_queue() {
    let registry = Registry::new();
    let (producer, consumer, _failed) = registry.enter(|| posted(1));
    send_all(&producer, 0..2);
    let gauges = || {
        let snapshot = registry.snapshot();
        let row = snapshot.named("mails").expect("it is alive");
        let gauges = row.gauges.iter().map(ToString::to_string);
        gauges.chain(row.counts.iter().map(ToString::to_string)).collect::<Vec<_>>()
    };
    assert_eq!(gauges(), ["queued 2/16", "delivered 0", "high water 2"]);
    batch(&consumer, 2).nack();
    assert_eq!(gauges(), ["queued 0/16", "delivered 0", "high water 2", "letters lost 1"]);
}

// Under load.

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_to_many_with_letters_finishes_each_item_exactly_once() {
    const ITEMS: u32 = 20_000;
    let (letters, failed) = queue::bounded::<DeadLetter<u32>>(64);
    let (producer, consumer) = Builder::new(16).attempts(2).dead_letters(letters).build();
    let workers: Vec<_> = (0..3)
        .map(|id| {
            let consumer = consumer.clone();
            tokio::spawn(async move {
                let (mut dice, mut done) = (Dice(id + 3), Vec::new());
                while let Some(delivery) = consumer.recv().await {
                    match dice.below(5) {
                        0 => delivery.nack(),
                        1 => drop(delivery),
                        _ => done.push(delivery.into_inner()),
                    }
                }
                done
            })
        })
        .collect();
    drop(consumer);
    let undertaker = tokio::spawn(async move {
        let mut buried = Vec::new();
        while let Some(letter) = failed.recv().await {
            buried.push(letter.into_inner().item);
        }
        buried
    });
    for item in 0..ITEMS {
        let lane = producer.with_priority(Priority::ALL[item as usize % 3]);
        lane.send(item).await.expect("open");
    }
    producer.join().await;
    producer.close();
    let [sent, lost, panicked] = counts(&producer);
    let flow = producer.stats().flow;
    assert_eq!((flow.failed, panicked), (sent + lost, 0));
    let mut seen = HashSet::new();
    for worker in workers {
        seen.extend(worker.await.expect("no panic"));
    }
    assert_eq!(seen.len() as u64, flow.done);
    drop(producer);
    let buried = undertaker.await.expect("no panic");
    assert_eq!(buried.len() as u64, sent);
    seen.extend(buried);
    assert_eq!(seen.len() as u64 + lost, u64::from(ITEMS), "nothing twice, and nothing is missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_has_joined_finds_all_letters_in_their_queue() {
    for _ in 0..200 {
        let (producer, consumer, failed) = posted(16);
        send_all(&producer, 0..8);
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let consumer = consumer.clone();
                tokio::spawn(async move {
                    while let Some(delivery) = consumer.recv().await {
                        delivery.nack();
                    }
                })
            })
            .collect();
        producer.join().await;
        assert_eq!((counts(&producer), failed.len()), ([8, 0, 0], 8));
        producer.close();
        for worker in workers {
            worker.await.expect("no panic");
        }
    }
}
