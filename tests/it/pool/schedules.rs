//! Ways of dealing out many items.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Condvar, Mutex, mpsc};
use std::task::{Context, Waker};
use std::time::Duration;

use proptest::prelude::*;
use regatta::pool::{CpuPool, JobError, Placement, Schedule};
use tokio::runtime::{Builder, Handle};

use super::kit::{Drops, Held, PanicsOnDrop, SOON, poll_here};

const ALL: [Schedule; 3] = [Schedule::Static, Schedule::Stealing, Schedule::Guided];

#[tokio::test]
async fn every_schedule_gives_the_results_in_order() {
    for limit in [1, 2, 3] {
        let pool = CpuPool::new(limit);
        for schedule in ALL {
            for len in [0, 1, 2, 7, 5_000_u64] {
                let (results, stats) =
                    pool.map_with(schedule, (0..len).collect(), |n| n * n).await.expect("all items are worked on");
                assert_eq!(results, (0..len).map(|n| n * n).collect::<Vec<_>>(), "{schedule:?}, {limit}, {len}");
                assert_eq!(stats.per_worker_busy.len(), limit);
                assert!(stats.pieces <= len && (stats.pieces > 0) == (len > 0), "{stats}");
            }
        }
        assert_eq!(pool.stats().flow.in_flight, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_schedule_agrees_with_a_loop(items in prop::collection::vec(any::<u16>(), 0..300), limit in 1_usize..5) {
        let runtime = Builder::new_current_thread().build().expect("it starts");
        let expected: Vec<String> = items.iter().map(|n| n.to_string()).collect();
        for schedule in ALL {
            let results = runtime.block_on(async {
                CpuPool::new(limit).map_with(schedule, items.clone(), |n| n.to_string()).await
            });
            prop_assert_eq!(&results.expect("no item fails").0, &expected);
        }
    }
}

#[tokio::test]
async fn static_shares_stay_with_their_workers() {
    let pool = CpuPool::new(3);
    let seen = Arc::new(Mutex::new(Vec::new()));
    // The first share is held up; nobody helps.
    let (gate, opened) = mpsc::channel::<()>();
    let (log, opened) = (seen.clone(), Mutex::new(opened));
    let mut run = pin!(pool.map_with(Schedule::Static, (0..9).collect(), move |n: usize| {
        if n == 0 {
            let _ = opened.lock().unwrap().recv();
        }
        log.lock().unwrap().push((n, std::thread::current().id()));
    }));
    assert!(poll_here(&mut run).await.is_pending());
    while seen.lock().unwrap().len() < 6 {
        tokio::task::yield_now().await;
    }
    let begun: Vec<usize> = {
        let mut begun: Vec<usize> = seen.lock().unwrap().iter().map(|(n, _)| *n).collect();
        begun.sort_unstable();
        begun
    };
    assert_eq!(begun, [3, 4, 5, 6, 7, 8]);
    drop(gate);
    let (_, stats) = run.await.expect("all items are worked on");
    assert_eq!((stats.steals, stats.pieces), (0, 3));
}

#[tokio::test]
async fn a_worker_that_has_nothing_left_steals_half_of_the_rest() {
    let pool = CpuPool::new(2);
    // The first item waits until all the others are done: the other worker must have taken them.
    let done = Arc::new((Mutex::new(0), Condvar::new()));
    let shared = done.clone();
    let work = move |n: usize| {
        let (count, changed) = &*shared;
        let mut count = count.lock().unwrap();
        if n == 0 {
            while *count < 99 {
                count = changed.wait(count).unwrap();
            }
        } else {
            *count += 1;
            changed.notify_all();
        }
        n
    };
    let (results, stats) = pool.map_with(Schedule::Stealing, (0..100).collect(), work).await.expect("all are done");
    assert_eq!(results, (0..100).collect::<Vec<_>>());
    assert!(stats.steals > 0, "{stats}");
    assert_eq!(done.0.lock().map(|count| *count).ok(), Some(99));
}

#[tokio::test]
async fn a_guided_piece_is_kept_by_who_took_it() {
    let pool = CpuPool::new(2);
    // The first item waits until all are done but its own piece: a quarter of the whole.
    let done = Arc::new((Mutex::new(0), Condvar::new()));
    let work = move |n: usize| {
        let (count, changed) = &*done;
        let mut count = count.lock().unwrap();
        if n == 0 {
            while *count < 750 {
                count = changed.wait(count).unwrap();
            }
        } else {
            *count += 1;
            changed.notify_all();
        }
        std::thread::current().id()
    };
    let (threads, stats) = pool.map_with(Schedule::Guided, (0..1_000).collect(), work).await.expect("all are done");
    assert!(threads[..250].iter().all(|thread| *thread == threads[0]));
    assert!(threads[250..].iter().all(|thread| *thread == threads[250]) && threads[250] != threads[0]);
    assert_eq!((stats.pieces, stats.steals), (2, 0));
}

#[tokio::test]
async fn the_failure_is_that_of_the_first_item_in_the_input() {
    for schedule in ALL {
        let pool = CpuPool::new(2);
        // Two items fail; the later one first in time.
        let barrier = Barrier::new(2);
        let order = Mutex::new(mpsc::channel());
        let result = pool.map_with(schedule, (0..100).collect(), move |n: usize| {
            if n == 3 || n == 60 {
                if schedule != Schedule::Guided {
                    barrier.wait();
                }
                if n == 60 {
                    order.lock().unwrap().0.send(()).expect("the channel is open");
                } else if schedule != Schedule::Guided {
                    while order.lock().unwrap().1.try_recv().is_err() {
                        std::thread::yield_now();
                    }
                }
                panic!("input {n}");
            }
        });
        let Err(JobError::Panicked(panicked)) = result.await else { panic!("it fails") };
        assert_eq!(&*panicked.message, "input 3", "{schedule:?}");
    }
}

#[tokio::test]
async fn a_failure_stops_the_rest_and_drops_every_item_once() {
    for schedule in ALL {
        let pool = CpuPool::new(1);
        let (drops, seen) = (Drops::default(), Arc::new(AtomicUsize::new(0)));
        let items: Vec<_> = (0..1_000).map(|n| (n, drops.guard())).collect();
        let count = seen.clone();
        let result = pool.map_with(schedule, items, move |(n, _guard)| {
            count.fetch_add(1, SeqCst);
            assert!(n < 10, "input {n}");
            PanicsOnDrop
        });
        assert!(result.await.expect_err("it fails").is_panicked());
        let report = pool.shutdown(SOON).await;
        assert_eq!((seen.load(SeqCst), drops.count(), report.panicked_count), (11, 1_000, 1), "{schedule:?}");
    }
}

#[tokio::test]
async fn a_run_that_is_dropped_midway_stops_within_one_item() {
    for schedule in ALL {
        let pool = CpuPool::new(1);
        let drops = Drops::default();
        let items: Vec<_> = (0..80).map(|_| drops.guard()).collect();
        let (begun, begins) = mpsc::channel();
        let (gate, opened) = mpsc::channel::<()>();
        let (begun, opened) = (Mutex::new(begun), Mutex::new(opened));
        {
            let mut run = pin!(pool.map_with(schedule, items, move |_guard| {
                let _ = begun.lock().expect("held by one").send(());
                let _ = opened.lock().expect("held by one").recv();
            }));
            assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            begins.recv().expect("the first item is being worked on");
        }
        drop(gate);
        let _ = pool.shutdown(SOON).await;
        assert_eq!((begins.try_iter().count(), drops.count()), (0, 80), "{schedule:?}");
    }
}

#[tokio::test]
async fn a_run_that_is_dropped_while_it_is_queued_never_begins() {
    for schedule in ALL {
        let pool = CpuPool::new(1);
        let (held, drops) = (Held::submit_with(&pool, Placement::Worker(0)).await, Drops::default());
        let items: Vec<_> = (0..80).map(|_| drops.guard()).collect();
        {
            let mut run = pin!(pool.map_with(schedule, items, |_| panic!("never begun")));
            assert!(poll_here(&mut run).await.is_pending());
        }
        assert_eq!(drops.count(), 80, "{schedule:?}");
        held.finish().await;
        assert_eq!(pool.shutdown(SOON).await.panicked_count, 0);
    }
}

#[tokio::test]
async fn a_run_on_a_closed_pool_says_so() {
    for schedule in ALL {
        let pool = CpuPool::new(2);
        pool.close();
        assert!(pool.map_with(schedule, vec![1, 2, 3], |n| n).await.expect_err("closed").is_closed());
        assert!(pool.map_with(schedule, Vec::<u8>::new(), |n| n).await.is_ok(), "there is nothing to do");
    }
}

#[tokio::test]
async fn a_run_whose_pool_is_aborted_says_so() {
    for schedule in ALL {
        let pool = CpuPool::new(1);
        let held = Held::submit_with(&pool, Placement::Worker(0)).await;
        let mut run = pin!(pool.map_with(schedule, vec![1, 2, 3], |n| n));
        assert!(poll_here(&mut run).await.is_pending());
        pool.abort();
        assert!(run.await.expect_err("discarded").is_closed());
        held.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_run_inside_a_job_of_its_pool_of_one_completes() {
    for schedule in ALL {
        for capacity in [1, 1_024] {
            let pool = CpuPool::builder().limit(1).capacity(capacity).build();
            let inside = pool.clone();
            let outer = pool.submit(move || {
                Handle::current().block_on(inside.map_with(schedule, (0..100).collect(), |n: u32| n + 1))
            });
            let (results, _) = outer.await.expect("open").await.expect("it ends").expect("all are done");
            assert_eq!(results, (1..=100).collect::<Vec<_>>(), "{schedule:?}");
        }
    }
}

#[tokio::test]
async fn a_run_goes_on_while_the_pool_is_resized() {
    for schedule in ALL {
        let pool = CpuPool::new(4);
        let resized = pool.clone();
        let (results, _) = pool
            .map_with(schedule, (0..2_000).collect(), move |n: usize| {
                if n.is_multiple_of(100) {
                    resized.resize(1 + n / 100 % 5);
                }
                n
            })
            .await
            .expect("all are done");
        assert_eq!(results, (0..2_000).collect::<Vec<_>>(), "{schedule:?}");
    }
}

#[tokio::test]
async fn what_a_run_came_to_is_told() {
    let pool = CpuPool::new(2);
    let (_, stats) = pool
        .map_with(Schedule::Stealing, (0..64).collect(), |n: u64| {
            (0..20_000).fold(n, |a, b| std::hint::black_box(a ^ b))
        })
        .await
        .expect("all are done");
    assert!(stats.makespan > Duration::ZERO);
    assert!(stats.per_worker_busy.iter().sum::<Duration>() > Duration::ZERO);
    assert!(stats.utilisation() > 0.0 && stats.utilisation() <= 1.01, "{}", stats.utilisation());
    let text = stats.to_string();
    assert!(text.starts_with("makespan ") && text.contains(" pieces, ") && text.contains(" stolen, busy "), "{text}");
}

#[tokio::test]
async fn the_rest_of_a_batch_is_given_back_when_an_item_takes_long() {
    const ITEMS: usize = 10_000;
    let pool = CpuPool::new(2);
    let stats = pool.clone();
    let done = Arc::new((Mutex::new(0), Condvar::new()));
    // How many items the thread of the first one has seen.
    let first = Mutex::new((None, 0));
    let work = move |n: usize| {
        let this = std::thread::current().id();
        let mine = {
            let mut first = first.lock().unwrap();
            if n == 0 {
                first.0 = Some(this);
            }
            first.1 += usize::from(first.0 == Some(this));
            if first.0 == Some(this) { first.1 } else { 0 }
        };
        let (count, changed) = &*done;
        // Small items have made the batches large. In the middle of one, this worker is held up until the other has run out
        // of items and has gone...
        if mine == 1_000 {
            let begun = std::time::Instant::now();
            while stats.stats().flow.done == 0 || begun.elapsed() < Duration::from_micros(50) {
                std::thread::yield_now();
            }
        }
        let mut count = count.lock().unwrap();
        // ...and then until all is done but this.
        if mine == 1_001 {
            while *count < ITEMS - 1 {
                count = changed.wait(count).unwrap();
            }
        }
        *count += 1;
        changed.notify_all();
    };
    let (results, _) = pool.map_with(Schedule::Stealing, (0..ITEMS).collect(), work).await.expect("all are done");
    assert_eq!(results.len(), ITEMS);
}
