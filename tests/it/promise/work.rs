//! Promises that a future settles.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};

use futures::FutureExt;
use regatta::error::Cancelled;
use regatta::promise::{PromiseError, PromiseFuture, ResultFutureExt};
use regatta::task::TaskGroup;
use tokio::task::yield_now;

use super::{promise, settled};
use crate::support::{DropCounter, Gate};

#[tokio::test]
async fn spawned_work_runs_although_nobody_polls_and_many_get_its_result() {
    let gate = Gate::new();
    let inside = gate.clone();
    let future = PromiseFuture::spawn(async move {
        inside.wait().await;
        Ok::<_, &str>(7)
    });
    let others: Vec<_> = (0..10).map(|_| future.clone()).collect();
    gate.open();
    for other in others {
        assert_eq!(other.await, Ok(7));
    }
    assert_eq!(PromiseFuture::<u32, _>::spawn(async { Err("no luck") }).await, Err(PromiseError::Rejected("no luck")));
}

#[tokio::test]
async fn a_panic_of_the_work_is_a_value_with_the_line_that_spawned_it() {
    let line = line!() + 1;
    let future = PromiseFuture::<u32, ()>::spawn(async { panic!("out of cheese") });
    let Err(PromiseError::Panicked(panicked)) = future.await else { panic!("it panicked") };
    assert_eq!(&*panicked.message, "out of cheese");
    assert!(panicked.place.contains(&format!("work.rs:{line}:")), "{}", panicked.place);
}

#[tokio::test]
async fn settle_with_settles_a_promise_that_is_there_already() {
    let (writer, future) = promise();
    writer.settle_with(async { Ok(7) });
    assert_eq!(future.await, Ok(7));
    let (writer, future) = promise();
    writer.settle_with(async { panic!("out of cheese") });
    assert!(future.await.unwrap_err().is_panicked());
}

#[tokio::test]
async fn work_is_aborted_when_the_last_who_waits_is_gone() {
    let captured = DropCounter::new();
    let guard = captured.guard();
    let future = PromiseFuture::spawn(async move {
        let _guard = guard;
        std::future::pending::<Result<u32, ()>>().await
    });
    let other = future.clone();
    yield_now().await;
    drop(future);
    yield_now().await;
    assert_eq!(captured.alive(), 1, "one is left");
    drop(other);
    yield_now().await;
    assert_eq!(captured.dropped(), 1);
}

#[tokio::test]
async fn work_goes_on_as_long_as_a_callback_waits() {
    let gate = Gate::new();
    let inside = gate.clone();
    let (tx, calls) = mpsc::channel();
    let future = PromiseFuture::spawn(async move {
        inside.wait().await;
        Ok::<_, ()>(7)
    });
    future.on_settled(move |result| tx.send(*result.unwrap()).unwrap());
    drop(future);
    yield_now().await;
    gate.open();
    yield_now().await;
    yield_now().await;
    assert_eq!(calls.try_recv(), Ok(7));
}

#[tokio::test]
async fn work_for_a_promise_that_nobody_waits_for_is_not_begun() {
    let (writer, future) = promise();
    drop(future);
    let (tx, began) = mpsc::channel();
    writer.settle_with(async move {
        tx.send(()).unwrap();
        Ok(7)
    });
    yield_now().await;
    assert_eq!(began.try_recv(), Err(mpsc::TryRecvError::Disconnected));
}

#[test]
fn when_the_runtime_goes_away_its_work_is_cancelled() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let guard = runtime.enter();
    let begun = PromiseFuture::spawn(std::future::pending::<Result<u32, ()>>());
    let (tx, calls) = mpsc::channel();
    begun.on_settled(move |result| tx.send(result.unwrap_err().is_cancelled()).unwrap());
    drop(guard);
    runtime.block_on(yield_now());
    drop(runtime);
    assert!(settled(&begun).unwrap_err().is_cancelled());
    assert_eq!(calls.try_recv(), Ok(true));
}

/// A future whose destructor panics.
fn dropped_badly() -> impl Future<Output = Result<u32, &'static str>> + Send {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped badly");
        }
    }
    let panics = Panics;
    async move {
        let _panics = panics;
        Ok(7)
    }
}

