//! Any number of parts: the classical form.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;

use futures::future::{BoxFuture, FutureExt};

use super::plan::{Hunger, NODES, Plan, Turn, WayOf};
use super::solving::Solving;
use super::way::Entry;
use crate::error::Kept;
use crate::pool::{CpuPool, JobError, Workers};

/// Solves a problem by solving parts of it, on all workers of a pool.
///
/// A base case is solved by `solve_base`; any other problem is divided, and the solutions of its parts, in their order, are
/// combined. Nobody waits for a part: whoever brings the last solution goes on above. So it works on a pool of one, inside a
/// job of the same pool, and for any depth, as the way back up lies in a list and not on a thread's stack. There is no
/// threshold to choose below which work stays on one worker: parts are handed over only when another has nothing to do.
///
/// # Which one?
/// [`bisect`](fn@crate::parallel::bisect) where there are two parts: the fast form. [`reduce`](fn@crate::parallel::reduce) for elements that lie side
/// by side. [`CpuContext::spawn`](crate::pool::CpuContext::spawn) where parts are not combined.
///
/// # Cancel safety
/// Dropping the future stops the work within 64 nodes of the tree at each worker.
///
/// # Errors
/// [`JobError::Panicked`] when a closure panics; [`JobError::Closed`] when the pool is, or becomes, closed;
/// [`JobError::Full`] when jobs of others push the work out of the queue. For problems that can fail, let the solution be a
/// `Result`.
///
/// # Panics
/// When it is awaited outside a tokio runtime, unless a pool is given.
///
/// # Complexity
/// Two lists for each node that is divided. Memory grows with the depth, not with the size of the tree: a frame for each
/// node above the one in hand.
///
/// # Examples
/// ```
/// use regatta::parallel::divide_and_conquer;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Merge sort, as in the textbook. To sort, use `parallel::sort`.
/// let sorted = divide_and_conquer(
///     vec![5, 3, 8, 1, 9, 2],
///     |list: &Vec<u32>| list.len() <= 1,
///     |list| list,
///     |mut list| {
///         let right = list.split_off(list.len() / 2);
///         vec![list, right]
///     },
///     |parts| {
///         let mut merged = parts.concat();
///         merged.sort(); // std's sort merges two sorted parts in one pass
///         merged
///     },
/// );
/// assert_eq!(sorted.await?, [1, 2, 3, 5, 8, 9]);
/// # Ok(()) }
/// ```
#[doc(alias("fork", "join", "fork-join", "recursion"))]
pub fn divide_and_conquer<T, R, B, S, D, C>(
    problem: T,
    is_base: B,
    solve_base: S,
    divide: D,
    combine: C,
) -> DivideAndConquer<T, R, B, S, D, C>
where
    T: Send + 'static,
    R: Send + 'static,
    B: Fn(&T) -> bool + Send + Sync + 'static,
    S: Fn(T) -> R + Send + Sync + 'static,
    D: Fn(T) -> Vec<T> + Send + Sync + 'static,
    C: Fn(Vec<R>) -> R + Send + Sync + 'static,
{
    let plan = Parts {
        is_base: Kept::new(is_base),
        solve_base: Kept::new(solve_base),
        divide: Kept::new(divide),
        combine: Kept::new(combine),
        types: PhantomData,
    };
    DivideAndConquer { problem, plan, workers: None }
}

/// What [`divide_and_conquer`] is about to do; await it.
#[must_use = "nothing is done unless it is awaited"]
pub struct DivideAndConquer<T, R, B, S, D, C> {
    problem: T,
    plan: Parts<T, R, B, S, D, C>,
    workers: Option<Workers>,
}

struct Parts<T, R, B, S, D, C> {
    // What each has captured is dropped by itself.
    is_base: Kept<B>,
    solve_base: Kept<S>,
    divide: Kept<D>,
    combine: Kept<C>,
    types: PhantomData<fn(T) -> R>,
}

