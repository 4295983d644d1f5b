//! Where `futures::future::Shared` leaves somebody asleep, and a promise does not: each scenario runs against both.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures::FutureExt;
use regatta::promise::{PromiseError, ResultFutureExt};
use tokio_test::{assert_pending, task};

use crate::support::Gate;

/// What one of those who wait does in the middle of the work's poll.
type Between = Arc<Mutex<Option<Box<dyn FnMut() + Send>>>>;

/// Work that wakes itself, lets `between` happen, and gives its value at the next poll.
fn yields_once(between: Between) -> impl Future<Output = Result<u32, &'static str>> + Send {
    let mut has_yielded = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(Ok(7));
        }
        cx.waker().wake_by_ref();
        let between = between.lock().unwrap().take();
        between.into_iter().for_each(|mut between| between());
        Poll::Pending
    })
}

/// Polls a clone in a task of its own, which is kept, in the middle of the work's poll.
fn polled_between<F>(between: &Between, waiting: F) -> Arc<Mutex<task::Spawn<F>>>
where
    F: Future + Unpin + Send + 'static,
    F::Output: std::fmt::Debug,
{
    let waiting = Arc::new(Mutex::new(task::spawn(waiting)));
    let inside = waiting.clone();
    *between.lock().unwrap() = Some(Box::new(move || assert_pending!(inside.lock().unwrap().poll())));
    waiting
}

#[test]
fn shared_sleeps_when_the_one_who_was_woken_is_dropped() {
    let between = Between::default();
    let first = yields_once(between.clone()).shared();
    let second = polled_between(&between, first.clone());
    assert_eq!(first.now_or_never(), None); // polled, woken, and dropped
    assert!(!second.lock().unwrap().is_woken(), "`Shared` is mended: the pages that say otherwise are wrong");
}

#[tokio::test]
async fn a_promise_wakes_the_others_when_the_one_who_was_woken_is_dropped() {
    let between = Between::default();
    let first = yields_once(between.clone()).into_promise();
    let second = polled_between(&between, first.clone());
    assert_eq!(first.now_or_never(), None); // polled, and dropped
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let mut second = second.lock().unwrap();
    assert!(second.is_woken());
    assert_eq!(second.poll(), Poll::Ready(Ok(7)));
}

/// The same without a hand in it, as it was first reported: two tasks, one of which polls once and goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promise_whose_clones_poll_once_and_go_wakes_who_stays() {
    for _ in 0..2_000 {
        let stays = yields_once(Between::default()).into_promise();
        let goes = stays.clone();
        let goes = tokio::spawn(async move { goes.now_or_never() });
        let stays = tokio::spawn(stays);
        goes.await.unwrap();
        assert_eq!(stays.await.unwrap(), Ok(7));
    }
}

#[test]
fn shared_sleeps_when_the_work_panics() {
    let is_broken = Arc::new(AtomicBool::new(false));
    let inside = is_broken.clone();
    let work = poll_fn(move |_| {
        assert!(!inside.load(Ordering::SeqCst), "out of cheese");
        Poll::<Result<u32, &'static str>>::Pending
    });
    let mut first = work.shared();
    let mut second = task::spawn(first.clone());
    assert!((&mut first).now_or_never().is_none());
    assert_pending!(second.poll());
    is_broken.store(true, Ordering::SeqCst);
    assert!(catch_unwind(AssertUnwindSafe(|| (&mut first).now_or_never())).is_err());
    assert!(!second.is_woken(), "`Shared` is mended: the pages that say otherwise are wrong");
}

#[tokio::test]
async fn a_promise_tells_everybody_when_the_work_panics() {
    let gate = Gate::new();
    let inside = gate.clone();
    let work = async move {
        inside.wait().await;
        if true { panic!("out of cheese") } else { Ok::<u32, &str>(7) }
    };
    let first = work.into_promise();
    let mut waiting: Vec<_> = (0..100).map(|_| task::spawn(first.clone())).collect();
    waiting.iter_mut().for_each(|waiting| assert_pending!(waiting.poll()));
    tokio::task::yield_now().await;
    gate.open();
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    for waiting in &mut waiting {
        assert!(waiting.is_woken());
        let Poll::Ready(Err(PromiseError::Panicked(panicked))) = waiting.poll() else { panic!("it panicked") };
        assert_eq!(&*panicked.message, "out of cheese");
    }
}
