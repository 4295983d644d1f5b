//! Dealing out many items to the workers, in three ways.
//!
//! Every piece is a job, and its handle is on the board: who runs the map awaits one after the other until none is left. A
//! piece that splits puts the handle of its other half there before it goes on, so none is missed.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::body::call_with;
use super::chunk::{Quiet, Stop};
use super::context::CpuContext;
use super::crew::Crew;
use super::error::JobError;
use super::handle::JobHandle;
use super::here::Here;
use super::placement::Placement;
use super::run_stats::RunStats;
use super::submit::SubmitFuture;
use crate::error::Panicked;

/// How [`map_with`](super::CpuPool::map_with) deals out its items.
///
/// | | good for | price |
/// |---|---|---|
/// | [`Static`](Self::Static) | items that cost the same; data that should stay with a worker | one slow item, or a busy worker, and the others wait |
/// | [`Stealing`](Self::Stealing) | anything | a split now and then |
/// | [`Guided`](Self::Guided) | items that cost differently, but none very much | a lock for each piece; who takes a large piece early keeps it |
///
/// The example `scheduling` compares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[doc(alias = "Strategy")]
pub enum Schedule {
    /// Each worker gets its share at the beginning, and nobody else touches it: as many items for each, in order.
    Static,
    /// The same at the beginning, but a worker that has nothing left to do steals half of what another has not begun.
    ///
    /// A worker keeps one half of what it has at its own end, where it can be stolen, and splits again only when that was
    /// taken: lazy binary splitting
    /// ([Tzannes, Caragea, Barua, Vishkin 2010](https://doi.org/10.1145/1693453.1693479)).
    #[default]
    Stealing,
    /// Workers take pieces from the front when they come free, large ones first: each time an even share of half of what is
    /// left, at least one item. Guided self-scheduling
    /// ([Polychronopoulos, Kuck 1987](https://doi.org/10.1109/TC.1987.5009495)).
    Guided,
}

/// What all pieces of a run share.
struct Board<T, R, F> {
    f: F,
    stop: Arc<Stop>,
    workers: usize,
    /// For panics.
    place: Arc<str>,
    /// The panic of the item that comes first in the input.
    panicked: Mutex<Option<(u64, Panicked)>>,
    /// Pieces that nobody has awaited yet, with the position of their first items.
    handles: Mutex<Vec<(u64, JobHandle<Ran<R>>)>>,
    /// Items that nobody has taken yet, the last first, with the position of the next: for guided runs.
    source: Mutex<(u64, Quiet<T>)>,
}

/// Stops the pieces that run, and cancels those that are queued.
struct Running<T, R, F> {
    board: Arc<Board<T, R, F>>,
}

/// Items that one worker works on, the last first.
struct Share<T> {
    /// The position of the next item, from 1.
    first: u64,
    items: Quiet<T>,
    /// The worker that they were dealt to.
    home: usize,
}

/// What a job has worked on.
struct Ran<R> {
    /// Results, each with the position of the first.
    pieces: Quiet<(u64, Quiet<R>)>,
    worker: usize,
    busy: Duration,
    steals: u64,
}

pub(super) async fn run<T, F, R>(
    crew: &Arc<dyn Crew>,
    schedule: Schedule,
    items: Vec<T>,
    f: F,
) -> Result<(Vec<R>, RunStats), JobError>
where
    T: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    let begun = Instant::now();
    let (count, workers) = (items.len(), crew.core().levels().limit());
    let board = Arc::new(Board {
        f,
        stop: Stop::new(),
        workers,
        place: crew.core().names().job.clone(),
        panicked: Mutex::new(None),
        handles: Mutex::new(Vec::new()),
        source: Mutex::new((1, Quiet(Vec::new()))),
    });
    let running = Running { board: board.clone() };
    match schedule {
        Schedule::Static | Schedule::Stealing => deal(crew, schedule, &board, Quiet(items)).await?,
        Schedule::Guided => guide(crew, &board, Quiet(items)).await?,
    }
    let mut stats = RunStats { per_worker_busy: vec![Duration::ZERO; workers], steals: 0, pieces: 0, makespan: Duration::ZERO };
    let results = gather(&board, count, &mut stats).await;
    drop(running);
    stats.makespan = begun.elapsed();
    results.map(|results| (results, stats))
}

