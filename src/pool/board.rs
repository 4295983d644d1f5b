//! What all jobs of one run over many items share: the items, who has nothing to do, and what failed.
//!
//! Invariants:
//! 1. An item is in a pile, in the batch of one worker, or gone.
//! 2. A job that finds all piles empty says that somebody is hungry, and ends. One that has a batch looks up after every
//!    item; if the batch takes long and somebody is hungry, it puts the rest back and calls them. So while a worker has
//!    nothing to do, items wait for others in their batch no longer than a batch should take, and the time of one item.
//! 3. No user code runs under the locks: even if a panic passed by, the data is whole.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::chunk::{Quiet, Stop};
use super::context::CpuContext;
use super::handle::JobHandle;
use super::pile::{Pile, Share};
use super::schedule::Schedule;
use crate::error::Panicked;

/// How long a batch should take: long against a lock and a look at the clock, short against what anybody notices.
const BATCH: Duration = Duration::from_micros(10);

/// How many items a batch has at the most.
const BATCH_MAX: usize = 1024;

pub(super) struct Board<T, R, F> {
    f: F,
    schedule: Schedule,
    stop: Arc<Stop>,
    /// One for each worker; for guided runs, one for all.
    piles: Vec<Mutex<Pile<T>>>,
    workers: usize,
    /// How many have found nothing to do. Relaxed: who misses one looks again at the next item.
    hungry: AtomicUsize,
    /// For panics.
    place: Arc<str>,
    /// The panic of the item that comes first in the input.
    panicked: Mutex<Option<(u64, Panicked)>>,
    /// Jobs that nobody has awaited yet.
    handles: Mutex<Vec<JobHandle<Ran<R>>>>,
}

/// What a job has worked on.
pub(super) struct Ran<R> {
    /// Results that follow each other, with the position of the first.
    pub(super) pieces: Quiet<(u64, Quiet<R>)>,
    pub(super) worker: usize,
    pub(super) busy: Duration,
    pub(super) steals: u64,
}

impl<T, R, F> Board<T, R, F> {
    pub(super) fn new(f: F, schedule: Schedule, place: Arc<str>, workers: usize, mut items: Quiet<T>) -> Arc<Self> {
        let count = items.0.len();
        let shares = if schedule == Schedule::Guided { 1 } else { workers.min(count) };
        let mut piles: Vec<_> = (0..shares).map(|_| Mutex::new(Pile::new())).collect();
        for (number, pile) in piles.iter_mut().enumerate().rev() {
            let start = count * number / shares;
            // From the back: each share is split off the end.
            let mut share = Quiet(items.0.split_off(start));
            share.0.reverse();
            pile.get_mut().unwrap_or_else(PoisonError::into_inner).put(Share { first: start as u64 + 1, items: share });
        }
        Arc::new(Self {
            f,
            schedule,
            stop: Stop::new(),
            piles,
            workers,
            hungry: AtomicUsize::new(0),
            place,
            panicked: Mutex::new(None),
            handles: Mutex::new(Vec::new()),
        })
    }

    /// How many jobs work on it at the beginning.
    pub(super) fn jobs(&self) -> usize {
        match self.schedule {
            Schedule::Guided => self.workers.min(self.pile(0).map_or(0, |pile| pile.len())),
            _ => self.piles.len(),
        }
    }

    pub(super) fn add(&self, handle: JobHandle<Ran<R>>) {
        lock(&self.handles).push(handle);
    }

    pub(super) fn next_handle(&self) -> Option<JobHandle<Ran<R>>> {
        lock(&self.handles).pop()
    }

    /// The panic of the item that comes first in the input, with its position.
    pub(super) fn take_panic(&self) -> Option<(u64, Panicked)> {
        lock(&self.panicked).take()
    }

    /// Stops the jobs that run, and cancels those that are queued.
    pub(super) fn give_up(&self) {
        self.stop.fail(0);
        let handles = mem::take(&mut *lock(&self.handles));
        drop(handles);
    }

