//! What is noted of every message: its name, and of some of them how long they took.
//!
//! This is paid for each message, so it is next to nothing. The name is entered when it is another than that of the message
//! before. The clock is read for one message in 64 on average: counted off by batches, so that of a batch the first is
//! timed. The distance is drawn anew each time, since what comes periodically could keep step with a fixed one. Where
//! messages take long the clock is cheap, and all of them are timed.
//!
//! Invariant: a message that is timed has been taken, and [`TIMED`] is up, which the actor's task looks at before it takes
//! the next one; when it sleeps, or the message is not handled to its end, the timing is given up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::head::{Head, TIMED};
use crate::observe::{Samples, Word};
use crate::supervise::Window;

/// On average one message in so many is timed.
const STRIDE: u32 = 64;
/// From here on reading the clock twice is a hundredth of what is measured.
const LONG: Duration = Duration::from_micros(10);

/// Of the actor's own task, over all its lives.
pub(super) struct Notes {
    /// Where the name of the last message lies: the same name elsewhere is only entered once more.
    name: usize,
    /// Messages to come until one is timed.
    left: u32,
    seed: u32,
    /// Of the message in hand, if it is timed.
    begun: Option<Instant>,
}

/// What most actors never have: made when there is something to write down.
pub(super) struct Rare {
    pub(super) handling: Samples,
    /// The failures that count against its limit, where it restarts itself.
    failures: Mutex<Window>,
    /// Asks that were refused because they would have closed a circle.
    pub(super) circles: AtomicU64,
    circle: Mutex<Option<Arc<str>>>,
    pub(super) has_failures: AtomicBool,
}

impl Notes {
    pub(super) fn new(id: u64) -> Self {
        // Any number but zero, another one for each actor.
        let seed = (id as u32).wrapping_mul(0x9e37_79b9) | 1;
        Self { name: 0, left: 1 + seed % STRIDE, seed, begun: None }
    }

    /// A message of this name comes to be handled.
    #[inline]
    pub(super) fn begin(&mut self, head: &Head, name: &'static str) {
        if !cfg!(regatta_uncounted) && self.name != name.as_ptr().addr() {
            self.enter(head, name);
        }
    }

    #[cold]
    fn enter(&mut self, head: &Head, name: &'static str) {
        self.name = name.as_ptr().addr();
        head.doing.store(Word::of(name).number(), Relaxed);
    }

    /// So many messages are taken, of which the first is handled next.
    #[inline]
    pub(super) fn take(&mut self, head: &Head, messages: usize) {
        if cfg!(regatta_uncounted) {
            return;
        }
        // A batch is small.
        self.left = self.left.saturating_sub(messages as u32);
        if self.left == 0 && self.begun.is_none() {
            self.time(head);
        }
    }

    #[cold]
    fn time(&mut self, head: &Head) {
        self.begun = Some(Instant::now());
        head.is_timed();
    }

    /// The message that was timed is handled.
    #[cold]
    pub(super) fn took(&mut self, head: &Head) {
        let took = self.begun.take().map(|begun| begun.elapsed());
        head.lower(TIMED);
        let Some(took) = took else { return };
        head.rare().handling.add(took);
        if took >= LONG {
            // The next one begins right now, if there is one.
            self.left = 0;
            self.time(head);
        } else {
            self.left = self.distance();
        }
    }

    /// It is not handled to its end, or there is none.
    #[inline]
    pub(super) fn interrupt(&mut self, head: &Head) {
        if self.begun.take().is_some() {
            head.lower(TIMED);
        }
    }

    /// Between half and one and a half of the stride: a xorshift.
    fn distance(&mut self) -> u32 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        STRIDE / 2 + self.seed % STRIDE
    }
}

impl Rare {
    pub(super) fn new() -> Self {
        Self {
            handling: Samples::new(),
            failures: Mutex::default(),
            circles: AtomicU64::new(0),
            circle: Mutex::default(),
            has_failures: AtomicBool::new(false),
        }
    }

    /// The actor has failed, and this is what counts now.
    pub(super) fn fails(&self, window: &Window) {
        *self.failures.lock().unwrap_or_else(PoisonError::into_inner) = window.clone();
        self.has_failures.store(true, Relaxed);
    }

    /// How many failures count now, and how many are allowed.
    pub(super) fn recent(&self) -> Option<(usize, u32)> {
        if !self.has_failures.load(Relaxed) {
            return None;
        }
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        Some((failures.recent(tokio::time::Instant::now()), failures.limit().restarts))
    }

    /// An ask was refused: its way leads back.
    pub(super) fn refuse(&self, path: &[Arc<str>]) {
        let names: Vec<String> = path.iter().map(|name| format!("`{name}`")).collect();
        let circle = Arc::from(names.join(" → "));
        let before = self.circle.lock().unwrap_or_else(PoisonError::into_inner).replace(circle);
        drop(before);
        self.circles.fetch_add(1, Relaxed);
    }

    pub(super) fn circle(&self) -> Option<Arc<str>> {
        self.circle.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
