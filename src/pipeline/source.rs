//! Where items come from: an iterator or a stream, until it ends or the pipeline is asked to drain.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::error::PipelineError;
use super::meter::{Loan, Meter};
use super::segment::{Chain, Halt, Payload};
use super::stage::Stage;
use super::stop::Stop;

/// Items of an iterator.
#[doc(hidden)]
#[derive(Debug)]
pub struct IterSource<I> {
    /// Absent only during a run, in which it lives in a local.
    iterator: Option<I>,
    stop: Stop,
    meter: Meter,
}

/// Items of a stream.
#[doc(hidden)]
pub struct StreamSource<S> {
    stream: Pin<Box<S>>,
    stop: Stop,
    /// Wakes us out of a stream that does not move; made when it first does not.
    stopped: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    meter: Meter,
}

impl<I> IterSource<I> {
    pub(super) fn new(iterator: I, stop: Stop, stage: Arc<Stage>) -> Self {
        Self { iterator: Some(iterator), stop, meter: Meter::new(stage) }
    }
}

impl<S> StreamSource<S> {
    pub(super) fn new(stream: S, stop: Stop, stage: Arc<Stage>) -> Self {
        Self { stream: Box::pin(stream), stop, stopped: None, meter: Meter::new(stage) }
    }
}

impl<I: Iterator> Chain for IterSource<I> {
    type Out = I::Item;

    #[inline(always)]
    fn poll_run<K>(&mut self, _: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(I::Item) -> ControlFlow<()>,
    {
        if self.stop.is_set() {
            return Poll::Ready(Halt::End);
        }
        let passing = self.meter.pass(pushed);
        let mut loan = Loan::take(&mut self.iterator);
        let Some(iterator) = &mut loan.value else { return Poll::Ready(Halt::End) };
        for _ in 0..fuel / UNROLLED {
            if let Some(halt) = draw(iterator, UNROLLED, passing.pushed, sink) {
                return Poll::Ready(halt);
            }
        }
        Poll::Ready(draw(iterator, fuel % UNROLLED, passing.pushed, sink).unwrap_or(Halt::Fuel))
    }

    fn poll_progress(&mut self, _: &mut Context<'_>) {}

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        Err(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.meter.stage().clone()
    }
}

/// How many items are drawn without a look at the fuel: for cheap closures the look is a tenth of the loop.
const UNROLLED: usize = 4;

/// Pushes up to `most` items; tells why it stopped, if it did before.
///
/// A plain loop, inlined into the run: behind a call, as `try_for_each` is, what the loop counts and where the iterator
/// stands live in memory instead of registers, at twice the cost of a cheap item.
#[inline(always)]
fn draw<I, K>(iterator: &mut I, most: usize, pushed: &mut u64, sink: &mut K) -> Option<Halt>
where
    I: Iterator,
    K: FnMut(I::Item) -> ControlFlow<()>,
{
    for _ in 0..most {
        let Some(item) = iterator.next() else { return Some(Halt::End) };
        *pushed += 1;
        if sink(item).is_break() {
            return Some(Halt::Full);
        }
    }
    None
}

impl<S: Stream> Chain for StreamSource<S> {
    type Out = S::Item;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(S::Item) -> ControlFlow<()>,
    {
        if self.stop.is_set() {
            return Poll::Ready(Halt::End);
        }
        let Self { stream, stop, stopped, meter } = self;
        let passing = meter.pass(pushed);
        for _ in 0..fuel {
            match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    *passing.pushed += 1;
                    if sink(item).is_break() {
                        return Poll::Ready(Halt::Full);
                    }
                }
                Poll::Ready(None) => return Poll::Ready(Halt::End),
                Poll::Pending => {
                    let stopped = stopped.get_or_insert_with(|| Box::pin(stop.wait()));
                    return stopped.as_mut().poll(cx).map(|()| Halt::End);
                }
            }
        }
        Poll::Ready(Halt::Fuel)
    }

    fn poll_progress(&mut self, _: &mut Context<'_>) {}

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        Err(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.meter.stage().clone()
    }
}

impl<S> std::fmt::Debug for StreamSource<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamSource").field("meter", &self.meter).finish_non_exhaustive()
    }
}