/// Gives each worker its share.
async fn deal<T, F, R>(
    crew: &Arc<dyn Crew>,
    schedule: Schedule,
    board: &Arc<Board<T, R, F>>,
    mut items: Quiet<T>,
) -> Result<(), JobError>
where
    T: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    let count = items.0.len();
    let splits = schedule == Schedule::Stealing && board.workers > 1;
    for worker in (0..board.workers).rev() {
        let start = count * worker / board.workers;
        // From the back: each share is split off the end.
        let mut share = Quiet(items.0.split_off(start));
        if share.0.is_empty() {
            continue;
        }
        let placement = if splits { Placement::Prefer(worker) } else { Placement::Worker(worker) };
        let shared = board.clone();
        let piece = move |cx: CpuContext| {
            share.0.reverse();
            shared.work_off(&cx, Share { first: start as u64 + 1, items: share, home: worker }, splits)
        };
        board.submit(crew, start as u64 + 1, placement, piece).await?;
    }
    Ok(())
}

/// Lets each worker take pieces until none is left.
async fn guide<T, F, R>(crew: &Arc<dyn Crew>, board: &Arc<Board<T, R, F>>, mut items: Quiet<T>) -> Result<(), JobError>
where
    T: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    let takers = board.workers.min(items.0.len());
    items.0.reverse();
    *lock(&board.source) = (1, items);
    for _ in 0..takers {
        let shared = board.clone();
        board.submit(crew, 1, Placement::Injector, move |cx: CpuContext| shared.take_pieces(&cx)).await?;
    }
    Ok(())
}

/// Awaits every piece, also those that come while it does, and puts the results in order.
async fn gather<T, F, R>(board: &Board<T, R, F>, count: usize, stats: &mut RunStats) -> Result<Vec<R>, JobError> {
    let mut pieces = Quiet(Vec::new());
    let mut failed: Option<(u64, JobError)> = None;
    loop {
        // A statement of its own: the lock is not held while the handle is awaited.
        let next = lock(&board.handles).pop();
        let Some((first, handle)) = next else { break };
        match handle.await {
            Ok(mut ran) => {
                stats.pieces += ran.pieces.0.len() as u64;
                stats.steals += ran.steals;
                // There are more than at the beginning, if the pool has grown meanwhile.
                let known = stats.per_worker_busy.len().max(ran.worker + 1);
                stats.per_worker_busy.resize(known, Duration::ZERO);
                stats.per_worker_busy[ran.worker] += ran.busy;
                pieces.0.append(&mut ran.pieces.0);
            }
            Err(error) if failed.as_ref().is_none_or(|(earlier, _)| first < *earlier) => failed = Some((first, error)),
            Err(_) => {}
        }
    }
    if let Some((first, error)) = failed {
        let panicked = lock(&board.panicked).take();
        return Err(match panicked {
            Some((position, panicked)) if position <= first || error.is_panicked() => JobError::Panicked(panicked),
            _ => error,
        });
    }
    pieces.0.sort_unstable_by_key(|(first, _)| *first);
    let mut results = Quiet(Vec::with_capacity(count));
    for (_, piece) in &mut pieces.0 {
        results.0.append(&mut piece.0);
    }
    debug_assert_eq!(results.0.len(), count, "a piece that gives too little has failed");
    Ok(results.into_inner())
}

