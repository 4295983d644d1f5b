//! Whoever comes in calls a worker, or finds one that has not left.

use loom::future::block_on;
use loom::thread;
use regatta::pool::model::{Model, Workers};

use super::{Alive, Count, check};

fn submit(pool: &Model, running: &Count, ran: &Count, limit: usize) {
    let (inside, ran_once) = (running.clone(), ran.clone());
    let job = move || {
        let _alive = Alive::new(&inside, limit);
        thread::yield_now();
        ran_once.raise();
    };
    pool.try_submit(job).unwrap_or_else(|_| panic!("there is room")).detach();
}

fn no_job_is_lost(limit: usize, preemptions: usize) {
    check(preemptions, move || {
        let pool = Model::new(Workers::Threads, limit, 4);
        let (running, ran) = (Count::default(), Count::default());
        let other = {
            let (pool, running, ran) = (pool.clone(), running.clone(), ran.clone());
            thread::spawn(move || submit(&pool, &running, &ran, limit))
        };
        submit(&pool, &running, &ran, limit);
        other.join().expect("the submitter ends");
        pool.join();
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
        let pool = Model::new(Workers::Threads, 1, 4);
        let (running, ran) = (Count::default(), Count::default());
        submit(&pool, &running, &ran, 1);
        submit(&pool, &running, &ran, 1);
        pool.join();
        assert_eq!(ran.value(), 2);
    });
}

/// One of two workers is refused a thread: the other runs both jobs, or they are discarded, and none is left behind.
#[test]
fn a_worker_that_cannot_start_leaves_no_job_behind() {
    check(2, || {
        let pool = Model::new(Workers::Called, 2, 2);
        let Ok(first) = pool.try_submit(|| ()) else { panic!("there is room") };
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || assert!(pool.work()))
        };
        let Ok(second) = pool.try_submit(|| ()) else { panic!("there is room") };
        pool.forgo();
        drop(block_on(first));
        drop(block_on(second));
        worker.join().expect("the worker ends");
        let stats = pool.stats();
        assert_eq!((stats.queued, stats.active, stats.flow.in_flight), (0, 0, 0));
    });
}

/// The endings are counted with release and read with acquire: a reader never sees more ended than accepted.
#[test]
fn a_reading_never_shows_more_jobs_ended_than_accepted() {
    check(3, || {
        let pool = Model::new(Workers::Called, 1, 1);
        let reader = {
            let pool = pool.clone();
            // Debug builds would overflow in the subtraction, release builds wrap: look at the number.
            thread::spawn(move || assert!(pool.stats().flow.in_flight <= 1))
        };
        pool.try_submit(|| ()).unwrap_or_else(|_| panic!("there is room")).detach();
        pool.work();
        reader.join().expect("the reader ends");
    });
}
