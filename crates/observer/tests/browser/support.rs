//! Waiting for what a page will show.

use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior, interval};

/// Waits until `look` sees what it wants, and panics with what it has seen instead when it does not by the deadline.
///
/// A page is drawn by another program: this and [`throughout`] are the only places that wait in real time.
pub(crate) async fn eventually<T>(
    deadline: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let (begun, mut clock) = (Instant::now(), clock());
    loop {
        clock.tick().await;
        match look().await {
            Ok(seen) => return seen,
            Err(instead) => assert!(begun.elapsed() < deadline, "not within {deadline:?}: {what}; instead: {instead}"),
        }
    }
}

/// Looks again and again for so long, and panics as soon as `look` sees something else than it wants.
pub(crate) async fn throughout(time: Duration, what: &str, mut look: impl AsyncFnMut() -> Result<(), String>) {
    let (begun, mut clock) = (Instant::now(), clock());
    while begun.elapsed() < time {
        clock.tick().await;
        if let Err(instead) = look().await {
            panic!("after {:?} no longer so: {what}; instead: {instead}", begun.elapsed());
        }
    }
}

/// What `found` is, if that is what is `wanted`.
pub(crate) fn is<T: PartialEq + std::fmt::Debug>(found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{found:?}")) }
}

/// Says when to look: often enough for people, seldom enough to leave the page time to draw.
fn clock() -> Interval {
    let mut clock = interval(Duration::from_millis(50));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock
}
