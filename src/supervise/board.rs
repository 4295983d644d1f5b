//! What can be seen of a supervisor from outside: it is never waited for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;

use super::command::Command;
use super::event::{Event, EventKind};
use super::exit::Exit;
use super::intensity::{Intensity, Window};
use crate::error::{catch, log_quietly};
use crate::observe::{Ending, Flow, Observe, Registration, Registry, Row, RowId};

/// How many events a subscriber may lag behind.
const EVENTS_KEPT: usize = 256;
/// How many requests wait at a supervisor before those who make them wait.
const REQUESTS: usize = 32;

/// What a supervisor shows, and by what it is reached.
pub(super) struct Board {
    /// Tells it from every other supervisor.
    pub(super) id: u64,
    pub(super) path: Arc<str>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) stopped: watch::Sender<Option<Exit>>,
    seen: Mutex<Seen>,
    pub(super) registration: OnceLock<Registration>,
}

/// The numbers and children; written by the supervisor alone.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) is_closed: bool,
    pub(super) is_stopping: bool,
    /// In the order of their first start.
    pub(super) children: BTreeMap<u64, SeenChild>,
    /// Those that count against the limit.
    pub(super) failures: Window,
    begun: u64,
    /// Of all children, those that are gone as well.
    restarts: u64,
    done: u64,
    failed: u64,
    killed: u64,
}

pub(super) struct SeenChild {
    pub(super) info: ChildInfo,
    /// Of a supervisor that runs.
    pub(super) below: Option<Arc<Board>>,
    /// The failures that count against a limit of its own.
    pub(super) failures: Option<Window>,
}

/// What can be seen of a child.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChildInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it is a supervisor itself.
    pub is_supervisor: bool,
    /// What it does.
    pub state: ChildState,
    /// How many lives have begun.
    pub incarnation: u64,
    /// How many of these began because of a failure, its own or a sibling's.
    pub restarts: u64,
    /// How the last life that has ended did so.
    pub last_exit: Option<Exit>,
}

/// What a child does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChildState {
    /// Its supervisor waits for its start.
    Starting,
    /// It lives.
    Running,
    /// It will be started again.
    Restarting,
    /// It is asked to stop, and waited for.
    Stopping,
    /// It has ended, or was never started, and is left alone.
    Stopped,
}

impl ChildState {
    /// Tells whether it is [`Running`](Self::Running).
    #[must_use]
    pub fn is_running(self) -> bool {
        matches!(self, Self::Running)
    }
}

impl fmt::Display for ChildState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        })
    }
}

impl Board {
    /// The board, and the end at which the supervisor takes requests.
    pub(super) fn new(
        path: Arc<str>,
        limit: Intensity,
        events: Option<broadcast::Sender<Event>>,
        above: Option<RowId>,
    ) -> (Arc<Self>, mpsc::Receiver<Command>) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (commands, requests) = mpsc::channel(REQUESTS);
        let board = Arc::new(Self {
            // Relaxed: the numbers have only to differ.
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            path,
            commands,
            events: events.unwrap_or_else(|| broadcast::Sender::new(EVENTS_KEPT)),
            stopped: watch::Sender::new(None),
            seen: Mutex::new(Seen { failures: Window::new(limit), ..Seen::default() }),
            registration: OnceLock::new(),
        });
        let registry = Registry::current();
        let subject: Weak<Self> = Arc::downgrade(&board);
        let subject: Weak<dyn Observe> = subject;
        // The cell is ours alone so far, so it is empty.
        let _ = board.registration.set(registry.enroll(registry.reserve(), "supervisor", &board.path, above, subject));
        (board, requests)
    }

    pub(super) fn row(&self) -> Option<RowId> {
        self.registration.get().map(Registration::id)
    }

    /// It has ended, if nobody has said so before.
    pub(super) fn has_ended(&self, exit: Exit) {
        let ending = Ending { reason: Cow::Owned(describe(&exit)), is_failure: exit.is_failure() };
        let is_first = self.stopped.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert(exit);
            is_first
        });
        if let (true, Some(registration)) = (is_first, self.registration.get()) {
            registration.tell_end(ending);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn path_of(&self, child: &str) -> Arc<str> {
        format!("{}/{child}", self.path).into()
    }

    /// Writes to the log and to whoever has subscribed.
    pub(super) fn tell(&self, child: &Arc<str>, kind: EventKind) {
        let event = Event { supervisor: self.path.clone(), child: child.clone(), kind };
        log_quietly(|| match &event.kind {
            EventKind::GaveUp(_) => tracing::error!(target: "regatta::supervise", "{event}"),
            EventKind::StartFailed { .. } | EventKind::Restarting { .. } => {
                tracing::warn!(target: "regatta::supervise", "{event}");
            }
            _ => tracing::debug!(target: "regatta::supervise", "{event}"),
        });
        // Nobody has to listen.
        let _ = self.events.send(event);
    }
}

