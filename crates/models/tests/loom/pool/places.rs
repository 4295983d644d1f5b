//! Waiting for a place in the queue, and jobs that are bound to a worker.

use loom::future::block_on;
use loom::thread;
use regatta::pool::Placement;
use regatta::pool::model::{Model, Workers};

use super::{Count, check};

#[test]
fn a_submitter_that_waits_is_woken_by_the_worker_that_takes() {
    check(3, || {
        let pool = Model::new(Workers::Threads, 1, 1);
        let ran = Count::default();
        let (ran_first, ran_second) = (ran.clone(), ran.clone());
        let Ok(first) = pool.try_submit(move || ran_first.raise()) else { panic!("there is room") };
        let Ok(second) = block_on(pool.submit(move || ran_second.raise())) else { panic!("the pool is open") };
        assert!(block_on(first).is_ok());
        assert!(block_on(second).is_ok());
        pool.join();
        assert_eq!(ran.value(), 2);
    });
}

/// Two wait for one place. The first gives up: if it was just let in, the turn goes to the other.
#[test]
fn a_turn_that_is_given_up_passes_to_the_next() {
    check(2, || {
        let pool = Model::new(Workers::Called, 1, 1);
        pool.try_submit(|| ()).unwrap_or_else(|_| panic!("there is room")).detach();
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
            thread::spawn(move || assert!(pool.work()))
        };
        let Ok(second) = block_on(pool.submit(|| ())) else { panic!("the pool is open") };
        pool.work();
        worker.join().expect("the worker ends");
        quitter.join().expect("the quitter ends");
        assert!(block_on(second).is_ok());
        assert!(pool.stats().flow.in_flight == 0);
    });
}

#[test]
fn a_submitter_that_waits_is_told_when_the_pool_closes() {
    check(3, || {
        let pool = Model::new(Workers::Called, 1, 1);
        let Ok(first) = pool.try_submit(|| ()) else { panic!("there is room") };
        let closer = {
            let pool = pool.clone();
            thread::spawn(move || pool.close())
        };
        // Nobody works: the one place stays taken, so only the close can end the wait.
        assert!(block_on(pool.submit(|| ())).is_err_and(|refused| refused.is_closed()));
        closer.join().expect("the closer ends");
        pool.work();
        assert!(block_on(first).is_ok());
    });
}

/// A worker of this slot is there, is leaving, or is not there: in each case the job is run there.
#[test]
fn a_job_bound_to_a_worker_that_is_leaving_is_run_there() {
    check(3, || {
        let pool = Model::new(Workers::Threads, 2, 4);
        let Ok(first) = pool.try_submit_with(Placement::Worker(1), |cx| cx.worker()) else { panic!("there is room") };
        let Ok(second) = pool.try_submit_with(Placement::Worker(1), |cx| cx.worker()) else { panic!("there is room") };
        assert_eq!((block_on(first), block_on(second)), (Ok(1), Ok(1)));
        pool.join();
        let stats = pool.stats();
        assert_eq!((stats.queued, stats.active), (0, 0));
    });
}

/// The only worker that may be out has been called for another job, and has not sat down yet.
#[test]
fn a_bound_job_is_run_by_a_worker_that_was_called_for_another() {
    check(3, || {
        let pool = Model::new(Workers::Threads, 1, 4);
        let other = {
            let pool = pool.clone();
            thread::spawn(move || pool.try_submit(|| ()).unwrap_or_else(|_| panic!("there is room")).detach())
        };
        let Ok(bound) = pool.try_submit_with(Placement::Worker(0), |cx| cx.worker()) else { panic!("there is room") };
        other.join().expect("the submitter ends");
        assert_eq!(block_on(bound), Ok(0));
        pool.join();
        assert_eq!(pool.stats().flow.done, 2);
    });
}

