//! Many values become one.

use std::fmt;
use std::future::IntoFuture;
use std::ops::Range;

use futures::future::{BoxFuture, FutureExt};

use super::items::Items;
use super::pieces::Pieces;
use crate::error::Kept;
use crate::pool::{CpuPool, JobError, Member, Quiet, Work, Workers};

/// In how many pieces the elements are worked on, if there are as many.
const PIECES: usize = 256;

/// How many elements go by between looks whether anybody still waits.
const STRIDE: usize = 1024;

/// Makes one value of many, on all workers of a pool.
///
/// `identity` makes the value that a piece begins with, `fold` adds an element to it, `combine` joins the values of two
/// neighbouring pieces, the left one first. `combine` has to be associative, and need not be commutative. How elements are cut into pieces
/// depends on how many there are and on nothing else: so sums of floats are the same each time, on any machine.
///
/// # Which one?
/// [`CpuPool::map`] where each element gives a result of its own; [`MapReduce`](super::MapReduce) where there are values by
/// key; an iterator where it takes less than some 20 µs: a hand-over costs as much.
///
/// # Cancel safety
/// Dropping the future stops the work within 1024 elements, or one call of `combine`, at each worker; a call of `fold` that takes long is not
/// interrupted.
///
/// # Errors
/// [`JobError::Panicked`] when a closure panics; [`JobError::Closed`] when the pool is, or becomes, closed;
/// [`JobError::Full`] when jobs of others push the work out of the queue.
///
/// # Panics
/// When it is awaited outside a tokio runtime, unless a pool is given.
///
/// # Complexity
/// Each element is read once, where it is. A worker takes an even piece at a time, of 256 in all. More than 256 elements are
/// looked at by one worker for the first 20 µs, and by all from then on.
///
/// # Examples
/// ```
/// use regatta::parallel::reduce;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let numbers: Vec<u64> = (1..=1_000).collect();
/// let sum = reduce(numbers, || 0, |sum, n| sum + n, |left, right| left + right).await?;
/// assert_eq!(sum, 500_500);
///
/// let failed = reduce([2, 1, 0], || 0, |sum, n| sum + 10 / n, |left, right| left + right).await;
/// assert!(failed.unwrap_err().is_panicked());
/// # Ok(()) }
/// ```
#[doc(alias("fold", "aggregate", "sum"))]
pub fn reduce<T, A, I, F, C>(items: impl Into<Items<T>>, identity: I, fold: F, combine: C) -> Reduce<T, I, F, C>
where
    T: Send + Sync + 'static,
    A: Send + 'static,
    I: Fn() -> A + Send + Sync + 'static,
    F: Fn(A, &T) -> A + Send + Sync + 'static,
    C: Fn(A, A) -> A + Send + Sync + 'static,
{
    Reduce { items: items.into(), identity, fold, combine, workers: None }
}

/// What [`reduce`] is about to do; await it.
#[must_use = "nothing is done unless it is awaited"]
pub struct Reduce<T, I, F, C> {
    items: Items<T>,
    identity: I,
    fold: F,
    combine: C,
    workers: Option<Workers>,
}

struct Reducing<T, A, I, F, C> {
    items: Items<T>,
    // What each has captured is dropped by itself.
    identity: Kept<I>,
    fold: Kept<F>,
    combine: Kept<C>,
    pieces: Pieces<A>,
}

impl<T, I, F, C> Reduce<T, I, F, C> {
    /// Works on this pool, instead of the [default one](CpuPool::current) of the runtime.
    pub fn on<S>(mut self, pool: &CpuPool<S>) -> Self {
        self.workers = Some(pool.into());
        self
    }
}

impl<T, A, I, F, C> IntoFuture for Reduce<T, I, F, C>
where
    T: Send + Sync + 'static,
    A: Send + 'static,
    I: Fn() -> A + Send + Sync + 'static,
    F: Fn(A, &T) -> A + Send + Sync + 'static,
    C: Fn(A, A) -> A + Send + Sync + 'static,
{
    type Output = Result<A, JobError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { items, identity, fold, combine, workers } = self;
        let workers = workers.unwrap_or_else(|| Workers::current("reduce"));
        // An empty input is one empty piece: its value is the identity, and made where all closures run.
        let pieces = Pieces::new(items.len().clamp(1, PIECES), items.len() <= PIECES);
        let (identity, fold, combine) = (Kept::new(identity), Kept::new(fold), Kept::new(combine));
        workers.work_on("reduce", Reducing { items, identity, fold, combine, pieces }).boxed()
    }
}

impl<T, A, I, F, C> Work for Reducing<T, A, I, F, C>
where
    T: Send + Sync + 'static,
    A: Send + 'static,
    I: Fn() -> A + Send + Sync + 'static,
    F: Fn(A, &T) -> A + Send + Sync + 'static,
    C: Fn(A, A) -> A + Send + Sync + 'static,
{
    type Output = A;

    fn take_part(&self, member: &Member<'_, Self>) -> Option<A> {
        let all = self.pieces.work_off(member, |piece| {
            let range = part(self.items.len(), self.pieces.count(), piece);
            let mut value = self.identity.get()();
            for stride in self.items[range].chunks(STRIDE) {
                if member.is_stopped() {
                    return None;
                }
                value = stride.iter().fold(value, self.fold.get());
            }
            Some(value)
        })?;
        let mut all = Quiet(all);
        all.0.reverse();
        let mut value = all.0.pop()?;
        while let Some(next) = all.0.pop() {
            if member.is_stopped() {
                return None;
            }
            value = self.combine.get()(value, next);
        }
        Some(value)
    }
}

/// Where the piece of this number begins and ends: pieces differ by one element at the most.
pub(super) fn part(len: usize, pieces: usize, piece: usize) -> Range<usize> {
    let (size, longer) = (len / pieces, len % pieces);
    let begin = |piece: usize| piece * size + piece.min(longer);
    begin(piece)..begin(piece + 1)
}

impl<T, I, F, C> fmt::Debug for Reduce<T, I, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reduce").field("items", &self.items).finish_non_exhaustive()
    }
}
