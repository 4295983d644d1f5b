//! Waiting on a thread that drives no tasks: the blocking ends of what is async elsewhere.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Wakes one thread. The flag, not the thread's token, says that there is something to do: the future's own code may park
/// this thread and use the token up.
struct Unpark {
    thread: Thread,
    is_woken: AtomicBool,
}

/// Blocks this thread until the future is ready.
///
/// # Panics
/// On a thread that drives async tasks, with tokio's message at the line of the caller.
#[track_caller]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    match park(future, None) {
        Some(output) => output,
        None => unreachable!("there is no deadline"),
    }
}

/// Blocks this thread until the future is ready, for at most `limit` of real time.
///
/// # Panics
/// As [`block_on`].
#[track_caller]
pub(crate) fn block_on_timeout<F: Future>(future: F, limit: Duration) -> Option<F::Output> {
    // Beyond what the clock can say there is no deadline.
    park(future, Instant::now().checked_add(limit))
}

#[track_caller]
fn park<F: Future>(future: F, deadline: Option<Instant>) -> Option<F::Output> {
    refuse_runtime_worker();
    let mut future = pin!(future);
    let unpark = Arc::new(Unpark { thread: thread::current(), is_woken: AtomicBool::new(false) });
    let waker = Waker::from(unpark.clone());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        // Acquire: pairs with the Release in `wake`. Who sees the flag sees what the waking thread had done before.
        while !unpark.is_woken.swap(false, Ordering::Acquire) {
            match deadline {
                None => thread::park(),
                Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                    None | Some(Duration::ZERO) => return None,
                    Some(left) => thread::park_timeout(left),
                },
            }
        }
    }
}

/// Tokio knows which threads drive tasks and tells nobody, but its own blocking calls refuse to run there.
#[track_caller]
fn refuse_runtime_worker() {
    drop(tokio::sync::Mutex::const_new(()).blocking_lock());
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