#[test]
fn outside_a_runtime_spawning_panics_and_breaks_the_promise() {
    let message = |run: &mut dyn FnMut()| {
        let refused = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        refused.downcast_ref::<String>().unwrap().clone()
    };
    for is_bad in [false, true] {
        let (writer, future) = promise();
        let mut writer = Some(writer);
        let message = message(&mut || match is_bad {
            true => writer.take().unwrap().settle_with(dropped_badly()),
            false => writer.take().unwrap().settle_with(async { Ok(1) }),
        });
        assert!(message.starts_with("Promise::settle_with needs a tokio runtime"), "{message}");
        assert_eq!(settled(&future), Err(PromiseError::Broken));
    }
    let message = message(&mut || drop(PromiseFuture::spawn(dropped_badly())));
    assert!(message.starts_with("PromiseFuture::spawn needs a tokio runtime"), "{message}");
}

#[tokio::test]
async fn a_task_that_somebody_else_owns_settles_the_promise_whatever_becomes_of_it() {
    let group = TaskGroup::new("owner");
    let (writer, future) = promise();
    group.spawn("good", writer.settle_from(async { Ok(7) })).unwrap();
    assert_eq!(future.await, Ok(7));

    let (writer, future) = promise();
    group.spawn("bad", writer.settle_from(async { panic!("out of cheese") })).unwrap();
    assert!(future.await.unwrap_err().is_panicked());

    let (writer, future) = promise();
    let (line, task) = (line!(), writer.settle_from(std::future::pending()));
    group.spawn("endless", task).unwrap();
    group.abort();
    let Err(PromiseError::Cancelled(Cancelled { place, .. })) = future.await else { panic!("it was cancelled") };
    assert!(place.contains(&format!("work.rs:{line}:")), "{place}");

    let (writer, future) = promise();
    assert!(group.spawn("late", writer.settle_from(async { Ok(7) })).is_err(), "the group is closed");
    assert!(future.await.unwrap_err().is_cancelled());
}

#[test]
fn settling_work_that_is_dropped_after_any_number_of_polls_cancels_the_promise_after_the_work_is_gone() {
    for polls in 0..3 {
        let captured = DropCounter::new();
        let (writer, future) = promise();
        let (guard, seen) = (captured.guard(), captured.clone());
        let mut work = Box::pin(writer.settle_from(async move {
            let _guard = guard;
            std::future::pending().await
        }));
        let (tx, calls) = mpsc::channel();
        future.on_settled(move |_| tx.send(seen.alive()).unwrap());
        (0..polls).for_each(|_| assert!(work.as_mut().now_or_never().is_none()));
        drop(work);
        assert!(settled(&future).unwrap_err().is_cancelled());
        assert_eq!(calls.try_recv(), Ok(0), "what it captured is gone first");
    }
}

#[test]
fn work_whose_destructor_panics_settles_the_promise_as_panicked() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped badly");
        }
    }
    let (writer, future) = promise();
    let panics = Panics;
    drop(writer.settle_from(async move {
        let _panics = panics;
        Ok(7)
    }));
    assert!(settled(&future).unwrap_err().is_panicked());

    let (writer, future) = promise();
    let panics = Panics;
    let work = writer.settle_from(async move {
        let _panics = panics;
        Ok(7)
    });
    assert_eq!(work.now_or_never(), Some(()));
    assert!(settled(&future).unwrap_err().is_panicked(), "although there was a value");
}

#[tokio::test]
async fn work_captures_nothing_any_more_when_its_promise_is_settled() {
    let captured = DropCounter::new();
    let guard = captured.guard();
    let future = PromiseFuture::spawn(async move {
        let _guard = guard;
        Ok::<_, ()>(7)
    });
    assert_eq!(future.await, Ok(7));
    assert_eq!(captured.dropped(), 1);
}

#[tokio::test]
async fn a_chain_of_promises_of_promises_ends() {
    let mut future = PromiseFuture::<u32, ()>::ready(0);
    for _ in 0..1_000 {
        let before = future.clone();
        future = async move { before.await.map(|n| n + 1).map_err(|_| ()) }.into_promise();
    }
    assert_eq!(future.await, Ok(1_000));
}

#[tokio::test]
async fn no_cell_outlives_its_ends() {
    let values = DropCounter::new();
    let guard = values.guard();
    let future = PromiseFuture::spawn(async move { Ok::<_, ()>(Arc::new(guard)) });
    assert!(future.clone().await.is_ok());
    yield_now().await;
    drop(future);
    yield_now().await;
    assert_eq!(values.dropped(), 1, "neither the task nor its owner holds the value");
}
