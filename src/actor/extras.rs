//! What one incarnation has begun: its timers, streams, pipes, tasks and watches.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio_util::sync::CancellationToken;

use super::errand::Errand;
use super::guard::guarded;
use super::head::{Books, INNER, Subject};
use super::here::{Fate, drop_with};
use super::lane::{Lane, News};
use super::reason::StopReason;
use super::shared::Shared;
use super::timers::{Due, Timers};
use super::watch::{WatchId, Watches};
use crate::error::Panicked;
use crate::task::TaskGroup;

pub(super) struct Extras<M: Send + 'static> {
    shared: Arc<Shared<M>>,
    pub(super) timers: Timers<M>,
    pub(super) streams: Vec<BoxStream<'static, M>>,
    pub(super) token: Option<CancellationToken>,
    lane: Option<Arc<Lane<M>>>,
    /// Of pipes and tasks.
    tasks: Option<TaskGroup>,
    /// How this incarnation has ended, for its tasks.
    end: Arc<OnceLock<StopReason>>,
    watches: Watches,
    /// Whose turn it is: 0 the lane, 1 the timers, 2 the streams, 3 the mailbox.
    turn: u8,
}

impl<M: Send + 'static> Extras<M> {
    pub(super) fn new(shared: Arc<Shared<M>>) -> Self {
        Self {
            shared,
            timers: Timers::new(),
            streams: Vec::new(),
            token: None,
            lane: None,
            tasks: None,
            end: Arc::default(),
            watches: Watches::new(),
            turn: 0,
        }
    }

    fn lane(&mut self) -> &Arc<Lane<M>> {
        self.lane.get_or_insert_with(|| Arc::new(Lane::new(self.shared.clone())))
    }

    fn tasks(&mut self) -> &TaskGroup {
        self.tasks.get_or_insert_with(|| TaskGroup::unobserved(self.shared.head.name.clone(), CancellationToken::new()))
    }

    fn begin(&mut self, name: &str, future: impl Future<Output = ()> + Send + 'static) {
        // The group is closed only with the incarnation, which is the one that calls.
        drop(self.tasks().spawn(name, future));
    }

    pub(super) fn spawn(&mut self, name: &str, future: impl Future<Output = ()> + Send + 'static) {
        let place: Arc<str> = format!("actor `{}`, in task `{name}`,", self.shared.head.name).into();
        let errand = Errand::new(future, place, self.end.clone());
        self.begin(name, async move {
            if let Err(panicked) = errand.await {
                // The group's business.
                std::panic::resume_unwind(Box::new(panicked.message.to_string()));
            }
        });
    }

    pub(super) fn pipe(&mut self, future: impl Future<Output = M> + Send + 'static) {
        let end = self.lane().pipe();
        let place: Arc<str> = format!("actor `{}`, in a pipe,", self.shared.head.name).into();
        let errand = Errand::new(future, place, self.end.clone());
        self.begin("pipe", async move {
            end.bring(match errand.await {
                Ok(msg) => News::Piped(msg),
                Err(panicked) => News::Panicked(panicked),
            });
        });
    }

    pub(super) fn watch(
        &mut self,
        target: Arc<dyn Subject>,
        message: impl FnOnce(StopReason) -> M + Send + 'static,
    ) -> WatchId {
        let lane = self.lane().clone();
        self.watches.watch(target, &lane, message)
    }

    pub(super) fn unwatch(&mut self, watch: WatchId) {
        if let Some(lane) = &self.lane {
            self.watches.unwatch(watch, lane);
        }
    }

    /// Tells whether nothing will come from pipes, nor from streams where they count.
    pub(super) fn is_idle(&self, with_streams: bool) -> bool {
        let streams_are_idle = !with_streams || self.streams.is_empty();
        streams_are_idle && self.lane.as_ref().is_none_or(|lane| lane.is_idle())
    }

    /// The next message, each kind in its turn; pending also when it is the mailbox's.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<M, StopReason>> {
        for _ in 0..4 {
            let turn = self.turn;
            self.turn = (turn + 1) % 4;
            let polled = match turn {
                0 => self.poll_lane(),
                1 => self.poll_timers(cx),
                2 => self.poll_streams(cx),
                _ => return Poll::Pending,
            };
            if let Poll::Ready(result) = polled {
                Books::add(&self.shared.books.taken, u64::from(result.is_ok()));
                return Poll::Ready(result);
            }
        }
        Poll::Pending
    }

    fn poll_lane(&mut self) -> Poll<Result<M, StopReason>> {
        if self.shared.head.flags() & INNER == 0 {
            return Poll::Pending;
        }
        match self.lane.as_ref().and_then(|lane| lane.pop()) {
            None => Poll::Pending,
            Some(News::Piped(msg)) => Poll::Ready(Ok(msg)),
            Some(News::Panicked(panicked)) => Poll::Ready(Err(StopReason::Panicked(panicked))),
            Some(News::Ended(watch, make)) => {
                self.watches.ended(watch);
                Poll::Ready(guarded(&self.shared.head, "in a watch", make).map_err(StopReason::Panicked))
            }
        }
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>) -> Poll<Result<M, StopReason>> {
        if self.timers.is_empty() {
            return Poll::Pending;
        }
        match self.timers.poll_due(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Due::Message(msg)) => Poll::Ready(Ok(msg)),
            Poll::Ready(Due::Make(timer)) => match guarded(&self.shared.head, "in a timer", || self.timers.make(timer))
            {
                Ok(Some(msg)) => Poll::Ready(Ok(msg)),
                Ok(None) => Poll::Pending,
                Err(panicked) => Poll::Ready(Err(StopReason::Panicked(panicked))),
            },
        }
    }

    /// Looks at each stream once, beginning behind the one that had something last.
    fn poll_streams(&mut self, cx: &mut Context<'_>) -> Poll<Result<M, StopReason>> {
        let mut left = self.streams.len();
        while left > 0 {
            left -= 1;
            let polled = guarded(&self.shared.head, "in a stream", || self.streams[0].poll_next_unpin(cx));
            match polled {
                Err(panicked) => return Poll::Ready(Err(StopReason::Panicked(panicked))),
                Ok(Poll::Ready(None)) => {
                    let ended = self.streams.remove(0);
                    if let Err(panicked) = guarded(&self.shared.head, "in a stream", || drop(ended)) {
                        return Poll::Ready(Err(StopReason::Panicked(panicked)));
                    }
                }
                Ok(Poll::Ready(Some(msg))) => {
                    self.streams.rotate_left(1);
                    return Poll::Ready(Ok(msg));
                }
                Ok(Poll::Pending) => self.streams.rotate_left(1),
            }
        }
        Poll::Pending
    }

    /// Ends everything, and tells the askers whose messages were not handled. A panic of a destructor comes back.
    ///
    /// Tasks are waited for: nothing of this incarnation lives when the next one begins.
    pub(super) async fn end(mut self, reason: &StopReason) -> Result<(), Panicked> {
        let _ = self.end.set(reason.clone());
        if let Some(tasks) = self.tasks.take() {
            drop(tasks.aborted().await);
        }
        self.finish(reason)
    }

    fn finish(mut self, reason: &StopReason) -> Result<(), Panicked> {
        let shared = self.shared.clone();
        let place = || format!("actor `{}`, at its end,", shared.head.name);
        let fate = || Fate::Stopped(reason.clone());
        let mut result = Ok(());
        for news in self.lane.iter().flat_map(|lane| lane.close(reason)) {
            match news {
                News::Piped(msg) => {
                    Books::add(&shared.books.taken, 1);
                    Books::add(&shared.books.discarded, 1);
                    shared.undeliver(fate(), msg);
                }
                news => result = result.and(drop_with(fate(), place, news)),
            }
        }
        let streams = std::mem::take(&mut self.streams);
        let timers = std::mem::replace(&mut self.timers, Timers::new());
        result.and(drop_with(fate(), place, self)).and(drop_with(fate(), place, streams)).and(drop_with(
            fate(),
            place,
            timers,
        ))
    }
}

impl<M: Send + 'static> Drop for Extras<M> {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}