    /// The pile of a worker; more workers than piles share.
    fn pile(&self, worker: usize) -> Option<MutexGuard<'_, Pile<T>>> {
        Some(lock(self.piles.get(worker % self.piles.len().max(1))?))
    }

    /// Takes a batch of a pile, else moves half of another there first.
    fn fetch(&self, own: usize, size: usize, batch: &mut Share<T>, steals: &mut u64) -> bool {
        loop {
            let taken = self.pile(own).map_or(0, |mut pile| {
                let most = match self.schedule {
                    // An even share of half of what is left.
                    Schedule::Guided => pile.len().div_ceil(2 * self.workers),
                    Schedule::Static => usize::MAX,
                    Schedule::Stealing => size,
                };
                pile.take(most, batch)
            });
            if taken > 0 {
                return true;
            }
            if self.schedule != Schedule::Stealing || !self.steal(own) {
                return false;
            }
            *steals += 1;
        }
    }

    /// Moves half of the largest pile to this one. False when there is nothing anywhere.
    fn steal(&self, own: usize) -> bool {
        loop {
            let sizes = self.piles.iter().map(|pile| lock(pile).len());
            let Some((victim, 1..)) = sizes.enumerate().max_by_key(|(_, size)| *size) else { return false };
            let stolen = lock(&self.piles[victim]).steal();
            // Somebody may have been faster.
            if let (Some(stolen), Some(mut pile)) = (stolen, self.pile(own)) {
                pile.put(stolen);
                return true;
            }
        }
    }

    /// Keeps the panic of the item that comes first in the input.
    fn note_panic(&self, position: u64, panicked: Panicked) {
        let mut known = lock(&self.panicked);
        if known.as_ref().is_none_or(|(earlier, _)| position < *earlier) {
            *known = Some((position, panicked));
        }
    }
}

impl<T, R, F> Board<T, R, F>
where
    T: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    /// Works on batches until there is nothing left that this job may take; `own` is the pile that it begins with.
    pub(super) fn work_off(self: &Arc<Self>, cx: &CpuContext, own: usize) -> Ran<R> {
        let begun = Instant::now();
        let mut ran = Ran { pieces: Quiet(Vec::new()), worker: cx.worker(), busy: Duration::ZERO, steals: 0 };
        let (mut batch, mut size) = (Share::empty(), 1);
        while self.fetch(own, size, &mut batch, &mut ran.steals) && !self.stop.is_over(batch.first) {
            let (count, batch_begun) = (batch.len(), Instant::now());
            let end = batch.first + count as u64;
            self.run(&mut batch, &mut ran.pieces, |rest| self.share(cx, own, batch_begun, rest));
            // Items have become dear where the rest was given back.
            size = if batch.first == end { next_size(count, batch_begun.elapsed()) } else { 1 };
        }
        self.hungry.fetch_add(1, Relaxed);
        ran.busy = begun.elapsed();
        ran
    }

    /// Applies the function to the items of a batch; `look_up` is called after each, and may take the rest away.
    fn run(&self, batch: &mut Share<T>, pieces: &mut Quiet<(u64, Quiet<R>)>, look_up: impl Fn(&mut Share<T>)) {
        let follows = |(first, results): &(u64, Quiet<R>)| first + results.0.len() as u64 == batch.first;
        if !pieces.0.last().is_some_and(follows) {
            pieces.0.push((batch.first, Quiet(Vec::with_capacity(batch.len()))));
        }
        let Some((_, results)) = pieces.0.last_mut() else { unreachable!("there is one now") };
        let run = || {
            while !self.stop.is_over(batch.first)
                && let Some(item) = batch.items.0.pop()
            {
                results.0.push((self.f)(item));
                batch.first += 1;
                look_up(batch);
            }
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
            let position = batch.first;
            self.stop.fail(position);
            drop(mem::replace(batch, Share::empty()));
            let panicked = Panicked::from_payload(self.place.clone(), payload);
            let message = panicked.message.to_string();
            self.note_panic(position, panicked);
            // The job has panicked, and is counted so.
            resume_unwind(Box::new(message));
        }
    }

    /// Puts the rest of a batch that takes long where others can steal it, and calls them.
    fn share(self: &Arc<Self>, cx: &CpuContext, own: usize, batch_begun: Instant, rest: &mut Share<T>) {
        let is_asked_for = self.schedule == Schedule::Stealing && self.hungry.load(Relaxed) > 0;
        if !is_asked_for || rest.len() == 0 || batch_begun.elapsed() < BATCH {
            return;
        }
        let (first, count) = (rest.first, rest.len());
        if let Some(mut pile) = self.pile(own) {
            pile.put(mem::replace(rest, Share { first, items: Quiet(Vec::new()) }));
        }
        for _ in 0..count {
            if self.hungry.fetch_update(Relaxed, Relaxed, |hungry| hungry.checked_sub(1)).is_err() {
                break;
            }
            // Without room in the pool nobody comes; then this job does it all.
            let Some(place) = cx.reserve() else { break };
            let shared = self.clone();
            self.add(place.spawn(move |cx: CpuContext| shared.work_off(&cx, cx.worker())));
        }
    }
}

/// How many items the next batch gets, when so many took so long.
fn next_size(count: usize, took: Duration) -> usize {
    let fitting = (count as u128 * BATCH.as_nanos()).checked_div(took.as_nanos()).unwrap_or(u128::MAX);
    (fitting.min(BATCH_MAX as u128) as usize).clamp(1, 2 * count)
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
