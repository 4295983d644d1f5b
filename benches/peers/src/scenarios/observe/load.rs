//! Work for a few seconds, whatever the machine makes of them.

use std::time::{Duration, Instant};

use regatta::pipeline::Pipeline;

use super::super::actor::Count;
use super::super::pipeline::{CONCURRENCY, increment};

/// How long a side is busy: three looks, one a second, and some room.
pub(super) const LOAD: Duration = Duration::from_millis(3_500);
/// So many items between two looks at the clock.
const STRIDE: u64 = 1_024;

/// How long it took, and for how many messages or items.
pub(super) type Handled = (Duration, u64);

/// Tells a counter, as `actor/tell` does.
pub(super) async fn tell(counter: impl Count) -> Handled {
    let begun = Instant::now();
    let mut told = 0;
    while begun.elapsed() < LOAD {
        for _ in 0..STRIDE {
            counter.add(1).await;
        }
        told += STRIDE;
    }
    assert_eq!(counter.get().await, told);
    (begun.elapsed(), told)
}

/// Three stages that never wait for anything but each other, as `pipeline/3stages/ordered` has.
pub(super) async fn pipeline() -> Handled {
    let begun = Instant::now();
    let items = (0_u64..).take_while(move |item| item % STRIDE != 0 || begun.elapsed() < LOAD);
    let run = Pipeline::from_iter(items)
        .map_async(CONCURRENCY, increment)
        .map_async(CONCURRENCY, increment)
        .map_async(CONCURRENCY, increment);
    let (count, sum) = run.fold((0, 0), |(count, sum), item| (count + 1, sum + item)).await.expect("no stage fails");
    let took = begun.elapsed();
    assert_eq!(sum, count * (count - 1) / 2 + 3 * count, "items were lost or doubled");
    (took, count)
}
