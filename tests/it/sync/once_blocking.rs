//! Values that are made once, from sync code.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;

use regatta::sync::{Lazy, OnceCell};
use tokio::runtime::Runtime;
use tokio_test::{assert_pending, assert_ready_ok, task};

use super::panics;

#[test]
fn textbook_many_threads_one_initialiser() {
    const THREADS: usize = 8;
    let (cell, calls, begin) = (OnceCell::new(), AtomicUsize::new(0), Barrier::new(THREADS));
    let seen: Vec<usize> = thread::scope(|scope| {
        let ask = || {
            begin.wait();
            *cell.get_or_init_blocking(|| calls.fetch_add(1, Ordering::SeqCst)).expect("it is made")
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!((seen, calls.load(Ordering::SeqCst)), (vec![0; THREADS], 1));
}

#[test]
fn threads_that_wait_share_its_panic_and_the_next_tries_again() {
    let cell = OnceCell::<u32>::named("fragile");
    let (begun, has_begun) = mpsc::channel();
    let (word, wait) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let cell = &cell;
        let leader = scope.spawn(move || {
            cell.get_or_init_blocking(|| {
                begun.send(()).expect("the test waits");
                let _ = wait.recv();
                panic!("out of cheese")
            })
            .unwrap_err()
        });
        has_begun.recv().expect("it begins");
        // An async caller waits for the thread, and needs no runtime for that.
        let mut follower = task::spawn(cell.get_or_init(|| async { 1 }));
        assert_pending!(follower.poll());
        drop(word);
        assert_eq!(leader.join().expect("caught").to_string(), "once cell `fragile` panicked: out of cheese");
        assert!(follower.is_woken());
        assert!(tokio_test::assert_ready_err!(follower.poll()).is_panicked());
    });
    assert_eq!(cell.get_or_init_blocking(|| 2).ok(), Some(&2));
}

#[test]
fn a_thread_waits_for_an_async_initialiser_that_has_begun() {
    let cell = OnceCell::new();
    let runtime = Runtime::new().expect("threads");
    let (word, wait) = tokio::sync::oneshot::channel::<u32>();
    let mut leader = task::spawn(cell.get_or_init(|| async { wait.await.expect("a word") }));
    {
        let _entered = runtime.enter();
        assert_pending!(leader.poll());
    }
    thread::scope(|scope| {
        let thread = scope.spawn(|| cell.get_or_init_blocking(|| unreachable!("it waits")).copied());
        word.send(5).expect("it waits");
        assert_eq!(thread.join().expect("no panic").ok(), Some(5));
    });
    assert_eq!(assert_ready_ok!(leader.poll()), &5);
}

#[test]
fn an_error_is_shared_and_not_kept() {
    let cell = OnceCell::<u32>::named("flaky");
    let error = cell.get_or_try_init_blocking(|| "x".parse::<u32>()).unwrap_err();
    assert_eq!(error.to_string(), "once cell `flaky` could not be initialised: invalid digit found in string");
    assert_eq!(cell.get_or_try_init_blocking(|| "7".parse::<u32>()).ok(), Some(&7));
}

#[tokio::test]
async fn a_thread_that_drives_tasks_is_not_blocked() {
    let cell = OnceCell::new();
    let message = panics(|| cell.get_or_init_blocking(|| 1).copied());
    assert!(message.contains("Cannot block the current thread from within a runtime"), "{message}");
    assert_eq!(cell.get(), None);
    // On a blocking thread it may, and what is made needs no waiting.
    tokio::task::spawn_blocking(move || {
        assert_eq!(cell.get_or_init_blocking(|| 2).ok(), Some(&2));
        tokio::runtime::Handle::current()
            .block_on(async { assert_eq!(cell.get_or_init_blocking(|| 3).ok(), Some(&2)) });
    })
    .await
    .expect("no panic");
}

#[test]
fn a_lazy_value_can_be_sync() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    static LAZY: Lazy<usize, fn() -> usize> = Lazy::new(|| CALLS.fetch_add(1, Ordering::SeqCst) + 1);
    assert_eq!(LAZY.get(), None);
    assert_eq!((LAZY.force_blocking().ok(), LAZY.force_blocking().ok(), LAZY.get()), (Some(&1), Some(&1), Some(&1)));
}
