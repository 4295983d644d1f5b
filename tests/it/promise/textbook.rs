//! The rows of the textbook.

use futures::{FutureExt, TryFutureExt};
use regatta::promise::{PromiseError, PromiseFuture, ResultFutureExt};
use std::sync::mpsc;
use std::time::Duration;

use super::{SECOND, promise, settled};

#[tokio::test]
async fn textbook_set_result_and_set_exception_reach_the_future() {
    let (writer, future) = promise();
    writer.resolve(1);
    assert_eq!(future.await, Ok(1));

    let (writer, future) = promise();
    writer.reject("no luck");
    assert_eq!(future.await, Err(PromiseError::Rejected("no luck")));

    for result in [Ok(1), Err("no luck")] {
        let (writer, future) = promise();
        writer.settle(result);
        assert_eq!(future.await, result.map_err(PromiseError::Rejected));
    }
}

#[test]
fn textbook_the_first_of_several_writers_wins_and_the_others_get_their_value_back() {
    let (writer, future) = promise();
    let (first, second) = (writer.into_shared(), future.clone());
    let other = first.clone();
    assert!(!first.is_settled());
    assert_eq!(other.try_resolve(1), Ok(()));
    assert_eq!(first.try_resolve(2), Err(2));
    assert_eq!(first.try_reject("late"), Err("late"));
    assert_eq!(first.try_settle(Ok(3)), Err(Ok(3)));
    assert_eq!(first.try_settle(Err("late")), Err(Err("late")));
    assert!(first.is_settled());
    assert_eq!((settled(&future), settled(&second)), (Ok(1), Ok(1)));

    let (writer, future) = promise();
    assert_eq!(writer.into_shared().try_reject("first"), Ok(()));
    assert_eq!(settled(&future), Err(PromiseError::Rejected("first")));
}

#[test]
fn textbook_the_blocking_result_ends_at_its_timeout_and_leaves_the_future_usable() {
    let (writer, future) = promise();
    let elapsed = future.wait_blocking(Duration::from_millis(1)).unwrap_err();
    assert_eq!(elapsed.limit, Duration::from_millis(1));
    let settler = std::thread::spawn(move || writer.resolve(7));
    assert_eq!(future.wait_blocking(Duration::MAX), Ok(Ok(7)));
    settler.join().unwrap();
    assert_eq!(future.wait_blocking(Duration::ZERO), Ok(Ok(7)), "what is there needs no time");
    assert_eq!(future.now_or_never(), Some(Ok(7)));
}

#[test]
fn textbook_done_is_asked_without_waiting() {
    let (writer, future) = promise();
    assert_eq!((future.is_settled(), future.try_get()), (false, None));
    writer.resolve(1);
    assert_eq!((future.is_settled(), future.try_get()), (true, Some(Ok(&1))));
}

#[test]
fn textbook_a_callback_runs_exactly_once_before_and_after_it_is_done() {
    let (writer, future) = promise();
    let (tx, calls) = mpsc::channel();
    let called = |name: &'static str| {
        let tx = tx.clone();
        move |result: Result<&u32, &PromiseError<&str>>| tx.send((name, result.copied().unwrap())).unwrap()
    };
    future.on_settled(called("before"));
    assert!(calls.try_recv().is_err());
    writer.resolve(7);
    assert_eq!(calls.try_recv(), Ok(("before", 7)));
    future.on_settled(called("after"));
    assert_eq!(calls.try_recv(), Ok(("after", 7)), "on the caller, at once");
    drop((future, tx));
    assert!(calls.try_recv().is_err(), "once each");
}

#[tokio::test]
async fn textbook_then_is_lazy_and_into_promise_makes_it_eager() {
    let (tx, began) = mpsc::channel();
    let begin = move || {
        let tx = tx.clone();
        async move {
            tx.send(()).unwrap();
            Ok::<_, &str>(1)
        }
    };
    let lazy = begin().map_ok(|n| n + 1).then_ok(|n| async move { n + 1 }).and_try(Ok::<u32, &str>);
    tokio::task::yield_now().await;
    assert!(began.try_recv().is_err(), "nobody awaits it");
    assert_eq!(lazy.await, Ok(3));
    began.try_recv().unwrap();

    for eager in [begin().map_ok(|n| n + 1).into_promise(), begin().map_ok(|n| n + 1).spawn()] {
        tokio::task::yield_now().await;
        assert_eq!(settled(&eager), Ok(2), "it runs although nobody awaits it");
    }
}

#[tokio::test(start_paused = true)]
async fn textbook_a_timeout_is_an_error_of_ones_own() {
    let begun = tokio::time::Instant::now();
    let never = std::future::pending::<Result<u32, &str>>;
    assert_eq!(never().timeout_or(SECOND, || "late").await, Err("late"));
    assert_eq!(begun.elapsed(), SECOND);
    assert_eq!(never().deadline_or(begun + 3 * SECOND, || "late").await, Err("late"));
    assert_eq!(begun.elapsed(), 3 * SECOND);
}

#[tokio::test]
async fn textbook_a_chain_ends_in_a_value_or_in_the_one_of_catch() {
    struct User {
        name: String,
    }
    async fn fetch_user(id: u32) -> Result<User, String> {
        if id == 123 { Ok(User { name: "ada".into() }) } else { Err(format!("no user {id}")) }
    }
    let name = |id| fetch_user(id).map_ok(|u| u.name).map_ok(|n| n.to_uppercase()).recover(|_| "UNKNOWN".into());
    assert_eq!((name(123).await, name(7).await), ("ADA".to_owned(), "UNKNOWN".to_owned()));
    assert_eq!(PromiseFuture::<u32, &str>::rejected("x").recover_with(|_| async { 5 }).await, 5);
    let partial =
        |code| PromiseFuture::<u32, u32>::rejected(code).recover_if(|e| e.clone().rejected() == Some(1), |_| 0);
    assert_eq!(partial(1).await, Ok(0));
    assert_eq!(partial(2).await, Err(PromiseError::Rejected(2)));
}
