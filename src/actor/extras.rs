//! What one incarnation has begun: its timers, streams, pipes, tasks and watches.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio_util::sync::CancellationToken;

use super::errand::Errand;
use super::guard::guarded;
use super::head::{Books, INNER, Subject};
use super::here::{self, Fate, drop_with};
use super::lane::{Lane, News};
use super::reason::StopReason;
use super::shared::Shared;
use super::timers::{Due, Timers};
use super::watch::{WatchId, Watches};
use crate::error::{Panicked, drop_quietly};
use crate::task::TaskGroup;

/// Holds up the end of a life until it is dropped.
pub(super) type Part = Arc<dyn Send + Sync>;

pub(super) struct Extras<M: Send + 'static> {
    shared: Arc<Shared<M>>,
    part: Option<Part>,
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
    pub(super) fn new(shared: Arc<Shared<M>>, part: Option<Part>) -> Self {
        Self {
            shared,
            part,
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
        let errand = Errand::new(future, place, self.end.clone(), self.part.clone());
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
        let errand = Errand::new(future, place, self.end.clone(), self.part.clone());
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
        // Something may always be due: the others of the thread have their turn all the same.
        let coop = ready!(tokio::task::coop::poll_proceed(cx));
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
                coop.made_progress();
                if result.is_ok() {
                    self.shared.books.take(1);
                    self.shared.notes.take(&self.shared.head, 1);
                }
                return Poll::Ready(result);
            }
        }
        Poll::Pending
    }

    fn poll_lane(&mut self) -> Poll<Result<M, StopReason>> {
        if self.shared.head.flags() & INNER == 0 {
            return Poll::Pending;
        }
        loop {
            return match self.lane.as_ref().and_then(|lane| lane.pop()) {
                None => Poll::Pending,
                Some(News::Piped(msg)) => Poll::Ready(Ok(msg)),
                Some(News::Panicked(panicked)) => Poll::Ready(Err(StopReason::Panicked(panicked))),
                Some(News::Ended(watch, make)) if self.watches.ended(watch) => {
                    Poll::Ready(guarded(&self.shared.head, "in a watch", make).map_err(StopReason::Panicked))
                }
                // The watch was ended meanwhile.
                Some(unwanted) => {
                    drop_quietly(unwanted);
                    continue;
                }
            };
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
            // It asks for itself: the actor does not wait for it.
            let polled =
                here::given_away(|| guarded(&self.shared.head, "in a stream", || self.streams[0].poll_next_unpin(cx)));
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

    /// What was handed to the actor by its helpers may hold replies of messages that it has handled.
    fn finish(mut self, reason: &StopReason) -> Result<(), Panicked> {
        let shared = self.shared.clone();
        let place = || format!("actor `{}`, at its end,", shared.head.name);
        let fate = || Fate::Killed(reason.clone());
        let mut result = self.leave_lane(reason);
        // One by one: a panic of one destructor must not meet that of another.
        for stream in std::mem::take(&mut self.streams) {
            result = result.and(drop_with(fate(), place, stream));
        }
        for timer in self.timers.take() {
            result = result.and(drop_with(fate(), place, timer));
        }
        result.and(drop_with(fate(), place, self))
    }

    fn leave_lane(&mut self, reason: &StopReason) -> Result<(), Panicked> {
        let mut result = Ok(());
        for news in self.lane.take().iter().flat_map(|lane| lane.close(reason)) {
            match news {
                News::Piped(msg) => {
                    self.shared.books.take(1);
                    Books::add(&self.shared.books.discarded, 1);
                    self.shared.undeliver(Fate::Killed(reason.clone()), msg);
                }
                news => {
                    let place = || format!("actor `{}`, at its end,", self.shared.head.name);
                    result = result.and(drop_with(Fate::Killed(reason.clone()), place, news));
                }
            }
        }
        result
    }
}

impl<M: Send + 'static> Drop for Extras<M> {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
        // Nothing is there any more, unless the life was aborted.
        let panicked = self.leave_lane(&StopReason::Killed);
        drop(panicked);
        std::mem::take(&mut self.streams).into_iter().for_each(drop_quietly);
        self.timers.take().for_each(drop_quietly);
    }
}
