//! Where items come from: an iterator or a stream, until it ends or the pipeline is asked to drain.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::segment::{Halt, Meter, Segment};
use super::stage::Stage;

/// Items of an iterator.
#[doc(hidden)]
#[derive(Debug)]
pub struct IterSource<I> {
    iterator: I,
    /// Cancelled when the source is to stop.
    stop: CancellationToken,
    meter: Meter,
}

/// Items of a stream.
#[doc(hidden)]
pub struct StreamSource<S> {
    stream: Pin<Box<S>>,
    stop: CancellationToken,
    /// Wakes us out of a stream that does not move; made when it first does not.
    stopped: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    meter: Meter,
}

impl<I> IterSource<I> {
    pub(super) fn new(iterator: I, stop: CancellationToken, stage: Arc<Stage>) -> Self {
        Self { iterator, stop, meter: Meter::new(stage) }
    }
}

impl<S> StreamSource<S> {
    pub(super) fn new(stream: S, stop: CancellationToken, stage: Arc<Stage>) -> Self {
        Self { stream: Box::pin(stream), stop, stopped: None, meter: Meter::new(stage) }
    }
}

impl<I> Segment for IterSource<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    type Item = I::Item;

    #[inline(always)]
    fn poll_run<K>(&mut self, _: &mut Context<'_>, fuel: usize, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(I::Item) -> ControlFlow<()>,
    {
        if self.stop.is_cancelled() {
            return Poll::Ready(Halt::End);
        }
        let Self { iterator, meter, .. } = self;
        let mut tally = meter.begin();
        // A plain loop, right here: `try_for_each` is not inlined into the run, and then the counts of all fused stages
        // live in memory instead of registers, at twice the cost of a cheap item.
        for _ in 0..fuel {
            let Some(item) = iterator.next() else { return Poll::Ready(Halt::End) };
            tally.accept();
            if sink(item).is_break() {
                return Poll::Ready(Halt::Full);
            }
        }
        Poll::Ready(Halt::Fuel)
    }

    fn culprit(&mut self) -> Option<Arc<Stage>> {
        None
    }

    fn source(&self) -> Arc<Stage> {
        self.meter.stage().clone()
    }
}

impl<S> Segment for StreamSource<S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    type Item = S::Item;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(S::Item) -> ControlFlow<()>,
    {
        if self.stop.is_cancelled() {
            return Poll::Ready(Halt::End);
        }
        let Self { stream, stop, stopped, meter } = self;
        let mut tally = meter.begin();
        for _ in 0..fuel {
            match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    tally.accept();
                    if sink(item).is_break() {
                        return Poll::Ready(Halt::Full);
                    }
                }
                Poll::Ready(None) => return Poll::Ready(Halt::End),
                Poll::Pending => {
                    let stopped = stopped.get_or_insert_with(|| Box::pin(stop.clone().cancelled_owned()));
                    return stopped.as_mut().poll(cx).map(|()| Halt::End);
                }
            }
        }
        Poll::Ready(Halt::Fuel)
    }

    fn culprit(&mut self) -> Option<Arc<Stage>> {
        None
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
