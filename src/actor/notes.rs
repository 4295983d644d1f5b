//! What is noted of every message: its name, and of some of them how long they took.
//!
//! This is paid for each message, so it is next to nothing. The name is entered when it is another than that of the message
//! before. The clock is read for one message in 64 on average: counted off by batches, so that of a batch the first is
//! timed. The distance is drawn anew each time, since what comes periodically could keep step with a fixed one. Where
//! messages take long the clock is cheap, and all of them are timed.
//!
//! Invariant: a message that is timed has been taken, and [`TIMED`] is up, which the actor's task looks at before it takes
//! the next one; when it sleeps, or the message is not handled to its end, the timing is given up.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::head::{Head, TIMED};
use crate::observe::{Samples, Word};
use crate::supervise::Window;

/// On average one message in so many is timed.
const STRIDE: u32 = 64;
/// From here on reading the clock twice is a hundredth of what is measured.
const LONG: Duration = Duration::from_micros(10);

/// Written by the actor's own task, over all its lives, with plain stores. Beside the counters, and not in the task: that has
/// room for what it is given twice.
pub(super) struct Notes {
    /// Where the name of the last message lies, and how long it is: the same name elsewhere is only entered once more.
    name: AtomicUsize,
    /// Messages to come until one is timed.
    left: AtomicU32,
    seed: AtomicU32,
    /// When the message in hand was taken, by [`now_ns`], if it is timed; else 0.
    begun: AtomicU64,
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

/// Nanoseconds since the first time anybody asked, and 1: never zero.
fn now_ns() -> u64 {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(FIRST.elapsed().as_nanos()).unwrap_or(u64::MAX - 1) + 1
}

/// Names are short: where two begin at the same place the length is in other bits than the address.
fn place_of(name: &'static str) -> usize {
    name.as_ptr().addr() ^ name.len().rotate_right(8)
}

impl Notes {
    pub(super) fn new(id: u64) -> Self {
        // Any number but zero, another one for each actor.
        let seed = (id as u32).wrapping_mul(0x9e37_79b9) | 1;
        let (name, begun) = (AtomicUsize::new(0), AtomicU64::new(0));
        Self { name, left: AtomicU32::new(1 + seed % STRIDE), seed: AtomicU32::new(seed), begun }
    }

    /// A message of this name comes to be handled.
    #[inline]
    pub(super) fn begin(&self, head: &Head, name: &'static str) {
        if !cfg!(regatta_uncounted) && self.name.load(Relaxed) != place_of(name) {
            self.enter(head, name);
        }
    }

    #[cold]
    fn enter(&self, head: &Head, name: &'static str) {
        self.name.store(place_of(name), Relaxed);
        head.doing.store(Word::of(name).number(), Relaxed);
    }

    /// So many messages are taken, of which the first is handled next.
    #[inline]
    pub(super) fn take(&self, head: &Head, messages: usize) {
        if cfg!(regatta_uncounted) {
            return;
        }
        // A batch is small.
        let left = self.left.load(Relaxed).saturating_sub(messages as u32);
        self.left.store(left, Relaxed);
        if left == 0 && self.begun.load(Relaxed) == 0 {
            self.time(head);
        }
    }

    #[cold]
    fn time(&self, head: &Head) {
        self.begun.store(now_ns(), Relaxed);
        head.is_timed();
    }

    /// The message that was timed is handled.
    #[cold]
    pub(super) fn took(&self, head: &Head) {
        let begun = self.begun.swap(0, Relaxed);
        head.lower(TIMED);
        if begun == 0 {
            return;
        }
        let took = Duration::from_nanos(now_ns().saturating_sub(begun));
        head.rare().handling.add(took);
        if took >= LONG {
            // The next one begins right now, if there is one.
            self.left.store(0, Relaxed);
            self.time(head);
        } else {
            self.left.store(self.distance(), Relaxed);
        }
    }

    /// It is not handled to its end, or there is none.
    #[inline]
    pub(super) fn interrupt(&self, head: &Head) {
        if self.begun.load(Relaxed) != 0 {
            self.begun.store(0, Relaxed);
            head.lower(TIMED);
        }
    }

    /// Between half and one and a half of the stride: a xorshift.
    fn distance(&self) -> u32 {
        let mut seed = self.seed.load(Relaxed);
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        self.seed.store(seed, Relaxed);
        STRIDE / 2 + seed % STRIDE
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
