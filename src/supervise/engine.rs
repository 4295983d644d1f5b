//! The supervisor itself: what it attends to, and what it decides when a child ends.
//!
//! The rules are those of OTP's `supervisor`, with a clock that knows more than seconds.
//!
//! Invariants:
//! 1. The engine does one thing at a time: it starts a child, stops one, or waits for what comes next. Only its owner's
//!    wish to stop reaches it in a start.
//! 2. A child has at most one life, and a life is over when nothing of it is left. Whatever ends while the engine attends
//!    to something else is kept in `ended` and looked at in its turn.
//! 3. Each failure counts once: where the life ended, or where the start failed.
//! 4. A child that is to be started again is marked; whoever stops or forgets it in between takes the mark away.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::board::{Board, ChildState};
use super::builder::SupervisorBuilder;
use super::command::Command;
use super::context::Place;
use super::error::StartError;
use super::event::{Event, EventKind};
use super::exit::{Exit, GaveUp};
use super::life::{End, Kin, Life};
use super::policy::{AutoShutdown, Restart, Strategy};
use super::spec::ChildSpec;
use crate::error::drop_quietly;
use crate::observe::RowId;
use crate::policy::{Backoff, Delays};
use crate::task::Spawner;

pub(super) struct Engine {
    pub(super) board: Arc<Board>,
    pub(super) strategy: Strategy,
    auto_shutdown: AutoShutdown,
    pub(super) backoff: Option<Backoff>,
    pub(super) above: Above,
    /// In the order of their first start.
    pub(super) children: BTreeMap<u64, Child>,
    pub(super) names: HashMap<Arc<str>, u64>,
    pub(super) next_key: u64,
    pub(super) ends: FuturesUnordered<End>,
    /// Ends that came while it attended to something else, and their order.
    pub(super) ended: HashMap<u64, Exit>,
    pub(super) order: VecDeque<u64>,
    /// Which children are to be started again, and when.
    pub(super) due: BTreeMap<(Instant, u64), Due>,
    timer: Option<Pin<Box<Sleep>>>,
    pub(super) requests: mpsc::Receiver<Command>,
    /// A significant child was the last one in the middle of its start.
    pub(super) is_over: bool,
    /// Whose turn it is: ends, what is due and requests do not keep each other waiting.
    turn: u8,
    pub(super) stop: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// What a supervisor has from the one above it.
#[derive(Clone)]
pub(super) struct Above {
    /// Spawns into the group of the whole tree.
    pub(super) spawner: Spawner,
    pub(super) kin: Option<Arc<Kin>>,
    pub(super) place: Option<Arc<Place>>,
    pub(super) events: Option<broadcast::Sender<Event>>,
    /// Where it is shown as a child.
    pub(super) shown: Option<(Arc<Board>, u64)>,
}

pub(super) struct Child {
    pub(super) spec: ChildSpec,
    pub(super) life: Option<Life>,
    pub(super) last_exit: Option<Exit>,
    /// It, or the failure that takes it along, waits to be started again.
    pub(super) is_restarting: bool,
    pub(super) due: Option<Instant>,
    pub(super) delays: Option<Delays>,
}

/// Why a child is to be started.
#[derive(Clone, Copy)]
pub(super) enum Due {
    /// A failure that is counted.
    Counted,
    /// Its start has failed, and that is not counted yet.
    Failed,
}

/// What comes next.
enum Next {
    Stop,
    Ended(u64, Exit),
    Request(Command),
    Due(u64, Due),
}

impl Engine {
    pub(super) fn below(builder: &SupervisorBuilder, path: Arc<str>, above: Above, token: CancellationToken) -> Self {
        let events = builder.events.clone().or_else(|| above.events.clone());
        let row: Option<RowId> = above.shown.as_ref().and_then(|(board, _)| board.row());
        let (board, requests) = Board::new(path, builder.intensity, events, row);
        if let Some((shown_by, key)) = &above.shown
            && let Some(child) = shown_by.lock().children.get_mut(key)
        {
            child.below = Some(board.clone());
        }
        let mut engine = Self {
            board,
            strategy: builder.strategy,
            auto_shutdown: builder.auto_shutdown,
            backoff: builder.backoff,
            above,
            children: BTreeMap::new(),
            names: HashMap::new(),
            next_key: 0,
            ends: FuturesUnordered::new(),
            ended: HashMap::new(),
            order: VecDeque::new(),
            due: BTreeMap::new(),
            timer: None,
            requests,
            turn: 0,
            is_over: false,
            stop: Box::pin(token.cancelled_owned()),
        };
        for spec in &builder.children {
            // A name that comes twice is refused by `start`, which misses it here.
            engine.add(spec.clone());
        }
        engine
    }

    /// Starts the children in order.
    pub(super) async fn start(mut self, specs: &[ChildSpec]) -> Result<Self, StartError> {
        let started = match self.refused(specs) {
            Some(error) => Err(error),
            None => self.start_first().await,
        };
        match started {
            Ok(()) => Ok(self),
            Err(error) => {
                self.stop_all().await;
                self.board.has_ended(match &error {
                    StartError::Stopped { .. } => Exit::Shutdown,
                    error => Exit::Failed(Arc::new(error.clone())),
                });
                Err(error)
            }
        }
    }

    fn refused(&self, specs: &[ChildSpec]) -> Option<StartError> {
        let supervisor = self.board.path.clone();
        let mut names = std::collections::HashSet::new();
        for spec in specs {
            if !names.insert(&spec.name) {
                return Some(StartError::Duplicate { supervisor, child: spec.name.clone() });
            }
            if !self.makes_sense(spec) {
                return Some(StartError::Significant { supervisor, child: spec.name.clone() });
            }
        }
        None
    }

