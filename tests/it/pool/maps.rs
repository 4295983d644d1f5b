//! A function over many items.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Context, Waker};

use futures::StreamExt;
use regatta::policy::Overflow;
use regatta::pool::{CpuPool, JobError, MapError, Schedule, TaskPool};

use super::kit::{Drops, Held, PanicsOnDrop, SOON, poll_here};

#[tokio::test]
async fn map_gives_results_in_the_order_of_the_input() {
    let pool = CpuPool::new(3);
    for len in [0, 1, 7, 5_000_u64] {
        let expected: Vec<u64> = (0..len).map(|n| n * n).collect();
        assert_eq!(pool.map(0..len, |n| n * n).await, Ok(expected.clone()));
        // An iterator that does not tell its length.
        assert_eq!(pool.map((0..len).filter(|_| true), |n| n * n).await, Ok(expected));
    }
}

#[tokio::test]
async fn map_pulls_no_more_than_two_chunks_for_each_worker_ahead() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = pulled.clone();
    let items = std::iter::from_fn(move || Some(count.fetch_add(1, SeqCst)));
    let mut map = pin!(pool.map(items.take_while(|n| *n < 100), |n| n));
    assert!(map.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    // Two are out, and the third is in hand.
    assert_eq!(pulled.load(SeqCst), 3);
    held.finish().await;
    assert_eq!(map.await, Ok((0..100).collect()));
}

#[tokio::test]
async fn map_gives_the_failure_that_comes_first_in_the_input() {
    let pool = CpuPool::new(2);
    // The second input fails first in time: the first waits for it.
    let barrier = Barrier::new(2);
    let (failed, has_failed) = mpsc::channel();
    let (failed, has_failed) = (std::sync::Mutex::new(failed), std::sync::Mutex::new(has_failed));
    let result = pool.map(0..2, move |n: u32| -> u32 {
        barrier.wait();
        if n == 0 {
            has_failed.lock().expect("held once").recv().expect("the other fails");
        } else {
            failed.lock().expect("held once").send(()).expect("the first waits");
        }
        panic!("input {n}")
    });
    let Err(JobError::Panicked(panicked)) = result.await else { panic!("both fail") };
    assert_eq!(&*panicked.message, "input 0");
}

#[tokio::test]
async fn map_stops_after_a_failure() {
    let pool = CpuPool::new(1);
    let drops = Drops::default();
    let items: Vec<_> = (0..1_000).map(|n| (n, drops.guard())).collect();
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let result = pool.map(items, move |(n, _guard)| {
        count.fetch_add(1, SeqCst);
        assert!(n < 10, "input {n}");
        PanicsOnDrop
    });
    assert!(result.await.expect_err("it fails").is_panicked());
    let report = pool.shutdown(SOON).await;
    assert_eq!(report.panicked_count, 1);
    assert_eq!(seen.load(SeqCst), 11, "no item after the failed one was worked on");
    assert_eq!(drops.count(), 1_000);
}

