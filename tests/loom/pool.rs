//! The pool's state machine: word, queue, lobby, books and jobs, with threads brought by the test.
//!
//! Each model was seen to fail on the protocol it guards, broken on purpose: docs/design/pool.md has the list.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize as Plain, Ordering::Relaxed};

use loom::future::block_on;
use loom::thread;
use regatta::pool::model::{Model, Submitted};

/// Counts outside the model: what it says is looked at after every thread has ended, or under the model's own order.
#[derive(Clone, Default)]
struct Count(Arc<Plain>);

impl Count {
    fn raise(&self) -> usize {
        self.0.fetch_add(1, Relaxed) + 1
    }

    fn value(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// Raised while alive: a worker, or what a closure captured.
struct Alive(Count);

impl Alive {
    fn new(count: &Count, limit: usize) -> Self {
        assert!(count.raise() <= limit, "more than {limit} at once");
        Self(count.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        // Others may look before this is over.
        thread::yield_now();
        (self.0).0.fetch_sub(1, Relaxed);
    }
}

fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

fn submit_and_call(pool: &Model, running: &Count, ran: &Count, limit: usize) -> Option<thread::JoinHandle<()>> {
    let (inside, ran_once) = (running.clone(), ran.clone());
    let job = move || {
        let _alive = Alive::new(&inside, limit);
        thread::yield_now();
        ran_once.raise();
    };
    let Ok(Submitted { handle, calls_worker }) = pool.try_submit(job) else { panic!("there is room") };
    handle.detach();
    let pool = pool.clone();
    calls_worker.then(|| thread::spawn(move || pool.work()))
}

fn no_job_is_lost(limit: usize, preemptions: usize) {
    check(preemptions, move || {
        let pool = Model::new(limit, 4);
        let (running, ran) = (Count::default(), Count::default());
        let other = {
            let (pool, running, ran) = (pool.clone(), running.clone(), ran.clone());
            thread::spawn(move || submit_and_call(&pool, &running, &ran, limit))
        };
        let mine = submit_and_call(&pool, &running, &ran, limit);
        let theirs = other.join().expect("the submitter ends");
        for worker in mine.into_iter().chain(theirs) {
            worker.join().expect("the worker ends");
        }
        assert_eq!(ran.value(), 2, "every job has run");
        let stats = pool.stats();
        assert_eq!((stats.queued, stats.active, stats.flow.done), (0, 0, 2));
    });
}

#[test]
fn with_one_worker_no_job_is_lost_and_none_runs_beside_another() {
    no_job_is_lost(1, 3);
}

#[test]
fn with_two_workers_no_job_is_lost() {
    no_job_is_lost(2, 2);
}

/// The worker of the first job is leaving while a second comes in: one of the two sees the other.
#[test]
fn a_job_that_comes_while_the_worker_leaves_is_run() {
    check(3, || {
        let pool = Model::new(1, 4);
        let (running, ran) = (Count::default(), Count::default());
        let first = submit_and_call(&pool, &running, &ran, 1);
        let second = submit_and_call(&pool, &running, &ran, 1);
        for worker in first.into_iter().chain(second) {
            worker.join().expect("the worker ends");
        }
        assert_eq!(ran.value(), 2);
    });
}

#[test]
fn a_job_is_refused_or_run_when_the_pool_closes_meanwhile() {
    check(3, || {
        let pool = Model::new(1, 1);
        let ran = Count::default();
        let submitter = {
            let (pool, ran) = (pool.clone(), ran.clone());
            thread::spawn(move || {
                match pool.try_submit(move || {
                    ran.raise();
                }) {
                    Ok(Submitted { handle, calls_worker }) => {
                        handle.detach();
                        assert!(calls_worker);
                        pool.work();
                        1
                    }
                    Err(refused) => {
                        assert!(refused.is_closed());
                        0
                    }
                }
            })
        };
        pool.close();
        // After close has returned, nobody comes in; and whoever waits for the pool to be idle is told.
        assert!(pool.try_submit(|| ()).is_err_and(|refused| refused.is_closed()));
        block_on(pool.idle());
        let accepted = submitter.join().expect("the submitter ends");
        assert_eq!(ran.value(), accepted);
    });
}

#[test]
fn a_submitter_that_waits_is_woken_by_the_worker_that_takes() {
    check(3, || {
        let pool = Model::new(1, 1);
        let ran = Count::default();
        let ran_first = ran.clone();
        let Ok(first) = pool.try_submit(move || {
            ran_first.raise();
        }) else {
            panic!("there is room")
        };
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || pool.work())
        };
        let ran_second = ran.clone();
        let second = block_on(pool.submit(move || {
            ran_second.raise();
        }));
        let Ok(second) = second else { panic!("the pool is open") };
        if second.calls_worker {
            pool.work();
        }
        worker.join().expect("the worker ends");
        assert!(block_on(first.handle).is_ok());
        assert!(block_on(second.handle).is_ok());
        assert_eq!(ran.value(), 2);
    });
}

/// Two wait for one place. The first gives up: if it was just let in, the turn goes to the other.
#[test]
fn a_turn_that_is_given_up_passes_to_the_next() {
    check(2, || {
        let pool = Model::new(1, 1);
        let Ok(first) = pool.try_submit(|| ()) else { panic!("there is room") };
        first.handle.detach();
        // It queues up before the threads begin: the model has to find only when it quits.
        let mut submit = {
            let pool = pool.clone();
            Box::pin(async move { drop(pool.submit(|| ()).await) })
        };
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(submit.as_mut().poll(&mut cx).is_pending());
        let quitter = thread::spawn(move || drop(submit));
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || pool.work())
        };
        let Ok(second) = block_on(pool.submit(|| ())) else { panic!("the pool is open") };
        if second.calls_worker {
            pool.work();
        }
        worker.join().expect("the worker ends");
        quitter.join().expect("the quitter ends");
        assert!(block_on(second.handle).is_ok());
        assert!(pool.stats().flow.in_flight == 0);
    });
}