impl<T, R, F> Board<T, R, F>
where
    T: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    async fn submit<P>(&self, crew: &Arc<dyn Crew>, first: u64, placement: Placement, piece: P) -> Result<(), JobError>
    where
        P: FnOnce(CpuContext) -> Ran<R> + Send + 'static,
    {
        let piece = call_with::<_, _, ()>(piece);
        let submit = |piece, placement: Placement| {
            SubmitFuture::new(crew, piece, placement.into(), |crew, body, admitted| admitted.enqueue(crew, body))
        };
        let mut submitted = submit(piece, placement).await;
        if let Err(refused) = submitted {
            submitted = match refused.is_no_worker() {
                // The pool has shrunk meanwhile.
                true => submit(refused.into_inner(), Placement::Injector).await,
                false => Err(refused),
            };
        }
        let handle = match submitted {
            Ok(handle) => handle,
            Err(refused) if refused.is_full() && Here::in_pool(crew.core()).is_some() => crew.aside(refused.into_inner()),
            Err(refused) => return Err(refused.into_job_error()),
        };
        lock(&self.handles).push((first, handle));
        Ok(())
    }

    /// Works on a share, and leaves half of what is left of it for others whenever nothing lies here to be stolen.
    fn work_off(self: &Arc<Self>, cx: &CpuContext, mut share: Share<T>, splits: bool) -> Ran<R> {
        let begun = Instant::now();
        let (first, steals) = (share.first, u64::from(cx.worker() != share.home));
        if splits {
            self.leave_half(cx, &mut share);
        }
        let results = self.run(&mut share, |share| {
            if splits && !cx.has_jobs() {
                self.leave_half(cx, share);
            }
        });
        Ran { pieces: Quiet(vec![(first, results)]), worker: cx.worker(), busy: begun.elapsed(), steals }
    }

    fn leave_half(self: &Arc<Self>, cx: &CpuContext, share: &mut Share<T>) {
        if share.items.0.len() < 2 {
            return;
        }
        let Some(place) = cx.reserve() else { return };
        // The last items are in front.
        let near = share.items.0.split_off(share.items.0.len() / 2);
        let far = mem::replace(&mut share.items.0, near);
        let first = share.first + share.items.0.len() as u64;
        let (shared, home) = (self.clone(), cx.worker());
        let handle = place.spawn(move |cx: CpuContext| {
            shared.work_off(&cx, Share { first, items: Quiet(far), home }, true)
        });
        lock(&self.handles).push((first, handle));
    }

    fn take_pieces(&self, cx: &CpuContext) -> Ran<R> {
        let begun = Instant::now();
        let mut pieces = Quiet(Vec::new());
        while let Some(mut share) = self.take_piece(cx.worker()) {
            pieces.0.push((share.first, self.run(&mut share, |_| {})));
        }
        Ran { pieces, worker: cx.worker(), busy: begun.elapsed(), steals: 0 }
    }

    fn take_piece(&self, home: usize) -> Option<Share<T>> {
        let mut source = lock(&self.source);
        let (first, left) = (source.0, source.1.0.len());
        if left == 0 || self.stop.is_over(first) {
            return None;
        }
        let size = left.div_ceil(2 * self.workers);
        source.0 += size as u64;
        Some(Share { first, items: Quiet(source.1.0.split_off(left - size)), home })
    }

    /// Applies the function to one item after the other; `look_around` is called before each.
    fn run(&self, share: &mut Share<T>, mut look_around: impl FnMut(&mut Share<T>)) -> Quiet<R> {
        let mut results = Quiet(Vec::with_capacity(share.items.0.len()));
        let run = || {
            while !self.stop.is_over(share.first) {
                look_around(share);
                let Some(item) = share.items.0.pop() else { break };
                results.0.push((self.f)(item));
                share.first += 1;
            }
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
            self.stop.fail(share.first);
            drop((results, mem::replace(&mut share.items, Quiet(Vec::new()))));
            let panicked = Panicked::from_payload(self.place.clone(), payload);
            let message = panicked.message.to_string();
            self.note_panic(share.first, panicked);
            // The job has panicked, and is counted so.
            resume_unwind(Box::new(message));
        }
        results
    }

    /// Keeps the panic of the item that comes first in the input.
    fn note_panic(&self, position: u64, panicked: Panicked) {
        let mut known = lock(&self.panicked);
        if known.as_ref().is_none_or(|(earlier, _)| position < *earlier) {
            *known = Some((position, panicked));
        }
    }
}

impl<T, R, F> Drop for Running<T, R, F> {
    fn drop(&mut self) {
        self.board.stop.fail(0);
        let handles = mem::take(&mut *lock(&self.board.handles));
        drop(handles);
    }
}

/// No user code runs under the locks here: even if a panic passed by, the data is whole.
fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