impl<T, R, B, S, D, C> DivideAndConquer<T, R, B, S, D, C> {
    /// Works on this pool, instead of the [default one](CpuPool::current) of the runtime.
    pub fn on<W>(mut self, pool: &CpuPool<W>) -> Self {
        self.workers = Some(pool.into());
        self
    }
}

impl<T, R, B, S, D, C> IntoFuture for DivideAndConquer<T, R, B, S, D, C>
where
    T: Send + 'static,
    R: Send + 'static,
    B: Fn(&T) -> bool + Send + Sync + 'static,
    S: Fn(T) -> R + Send + Sync + 'static,
    D: Fn(T) -> Vec<T> + Send + Sync + 'static,
    C: Fn(Vec<R>) -> R + Send + Sync + 'static,
{
    type Output = Result<R, JobError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let workers = self.workers.unwrap_or_else(|| Workers::current("divide_and_conquer"));
        let solving = Solving::new(self.plan, self.problem, workers.limit());
        workers.work_on("divide_and_conquer", solving).boxed()
    }
}

impl<T, R, B, S, D, C> Plan for Parts<T, R, B, S, D, C>
where
    T: Send + 'static,
    R: Send + 'static,
    B: Fn(&T) -> bool + Send + Sync + 'static,
    S: Fn(T) -> R + Send + Sync + 'static,
    D: Fn(T) -> Vec<T> + Send + Sync + 'static,
    C: Fn(Vec<R>) -> R + Send + Sync + 'static,
{
    type Problem = T;
    type Solution = R;

    fn is_base(&self, problem: &T) -> bool {
        self.is_base.get()(problem)
    }

    fn solve(&self, base: T) -> R {
        self.solve_base.get()(base)
    }

    fn descend(&self, mut wide: T, way: &mut WayOf<Self>, hunger: &Hunger) -> Turn<Self> {
        for _ in 0..NODES {
            let mut parts = self.divide.get()(wide);
            parts.reverse();
            let Some(first) = parts.pop() else {
                match self.climb(self.combine.get()(Vec::new()), way, hunger) {
                    Ok(next) => wide = next,
                    Err(turn) => return turn,
                }
                continue;
            };
            let entry = Entry::new(parts.len(), 0);
            way.problems.append(&mut parts);
            way.push(entry);
            if hunger.is_felt() {
                return Turn::Look(first);
            }
            let first = Kept::new(first);
            if !self.is_base.get()(first.get()) {
                wide = first.into_inner();
                continue;
            }
            match self.climb(self.solve_base.get()(first.into_inner()), way, hunger) {
                Ok(next) => wide = next,
                Err(turn) => return turn,
            }
        }
        Turn::Look(wide)
    }

    fn climb(&self, mut solution: R, way: &mut WayOf<Self>, hunger: &Hunger) -> Result<T, Turn<Self>> {
        let mut nodes = 0;
        while let Some(entry) = way.top() {
            if nodes == NODES && entry.problems() == 0 {
                return Err(Turn::Rise(solution));
            }
            way.solutions.push(solution);
            if entry.problems() == 0 {
                way.pop();
                let parts = way.solutions.split_off(way.solutions.len() - entry.solutions() - 1);
                solution = self.combine.get()(parts);
                nodes += 1;
                continue;
            }
            let Some(next) = way.pop_problem() else { unreachable!("an entry owns its problems") };
            way.advance();
            if hunger.is_felt() || nodes >= NODES {
                return Err(Turn::Look(next));
            }
            let next = Kept::new(next);
            if !self.is_base.get()(next.get()) {
                return Ok(next.into_inner());
            }
            solution = self.solve_base.get()(next.into_inner());
            nodes += 1;
        }
        Err(Turn::Solved(solution))
    }

    fn combine(&self, solutions: Vec<R>) -> R {
        self.combine.get()(solutions)
    }
}

impl<T, R, B, S, D, C> fmt::Debug for DivideAndConquer<T, R, B, S, D, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DivideAndConquer").finish_non_exhaustive()
    }
}