#[test]
fn a_submitter_that_waits_is_told_when_the_pool_closes() {
    check(3, || {
        let pool = Model::new(1, 1);
        let Ok(first) = pool.try_submit(|| ()) else { panic!("there is room") };
        let closer = {
            let pool = pool.clone();
            thread::spawn(move || pool.close())
        };
        // Nobody works: the one place stays taken, so only the close can end the wait.
        assert!(block_on(pool.submit(|| ())).is_err_and(|refused| refused.is_closed()));
        closer.join().expect("the closer ends");
        pool.work();
        assert!(block_on(first.handle).is_ok());
    });
}

#[test]
fn a_job_is_cancelled_or_run_but_never_both() {
    check(3, || {
        let pool = Model::new(1, 1);
        let (ran, alive) = (Count::default(), Count::default());
        let (ran_once, captured) = (ran.clone(), Alive::new(&alive, 1));
        let job = move || {
            let _captured = captured;
            ran_once.raise();
        };
        let Ok(submitted) = pool.try_submit(job) else { panic!("there is room") };
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || pool.work())
        };
        let was_cancelled = submitted.handle.cancel();
        let result = block_on(submitted.handle);
        assert_eq!(alive.value(), 0, "what was captured is gone before the handle resolves");
        assert_eq!(result.is_err(), was_cancelled);
        assert_eq!(ran.value(), usize::from(!was_cancelled));
        worker.join().expect("the worker ends");
        let flow = pool.stats().flow;
        let (done, discarded) = (u64::from(!was_cancelled), u64::from(was_cancelled));
        assert_eq!((flow.accepted, flow.done, flow.discarded, flow.in_flight), (1, done, discarded, 0));
    });
}

#[test]
fn a_handle_resolves_after_what_was_captured_is_gone() {
    check(3, || {
        let pool = Model::new(1, 1);
        let (ran, alive) = (Count::default(), Count::default());
        let (ran_once, captured) = (ran.clone(), Alive::new(&alive, 1));
        let job = move || {
            let _captured = captured;
            ran_once.raise();
        };
        let Ok(submitted) = pool.try_submit(job) else { panic!("there is room") };
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || pool.work())
        };
        let aborter = {
            let pool = pool.clone();
            thread::spawn(move || pool.abort())
        };
        let result = block_on(submitted.handle);
        assert_eq!(alive.value(), 0);
        assert_eq!(ran.value(), usize::from(result.is_ok()));
        worker.join().expect("the worker ends");
        aborter.join().expect("the aborter ends");
    });
}

/// After a closed pool is idle, no closure is alive, even if its handle was dropped elsewhere meanwhile.
#[test]
fn an_idle_pool_holds_nothing_that_a_cancelled_job_captured() {
    check(3, || {
        let pool = Model::new(1, 1);
        let alive = Count::default();
        let captured = Alive::new(&alive, 1);
        let Ok(submitted) = pool.try_submit(move || drop(captured)) else { panic!("there is room") };
        let canceller = thread::spawn(move || drop(submitted.handle));
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || pool.work())
        };
        pool.close();
        block_on(pool.idle());
        assert_eq!(alive.value(), 0);
        canceller.join().expect("the canceller ends");
        worker.join().expect("the worker ends");
    });
}

#[test]
fn an_abort_discards_what_a_submitter_is_just_bringing_in() {
    check(3, || {
        let pool = Model::new(1, 2);
        let submitter = {
            let pool = pool.clone();
            thread::spawn(move || match pool.try_submit(|| ()) {
                Ok(submitted) => {
                    // The worker it owes never comes, as on a runtime that is gone.
                    pool.close();
                    pool.forgo_worker();
                    assert!(block_on(submitted.handle).is_err());
                    1
                }
                Err(refused) => {
                    assert!(refused.is_closed());
                    0
                }
            })
        };
        pool.abort();
        block_on(pool.empty());
        let accepted = submitter.join().expect("the submitter ends");
        block_on(pool.idle());
        let flow = pool.stats().flow;
        assert_eq!((flow.accepted, flow.discarded, flow.in_flight), (accepted, accepted, 0));
    });
}

/// One of two workers is refused a thread: the other runs both jobs, or they are discarded, and none is left behind.
#[test]
fn a_worker_that_cannot_start_leaves_no_job_behind() {
    check(2, || {
        let pool = Model::new(2, 2);
        let Ok(first) = pool.try_submit(|| ()) else { panic!("there is room") };
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || pool.work())
        };
        let Ok(second) = pool.try_submit(|| ()) else { panic!("there is room") };
        if second.calls_worker {
            pool.forgo_worker();
        }
        drop(block_on(first.handle));
        drop(block_on(second.handle));
        worker.join().expect("the worker ends");
        let stats = pool.stats();
        assert_eq!((stats.queued, stats.active, stats.flow.in_flight), (0, 0, 0));
    });
}

/// The endings are counted with release and read with acquire: a reader never sees more ended than accepted.
#[test]
fn a_reading_never_shows_more_jobs_ended_than_accepted() {
    check(3, || {
        let pool = Model::new(1, 1);
        let reader = {
            let pool = pool.clone();
            // Debug builds would overflow in the subtraction, release builds wrap: look at the number.
            thread::spawn(move || assert!(pool.stats().flow.in_flight <= 1))
        };
        let Ok(submitted) = pool.try_submit(|| ()) else { panic!("there is room") };
        submitted.handle.detach();
        pool.work();
        reader.join().expect("the reader ends");
    });
}
