//! Waiting for nothing to happen, without a clock.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// How many turns the other tasks get.
const TURNS: usize = 1_000;

/// Lets every other task run until none of them has anything to do.
///
/// On a runtime of one thread that is what happens, and always in the same way: each task that can go on does, until it
/// waits, along chains of up to a thousand wake-ups. It waits for no timer and for no other thread: what runs on a runtime of
/// several threads, or on the CPU pool, gets some time, and may not be through.
///
/// # Examples
/// ```
/// use regatta::testing;
/// use std::sync::{Arc, atomic::{AtomicU32, Ordering::Relaxed}};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let count = Arc::new(AtomicU32::new(0));
/// let counted = count.clone();
/// tokio::spawn(async move { counted.fetch_add(1, Relaxed) });
/// testing::quiet().await;
/// assert_eq!(count.load(Relaxed), 1);
/// # }
/// ```
///
/// # Cancel safety
/// Safe: there is nothing to lose.
pub async fn quiet() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

/// As [`quiet`], with a poll that is made once and then as often as it is woken; what it gives, if it does.
///
/// It is not polled at every turn: whoever counts polls wants to see those that a stage asks for.
pub(super) async fn quiet_but<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    let alarm = Arc::new(Alarm(AtomicBool::new(true)));
    let waker = Waker::from(alarm.clone());
    for _ in 0..TURNS {
        if alarm.0.swap(false, Ordering::AcqRel) {
            // Inside of the task's own poll, so that its budget counts, but with a waker that we can ask.
            let polled = poll_fn(|_| Poll::Ready(poll(&mut Context::from_waker(&waker)))).await;
            if let Poll::Ready(output) = polled {
                return Some(output);
            }
        }
        tokio::task::yield_now().await;
    }
    None
}

/// Remembers that it rang.
struct Alarm(AtomicBool);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
