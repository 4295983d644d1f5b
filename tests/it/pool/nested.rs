//! Jobs that wait for jobs of their own pool: a pool of one completes them, or says clearly why not.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use futures::future::join_all;
use regatta::pool::{CpuPool, JobEvent, Placement, Schedule, Source, TaskPool};
use tokio::runtime::Handle;

use super::kit::{Drops, SOON, Waiting, poll_here};
use crate::support::{Gate, without_deadlock};

#[tokio::test]
async fn a_closure_waits_for_another_of_its_pool_of_one() {
    let pool = CpuPool::new(1);
    let inside = pool.clone();
    let outer = pool.submit(move || inside.try_submit(|| 7).expect("there is room").wait_blocking());
    assert_eq!(outer.await.expect("open").await, Ok(Ok(7)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_closure_that_blocks_on_a_handle_runs_the_job_itself() {
    let pool = CpuPool::new(1);
    let inside = pool.clone();
    let outer = pool.submit(move || {
        Handle::current().block_on(async {
            let inner = inside.submit(|| 7).await.expect("there is room");
            inner.await
        })
    });
    assert_eq!(outer.await.expect("open").await, Ok(Ok(7)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_closure_maps_on_its_pool_of_one() {
    for capacity in [1, 2, 1_024] {
        let pool = CpuPool::builder().limit(1).capacity(capacity).build();
        let inside = pool.clone();
        let outer = pool.submit(move || Handle::current().block_on(inside.map(0..100, |n| n + 1)));
        assert_eq!(outer.await.expect("open").await, Ok(Ok((1..=100).collect())), "{capacity} places");

        let inside = pool.clone();
        let outer = pool.submit(move || {
            let squares = inside.map_unordered(0..100, |n| n * n);
            Handle::current()
                .block_on(squares.map(|n| n.expect("it runs")).collect::<Vec<_>>())
                .into_iter()
                .sum::<i32>()
        });
        assert_eq!(outer.await.expect("open").await, Ok((0..100).map(|n| n * n).sum()), "{capacity} places");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_closure_does_not_wait_for_room_in_its_own_pool() {
    let pool = CpuPool::builder().limit(1).capacity(1).name("tight").build();
    let inside = pool.clone();
    let outer = pool.submit(move || {
        Handle::current().block_on(async {
            let first = inside.submit(|| 1).await.expect("one place");
            let refused = inside.submit(|| 2).await.expect_err("no second");
            (first.await, refused.is_full(), refused.to_string())
        })
    });
    let message = "the job was not submitted: pool `tight` is full: 1 of 1 taken; a job does not wait for room in its own pool, but it can do the work itself";
    assert_eq!(outer.await.expect("open").await, Ok((Ok(1), true, message.to_owned())));
}

#[tokio::test]
async fn an_async_job_awaits_another_of_its_pool_of_one() {
    let log = Arc::new(Mutex::new(Vec::<JobEvent>::new()));
    let hook = log.clone();
    let pool = TaskPool::builder().limit(1).on_job(move |event| hook.lock().unwrap().push(event.clone())).build();
    let inside = pool.clone();
    let outer = pool.submit(async move {
        let inner = inside.submit(async {
            tokio::task::yield_now().await;
            7
        });
        inner.await.expect("there is room").await
    });
    assert_eq!(outer.await.expect("open").await, Ok(Ok(7)));
    let sources: Vec<Source> = log.lock().unwrap().iter().map(|event| event.source).collect();
    assert_eq!(sources, [Source::Injector, Source::Awaited]);
}

#[tokio::test]
async fn of_several_that_are_awaited_at_once_one_runs_at_a_time() {
    let pool = TaskPool::new(1);
    let running = Arc::new(Mutex::new((0, 0)));
    let inside = pool.clone();
    let count = running.clone();
    let outer = pool.submit(async move {
        let mut inner = Vec::new();
        for n in 0..100 {
            let count = count.clone();
            let job = async move {
                {
                    let mut count = count.lock().unwrap();
                    count.0 += 1;
                    count.1 = count.0.max(count.1);
                }
                tokio::task::yield_now().await;
                count.lock().unwrap().0 -= 1;
                n
            };
            inner.push(inside.submit(job).await.expect("there is room"));
        }
        join_all(inner).await.into_iter().map(|n| n.expect("it runs")).sum::<i32>()
    });
    assert_eq!(outer.await.expect("open").await, Ok(4_950));
    assert_eq!(*running.lock().unwrap(), (0, 1));
}

#[tokio::test]
async fn an_async_job_maps_on_its_pool_of_one() {
    for capacity in [1, 2, 1_024] {
        let pool = TaskPool::builder().limit(1).capacity(capacity).build();
        let inside = pool.clone();
        let outer = pool.submit(async move { inside.map(0..100, |n| async move { n + 1 }).await });
        assert_eq!(outer.await.expect("open").await, Ok(Ok((1..=100).collect())), "{capacity} places");

        let inside = pool.clone();
        let outer = pool.submit(async move {
            let squares = inside.map_unordered(0..100, |n| async move { n * n });
            squares.map(|n| n.expect("it runs")).collect::<Vec<_>>().await.into_iter().sum::<i32>()
        });
        assert_eq!(outer.await.expect("open").await, Ok((0..100).map(|n| n * n).sum()), "{capacity} places");
    }
}

#[tokio::test]
async fn an_async_job_does_not_wait_for_room_in_its_own_pool() {
    let pool = TaskPool::builder().limit(1).capacity(1).build();
    let inside = pool.clone();
    let outer = pool.submit(async move {
        let first = inside.submit(async { 1 }).await.expect("one place");
        let refused = inside.submit(async { 2 }).await.expect_err("no second");
        (first.await, refused.is_full(), refused.into_inner().await)
    });
    assert_eq!(outer.await.expect("open").await, Ok((Ok(1), true, 2)));
}

#[tokio::test]
async fn an_awaited_job_goes_on_where_its_handle_is_taken_to() {
    let pool = TaskPool::new(1);
    let inside = pool.clone();
    let outer = pool.submit(async move {
        let (gate, opened) = tokio::sync::oneshot::channel();
        let mut inner = inside.submit(async move { opened.await.expect("it is opened") }).await.expect("there is room");
        assert!(poll_here(&mut inner).await.is_pending());
        (gate, inner)
    });
    let (gate, inner) = outer.await.expect("open").await.expect("it ends");
    gate.send(7).expect("it waits");
    assert_eq!(inner.await, Ok(7));
}

#[tokio::test]
async fn an_abort_reaches_jobs_that_others_run_for_themselves() {
    let pool = TaskPool::new(1);
    let (drops, inside) = (Drops::default(), pool.clone());
    let (started, has_started) = tokio::sync::oneshot::channel();
    let (outer_captured, inner_captured) = (drops.guard(), drops.guard());
    let outer = pool.submit(async move {
        let _captured = outer_captured;
        let inner = inside.submit(async move {
            let _captured = inner_captured;
            let _ = started.send(());
            std::future::pending::<()>().await;
        });
        inner.await.expect("there is room").await
    });
    let outer = outer.await.expect("open");
    has_started.await.expect("the inner one waits");
    let report = pool.aborted().await;
    assert_eq!((drops.count(), report.aborted, report.still_running.len()), (2, 2, 0));
    assert!(outer.await.expect_err("dropped").is_closed());
}

/// A worker that waits must not run somebody else's job: that one may want a lock that the waiting job holds.
#[test]
fn a_lock_that_is_held_while_waiting_deadlocks_nobody() {
    without_deadlock(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
        runtime.expect("it starts").block_on(async {
            let pool = CpuPool::new(2);
            let shared = Arc::new(Mutex::new(0_u64));
            let jobs: Vec<_> = (0..200)
                .map(|_| {
                    let shared = shared.clone();
                    pool.try_submit({
                        let pool = pool.clone();
                        move || {
                            let mut guard = shared.lock().unwrap();
                            // Waits for two jobs that do not want the lock, with the lock in its hands.
                            let parts = pool.try_submit(|| 1).into_iter().chain(pool.try_submit(|| 1));
                            *guard += parts.map(|part| part.wait_blocking().expect("it runs")).sum::<u64>();
                        }
                    })
                    .expect("there is room")
                })
                .collect();
            for job in jobs {
                job.await.expect("it ends");
            }
            assert_eq!(*shared.lock().unwrap(), 400);
            assert!(pool.shutdown(SOON).await.is_clean());
        });
    });
}

#[tokio::test]
async fn a_job_bound_to_another_worker_is_waited_for() {
    let pool = CpuPool::new(2);
    let inside = pool.clone();
    let outer = pool.submit_to(0, move |_| {
        let here = inside.submit_to(0, |cx| cx.worker());
        let there = inside.submit_to(1, |cx| cx.worker());
        Handle::current().block_on(async { (here.await.expect("room").await, there.await.expect("room").await) })
    });
    assert_eq!(outer.await.expect("open").await, Ok((Ok(0), Ok(1))));
}

#[tokio::test]
async fn a_handle_is_waited_for_from_a_plain_thread() {
    let pool = CpuPool::new(1);
    let handle = pool.submit_with(Placement::Injector, |cx| cx.worker()).await.expect("open");
    let waiter = tokio::task::spawn_blocking(move || handle.wait_blocking());
    assert_eq!(waiter.await.expect("no panic"), Ok(0));
    let handle = pool.submit(|| 7).await.expect("open");
    let waiter = std::thread::spawn(move || handle.wait_blocking());
    while !waiter.is_finished() {
        tokio::task::yield_now().await;
    }
    assert_eq!(waiter.join().expect("no panic"), Ok(7));
}

#[tokio::test]
#[should_panic(expected = "Cannot block the current thread from within a runtime")]
async fn a_handle_is_not_waited_for_on_a_runtime_worker() {
    let pool = CpuPool::new(1);
    let handle = pool.submit(|| 7).await.expect("open");
    let _ = handle.wait_blocking();
}

#[tokio::test]
async fn a_long_chain_of_async_jobs_completes_on_a_pool_of_one() {
    fn chain(pool: TaskPool, depth: u32) -> futures::future::BoxFuture<'static, u32> {
        Box::pin(async move {
            match depth {
                0 => 0,
                _ => {
                    let next = pool.submit(chain(pool.clone(), depth - 1)).await.expect("there is room");
                    1 + next.await.expect("it runs")
                }
            }
        })
    }
    let pool = TaskPool::builder().limit(1).capacity(4).build();
    assert_eq!(pool.submit(chain(pool.clone(), 2_000)).await.expect("open").await, Ok(2_000));
}

#[tokio::test]
async fn a_job_awaits_thousands_of_children_on_a_pool_of_one() {
    let pool = TaskPool::builder().limit(1).capacity(20_000).build();
    let inside = pool.clone();
    let outer = pool.submit(async move {
        let children: Vec<_> = (0..16_000_u64).map(|n| inside.try_submit(async move { n }).expect("room")).collect();
        join_all(children).await.into_iter().map(|n| n.expect("it runs")).sum::<u64>()
    });
    assert_eq!(outer.await.expect("open").await, Ok(127_992_000));
}

/// Each awaited job gives its place back when it begins, although it lies in the queue until a worker passes by.
#[tokio::test]
async fn jobs_that_are_awaited_one_by_one_need_one_place() {
    let pool = TaskPool::builder().limit(1).capacity(1).build();
    let inside = pool.clone();
    let outer = pool.submit(async move {
        for n in 0..1_000 {
            assert_eq!(inside.submit(async move { n }).await.expect("there is room").await, Ok(n));
        }
    });
    outer.await.expect("open").await.expect("it ends");

    let pool = CpuPool::builder().limit(1).capacity(1).build();
    let inside = pool.clone();
    let outer = pool.submit(move || {
        for n in 0..1_000 {
            assert_eq!(inside.try_submit(move || n).expect("there is room").wait_blocking(), Ok(n));
        }
    });
    outer.await.expect("open").await.expect("it ends");
    assert_eq!(pool.stats().queued, 0);
}

#[tokio::test]
async fn an_awaited_job_goes_on_without_its_handle() {
    let pool = TaskPool::new(1);
    let (gate, drops) = (Gate::new(), Drops::default());
    let inside = pool.clone();
    let (opened, captured) = (gate.clone(), drops.guard());
    let outer = pool.submit(async move {
        let awaited = inside.submit(async move {
            let _captured = captured;
            opened.wait().await;
        });
        let mut awaited = awaited.await.expect("there is room");
        assert!(poll_here(&mut awaited).await.is_pending());
        tokio::task::yield_now().await;
        assert_eq!(inside.stats().flow.in_flight, 2);
        // It has begun: dropping the handle only tells it so.
        drop(awaited);
    });
    outer.await.expect("open").await.expect("it ends");
    assert_eq!((drops.count(), pool.stats().flow.in_flight, pool.stats().active), (0, 1, 1), "it keeps the worker");
    gate.open();
    let report = pool.shutdown(SOON).await;
    assert_eq!((report.finished, drops.count()), (2, 1));
}

#[tokio::test]
async fn a_timeout_around_an_awaited_job_does_not_stop_it() {
    tokio::time::pause();
    let pool = TaskPool::new(1);
    let gate = Gate::new();
    let (inside, opened) = (pool.clone(), gate.clone());
    let outer = pool.submit(async move {
        let mut awaited = inside.submit(async move { opened.wait().await }).await.expect("there is room");
        let timed_out = tokio::time::timeout(SOON, &mut awaited).await.is_err();
        gate.open();
        (timed_out, awaited.await)
    });
    assert_eq!(outer.await.expect("open").await, Ok((true, Ok(()))));
}

/// Whoever has nothing to do takes what another awaits: its worker drives one at a time.
#[tokio::test]
async fn what_is_awaited_at_once_is_spread_over_idle_workers() {
    let pool = TaskPool::new(4);
    let inside = pool.clone();
    let outer = pool.submit(async move {
        let meeting = Arc::new(tokio::sync::Barrier::new(4));
        let handles: Vec<_> = (0..4)
            .map(|_| {
                let meeting = meeting.clone();
                inside.try_submit(async move { meeting.wait().await }).expect("there is room")
            })
            .collect();
        join_all(handles).await.len()
    });
    assert_eq!(outer.await.expect("open").await, Ok(4));
}

#[tokio::test]
async fn a_pool_that_has_shrunk_to_one_completes_what_was_bound_to_another() {
    let pool = TaskPool::new(2);
    let (inside, gate) = (pool.clone(), Gate::new());
    let opened = gate.clone();
    let outer = pool.submit_to(0, move |_| async move {
        opened.wait().await;
        let bound = inside.submit_to(1, |cx| async move { cx.worker() }).await.expect("there is room");
        inside.resize(1);
        bound.await
    });
    let outer = outer.await.expect("open");
    let held = Waiting::submit_with(&pool, Placement::Worker(1)).await;
    gate.open();
    while pool.stats().limit == 2 {
        tokio::task::yield_now().await;
    }
    held.finish().await;
    assert_eq!(outer.await, Ok(Ok(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn two_jobs_that_deal_out_even_shares_do_not_wait_for_each_other() {
    let pool = CpuPool::new(2);
    let both = Arc::new(std::sync::Barrier::new(2));
    let runs: Vec<_> = (0..2)
        .map(|worker| {
            let (inside, both) = (pool.clone(), both.clone());
            pool.submit_to(worker, move |_| {
                both.wait();
                let run = inside.map_with(Schedule::Static, (0..100).collect(), |n: u64| n + 1);
                Handle::current().block_on(run).expect("it runs").0
            })
        })
        .collect();
    for run in join_all(runs).await {
        assert_eq!(run.expect("open").await, Ok((1..=100).collect()));
    }
}

/// A map whose future leaves the job that began it: no chunk depends on where it is polled.
#[tokio::test]
async fn a_map_goes_on_outside_the_job_that_began_it() {
    let pool = TaskPool::builder().limit(1).capacity(1).build();
    let (inside, outside) = (pool.clone(), pool.clone());
    let outer = pool.submit(async move {
        inside.try_submit(async {}).expect("the only place").detach();
        let mut map = Box::pin(async move { outside.map(0..10, |n| async move { n }).await });
        assert!(poll_here(&mut map).await.is_pending());
        (map,)
    });
    let (map,) = outer.await.expect("open").await.expect("it ends");
    assert_eq!(map.await, Ok((0..10).collect()));
}

#[tokio::test]
async fn jobs_that_are_awaited_count_at_their_worker() {
    let pool = TaskPool::new(1);
    let inside = pool.clone();
    let outer = pool.submit(async move {
        let awaited = inside.submit({
            let inside = inside.clone();
            async move {
                tokio::task::yield_now().await;
                inside.stats().workers[0].is_running
            }
        });
        awaited.await.expect("there is room").await
    });
    assert_eq!(outer.await.expect("open").await, Ok(Ok(true)));
    let stats = pool.stats();
    assert_eq!((stats.workers[0].done, stats.flow.done, stats.running), (2, 2, 0));
}
