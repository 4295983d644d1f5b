//! Waiting on a thread that runs no async code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::{SECOND, promise};
use regatta::promise::{PromiseError, PromiseFuture};

#[test]
fn a_blocked_thread_gets_a_value_from_another() {
    let (writer, future) = promise();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let future = future.clone();
            std::thread::spawn(move || future.wait_blocking(Duration::MAX))
        })
        .collect();
    writer.reject("no luck");
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Ok(Err(PromiseError::Rejected("no luck"))));
    }
}

#[test]
fn a_wait_that_ran_out_of_time_says_so_and_has_left_the_line() {
    let (writer, future) = promise();
    let elapsed = future.wait_blocking(Duration::ZERO).unwrap_err();
    assert_eq!(elapsed.to_string(), "a promise took longer than 0ns");
    writer.resolve(1);
    assert_eq!(future.wait_blocking(SECOND), Ok(Ok(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_worker_refuses_to_be_blocked() {
    let future = PromiseFuture::<u32, ()>::ready(1);
    let refused = tokio::spawn(async move { catch_unwind(AssertUnwindSafe(|| future.wait_blocking(SECOND))).is_err() });
    assert!(refused.await.unwrap());
}

#[tokio::test]
async fn a_runtime_of_one_thread_refuses_to_be_blocked_and_the_future_stays_usable() {
    let (writer, future) = promise();
    assert!(catch_unwind(AssertUnwindSafe(|| future.wait_blocking(SECOND))).is_err());
    writer.resolve(1);
    assert_eq!(future.await, Ok(1));
}

#[tokio::test]
async fn a_blocking_thread_may_wait_for_a_task() {
    let (writer, future) = promise();
    let waiting = tokio::task::spawn_blocking(move || future.wait_blocking(Duration::MAX));
    tokio::spawn(async move { writer.resolve(7) });
    assert_eq!(waiting.await.unwrap(), Ok(Ok(7)));
}

#[test]
fn a_value_that_panics_when_it_is_cloned_leaves_the_promise_as_it_was() {
    struct Fragile;
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            panic!("cloned badly");
        }
    }
    let (writer, future) = regatta::promise::promise::<Fragile, ()>();
    writer.resolve(Fragile);
    let waiting = Arc::new(future);
    assert!(catch_unwind(AssertUnwindSafe(|| waiting.wait_blocking(SECOND))).is_err());
    assert!(waiting.try_get().is_some_and(|value| value.is_ok()));
}