/// Two bound jobs, two slots: between them, those who bring them call two workers, and each slot gets one.
#[test]
fn two_bound_jobs_call_two_workers() {
    check(3, || {
        let pool = Model::new(Workers::Called, 2, 4);
        let other = {
            let pool = pool.clone();
            thread::spawn(move || {
                let bound = pool.try_submit_with(Placement::Worker(0), |cx| cx.worker());
                bound.unwrap_or_else(|_| panic!("there is room"))
            })
        };
        let Ok(mine) = pool.try_submit_with(Placement::Worker(1), |cx| cx.worker()) else { panic!("there is room") };
        let theirs = other.join().expect("the submitter ends");
        assert_eq!(pool.stats().active, 2);
        while pool.work() {}
        assert_eq!((block_on(mine), block_on(theirs)), (Ok(1), Ok(0)));
        assert_eq!((pool.stats().queued, pool.stats().active), (0, 0));
    });
}

/// The worker that a bound job needs cannot be had: the job is discarded, or somebody else has come to that slot.
#[test]
fn a_bound_job_whose_worker_is_refused_is_not_left_behind() {
    check(3, || {
        let pool = Model::new(Workers::Called, 2, 4);
        let Ok(bound) = pool.try_submit_with(Placement::Worker(1), |cx| cx.worker()) else { panic!("there is room") };
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || {
                pool.try_submit(|| ()).unwrap_or_else(|_| panic!("there is room")).detach();
                pool.work();
            })
        };
        pool.forgo();
        worker.join().expect("the worker ends");
        while pool.work() {}
        assert!(matches!(block_on(bound), Ok(1) | Err(_)));
        let stats = pool.stats();
        assert_eq!((stats.queued, stats.active, stats.flow.in_flight), (0, 0, 0));
    });
}

/// A child lies at its parent's end: its worker takes it, or another steals it, but only one of them.
#[test]
fn a_child_is_run_once_by_its_worker_or_a_thief() {
    check(2, || {
        let pool = Model::new(Workers::Threads, 2, 4);
        let ran = Count::default();
        let count = ran.clone();
        let parent = pool.try_submit_with(Placement::Injector, move |cx| {
            let count = count.clone();
            cx.spawn(move |_| count.raise()).unwrap_or_else(|_| panic!("there is room")).detach();
        });
        assert!(block_on(parent.unwrap_or_else(|_| panic!("there is room"))).is_ok());
        pool.join();
        assert_eq!(ran.value(), 1);
        assert_eq!((pool.stats().queued, pool.stats().active), (0, 0));
    });
}

/// A job is popped, or stopped where it lies: its place is given back once, and whoever waits for it comes in.
#[test]
fn the_place_of_a_cancelled_job_goes_to_who_waits() {
    check(2, || {
        let pool = Model::new(Workers::Called, 1, 1);
        let Ok(first) = pool.try_submit(|| ()) else { panic!("there is room") };
        let canceller = thread::spawn(move || drop(first));
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || {
                let _ = pool.work();
            })
        };
        let Ok(second) = block_on(pool.submit(|| ())) else { panic!("the pool is open") };
        canceller.join().expect("it ends");
        worker.join().expect("it ends");
        while pool.work() {}
        assert_eq!(block_on(second), Ok(()));
        assert_eq!((pool.stats().queued, pool.stats().active, pool.stats().flow.in_flight), (0, 0, 0));
    });
}

/// The same for what is bound, where the places are counted twice.
#[test]
fn the_place_of_a_cancelled_bound_job_is_given_back_once() {
    check(3, || {
        let pool = Model::new(Workers::Threads, 2, 2);
        let Ok(bound) = pool.try_submit_with(Placement::Worker(1), |cx| cx.worker()) else { panic!("there is room") };
        let Ok(behind) = pool.try_submit_with(Placement::Worker(1), |cx| cx.worker()) else { panic!("there is room") };
        drop(bound);
        assert_eq!(block_on(behind), Ok(1));
        pool.join();
        assert_eq!((pool.stats().queued, pool.stats().active, pool.stats().flow.in_flight), (0, 0, 0));
    });
}