/// The words of an error are the user's.
fn describe(exit: &Exit) -> String {
    catch(&"a supervisor".into(), || exit.to_string()).unwrap_or_else(|panicked| panicked.to_string())
}

impl Seen {
    /// Counts a failure; tells how many count now, the limit for these, and the limit that was exceeded, if one was.
    pub(super) fn fails(&mut self, key: u64, now: Instant) -> (usize, Intensity, Option<Intensity>) {
        let is_too_many = self.failures.note(now);
        let (recent, allowed) = (self.failures.recent(now), self.failures.limit());
        let own = self.children.get_mut(&key).and_then(|child| child.failures.as_mut());
        let own = own.and_then(|own| own.note(now).then(|| own.limit()));
        (recent, allowed, is_too_many.then_some(allowed).or(own))
    }

    /// How often the one failed that is closest to its limit: all together, or a child with a limit of its own.
    fn closest(&mut self, now: Instant) -> (usize, u32, Option<Arc<str>>) {
        let all = (self.failures.recent(now), self.failures.limit().restarts, None);
        let with_limits = self.children.values_mut().filter_map(|SeenChild { info, failures, .. }| {
            let failures = failures.as_mut()?;
            Some((failures.recent(now), failures.limit().restarts, Some(info.name.clone())))
        });
        let left = |(recent, limit, _): &(usize, u32, Option<Arc<str>>)| (*limit as usize).saturating_sub(*recent);
        let closest = with_limits.filter(|child| child.0 > 0).min_by_key(left);
        closest.filter(|child| left(child) < left(&all) || all.0 == 0).unwrap_or(all)
    }

    pub(super) fn child(&mut self, key: u64) -> Option<&mut ChildInfo> {
        self.children.get_mut(&key).map(|child| &mut child.info)
    }

    /// A life begins because of a failure.
    pub(super) fn restarts(&mut self, key: u64) {
        if let Some(child) = self.child(key) {
            child.restarts += 1;
            self.restarts += 1;
        }
    }

    pub(super) fn begins(&mut self, key: u64, state: ChildState) -> u64 {
        self.begun += 1;
        let Some(child) = self.child(key) else { return 1 };
        child.state = state;
        child.incarnation += 1;
        child.incarnation
    }

    /// Takes note of an end; gives the one that was shown before, to be dropped without the lock.
    #[must_use]
    pub(super) fn ends(&mut self, key: u64, exit: &Exit) -> Option<Exit> {
        match exit {
            Exit::Normal | Exit::Shutdown => self.done += 1,
            Exit::Killed => self.killed += 1,
            Exit::Failed(_) if exit.is_ignored() => self.done += 1,
            Exit::Failed(_) | Exit::Panicked(_) | Exit::GaveUp(_) => self.failed += 1,
        }
        let child = self.children.get_mut(&key)?;
        child.below = None;
        child.info.state = ChildState::Stopped;
        // Where there was nothing to do, nothing has failed.
        let shown = (!exit.is_ignored()).then(|| exit.clone());
        std::mem::replace(&mut child.info.last_exit, shown)
    }
}

impl Observe for Board {
    fn fill(&self, row: &mut Row) {
        let mut seen = self.lock();
        row.set_state(match (self.stopped.borrow().is_some(), seen.is_stopping, seen.is_closed) {
            (true, ..) => "stopped",
            (_, true, _) => "stopping",
            (_, _, true) => "closed",
            _ => "open",
        });
        let ended = seen.done + seen.failed + seen.killed;
        row.flow = Flow {
            accepted: seen.begun,
            done: seen.done,
            failed: seen.failed,
            dropped: 0,
            discarded: seen.killed,
            in_flight: seen.begun - ended,
        };
        row.gauge("children", seen.children.len(), None);
        let now = Instant::now();
        let (recent, limit, child) = seen.closest(now);
        row.level("recent failures", recent as u64, (limit < u32::MAX).then_some(u64::from(limit)));
        row.note = child.map(|child| format!("closest to its limit is child `{child}`").into());
        row.count("restarts", seen.restarts);
    }
}
