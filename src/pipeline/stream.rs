//! A pipeline that ends in a stream.

use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::stream::FusedStream;

use super::error::PipelineError;
use super::handle::{Live, PipelineStats};
use super::plan::Plan;
use super::segment::{Chain, Halt, poll_guarded};
use crate::error::drop_quietly;

/// The results of a pipeline, as a stream; made by [`Pipeline::into_stream`](super::Pipeline::into_stream).
///
/// After an error, and after the end, there is nothing more: the stream is fused. Dropping it aborts the pipeline.
///
/// # Cancel safety
/// `next()` may be given up at any time: no item is lost.
///
/// # Panics
/// When it is first polled outside a tokio runtime; or where a branch of a fan out is missing, see
/// [`Run::spawn`](super::Run::spawn).
#[must_use = "streams do nothing unless polled"]
pub struct PipelineStream<S: Chain> {
    /// Gone at the end, with everything it captured.
    segment: Option<S>,
    /// Until the first poll.
    plan: Option<Plan>,
    /// From the first poll on.
    live: Option<Arc<Live>>,
    /// A result that a stage pushed together with its last words.
    failure: Option<PipelineError>,
}

impl<S: Chain> PipelineStream<S> {
    pub(super) fn new(segment: S, plan: Plan) -> Self {
        Self { segment: Some(segment), plan: Some(plan), live: None, failure: None }
    }

    /// What each stage has done and what it holds; also how it has ended, when nobody polls the stream to find out.
    ///
    /// # Examples
    /// ```
    /// use futures::StreamExt;
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let words = Pipeline::from_iter(["1", "x"]).try_map_async(1, |word| async move { word.parse::<u32>() });
    /// let mut numbers = words.named("parse").into_stream();
    /// assert_eq!(numbers.next().await.unwrap().unwrap(), 1);
    /// while numbers.stats().failure().is_none() {
    ///     tokio::task::yield_now().await; // the stage goes on by itself
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn stats(&self) -> PipelineStats {
        match (&self.live, &self.plan) {
            (Some(live), _) => live.stats(),
            (None, Some(plan)) => PipelineStats::of(plan.title.get(), &plan.stages),
            (None, None) => PipelineStats::of("?".into(), &[]),
        }
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<S::Out, PipelineError>>> {
        if self.plan.as_ref().is_some_and(|plan| !plan.starts.is_empty()) {
            // Before anything has changed: whoever polls again inside a runtime gets the stream.
            let _ = crate::task::runtime("a pipeline's stream");
        }
        if let Some(plan) = self.plan.take() {
            // A launch that is refused leaves a stream that has ended.
            let segment = self.segment.take();
            self.live = Some(Live::launch(plan));
            self.segment = segment;
        }
        loop {
            if let Some(failure) = self.failure.take() {
                self.end();
                return Poll::Ready(Some(Err(failure)));
            }
            let Some(segment) = &mut self.segment else { return Poll::Ready(None) };
            let coop = ready!(tokio::task::coop::poll_proceed(cx));
            let mut item = None;
            let polled = poll_guarded(segment, cx, 1, &mut |pushed| {
                item = Some(pushed);
                ControlFlow::Break(())
            });
            match polled {
                Poll::Ready(Halt::Failed(failure)) => self.failure = Some(failure),
                Poll::Ready(Halt::End) => self.end(),
                Poll::Ready(Halt::Fuel | Halt::Full) => {}
                Poll::Pending if item.is_none() => return Poll::Pending,
                Poll::Pending => {}
            }
            coop.made_progress();
            if let Some(item) = item {
                return Poll::Ready(Some(Ok(item)));
            }
        }
    }

    fn end(&mut self) {
        drop_quietly(self.segment.take());
        if let Some(live) = &self.live {
            live.stop_now();
        }
    }
}

impl<S: Chain> Stream for PipelineStream<S> {
    type Item = Result<S::Out, PipelineError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

impl<S: Chain> FusedStream for PipelineStream<S> {
    fn is_terminated(&self) -> bool {
        self.segment.is_none() && self.failure.is_none()
    }
}

// Nothing in it is pinned: a stream at the source is boxed.
impl<S: Chain> Unpin for PipelineStream<S> {}

impl<S: Chain> Drop for PipelineStream<S> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<S: Chain> fmt::Debug for PipelineStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_started = self.plan.is_none();
        f.debug_struct("PipelineStream")
            .field("has_started", &has_started)
            .field("is_terminated", &self.is_terminated())
            .finish()
    }
}
