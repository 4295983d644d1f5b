//! Async jobs: steps, stops between and during steps, and the hands they are in.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::{Arc, Mutex};
use loom::thread;
use regatta::pool::model::{Model, Workers};

use super::{Alive, Count, check};

/// A future that is ready when somebody has opened it. Loom has none of its own.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_open: bool,
    waker: Option<Waker>,
}

impl Gate {
    fn open(&self) {
        let waker = {
            let mut state = self.0.lock().expect("nobody panics");
            state.is_open = true;
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Future for Gate {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().expect("nobody panics");
        if state.is_open {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[test]
fn a_job_that_waits_goes_on_when_it_is_woken() {
    check(3, || {
        let pool = Model::new(Workers::Pollers, 1, 2);
        let gate = Gate::default();
        let Ok(handle) = pool.try_submit_async(gate.clone()) else { panic!("there is room") };
        gate.open();
        assert_eq!(block_on(handle), Ok(()));
        pool.join();
        assert_eq!((pool.stats().queued, pool.stats().active), (0, 0));
    });
}

/// It is stopped before it begins, while it makes a step, between two steps, or not in time: it ends once.
#[test]
fn a_job_is_stopped_at_any_moment_and_ends_once() {
    check(3, || {
        let pool = Model::new(Workers::Pollers, 1, 2);
        let (gate, alive) = (Gate::default(), Count::default());
        let (opened, captured) = (gate.clone(), Alive::new(&alive, 1));
        let job = async move {
            let _captured = captured;
            opened.await;
        };
        let Ok(handle) = pool.try_submit_async(job) else { panic!("there is room") };
        handle.cancel();
        // Nobody opens the gate: only the cancelling can end the job.
        assert!(block_on(handle).is_err_and(|error| error.is_cancelled()));
        assert_eq!(alive.value(), 0);
        pool.join();
        let stats = pool.stats();
        assert_eq!((stats.queued, stats.active, stats.flow.discarded, stats.flow.in_flight), (0, 0, 1, 0));
    });
}

#[test]
fn a_job_that_is_stopped_while_it_is_woken_ends_one_way() {
    check(2, || {
        let pool = Model::new(Workers::Pollers, 1, 2);
        let gate = Gate::default();
        let Ok(handle) = pool.try_submit_async(gate.clone()) else { panic!("there is room") };
        let opener = thread::spawn(move || gate.open());
        let was_stopped = handle.cancel();
        let result = block_on(handle);
        assert!(!was_stopped || result.is_err());
        opener.join().expect("it ends");
        pool.join();
        let flow = pool.stats().flow;
        assert_eq!((flow.done + flow.discarded, flow.in_flight), (1, 0));
    });
}

/// The abort finds the job in the worker's hands, or the worker finds the abort.
#[test]
fn an_abort_reaches_the_job_that_a_worker_is_just_taking() {
    check(3, || {
        let pool = Model::new(Workers::Pollers, 1, 2);
        let alive = Count::default();
        let captured = Alive::new(&alive, 1);
        let job = async move {
            let _captured = captured;
            std::future::pending::<()>().await;
        };
        let Ok(handle) = pool.try_submit_async(job) else { panic!("there is room") };
        pool.abort();
        block_on(pool.idle());
        assert_eq!(alive.value(), 0);
        assert!(block_on(handle).is_err_and(|error| error.is_closed()));
        pool.join();
    });
}

/// With one worker, two that are awaited by a third: each runs where it is awaited, one after the other.
#[test]
fn a_pool_of_one_completes_what_its_only_job_awaits() {
    check(2, || {
        let pool = Model::new(Workers::Pollers, 1, 4);
        let inside = pool.clone();
        let outer = pool.try_submit_async(async move {
            let Ok(first) = inside.try_submit_async(async { 1 }) else { panic!("there is room") };
            let Ok(second) = inside.try_submit_async(async { 2 }) else { panic!("there is room") };
            (first.await, second.await)
        });
        let Ok(outer) = outer else { panic!("there is room") };
        assert_eq!(block_on(outer), Ok((Ok(1), Ok(2))));
        pool.join();
        assert_eq!((pool.stats().queued, pool.stats().active), (0, 0));
    });
}

/// Workers call each other: a job that waits for one behind it gets company, whoever is on the way when that comes.
#[test]
fn a_job_that_waits_for_one_behind_it_gets_company() {
    check(2, || {
        let pool = Model::new(Workers::Pollers, 2, 4);
        let gate = Gate::default();
        let Ok(first) = pool.try_submit_async(gate.clone()) else { panic!("there is room") };
        let Ok(second) = pool.try_submit_async(async move { gate.open() }) else { panic!("there is room") };
        assert_eq!((block_on(first), block_on(second)), (Ok(()), Ok(())));
        pool.join();
        assert_eq!((pool.stats().queued, pool.stats().active), (0, 0));
    });
}

/// The same, where the limit is raised while both are there.
#[test]
fn a_job_that_waits_for_one_behind_it_gets_company_when_the_pool_grows() {
    check(2, || {
        let pool = Model::new(Workers::Pollers, 1, 4);
        let gate = Gate::default();
        let Ok(first) = pool.try_submit_async(gate.clone()) else { panic!("there is room") };
        let Ok(second) = pool.try_submit_async(async move { gate.open() }) else { panic!("there is room") };
        pool.resize(2);
        assert_eq!((block_on(first), block_on(second)), (Ok(()), Ok(())));
        pool.join();
        assert_eq!((pool.stats().queued, pool.stats().active), (0, 0));
    });
}

/// A bound job is taken while a free one comes: whoever takes the first calls for the second.
#[test]
fn a_free_job_behind_a_bound_one_that_waits_gets_company() {
    check(2, || {
        let pool = Model::new(Workers::Pollers, 2, 4);
        let gate = Gate::default();
        let opened = gate.clone();
        let Ok(bound) = pool.try_submit_async_to(0, opened) else { panic!("there is room") };
        let Ok(free) = pool.try_submit_async(async move { gate.open() }) else { panic!("there is room") };
        assert_eq!((block_on(bound), block_on(free)), (Ok(()), Ok(())));
        pool.join();
        assert_eq!((pool.stats().queued, pool.stats().active), (0, 0));
    });
}

/// An awaited job is begun by the worker beside its host, or by another one, but once.
#[test]
fn an_awaited_job_is_begun_by_its_host_or_by_another_worker() {
    check(2, || {
        let pool = Model::new(Workers::Pollers, 2, 4);
        let (inside, ran) = (pool.clone(), Count::default());
        let count = ran.clone();
        let outer = pool.try_submit_async(async move {
            let inner = inside.try_submit_async(async move { count.raise() });
            inner.unwrap_or_else(|_| panic!("there is room")).await
        });
        assert_eq!(block_on(outer.unwrap_or_else(|_| panic!("there is room"))), Ok(Ok(1)));
        pool.join();
        assert_eq!((pool.stats().queued, pool.stats().active, pool.stats().flow.done), (0, 0, 2));
    });
}

/// The abort finds the guest in the worker's hands, or the worker finds the abort.
#[test]
fn an_abort_reaches_a_job_and_the_one_it_awaits() {
    check(2, || {
        let pool = Model::new(Workers::Pollers, 1, 2);
        let (inside, alive) = (pool.clone(), Count::default());
        let (first, second) = (Alive::new(&alive, 2), Alive::new(&alive, 2));
        let outer = pool.try_submit_async(async move {
            let _first = first;
            let inner = inside.try_submit_async(async move {
                let _second = second;
                std::future::pending::<()>().await;
            });
            if let Ok(inner) = inner {
                let _ = inner.await;
            }
            std::future::pending::<()>().await;
        });
        let outer = outer.unwrap_or_else(|_| panic!("there is room"));
        pool.abort();
        block_on(pool.idle());
        assert_eq!(alive.value(), 0);
        assert!(block_on(outer).is_err_and(|error| error.is_closed()));
        pool.join();
    });
}

/// A worker above the limit is in the middle of a job, and another one is leaving, when a job is bound below. (Or the jobs have
/// moved before they begin, to different workers.)
#[test]
fn whoever_leaves_looks_after_what_is_bound() {
    check(1, || {
        let pool = Model::new(Workers::Pollers, 4, 4);
        let gate = Gate::default();
        let Ok(long) = pool.try_submit_async_to(3, gate.clone()) else { panic!("there is room") };
        let Ok(short) = pool.try_submit_async_to(2, async {}) else { panic!("there is room") };
        pool.resize(2);
        let Ok(bound) = pool.try_submit_async_to(0, async {}) else { panic!("there is room") };
        assert_eq!((block_on(short), block_on(bound)), (Ok(()), Ok(())));
        gate.open();
        assert_eq!(block_on(long), Ok(()));
        pool.join();
        assert_eq!((pool.stats().queued, pool.stats().active), (0, 0));
    });
}
