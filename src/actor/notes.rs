//! What is noted of every message: its name, and of some of them how long they took.
//!
//! This is paid for each message, so it is next to nothing: the name is entered when it is another than that of the message
//! before, and the clock is read for one message in 64 on average. The distance is drawn anew each time, since what comes
//! periodically could keep step with a fixed one. Where messages take long the clock is cheap, and all of them are timed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::head::Head;
use crate::observe::{Samples, Word};
use crate::supervise::Window;

/// On average one message in so many is timed.
const STRIDE: u32 = 64;
/// From here on reading the clock twice is a hundredth of what is measured.
const LONG: Duration = Duration::from_micros(10);

/// Of the actor's own task, over all its lives.
pub(super) struct Notes {
    name: &'static str,
    /// Messages to come until one is timed.
    left: u32,
    seed: u32,
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
        Self { name: "", left: 1 + seed % STRIDE, seed }
    }

    /// A message of this name comes to be handled; the moment, if it is timed.
    #[inline]
    pub(super) fn begin(&mut self, head: &Head, name: &'static str) -> Option<Instant> {
        if cfg!(regatta_uncounted) {
            return None;
        }
        // By address: the same name elsewhere is only entered once more.
        if !std::ptr::eq(self.name, name) {
            self.enter(head, name);
        }
        self.left -= 1;
        if self.left == 0 { Some(self.look_up()) } else { None }
    }

    /// The distance is right also if this message is not handled to its end.
    #[cold]
    fn look_up(&mut self) -> Instant {
        self.left = STRIDE;
        Instant::now()
    }

    #[cold]
    fn enter(&mut self, head: &Head, name: &'static str) {
        self.name = name;
        head.doing.store(Word::of(name).number(), Relaxed);
    }

    /// The message was handled.
    #[inline]
    pub(super) fn end(&mut self, head: &Head, begun: Option<Instant>) {
        if let Some(begun) = begun {
            self.took(head, begun.elapsed());
        }
    }

    #[cold]
    fn took(&mut self, head: &Head, took: Duration) {
        head.rare().handling.add(took);
        self.left = if took >= LONG { 1 } else { self.distance() };
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
