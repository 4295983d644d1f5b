//! An actor panics and is there again: from the message that makes it panic to the first answer of its next life.

use std::panic;
use std::sync::Once;
use std::time::{Duration, Instant};

use super::{Count, kameo, ours};
use crate::measure::{Contest, Sides, in_task};

const CRASHES: u64 = 2_000;
/// What a counter panics with when it is told to.
pub(super) const CRASH: &str = "told to crash";

pub(super) fn contests() -> Vec<Contest> {
    let kameo = Contest::new("actor/restart", "kameo supervise", || {
        silence_crashes();
        let ours = in_task(CRASHES, || restart(ours::supervised_counter()));
        let theirs = in_task(CRASHES, || restart(kameo::supervised_counter()));
        Ok(Sides { ours, theirs, note: None })
    });
    vec![kameo.bar(1.5)]
}

/// A counter that begins anew after a panic, under the same handle.
pub(super) trait Restart: Count {
    fn crash(&self) -> impl Future<Output = ()> + Send;
    /// As `get`, or nothing when the question was refused or lost.
    fn try_get(&self) -> impl Future<Output = Option<u64>> + Send;
}

async fn restart<C: Restart>(counter: impl Future<Output = C>) -> Duration {
    let counter = counter.await;
    let mut took = Duration::ZERO;
    for life in 0..CRASHES {
        counter.add(life).await;
        assert_eq!(counter.get().await, life);
        let begun = Instant::now();
        counter.crash().await;
        let count = loop {
            if let Some(count) = counter.try_get().await {
                break count;
            }
        };
        took += begun.elapsed();
        assert_eq!(count, 0, "a new state");
    }
    took
}

/// Has the panics that are meant to happen say nothing, on both sides. The hook is of the whole process: every other panic
/// goes on to the one before.
fn silence_crashes() {
    static SILENCED: Once = Once::new();
    SILENCED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if panic.payload().downcast_ref::<&str>() != Some(&CRASH) {
                before(panic);
            }
        }));
    });
}
