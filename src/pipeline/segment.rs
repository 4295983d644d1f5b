//! A run of the pipeline without a task boundary: a source and the synchronous stages fused onto it.
//!
//! A segment *pushes*: its driver hands it a sink and some fuel, and the whole chain of closures between the source and
//! the sink becomes one loop that the compiler sees through. The driver catches panics once for a chunk of items, not
//! once an item; who panicked is known from a flag that only unwinding sets.

use std::any::Any;
use std::future::Future;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::error::PipelineError;
use super::stage::Stage;

/// What a [`Pipeline`](super::Pipeline) is made of so far: a chain of a source and stages.
///
/// Sealed. It is here to be named where a pipeline is passed around:
///
/// ```
/// use regatta::pipeline::{Pipeline, Segment};
///
/// fn cleaned(lines: Pipeline<impl Segment<Item = String>>) -> Pipeline<impl Segment<Item = String>> {
///     lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
/// }
/// # let _ = cleaned(Pipeline::from_iter(vec![String::new()]));
/// ```
pub trait Segment: Send + 'static {
    /// What comes out.
    type Item: Send + 'static;

    /// Pushes items into `sink` until `fuel` items are drawn from the source, the sink breaks (it has taken that item),
    /// or nothing is ready. `Pending` means that the waker is registered; items may have been pushed before.
    #[doc(hidden)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(Self::Item) -> ControlFlow<()>;

    /// After a panic: the stage whose closure it was, made fit to go on; `None` when it was the source itself.
    #[doc(hidden)]
    fn culprit(&mut self) -> Option<Arc<Stage>>;

    /// The stage at the head, to be blamed when the source itself fails.
    #[doc(hidden)]
    fn source(&self) -> Arc<Stage>;
}

/// Why a segment stopped pushing.
#[derive(Debug)]
#[doc(hidden)]
pub enum Halt {
    /// The fuel is used up; there may be more.
    Fuel,
    /// The sink wants no more for now.
    Full,
    /// There is nothing more, ever.
    End,
    /// There is nothing more, because of this.
    Failed(PipelineError),
}

/// Runs a segment; a panic in it meets the policy of the stage it came from.
pub(super) fn poll_guarded<S, K>(segment: &mut S, cx: &mut Context<'_>, fuel: usize, sink: &mut K) -> Poll<Halt>
where
    S: Segment,
    K: FnMut(S::Item) -> ControlFlow<()>,
{
    match catch_unwind(AssertUnwindSafe(|| segment.poll_run(cx, fuel, sink))) {
        Ok(polled) => polled,
        Err(payload) => Poll::Ready(blame(segment, payload)),
    }
}

fn blame<S: Segment>(segment: &mut S, payload: Box<dyn Any + Send>) -> Halt {
    match segment.culprit() {
        // The item is consumed and everything before it is in the sink already: the next run goes on behind it.
        Some(stage) => match stage.panicked(payload) {
            Some(error) => Halt::Failed(error),
            None => Halt::Fuel,
        },
        // A source that panicked cannot be asked again, whatever the policy.
        None => Halt::Failed(segment.source().source_panicked(payload)),
    }
}

/// Finds how many items may be run between two looks at the clock: as many as take about fifty microseconds.
///
/// So cheap closures run in long loops, and dear ones return to the executor after one.
#[derive(Debug)]
pub(super) struct Pace {
    size: usize,
    most: usize,
}

impl Pace {
    /// How long one poll may run before it lets other tasks run.
    pub(super) const SLICE: Duration = Duration::from_millis(1);
    const SHORT: Duration = Duration::from_micros(25);
    const LONG: Duration = Duration::from_micros(100);

    pub(super) fn new(most: usize) -> Self {
        Self { size: 1, most }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Takes note of a chunk of `ran` items that was begun just now. This measures work, not waiting, so it reads the
    /// machine's clock, not tokio's.
    pub(super) fn measured(&mut self, ran: usize, begun: Instant) -> Duration {
        let took = begun.elapsed();
        self.took(ran, took);
        took
    }

    /// Takes note of how long a chunk of `ran` items took.
    pub(super) fn took(&mut self, ran: usize, took: Duration) {
        if took > Self::LONG {
            self.size = (self.size / 2).max(1);
        } else if took < Self::SHORT && ran >= self.size {
            self.size = self.size.saturating_mul(2).min(self.most);
        }
    }
}

/// Lets other tasks have their turn, and timers and sockets too: a task that just wakes itself is polled some sixty times
/// before tokio looks at those.
pub(super) fn poll_yield<T>(cx: &mut Context<'_>) -> Poll<T> {
    // It wakes us when all that has had its turn; with its second poll it would be ready, but it does not live that long.
    let _ = pin!(tokio::task::yield_now()).poll(cx);
    Poll::Pending
}

/// Marks a stage as the one that panicked, if it is dropped by unwinding; costs nothing otherwise.
struct Fuse<'a>(&'a mut bool);

impl Drop for Fuse<'_> {
    fn drop(&mut self) {
        *self.0 = true;
    }
}

/// One run of a fused stage: counts in a register, and enters the count in the books at its end, also by unwinding.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    meter: &'a mut Meter,
    accepted: u64,
}

impl Tally<'_> {
    /// Counts an item in.
    #[inline]
    pub(super) fn accept(&mut self) {
        self.accepted += 1;
    }

    /// Runs the stage's closure; if it unwinds, this stage is to blame.
    #[inline]
    pub(super) fn run<R>(&mut self, run: impl FnOnce() -> R) -> R {
        let fuse = Fuse(&mut self.meter.has_panicked);
        let result = run();
        std::mem::forget(fuse);
        result
    }

    /// Meets an error of the stage's closure: the failure that ends the pipeline, or nothing if it is skipped.
    #[cold]
    pub(super) fn errored(&mut self, error: crate::error::BoxError) -> Option<PipelineError> {
        self.meter.failed += 1;
        self.meter.stage.errored(error)
    }

    /// Says whether an item is inside at the end of the run.
    pub(super) fn hold(&mut self, items: u64) {
        self.meter.held = items;
    }
}

impl Drop for Tally<'_> {
    #[inline]
    fn drop(&mut self) {
        self.meter.accepted += self.accepted;
        self.meter.publish();
    }
}

/// The books of a fused stage: written by its one runner, published once a chunk.
#[derive(Debug)]
pub(super) struct Meter {
    stage: Arc<Stage>,
    accepted: u64,
    failed: u64,
    /// Items inside: one while a stage takes an item apart.
    held: u64,
    has_panicked: bool,
}

impl Meter {
    pub(super) fn new(stage: Arc<Stage>) -> Self {
        Self { stage, accepted: 0, failed: 0, held: 0, has_panicked: false }
    }

    pub(super) fn stage(&self) -> &Arc<Stage> {
        &self.stage
    }

    /// Begins a run.
    #[inline]
    pub(super) fn begin(&mut self) -> Tally<'_> {
        Tally { meter: self, accepted: 0 }
    }

    fn publish(&self) {
        self.stage.counts().publish(self.accepted, self.failed, self.held);
    }

    /// Forgets the item that was inside.
    pub(super) fn release(&mut self) {
        self.held = 0;
        self.publish();
    }

    /// The stage is dropped with so many items inside.
    pub(super) fn discard(&mut self, items: u64) {
        self.stage.counts().discard(items);
    }

    /// Tells whether this stage panicked since the last question, and counts the item it panicked on.
    pub(super) fn take_blame(&mut self) -> bool {
        let has_panicked = std::mem::take(&mut self.has_panicked);
        self.failed += u64::from(has_panicked);
        self.publish();
        has_panicked
    }
}
