//! A function over many items: in chunks, in order, bounded.
//!
//! Invariants:
//! 1. At most two chunks for each worker are out; their handles are kept, and awaited, in the order of the input.
//! 2. `stop` holds the lowest index of a failed chunk. Chunks before it run to their end, so that the first failure in
//!    the order of the input is found; those after it end within one item.

use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::cpu::CpuPool;
use super::error::JobError;
use super::handle::JobHandle;
use crate::error::drop_quietly;

const CHUNK_MAX: usize = 1024;

/// How many chunks a worker gets of a long input: enough that the last ones even out.
const CHUNKS_EACH: usize = 8;

/// Which chunks need not go on. Relaxed: it carries no data, and one more item is allowed for.
struct Stop(AtomicU64);

/// Items that are dropped one by one and caught: two destructors that panic in the drop of a `Vec` end the process.
struct Quiet<T>(Vec<T>);

/// Stops every chunk when the future is dropped, or its iterator panics.
struct StopAll(Arc<Stop>);

pub(super) async fn map<I, F, R>(pool: &CpuPool, items: I, f: F) -> Result<Vec<R>, JobError>
where
    I: IntoIterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    let mut items = items.into_iter();
    let limit = pool.stats().limit;
    let chunk_size = (items.size_hint().0 / (CHUNKS_EACH * limit)).clamp(1, CHUNK_MAX);
    let f = Arc::new(f);
    let stop = StopAll(Arc::new(Stop(AtomicU64::new(u64::MAX))));
    let mut results = Quiet(Vec::new());
    let mut out: VecDeque<JobHandle<Quiet<R>>> = VecDeque::new();
    // From 1: a stop at 0 is before them all.
    for index in 1.. {
        let mut chunk = Quiet(Vec::new());
        chunk.0.extend(items.by_ref().take(chunk_size));
        if chunk.0.is_empty() {
            break;
        }
        if out.len() == 2 * limit {
            gather(&mut out, &mut results).await?;
        }
        let (f, stop) = (f.clone(), stop.0.clone());
        match pool.submit(move || run_chunk(index, chunk, &*f, &stop)).await {
            Ok(handle) => out.push_back(handle),
            Err(refused) => {
                // The chunks that were taken in come first in the order of the input, and so do their failures.
                while !out.is_empty() {
                    gather(&mut out, &mut results).await?;
                }
                return Err(refused.into_job_error());
            }
        }
    }
    while !out.is_empty() {
        gather(&mut out, &mut results).await?;
    }
    Ok(results.into_inner())
}

async fn gather<R>(out: &mut VecDeque<JobHandle<Quiet<R>>>, results: &mut Quiet<R>) -> Result<(), JobError> {
    if let Some(first) = out.pop_front() {
        results.0.append(&mut first.await?.0);
    }
    Ok(())
}

fn run_chunk<T, R>(index: u64, mut chunk: Quiet<T>, f: &(impl Fn(T) -> R + ?Sized), stop: &Stop) -> Quiet<R> {
    let mut results = Quiet(Vec::with_capacity(chunk.0.len()));
    // From the back: what is left stays where it is dropped quietly.
    chunk.0.reverse();
    let run = || {
        while !stop.is_over(index)
            && let Some(item) = chunk.0.pop()
        {
            results.0.push(f(item));
        }
    };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        stop.fail(index);
        drop((chunk, results));
        resume_unwind(payload);
    }
    results
}

impl Stop {
    fn is_over(&self, index: u64) -> bool {
        index > self.0.load(Relaxed)
    }

    fn fail(&self, index: u64) {
        self.0.fetch_min(index, Relaxed);
    }
}

impl<T> Quiet<T> {
    fn into_inner(mut self) -> Vec<T> {
        mem::take(&mut self.0)
    }
}

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        if mem::needs_drop::<T>() {
            self.0.drain(..).for_each(drop_quietly);
        }
    }
}

impl Drop for StopAll {
    fn drop(&mut self) {
        self.0.fail(0);
    }
}
