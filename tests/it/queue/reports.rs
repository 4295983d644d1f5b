//! What workers report, and that one word means one thing.

use super::*;
use crate::support::Gate;

#[tokio::test]
async fn for_each_reports_what_each_worker_did() {
    let (producer, consumer) = queue::Builder::new(8).attempts(1).build();
    (0..8).for_each(|item| producer.try_send(item).expect("there is room"));
    drop(producer);
    let gate = Gate::new();
    // The first worker is busy with the first item until the second has worked off the rest.
    let handler = move |item| {
        let gate = gate.clone();
        async move {
            match item {
                0 => gate.wait().await,
                1 => return Err("one"),
                2 => panic!("two"),
                7 => gate.open(),
                _ => {}
            }
            Ok(())
        }
    };
    let report = consumer.for_each(2, handler).await;
    let counts = |worker: &queue::WorkerReport| [worker.handled, worker.nacked, worker.panicked];
    assert_eq!(report.workers.iter().map(counts).collect::<Vec<_>>(), [[1, 0, 0], [5, 1, 1]]);
    assert_eq!([report.handled, report.nacked, report.panicked], [6, 1, 1]);
    assert_eq!(report.workers[1].to_string(), "5 handled, 1 nacked, 1 panicked");
}

#[tokio::test]
async fn for_each_reports_no_more_workers_than_it_needed() {
    let (producer, consumer) = filled(usize::MAX, 0..1_000);
    drop(producer);
    let report = consumer.for_each(usize::MAX, |_| async { Ok::<_, ()>(()) }).await;
    assert_eq!((report.handled, report.workers.len()), (1_000, 2)); // one at work, one that waits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn for_each_adds_up_over_its_workers() {
    let (producer, consumer) = queue::Builder::new(16).attempts(3).build::<u32>();
    let watch = producer.clone();
    let sending = tokio::spawn(async move {
        for item in 0..5_000 {
            producer.send(item).await.expect("open");
        }
        producer.close();
    });
    let report = consumer
        .for_each(4, |item| async move {
            match item % 50 {
                1 => Err("one"),
                2 => std::panic::resume_unwind(Box::new("two")),
                3 => {
                    tokio::task::yield_now().await;
                    Ok(())
                }
                _ => Ok(()),
            }
        })
        .await;
    sending.await.expect("no panic");
    assert!(report.workers.len() <= 4, "{report}");
    let total = |count: fn(&queue::WorkerReport) -> u64| report.workers.iter().map(count).sum::<u64>();
    assert_eq!(total(|worker| worker.handled), report.handled);
    assert_eq!(total(|worker| worker.nacked), report.nacked);
    assert_eq!(total(|worker| worker.panicked), report.panicked);
    // One word, one meaning: deliveries here and there, items in the flow.
    let stats = conserved(watch.stats());
    assert_eq!((report.handled, report.nacked, report.panicked), (stats.flow.done, stats.nacked, stats.abandoned));
    assert_eq!((stats.flow.failed, stats.nacked, stats.abandoned), (200, 300, 300));
}

#[tokio::test]
async fn for_each_runs_no_more_workers_than_asked_when_several_need_another_at_once() {
    let (producer, consumer) = filled(64, 0..64);
    drop(producer);
    let report = consumer
        .for_each(3, |_| async {
            tokio::task::yield_now().await;
            Ok::<_, ()>(())
        })
        .await;
    assert_eq!((report.handled, report.workers.len()), (64, 3));
}

/// Runs producers that send so many in all, and keeps a producer to look at the queue afterwards.
async fn run_and_look(items: u32) -> (queue::Report, Producer<u32>) {
    let kept = Arc::new(Mutex::new(None));
    let keep = kept.clone();
    let report = ProducerConsumer::new(4)
        .producers(1, move |_, tx: Producer<u32>| {
            *keep.lock().expect("not poisoned") = Some(tx.clone());
            async move {
                for item in 0..items {
                    tx.send(item).await?;
                }
                tx.close();
                Ok::<_, BoxError>(())
            }
        })
        .consumers(2, |_, item| async move {
            tokio::task::yield_now().await;
            match item % 10 {
                3 => Err("three"),
                5 => std::panic::resume_unwind(Box::new("five")),
                _ => Ok(()),
            }
        })
        .run()
        .await;
    let producer = kept.lock().expect("not poisoned").take().expect("it ran");
    (report, producer)
}

#[tokio::test]
async fn a_run_reports_what_failed_with_each_consumer() {
    let (report, _) = run_and_look(100).await;
    assert_eq!((report.failed, report.abandoned), (20, 10));
    let lengths = [report.consumed.len(), report.failed_by.len(), report.abandoned_by.len()];
    assert_eq!(lengths, [2, 2, 2]);
    assert_eq!(report.failed_by.iter().sum::<u64>(), report.failed);
    assert_eq!(report.abandoned_by.iter().sum::<u64>(), report.abandoned);
    for id in 0..2 {
        assert!(report.abandoned_by[id] <= report.failed_by[id] && report.consumed[id] > 0, "{report:?}");
    }
    assert!(report.to_string().starts_with("100 produced, 80 consumed, 20 failed (10 abandoned), "), "{report}");
}

#[tokio::test]
async fn failed_and_abandoned_mean_the_same_in_report_stats_and_flow() {
    let (report, producer) = run_and_look(100).await;
    let stats = conserved(producer.stats());
    assert_eq!(report.flow, stats.flow);
    assert_eq!((report.failed, report.abandoned), (stats.flow.failed, stats.abandoned));
    let (produced, consumed) = (report.produced.iter().sum::<u64>(), report.consumed.iter().sum::<u64>());
    assert_eq!(produced, consumed + report.failed + report.flow.discarded);
}

#[tokio::test]
async fn a_run_that_is_dropped_abandons_what_is_in_hand_and_discards_it() {
    let kept = Arc::new(Mutex::new(None));
    let keep = kept.clone();
    let run = ProducerConsumer::new(4)
        .producers(1, move |_, tx: Producer<u32>| {
            *keep.lock().expect("not poisoned") = Some(tx.clone());
            async move { tx.send(1).await }
        })
        .consumers(1, |_, _| std::future::pending::<Result<(), BoxError>>())
        .run();
    let mut run = Box::pin(run);
    let delivered = || kept.lock().expect("not poisoned").as_ref().map_or(0, |tx| tx.stats().delivered);
    while delivered() == 0 {
        assert!(run.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(run);
    while delivered() > 0 {
        tokio::task::yield_now().await;
    }
    let stats = conserved(kept.lock().expect("not poisoned").take().expect("it ran").stats());
    assert_eq!((stats.flow.discarded, stats.flow.failed, stats.abandoned), (1, 0, 1));
}
