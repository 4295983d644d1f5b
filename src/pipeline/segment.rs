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

/// What a [`Pipeline`](super::Pipeline) is made of so far: a chain of a source and stages, all `Send + 'static`.
///
/// Not for implementing: it is here to be named where a pipeline is passed around.
///
/// ```
/// use regatta::pipeline::{Pipeline, Segment};
///
/// fn cleaned(lines: Pipeline<impl Segment<Item = String>>) -> Pipeline<impl Segment<Item = String>> {
///     lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
/// }
/// # let _ = cleaned(Pipeline::from_iter(vec![String::new()]));
/// ```
pub trait Segment: Chain<Out = <Self as Segment>::Item> + Send + 'static {
    /// What comes out.
    type Item: Send + 'static;
}

impl<C> Segment for C
where
    C: Chain + Send + 'static,
    C::Out: Send + 'static,
{
    type Item = C::Out;
}

/// A chain of a source and stages, whatever it borrows.
#[doc(hidden)]
pub trait Chain {
    /// What comes out.
    type Out;

    /// Pushes items into `sink` until `fuel` items are drawn from the source, the sink breaks (it has taken that item),
    /// or nothing is ready. `Pending` means that the waker is registered; items may have been pushed before.
    ///
    /// Each item is counted in `pushed` before the sink gets it.
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(Self::Out) -> ControlFlow<()>;

    /// Lets what is in work go on, although nothing more is wanted of it for now, until none of it can; the waker is
    /// registered. Stages that keep nothing pass this on, and those with tasks of their own need no such help.
    ///
    /// Whoever polls a chain and does not run it, or not until it is `Pending`, calls this before it sleeps: or futures in
    /// there would stand still in the middle of their work.
    fn poll_progress(&mut self, cx: &mut Context<'_>);

    /// After a panic: the stage whose closure it was is made fit to go on, and tells what ends the pipeline, if anything
    /// does. Gives the panic back when it was the source itself.
    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload>;

    /// The stage at the head, to be blamed when the source itself fails.
    fn source(&self) -> Arc<Stage>;
}

/// What a panic carries.
#[doc(hidden)]
pub type Payload = Box<dyn Any + Send>;

/// The rest of a [`Chain`], for a stage with one closure, its policy and one neighbour upstream.
macro_rules! with_one_upstream {
    () => {
        fn poll_progress(&mut self, cx: &mut Context<'_>) {
            self.upstream.poll_progress(cx);
        }

        fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
            if self.meter.take_blame() {
                Ok(self.letters.panicked(self.meter.stage(), payload))
            } else {
                self.upstream.blame(payload)
            }
        }

        fn source(&self) -> Arc<Stage> {
            self.upstream.source()
        }
    };
}
pub(super) use with_one_upstream;

/// `on_error` behind a stage that has room for a policy.
macro_rules! fallible {
    () => {
        type Handled = Self;

        fn handled(mut self, on_error: OnError<Self::Input>) -> Self {
            self.letters.set(on_error);
            self
        }
    };
}
pub(super) use fallible;

/// First thing in a run: a dead letter that waits for room goes before the next item.
macro_rules! letters_first {
    ($stage:expr, $cx:expr) => {
        match $stage.letters.poll_sent($cx) {
            Poll::Ready(None) => {}
            Poll::Ready(Some(failure)) => return Poll::Ready(Halt::Failed($stage.meter.stage().noted(failure))),
            Poll::Pending => {
                $stage.poll_progress($cx);
                return Poll::Pending;
            }
        }
    };
}
pub(super) use letters_first;

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
    S: Chain,
    K: FnMut(S::Out) -> ControlFlow<()>,
{
    match catch_unwind(AssertUnwindSafe(|| segment.poll_run(cx, fuel, &mut 0, sink))) {
        Ok(polled) => polled,
        Err(payload) => Poll::Ready(blame(segment, payload)),
    }
}

/// After a panic of the segment: how it goes on.
pub(super) fn blame<S: Chain>(segment: &mut S, payload: Payload) -> Halt {
    match segment.blame(payload) {
        // The item is consumed and everything before it is in the sink already: the next run goes on behind it.
        Ok(None) => Halt::Fuel,
        Ok(Some(failure)) => Halt::Failed(failure),
        // A source that panicked cannot be asked again, whatever the policy.
        Err(payload) => Halt::Failed(segment.source().source_panicked(payload)),
    }
}

/// Finds how many items may be run between two looks at the clock: as many as take about fifty microseconds.
///
/// So cheap closures run in long loops, and dear ones return to the executor after one.
#[derive(Debug)]
pub(super) struct Pace {
    size: usize,
    most: usize,
    clock: fn() -> Instant,
}

impl Pace {
    /// How long one poll may run before it lets other tasks run.
    pub(super) const SLICE: Duration = Duration::from_millis(1);
    const SHORT: Duration = Duration::from_micros(25);
    const LONG: Duration = Duration::from_micros(100);

    pub(super) fn new(most: usize) -> Self {
        // This measures work, not waiting, so it reads the machine's clock, not tokio's.
        Self { size: 1, most, clock: Instant::now }
    }

    /// By the clock of the runtime, for a run that has to be the same each time where that clock is paused: then chunks only
    /// grow.
    pub(super) fn repeatable(most: usize) -> Self {
        Self { size: 1, most, clock: || tokio::time::Instant::now().into_std() }
    }

    pub(super) fn now(&self) -> Instant {
        (self.clock)()
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Takes note of a chunk of `ran` items that was begun just now.
    pub(super) fn measured(&mut self, ran: usize, begun: Instant) -> Duration {
        let took = self.now().saturating_duration_since(begun);
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
