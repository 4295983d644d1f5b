//! One job, between its handle, its worker and those who stop it.

use loom::future::block_on;
use loom::thread;
use regatta::pool::model::{Model, Workers};

use super::{Alive, Count, check};

#[test]
fn a_job_is_cancelled_or_run_but_never_both() {
    check(3, || {
        let pool = Model::new(Workers::Threads, 1, 1);
        let (ran, alive) = (Count::default(), Count::default());
        let (ran_once, captured) = (ran.clone(), Alive::new(&alive, 1));
        let job = move || {
            let _captured = captured;
            ran_once.raise();
        };
        let Ok(handle) = pool.try_submit(job) else { panic!("there is room") };
        let was_cancelled = handle.cancel();
        let result = block_on(handle);
        assert_eq!(alive.value(), 0, "what was captured is gone before the handle resolves");
        assert_eq!(result.is_err(), was_cancelled);
        assert_eq!(ran.value(), usize::from(!was_cancelled));
        pool.join();
        let flow = pool.stats().flow;
        let (done, discarded) = (u64::from(!was_cancelled), u64::from(was_cancelled));
        assert_eq!((flow.accepted, flow.done, flow.discarded, flow.in_flight), (1, done, discarded, 0));
    });
}

#[test]
fn a_handle_resolves_after_what_was_captured_is_gone() {
    check(3, || {
        let pool = Model::new(Workers::Threads, 1, 1);
        let (ran, alive) = (Count::default(), Count::default());
        let (ran_once, captured) = (ran.clone(), Alive::new(&alive, 1));
        let job = move || {
            let _captured = captured;
            ran_once.raise();
        };
        let Ok(handle) = pool.try_submit(job) else { panic!("there is room") };
        let aborter = {
            let pool = pool.clone();
            thread::spawn(move || pool.abort())
        };
        let result = block_on(handle);
        assert_eq!(alive.value(), 0);
        assert_eq!(ran.value(), usize::from(result.is_ok()));
        aborter.join().expect("the aborter ends");
        pool.join();
    });
}
