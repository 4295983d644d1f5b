//! What a pipeline holds, how long it may keep its owner, and what it is called.

use std::time::Duration;

use futures::StreamExt;
use regatta::pipeline::Pipeline;
use regatta::policy::Overflow;
use regatta::queue;

use super::kit::{Log, conserved, ended, quiet};
use crate::support::{DropCounter, Gate};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_iterator_that_blocks_does_not_keep_the_owner_for_ever() {
    let (feed, source) = std::sync::mpsc::channel::<u32>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let blocking = std::iter::from_fn(move || {
        begun.take().map(|begun| begun.send(()));
        source.recv().ok()
    });
    let mut running =
        Pipeline::from_iter(blocking).map_async(2, |n| async move { n }).fold(0, |sum, n| sum + n).spawn();
    has_begun.await.unwrap();
    let report = running.shutdown(Duration::ZERO).await;
    assert!(!report.still_running.is_empty(), "{report}");
    // Lets the thread go, so that the runtime can end.
    drop(feed);
    assert!(running.await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_stage_that_blocks_is_reported() {
    let (let_go, wait) = std::sync::mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let mut running = Pipeline::from_iter(0..3)
        .fold(0, move |sum, n| {
            begun.take().map(|begun| begun.send(()));
            let _ = wait.recv();
            sum + n
        })
        .titled("sums")
        .spawn();
    has_begun.await.unwrap();
    let report = running.shutdown(Duration::ZERO).await;
    assert_eq!(&*report.still_running[0], "the last stage of pipeline `sums`");
    drop(let_go);
    let _ = running.await;
}

#[tokio::test]
async fn closures_are_called_in_the_order_of_the_input() {
    let (log, seen) = (Log::new(), Log::new());
    let sink = log.clone();
    let running = Pipeline::from_iter(0..2_000_u32)
        .for_each(4, move |n| {
            sink.push(n);
            async {}
        })
        .spawn();
    ended(running).await.0.unwrap();
    (0..2_000).for_each(|n: u32| seen.push(n));
    assert_eq!(log.all(), seen.all());
}

#[tokio::test]
async fn forward_says_whether_the_queue_was_full_or_closed() {
    let (producer, consumer) = queue::Builder::new(1).name("mails").overflow(Overflow::Reject).build();
    let error = Pipeline::from_iter(0..3).forward(producer).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "queue `mails` is full: 1 of 1 taken");

    let (producer, closed) = queue::Builder::new(1).name("mails").build();
    drop(closed);
    let error = Pipeline::from_iter(0..3).forward(producer).await.unwrap_err();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "queue `mails` is closed");
    drop(consumer);
}

#[tokio::test]
async fn a_dropping_buffer_holds_no_more_than_its_capacity() {
    for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
        let (probe, gate) = (DropCounter::new(), Gate::new());
        let (source, held) = (probe.clone(), gate.clone());
        let mut stream = Pipeline::from_iter((0..1_000).map(move |_| source.guard()))
            .buffer(4, overflow)
            .into_stream()
            .map(move |item| (item, held.clone()));
        {
            let mut first = std::pin::pin!(stream.next());
            let _ = crate::support::poll_once(first.as_mut());
            quiet().await;
            assert_eq!(probe.alive(), 4, "{overflow:?}");
        }
        gate.open();
        assert_eq!(stream.count().await, 4);
    }
}

#[tokio::test]
async fn the_last_title_stands() {
    let running = Pipeline::from_iter(0..1).for_each(1, |_| async {}).titled("draft").titled("final").spawn();
    assert_eq!(&*running.name(), "final");
    ended(running).await.0.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_end_aborts_nobody() {
    for _ in 0..200 {
        let mut running =
            Pipeline::from_iter(0..20_u32).map_async(4, |n| async move { n }).for_each(2, |_| async {}).spawn();
        (&mut running).await.unwrap();
        let report = running.shutdown(Duration::ZERO).await;
        assert!(report.is_clean(), "{report}");
    }
}

#[tokio::test]
async fn what_is_in_flight_is_counted_where_it_is() {
    let gate = Gate::new();
    let held = gate.clone();
    let mut running = Pipeline::from_iter(0..100_u32)
        .map_async(4, move |n| {
            let gate = held.clone();
            async move {
                if n == 0 {
                    gate.wait().await;
                }
                n
            }
        })
        .batch(7, Duration::from_secs(60))
        .for_each(1, |_| async {})
        .spawn();
    quiet().await;
    let stats = running.stats();
    conserved(&stats);
    // The first item is being worked on, and the others that the window has places for wait for it.
    assert_eq!((stats.stages[1].busy, stats.stages[1].flow.in_flight), (1, 20));
    gate.open();
    (&mut running).await.unwrap();
    conserved(&running.stats());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_thread_has_just_taken_does_not_outlive_the_pipeline() {
    for round in 0..3_000_u32 {
        let probe = DropCounter::new();
        let captured = probe.guard();
        let failed = Pipeline::from_iter(0..4_u32)
            .map_cpu(4, move |n| {
                let _ = &captured;
                if n == round % 4 {
                    super::kit::burst();
                }
                n
            })
            .for_each(1, |_| async {})
            .await;
        assert!(failed.unwrap_err().is_panicked());
        assert_eq!(probe.alive(), 0, "in round {round}");
    }
}
