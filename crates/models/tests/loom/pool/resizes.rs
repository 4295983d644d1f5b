//! Another limit, while jobs come, run and go.

use loom::future::block_on;
use loom::thread;
use regatta::pool::Placement;
use regatta::pool::model::{Model, Workers};

use super::{Alive, Count, check};

fn job(running: &Count, ran: &Count, limit: usize) -> impl FnOnce() + Send + 'static {
    let (running, ran) = (running.clone(), ran.clone());
    move || {
        let _alive = Alive::new(&running, limit);
        thread::yield_now();
        ran.raise();
    }
}

/// Between them, whoever grows and whoever comes in call one worker for each job, and no more than the limit.
#[test]
fn growing_and_coming_in_call_as_many_as_are_needed() {
    check(3, || {
        let pool = Model::new(Workers::Called, 1, 4);
        let ran = Count::default();
        let (first, second) = (ran.clone(), ran.clone());
        pool.try_submit(move || first.raise()).unwrap_or_else(|_| panic!("there is room")).detach();
        let other = {
            let pool = pool.clone();
            thread::spawn(move || pool.resize(2))
        };
        pool.try_submit(move || second.raise()).unwrap_or_else(|_| panic!("there is room")).detach();
        other.join().expect("it ends");
        assert_eq!(pool.stats().active, 2);
        let mut calls = 0;
        while pool.work() {
            calls += 1;
        }
        assert_eq!((ran.value(), calls, pool.stats().queued, pool.stats().active), (2, 2, 0, 0));
    });
}

/// The only worker is leaving, there, or on its way while the pool grows and a job comes in.
#[test]
fn growing_while_the_worker_leaves_loses_no_job() {
    check(3, || {
        let pool = Model::new(Workers::Called, 1, 4);
        let (running, ran) = (Count::default(), Count::default());
        pool.try_submit(job(&running, &ran, 2)).unwrap_or_else(|_| panic!("there is room")).detach();
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || assert!(pool.work()))
        };
        pool.resize(2);
        pool.try_submit(job(&running, &ran, 2)).unwrap_or_else(|_| panic!("there is room")).detach();
        while pool.work() {}
        worker.join().expect("it ends");
        while pool.work() {}
        assert_eq!((ran.value(), pool.stats().queued, pool.stats().active), (2, 0, 0));
    });
}

#[test]
fn shrinking_loses_no_job() {
    check(2, || {
        let pool = Model::new(Workers::Threads, 2, 4);
        let (running, ran) = (Count::default(), Count::default());
        pool.try_submit(job(&running, &ran, 2)).unwrap_or_else(|_| panic!("there is room")).detach();
        pool.try_submit(job(&running, &ran, 2)).unwrap_or_else(|_| panic!("there is room")).detach();
        pool.resize(1);
        pool.join();
        assert_eq!((ran.value(), pool.stats().queued, pool.stats().active), (2, 0, 0));
    });
}

/// The limit sinks below the slot of the only worker that is out: it moves down, or another is called.
#[test]
fn a_job_that_comes_while_the_only_worker_is_above_the_limit_is_run() {
    check(2, || {
        let pool = Model::new(Workers::Threads, 2, 4);
        let ran = Count::default();
        let Ok(bound) = pool.try_submit_with(Placement::Worker(1), |cx| cx.worker()) else { panic!("there is room") };
        pool.resize(1);
        let count = ran.clone();
        pool.try_submit(move || count.raise()).unwrap_or_else(|_| panic!("there is room")).detach();
        assert!(matches!(block_on(bound), Ok(0 | 1)));
        pool.join();
        assert_eq!((ran.value(), pool.stats().queued, pool.stats().active), (1, 0, 0));
    });
}

/// What is bound above the new limit moves while its worker is coming, there, leaving, or gone.
#[test]
fn a_bound_job_that_moves_is_run_below_the_limit() {
    check(2, || {
        let pool = Model::new(Workers::Threads, 2, 4);
        let resizer = {
            let pool = pool.clone();
            thread::spawn(move || pool.resize(1))
        };
        let bound = pool.try_submit_with(Placement::Worker(1), |cx| cx.worker());
        resizer.join().expect("it ends");
        match bound {
            Ok(bound) => assert!(matches!(block_on(bound), Ok(0 | 1))),
            Err(refused) => assert!(refused.is_no_worker()),
        }
        pool.join();
        assert_eq!((pool.stats().queued, pool.stats().active), (0, 0));
    });
}

#[test]
fn a_pool_that_is_resized_while_it_closes_comes_to_rest() {
    check(2, || {
        let pool = Model::new(Workers::Threads, 2, 4);
        let ran = Count::default();
        let count = ran.clone();
        pool.try_submit(move || count.raise()).unwrap_or_else(|_| panic!("there is room")).detach();
        let resizer = {
            let pool = pool.clone();
            thread::spawn(move || {
                pool.resize(1);
                pool.resize(2);
            })
        };
        pool.close();
        block_on(pool.idle());
        assert_eq!(ran.value(), 1, "an idle pool has run what it had accepted");
        resizer.join().expect("it ends");
        pool.join();
        assert_eq!((pool.stats().queued, pool.stats().active), (0, 0));
    });
}

/// Jobs are bound below and above a limit that sinks and rises: wherever the workers are, each job gets one.
#[test]
fn bound_jobs_are_run_while_the_limit_sinks_and_rises() {
    check(1, || {
        let pool = Model::new(Workers::Threads, 2, 4);
        let Ok(above) = pool.try_submit_with(Placement::Worker(1), |_| ()) else { panic!("there is room") };
        let resizer = {
            let pool = pool.clone();
            thread::spawn(move || {
                pool.resize(1);
                pool.resize(2);
            })
        };
        let Ok(below) = pool.try_submit_with(Placement::Worker(0), |_| ()) else { panic!("there is room") };
        assert_eq!((block_on(above), block_on(below)), (Ok(()), Ok(())));
        resizer.join().expect("it ends");
        pool.join();
        assert_eq!((pool.stats().queued, pool.stats().active), (0, 0));
    });
}
