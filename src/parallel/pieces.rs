//! Work in numbered pieces: whoever comes takes the next, and the results are put in order at the end.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::pool::{Member, Quiet, Work};

/// How long the first member works alone: what is done sooner is not worth a thread's wake-up.
pub(super) const ALONE: Duration = Duration::from_micros(20);

/// The pieces of one operation, and what came of them.
pub(super) struct Pieces<R> {
    count: usize,
    /// Relaxed: the pieces are there before any member is.
    next: AtomicUsize,
    results: Mutex<Results<R>>,
    /// How long the first member works alone, and until when that is, once it has begun.
    alone: Duration,
    shared_from: OnceLock<Instant>,
}

struct Results<R> {
    results: Quiet<Option<R>>,
    missing: usize,
}

impl<R> Pieces<R> {
    /// Large pieces, of few elements each or of one, are shared at once: a single one may take long.
    pub(super) fn new(count: usize, are_large: bool) -> Self {
        let results = Results { results: Quiet((0..count).map(|_| None).collect()), missing: count };
        let alone = if are_large { Duration::ZERO } else { ALONE };
        let shared_from = OnceLock::new();
        Self { count, next: AtomicUsize::new(0), results: Mutex::new(results), alone, shared_from }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Works on one piece after the other until there are none, or the team is stopped. Gives all results, in order, to the
    /// member that ends the last piece.
    pub(super) fn work_off<W: Work>(
        &self,
        member: &Member<'_, W>,
        mut work: impl FnMut(usize) -> Option<R>,
    ) -> Option<Vec<R>> {
        let shared_from = *self.shared_from.get_or_init(|| Instant::now() + self.alone);
        while !member.is_stopped() {
            let piece = self.next.fetch_add(1, Relaxed);
            if piece >= self.count {
                // Counted up by each member once: it cannot come round to zero.
                break;
            }
            if Instant::now() >= shared_from {
                member.call(self.count - piece - 1);
            }
            if let Some(all) = self.put(piece, work(piece)?) {
                return Some(all);
            }
        }
        None
    }

    fn put(&self, piece: usize, result: R) -> Option<Vec<R>> {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.results.0[piece] = Some(result);
        results.missing -= 1;
        let all = (results.missing == 0).then(|| std::mem::take(&mut results.results.0))?;
        drop(results);
        Some(all.into_iter().flatten().collect())
    }
}
