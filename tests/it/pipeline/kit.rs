//! What the pipeline's tests share.

use std::cell::RefCell;
use std::future::Future;
use std::panic;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::task::Poll;
use std::time::Duration;

use regatta::pipeline::{PipelineError, PipelineHandle, PipelineStats};

/// The conservation law holds for every stage, whatever happened.
pub(super) fn conserved(stats: &PipelineStats) {
    for stage in &stats.stages {
        assert!(stage.flow.is_conserved(), "stage `{}`: {}", stage.name, stage.flow);
    }
}

/// The law holds, and no stage holds anything any more.
pub(super) fn settled(stats: &PipelineStats) {
    conserved(stats);
    for stage in &stats.stages {
        assert_eq!(stage.flow.in_flight, 0, "stage `{}` still holds something: {}", stage.name, stage.flow);
    }
}

/// Waits for the end: the result and the last numbers, which add up.
pub(super) async fn ended<O: Send + 'static>(
    mut running: PipelineHandle<O>,
) -> (Result<O, PipelineError>, PipelineStats) {
    let result = (&mut running).await;
    let stats = running.stats();
    settled(&stats);
    (result, stats)
}

/// Lets every other task of a current-thread runtime run until none of them has anything to do.
pub(super) async fn quiet() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

/// Waits on tokio's clock; for tests that have paused it, where waiting takes no time.
pub(super) async fn pass(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

thread_local! {
    /// Where the last panic of this thread came from.
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs something that is to be refused: the file it was refused in, or nothing if it was not.
pub(super) fn refusal(run: impl FnOnce()) -> Option<String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let file = info.location().map(|place| place.file().to_owned());
            PANICKED_AT.with(|place| *place.borrow_mut() = file);
            others(info);
        }));
    });
    panic::catch_unwind(panic::AssertUnwindSafe(run)).err()?;
    PANICKED_AT.with(RefCell::take)
}

/// Panics without a line on stderr: some tests do so a thousand times.
pub(super) fn burst() -> ! {
    panic::resume_unwind(Box::new("as ordered"))
}

/// A number that tests and closures count up together.
#[derive(Clone, Debug, Default)]
pub(super) struct Count(Arc<AtomicUsize>);

impl Count {
    /// Counts one more; gives how many there were before.
    pub(super) fn up(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn down(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// What closures have seen, in order.
#[derive(Clone, Debug)]
pub(super) struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Log<T> {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    pub(super) fn push(&self, entry: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    pub(super) fn all(&self) -> Vec<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A value whose destructor panics, wherever that is; not while another panic is on its way, which would abort the
/// process.
#[derive(Debug)]
pub(super) struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a destructor");
        }
    }
}

/// One test body under both flavours of the runtime.
macro_rules! both_flavours {
    ($($(#[$attribute:meta])* async fn $name:ident() $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every body needs them all")]
            use super::*;

            $(#[$attribute])*
            async fn body() $body

            #[tokio::test]
            async fn on_one_thread() {
                body().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_two_threads() {
                body().await;
            }
        }
    )*};
}
pub(super) use both_flavours;

/// Polls once, with the waker of the task that asks.
pub(super) async fn polled<F: Future + Unpin>(mut future: F) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx))).await
}
