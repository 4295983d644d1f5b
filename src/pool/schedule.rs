//! Dealing out many items to the workers, in three ways.
//!
//! Every part of a run is a job, and its handle is on the [board](super::board): who runs the map awaits one after the
//! other until none is left. A job that calls another puts its handle there before it ends, so none is missed.

use std::sync::Arc;
use std::time::Instant;

use super::board::Board;
use super::body::call_with;
use super::chunk::Quiet;
use super::context::CpuContext;
use super::core::Core;
use super::crew::Crew;
use super::error::JobError;
use super::here::Here;
use super::placement::Placement;
use super::run_stats::RunStats;
use super::submit::{Admitted, Manner, SubmitFuture};
use crate::error::Panicked;

/// How [`map_with`](super::CpuPool::map_with) deals out its items.
///
/// | | good for | price |
/// |---|---|---|
/// | [`Static`](Self::Static) | items that cost the same; data that should stay with a worker | one slow item, or a busy worker, and the others wait |
/// | [`Stealing`](Self::Stealing) | anything | a lock for each batch |
/// | [`Guided`](Self::Guided) | items that cost differently, but none very much | a lock for each piece; who takes a large piece early keeps it |
///
/// The example `scheduling` compares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[doc(alias = "Strategy")]
pub enum Schedule {
    /// Each worker gets its share at the beginning, and nobody else touches it: as many items for each, in order. (In a run
    /// inside a job of the same pool, whichever worker comes free first takes the next share.)
    Static,
    /// The same at the beginning, but a worker that has nothing left to do steals half of what the one with the most has
    /// not begun.
    ///
    /// Workers take their own items one by one, or, where they cost little, in batches of some microseconds; what they have
    /// not taken can be stolen. So the run ends when all workers run out of items, up to the longest of them.
    #[default]
    Stealing,
    /// Workers take pieces from the front when they come free, large ones first: each time an even share of half of what is
    /// left, at least one item. Guided self-scheduling
    /// ([Polychronopoulos, Kuck 1987](https://doi.org/10.1109/TC.1987.5009495)).
    Guided,
}

/// Gives up what is left of a run whose future is dropped, or that has failed.
struct Running<T, R, F>(Arc<Board<T, R, F>>);

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
    let (core, count) = (crew.core(), items.len());
    let workers = core.levels().limit().min(count.max(1));
    let board = Board::new(f, schedule, core.names().job.clone(), workers, Quiet(items));
    let running = Running(board.clone());
    for pile in 0..board.jobs() {
        if !submit(crew, &board, schedule, pile).await? {
            break;
        }
    }
    let (results, mut stats) = gather(&board, count, core).await?;
    drop(running);
    stats.makespan = begun.elapsed();
    Ok((results, stats))
}

/// Submits the job that begins with a pile. False where it is not needed: there is no room, this is a job of the same pool,
/// which does not wait for room, and those that are out take its items, too.
async fn submit<T, F, R>(
    crew: &Arc<dyn Crew>,
    board: &Arc<Board<T, R, F>>,
    schedule: Schedule,
    pile: usize,
) -> Result<bool, JobError>
where
    T: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    let is_inside = Here::is_in_pool(crew.core());
    let placement = match schedule {
        // Two runs in two jobs, whose shares are bound to each other's workers, would wait for each other.
        Schedule::Static if !is_inside => Placement::Worker(pile),
        Schedule::Static | Schedule::Stealing => Placement::Prefer(pile),
        Schedule::Guided => Placement::Injector,
    };
    let is_needed = pile == 0 || schedule == Schedule::Static;
    let manner = if is_needed { Manner::Entitled } else { Manner::Patient };
    let shared = board.clone();
    let part = call_with::<_, _, ()>(move |cx: CpuContext| shared.work_off(&cx, pile));
    let submit = |part, placement: Placement| {
        let accept = |crew: &Arc<dyn Crew>, body, admitted: Admitted| admitted.enqueue(crew, body);
        SubmitFuture::new(crew, part, placement.into(), accept).manner(manner)
    };
    let mut submitted = submit(part, placement).await;
    if let Err(refused) = submitted {
        submitted = match refused.is_no_worker() {
            // The pool has shrunk meanwhile.
            true => submit(refused.into_inner(), Placement::Injector).await,
            false => Err(refused),
        };
    }
    match submitted {
        Ok(handle) => board.add(handle),
        Err(refused) if refused.is_full() && is_inside => return Ok(false),
        Err(refused) => return Err(refused.into_job_error()),
    }
    Ok(true)
}

/// Awaits every job, also those that come while it does, and puts the results in order.
async fn gather<T, F, R>(board: &Board<T, R, F>, count: usize, core: &Core) -> Result<(Vec<R>, RunStats), JobError> {
    let mut stats = RunStats::new(core.levels().limit());
    let (mut pieces, mut failed) = (Quiet(Vec::new()), None);
    while let Some(handle) = board.next_handle() {
        match handle.await {
            Ok(mut ran) => {
                stats.add(ran.worker, ran.busy, ran.pieces.0.len() as u64, ran.steals);
                pieces.0.append(&mut ran.pieces.0);
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if let Some((position, panicked)) = board.take_panic() {
        // Positions begin at 1.
        return Err(JobError::Panicked(Panicked { place: core.item_name(position - 1), ..panicked }));
    }
    pieces.0.sort_unstable_by_key(|(first, _)| *first);
    let mut results = Quiet(Vec::with_capacity(count));
    for (_, piece) in &mut pieces.0 {
        results.0.append(&mut piece.0);
    }
    match failed {
        // A job that was discarded before it began may not have been needed.
        Some(error) if results.0.len() < count => Err(error),
        _ => Ok((results.into_inner(), stats)),
    }
}

impl<T, R, F> Drop for Running<T, R, F> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}
