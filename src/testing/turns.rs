//! Waiting for nothing to happen, without a clock.

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
