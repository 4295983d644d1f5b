//! Closing, aborting, and coming to rest.

use loom::future::block_on;
use loom::thread;
use regatta::pool::Placement;
use regatta::pool::model::{Model, Workers};

use super::{Alive, Count, check};

#[test]
fn a_job_is_refused_or_run_when_the_pool_closes_meanwhile() {
    check(3, || {
        let pool = Model::new(Workers::Called, 1, 1);
        let ran = Count::default();
        let submitter = {
            let (pool, ran) = (pool.clone(), ran.clone());
            thread::spawn(move || match pool.try_submit(move || ran.raise()) {
                Ok(handle) => {
                    handle.detach();
                    assert!(pool.work());
                    1
                }
                Err(refused) => {
                    assert!(refused.is_closed());
                    0
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

/// After a closed pool is idle, no closure is alive, even if its handle was dropped elsewhere meanwhile.
#[test]
fn an_idle_pool_holds_nothing_that_a_cancelled_job_captured() {
    check(3, || {
        let pool = Model::new(Workers::Threads, 1, 1);
        let alive = Count::default();
        let captured = Alive::new(&alive, 1);
        let Ok(handle) = pool.try_submit(move || drop(captured)) else { panic!("there is room") };
        let canceller = thread::spawn(move || drop(handle));
        pool.close();
        block_on(pool.idle());
        assert_eq!(alive.value(), 0);
        canceller.join().expect("the canceller ends");
        pool.join();
    });
}

#[test]
fn an_abort_discards_what_a_submitter_is_just_bringing_in() {
    check(3, || {
        let pool = Model::new(Workers::Called, 1, 2);
        let submitter = {
            let pool = pool.clone();
            thread::spawn(move || match pool.try_submit(|| ()) {
                Ok(handle) => {
                    // The worker it owes never comes, as on a runtime that is gone.
                    pool.close();
                    assert!(pool.forgo());
                    assert!(block_on(handle).is_err());
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

/// A bound job waits for a worker on its way; the abort discards it, or it is run.
#[test]
fn an_abort_reaches_what_is_bound() {
    check(3, || {
        let pool = Model::new(Workers::Threads, 2, 2);
        let Ok(bound) = pool.try_submit_with(Placement::Worker(1), |cx| cx.worker()) else { panic!("there is room") };
        pool.abort();
        block_on(pool.empty());
        assert!(matches!(block_on(bound), Ok(1) | Err(_)));
        pool.join();
        let stats = pool.stats();
        assert_eq!((stats.queued, stats.active, stats.flow.in_flight), (0, 0, 0));
    });
}