#[tokio::test]
async fn map_that_is_dropped_midway_stops_within_one_item() {
    let pool = CpuPool::new(1);
    let drops = Drops::default();
    let items: Vec<_> = (0..80).map(|_| drops.guard()).collect();
    let (begun, begins) = mpsc::channel();
    let (gate, opened) = mpsc::channel::<()>();
    let (begun, opened) = (std::sync::Mutex::new(begun), std::sync::Mutex::new(opened));
    let map = pool.map(items, move |_guard| {
        let _ = begun.lock().expect("held by one").send(());
        let _ = opened.lock().expect("held by one").recv();
    });
    {
        let mut map = pin!(map);
        assert!(map.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        begins.recv().expect("the first item is being worked on");
    }
    drop(gate);
    let report = pool.shutdown(SOON).await;
    assert_eq!(begins.try_iter().count(), 0, "no second item was begun");
    assert_eq!((report.finished, report.aborted, drops.count()), (1, 1, 80));
}

#[tokio::test]
async fn map_survives_items_and_results_whose_destructors_panic() {
    let pool = CpuPool::new(1);
    // 80 items are chunks of ten. The first chunk fails: the rest of it, and what is queued, is dropped unrun.
    let items = (0..80).map(|n| (n, PanicsOnDrop));
    let failed = pool.map(items, |(n, item)| {
        if n == 5 {
            std::mem::forget(item);
            panic!("input {n}");
        }
        item
    });
    assert!(failed.await.expect_err("it fails").is_panicked());

    // A future that is dropped with results that nobody has read, and chunks that nobody will work on.
    let held = Held::submit(&pool).await;
    let mut map = Box::pin(pool.map((0..80).map(|_| PanicsOnDrop), |item| item));
    assert!(map.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    held.finish().await;
    while pool.stats().flow.in_flight > 0 {
        tokio::task::yield_now().await;
    }
    // Nobody works on the chunks that it hands over now.
    let held = Held::submit(&pool).await;
    assert!(map.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(map);
    held.finish().await;
    let report = pool.shutdown(SOON).await;
    assert_eq!(report.panicked_count, 1, "{report}");
}

#[tokio::test]
async fn map_on_a_closed_pool_says_so() {
    let pool = CpuPool::new(1);
    pool.close();
    assert!(pool.map([1], |n| n).await.expect_err("closed").is_closed());
}

#[tokio::test]
async fn try_map_gives_the_error_of_the_first_failing_item() {
    let pool = CpuPool::new(2);
    assert_eq!(pool.try_map(0..1_000_u32, Ok::<_, String>).await, Ok((0..1_000).collect()));

    // Both fail; the second input first in time.
    let barrier = Barrier::new(2);
    let result = pool.try_map([0, 1], move |n: u32| {
        barrier.wait();
        Err::<(), _>(n)
    });
    assert_eq!(result.await, Err(MapError::Failed { index: 0, error: 0 }));

    let result = pool.try_map(0..10_000_u32, |n| if n < 4_321 { Ok(n) } else { Err("too large") });
    let error = result.await.expect_err("it fails");
    assert_eq!(error.to_string(), "item 4321 failed: too large");
    assert_eq!(error.into_failed(), Some("too large"));

    let result = pool.try_map(0..10_u32, |n| if n == 3 { panic!("three") } else { Ok::<_, String>(n) });
    assert!(matches!(result.await, Err(MapError::Job(JobError::Panicked(_)))));
}

#[tokio::test]
async fn try_map_begins_nothing_behind_a_failure() {
    let pool = CpuPool::new(1);
    let (drops, seen) = (Drops::default(), Arc::new(AtomicUsize::new(0)));
    let items: Vec<_> = (0..1_000).map(|n| (n, drops.guard())).collect();
    let count = seen.clone();
    let result = pool.try_map(items, move |(n, _guard)| {
        count.fetch_add(1, SeqCst);
        if n == 10 { Err(PanicsOnDrop) } else { Ok(PanicsOnDrop) }
    });
    let Err(MapError::Failed { index: 10, error }) = result.await else { panic!("it fails") };
    std::mem::forget(error);
    let report = pool.shutdown(SOON).await;
    assert_eq!((seen.load(SeqCst), drops.count(), report.panicked_count), (11, 1_000, 0));
}

#[tokio::test]
async fn map_unordered_gives_every_item_its_result() {
    let pool = CpuPool::new(2);
    let results = pool.map_unordered(0..1_000_u32, |n| if n % 100 == 50 { panic!("{n}") } else { n });
    let results: Vec<_> = results.collect().await;
    let mut values: Vec<u32> = results.iter().filter_map(|result| result.clone().ok()).collect();
    values.sort_unstable();
    assert_eq!(values, (0..1_000).filter(|n| n % 100 != 50).collect::<Vec<_>>());
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 10);
}

#[tokio::test]
async fn map_unordered_does_not_wait_for_what_is_held_up() {
    let pool = CpuPool::new(2);
    let (gate, opened) = mpsc::channel::<()>();
    let opened = std::sync::Mutex::new(opened);
    let mut results = Box::pin(pool.map_unordered(0..9, move |n| {
        if n == 0 {
            let _ = opened.lock().unwrap().recv();
        }
        n
    }));
    let mut others: Vec<i32> = Vec::new();
    for _ in 0..8 {
        others.push(results.next().await.expect("the others go on").expect("no panic"));
    }
    others.sort_unstable();
    assert_eq!(others, (1..9).collect::<Vec<_>>());
    drop(gate);
    assert_eq!(results.next().await, Some(Ok(0)));
    assert_eq!(results.next().await, None);
}

#[tokio::test]
async fn map_unordered_that_is_not_polled_begins_nothing_more() {
    let pool = CpuPool::new(1);
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = pulled.clone();
    let items = std::iter::from_fn(move || Some(count.fetch_add(1, SeqCst)));
    let mut results = Box::pin(pool.map_unordered(items, |n| n));
    assert_eq!(results.next().await, Some(Ok(0)));
    while pool.stats().flow.in_flight > 0 {
        tokio::task::yield_now().await;
    }
    // Two jobs of one item may be out; whoever takes no result starts no third.
    assert_eq!(pulled.load(SeqCst), 2);
    drop(results);
    assert_eq!(pool.submit(|| 7).await.expect("open").await, Ok(7));
}

#[tokio::test]
async fn map_unordered_that_is_dropped_stops_the_work() {
    let pool = CpuPool::new(1);
    let (held, drops) = (Held::submit(&pool).await, Drops::default());
    let items: Vec<_> = (0..80).map(|_| drops.guard()).collect();
    let mut results = Box::pin(pool.map_unordered(items, |_| panic!("never begun")));
    assert!(poll_here(results.next()).await.is_pending());
    drop(results);
    assert_eq!(drops.count(), 80);
    held.finish().await;
    assert_eq!(pool.shutdown(SOON).await.panicked_count, 0);
}

#[tokio::test]
async fn map_unordered_on_a_closed_pool_ends_with_the_reason() {
    let pool = CpuPool::new(1);
    pool.close();
    let results: Vec<_> = pool.map_unordered(0..3, |n| n).collect().await;
    assert!(matches!(results[..], [Err(JobError::Closed(_))]), "{results:?}");
}

#[tokio::test]
async fn a_map_without_items_ends_also_on_a_closed_pool() {
    let pool = CpuPool::new(1);
    pool.close();
    let none = || std::iter::empty::<u32>();
    assert_eq!(pool.map(none(), |n| n).await, Ok(vec![]));
    assert_eq!(pool.try_map(none(), Ok::<u32, ()>).await, Ok(vec![]));
    assert_eq!(pool.map_unordered(none(), |n| n).count().await, 0);
    for schedule in [Schedule::Static, Schedule::Stealing, Schedule::Guided] {
        let (results, _) = pool.map_with(schedule, Vec::<u32>::new(), |n| n).await.expect("there is nothing to refuse");
        assert!(results.is_empty());
    }
    let pool = TaskPool::new(1);
    pool.close();
    assert_eq!(pool.map(none(), |n| async move { n }).await, Ok(vec![]));
}

#[tokio::test]
async fn a_map_shares_a_small_queue_with_others() {
    let pool = CpuPool::builder().limit(2).capacity(1).build();
    let (first, second) = tokio::join!(pool.map(0..500, |n| n), pool.map(500..1_000, |n| n));
    assert_eq!((first, second), (Ok((0..500).collect()), Ok((500..1_000).collect())));
    let unordered = pool.map_unordered(0..500, |n| n).map(|n| n.expect("it runs")).collect::<Vec<i32>>();
    let (mut unordered, ordered) = tokio::join!(unordered, pool.map(0..500, |n| n));
    unordered.sort_unstable();
    assert_eq!((Ok(unordered), ordered), (Ok::<_, JobError>((0..500).collect()), Ok((0..500).collect())));
}

#[tokio::test]
async fn a_map_waits_for_room_whatever_the_policy() {
    for overflow in [Overflow::Wait, Overflow::Reject, Overflow::DropOldest, Overflow::DropNewest] {
        let pool = CpuPool::builder().limit(1).capacity(1).overflow(overflow).build();
        assert_eq!(pool.map(0..100, |n| n).await, Ok((0..100).collect()));
        let held = Held::submit(&pool).await;
        let queued = pool.try_submit(|| ()).expect("the only place");
        let mut map = Box::pin(pool.map(0..3, |n| n));
        let mut results = Box::pin(pool.map_unordered(0..3, |n| n));
        assert!(poll_here(&mut map).await.is_pending());
        assert!(poll_here(results.next()).await.is_pending());
        held.finish().await;
        queued.await.expect("it runs");
        let (mapped, count) = futures::future::join(map, results.count()).await;
        assert_eq!((mapped, count), (Ok(vec![0, 1, 2]), 3));
        assert_eq!(pool.stats().flow.dropped, 0);
    }
}

/// A map that runs uses the workers that come.
#[tokio::test]
async fn a_map_grows_with_its_pool() {
    for unordered in [false, true] {
        let pool = CpuPool::new(1);
        let meeting = Arc::new(Barrier::new(3));
        let growing = pool.clone();
        // The second to fourth item wait for each other: they need three workers.
        let f = move |n: usize| {
            match n {
                0 => growing.resize(3),
                1..4 => drop(meeting.wait()),
                _ => {}
            }
            n
        };
        let sum = match unordered {
            false => pool.map((0..100).filter(|_| true), f).await.expect("it runs").into_iter().sum::<usize>(),
            true => {
                let results = pool.map_unordered((0..100).filter(|_| true), f);
                results.map(|n| n.expect("it runs")).collect::<Vec<_>>().await.into_iter().sum()
            }
        };
        assert_eq!(sum, 4_950);
    }
}

/// Iterators may begin anew after their end: nobody asks them.
#[tokio::test]
async fn an_iterator_is_not_asked_after_its_end() {
    struct Restless(u32);
    impl Iterator for Restless {
        type Item = u32;
        fn next(&mut self) -> Option<u32> {
            self.0 += 1;
            (!self.0.is_multiple_of(4)).then_some(self.0)
        }
    }
    let pool = CpuPool::new(2);
    assert_eq!(pool.map(Restless(0), |n| n).await, Ok(vec![1, 2, 3]));
    assert_eq!(pool.map_unordered(Restless(0), |n| n).count().await, 3);
}

/// Somebody else's job takes the place of a chunk: each of its items has its error, and the stream goes on.
#[tokio::test]
async fn every_item_of_an_unordered_map_has_its_result_also_when_its_chunk_is_dropped() {
    let pool = CpuPool::builder().limit(1).capacity(1).overflow(Overflow::DropOldest).build();
    let held = Held::submit(&pool).await;
    // 80 items are chunks of ten.
    let mut results = Box::pin(pool.map_unordered(0..80, |n| n));
    assert!(poll_here(results.next()).await.is_pending());
    pool.submit(|| ()).await.expect("it makes room for itself").detach();
    held.finish().await;
    let results: Vec<_> = results.collect().await;
    let dropped = results.iter().filter(|result| result.as_ref().is_err_and(JobError::is_full)).count();
    assert_eq!((results.len(), dropped), (80, 10));
}

#[tokio::test]
async fn an_unordered_map_ends_with_why_there_is_no_more() {
    let pool = CpuPool::builder().limit(2).capacity(2).build();
    let held = [Held::submit(&pool).await, Held::submit(&pool).await];
    let mut results = Box::pin(pool.map_unordered((0..100).filter(|_| true), |n| n));
    assert!(poll_here(results.next()).await.is_pending());
    pool.close();
    for held in held {
        held.finish().await;
    }
    let results: Vec<_> = results.collect().await;
    let (last, before) = results.split_last().expect("at least the end");
    assert!(last.as_ref().is_err_and(JobError::is_closed), "{last:?}");
    assert!(!before.is_empty() && before.iter().all(Result::is_ok), "{before:?}");
}

#[tokio::test]
async fn a_panic_in_a_map_names_the_item() {
    let pool = CpuPool::builder().limit(2).name("cpu").build();
    // 80 items are chunks of five.
    let at = |place: usize| move |n: usize| assert!(n != place, "no {n}");
    let place = |error: JobError| match error {
        JobError::Panicked(panicked) => panicked.place.to_string(),
        other => panic!("{other}"),
    };
    let failed = pool.map(0..80, at(13)).await.expect_err("it panics");
    assert_eq!(failed.to_string(), "item 13 of a map in pool `cpu` panicked: no 13");

    let check = at(14);
    let check = move |n| {
        check(n);
        Ok::<_, ()>(n)
    };
    let failed = pool.try_map(0..80, check).await;
    let Err(MapError::Job(failed)) = failed else { panic!("it panics") };
    assert_eq!(place(failed), "item 14 of a map in pool `cpu`");

    let results: Vec<_> = pool.map_unordered(0..80, at(15)).collect().await;
    let failed: Vec<_> = results.into_iter().filter_map(Result::err).map(place).collect();
    assert_eq!(failed, ["item 15 of a map in pool `cpu`"]);

    for schedule in [Schedule::Static, Schedule::Stealing, Schedule::Guided] {
        let failed = pool.map_with(schedule, (0..80).collect(), at(16)).await.expect_err("it panics");
        assert_eq!(place(failed), "item 16 of a map in pool `cpu`", "{schedule:?}");
    }
    let report = pool.shutdown(SOON).await;
    assert_eq!(report.panicked_count, 6);
    assert_eq!(&*report.panicked[0].place, "item 13 of a map in pool `cpu`");
}

#[tokio::test]
async fn a_panic_in_a_map_of_futures_names_the_item() {
    let pool = TaskPool::builder().limit(2).name("tasks").build();
    let at = |place: usize| move |n: usize| async move { assert!(n != place, "no {n}") };
    let failed = pool.map(0..8, at(3)).await.expect_err("it panics");
    assert_eq!(failed.to_string(), "item 3 of a map in pool `tasks` panicked: no 3");

    let results: Vec<_> = pool.map_unordered(0..8, at(4)).collect().await;
    let failed: Vec<_> = results.into_iter().filter_map(|result| result.err().map(|error| error.to_string())).collect();
    assert_eq!(failed, ["item 4 of a map in pool `tasks` panicked: no 4"]);
}

/// The items have their results, and the job that worked on them has panicked: both are to be seen.
#[tokio::test]
async fn an_item_that_panics_in_an_unordered_map_counts_as_a_job_that_failed() {
    let pool = CpuPool::new(1);
    // 24 items are chunks of three: two panic in one, one in another.
    let bad = [0, 1, 7];
    let results: Vec<_> = pool.map_unordered(0..24, move |n| assert!(!bad.contains(&n))).collect().await;
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 3);
    let flow = pool.stats().flow;
    assert_eq!((flow.accepted, flow.done, flow.failed, flow.in_flight), (8, 6, 2, 0));
    assert_eq!(pool.stats().workers[0].done, 6);
    let report = pool.shutdown(SOON).await;
    assert_eq!((report.finished, report.panicked_count, report.panicked.len()), (6, 2, 2));
}