    /// Watches over the children until it is asked to stop, gives up, or its significant children have ended.
    pub(super) async fn run(mut self) -> Exit {
        let exit = loop {
            let exit = match poll_fn(|cx| self.poll_next(cx)).await {
                Next::Stop => Some(Exit::Shutdown),
                Next::Ended(key, exit) => self.child_ended(key, exit).await,
                Next::Request(command) => {
                    self.serve(command).await;
                    None
                }
                Next::Due(key, due) => self.is_due(key, due).await,
            };
            if let Some(exit) = exit.or_else(|| self.is_over.then_some(Exit::Shutdown)) {
                break exit;
            }
        };
        self.stop_all().await;
        self.board.has_ended(exit.clone());
        exit
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if self.stop.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Next::Stop);
        }
        self.turn = (self.turn + 1) % 3;
        for turn in 0..3 {
            let polled = match (self.turn + turn) % 3 {
                0 => self.poll_ended(cx),
                1 => self.poll_due(cx),
                _ => self.poll_request(cx),
            };
            if polled.is_ready() {
                return polled;
            }
        }
        Poll::Pending
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        while let Some(key) = self.order.pop_front() {
            // Taken, where somebody has waited for this one.
            if let Some(exit) = self.ended.remove(&key) {
                return Poll::Ready(Next::Ended(key, exit));
            }
        }
        match self.ends.poll_next_unpin(cx) {
            Poll::Ready(Some((key, exit))) => Poll::Ready(Next::Ended(key, exit)),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        match self.requests.poll_recv(cx) {
            Poll::Ready(Some(command)) => Poll::Ready(Next::Request(command)),
            // The board has a sender, so it never ends.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            let Some((&(at, key), &due)) = self.due.first_key_value() else {
                self.timer = None;
                return Poll::Pending;
            };
            if at <= Instant::now() {
                self.unschedule(key);
                return Poll::Ready(Next::Due(key, due));
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if timer.deadline() != at {
                timer.as_mut().reset(at);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Decides what becomes of a child whose life has ended by itself; gives how the supervisor ends, if it does.
    async fn child_ended(&mut self, key: u64, exit: Exit) -> Option<Exit> {
        let is_last = self.note_end(key, &exit);
        self.tell_exit(key, &exit);
        let child = self.children.get(&key)?;
        let (is_significant, restart) = (child.spec.is_significant, child.spec.restart);
        let is_restarted = match restart {
            _ if is_last => false,
            Restart::Permanent => true,
            Restart::Transient => !exit.is_normal(),
            Restart::Temporary => false,
        };
        if is_restarted {
            let delay = self.delay(key);
            return self.child_failed(key, exit, delay).await;
        }
        if is_last || restart == Restart::Temporary {
            self.forget(key);
        }
        self.ends_with(is_significant).then_some(Exit::Shutdown)
    }

    /// A child is due: starts it.
    async fn is_due(&mut self, key: u64, due: Due) -> Option<Exit> {
        let child = self.children.get(&key).filter(|child| child.is_restarting)?;
        match due {
            Due::Counted => {
                self.start_group(key).await;
                None
            }
            Due::Failed => {
                let exit = child.last_exit.clone()?;
                self.child_failed(key, exit, Duration::ZERO).await
            }
        }
    }

    /// Counts a failure, and gives up or starts again whatever it takes along.
    async fn child_failed(&mut self, key: u64, exit: Exit, delay: Duration) -> Option<Exit> {
        let now = Instant::now();
        let (recent, allowed, exceeded) = self.board.lock().fails(key, now);
        let child = self.children.get_mut(&key)?;
        let name = child.spec.name.clone();
        if let Some(limit) = exceeded {
            let supervisor = self.board.path.clone();
            let gave_up = GaveUp { supervisor, child: name.clone(), limit, last: Arc::new(exit) };
            self.board.tell(&name, EventKind::GaveUp(gave_up.clone()));
            return Some(Exit::GaveUp(gave_up));
        }
        self.stop_group(key).await;
        self.board.tell(&name, EventKind::Restarting { delay, recent, limit: allowed });
        if delay.is_zero() {
            self.start_group(key).await;
        } else {
            self.schedule(key, delay, Due::Counted);
        }
        None
    }

    /// Tells whether the end of such a child is the end of all.
    pub(super) fn ends_with(&self, is_significant: bool) -> bool {
        let lives = |child: &Child| child.spec.is_significant && (child.life.is_some() || child.is_restarting);
        is_significant
            && match self.auto_shutdown {
                AutoShutdown::Never => false,
                AutoShutdown::AnySignificant => true,
                AutoShutdown::AllSignificant => !self.children.values().any(lives),
            }
    }

    pub(super) fn makes_sense(&self, spec: &ChildSpec) -> bool {
        !spec.is_significant || (spec.restart != Restart::Permanent && self.auto_shutdown != AutoShutdown::Never)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Unless it has ended by itself, its task was aborted, and its children go with `ends`.
        for (key, child) in &mut self.children {
            child.is_restarting = false;
            let shown_before = {
                let mut seen = self.board.lock();
                if let Some(child) = seen.child(*key) {
                    child.state = ChildState::Stopped;
                }
                child.life.take().and_then(|life| {
                    life.token.cancel();
                    seen.ends(*key, &Exit::Killed)
                })
            };
            drop_quietly(shown_before);
        }
        self.board.has_ended(Exit::Killed);
        // One by one: what one has captured must not end the process with that of another.
        std::mem::take(&mut self.children).into_values().for_each(drop_quietly);
    }
}
