//! Halves: the fast form.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;

use futures::future::{BoxFuture, FutureExt};

use super::plan::{Hunger, NODES, Plan, Turn, WayOf};
use super::solving::Solving;
use super::way::Entry;
use crate::error::Kept;
use crate::pool::{CpuPool, JobError, Workers};

/// Solves a problem by halves, on all workers of a pool.
///
/// As [`divide_and_conquer`](fn@crate::parallel::divide_and_conquer), for problems that are divided in two: no list is made for the parts, and a node costs some
/// nanoseconds. `combine` gets the solution of the first half first.
///
/// # Examples
/// ```
/// use regatta::parallel::bisect;
/// use std::ops::Range;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Counts the primes below 10,000.
/// let is_prime = |n: u32| n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0);
/// let primes = bisect(
///     0..10_000,
///     |range: &Range<u32>| range.len() <= 16,
///     move |range| range.filter(|n| is_prime(*n)).count(),
///     |range| {
///         let middle = range.start + (range.end - range.start) / 2;
///         [range.start..middle, middle..range.end]
///     },
///     |left, right| left + right,
/// );
/// assert_eq!(primes.await?, 1229);
/// # Ok(()) }
/// ```
///
/// # Cancel safety, errors, panics
/// As [`divide_and_conquer`](fn@crate::parallel::divide_and_conquer).
#[doc(alias("fork", "join", "fork-join"))]
pub fn bisect<T, R, B, S, D, C>(
    problem: T,
    is_base: B,
    solve_base: S,
    divide: D,
    combine: C,
) -> Bisect<T, R, B, S, D, C>
where
    T: Send + 'static,
    R: Send + 'static,
    B: Fn(&T) -> bool + Send + Sync + 'static,
    S: Fn(T) -> R + Send + Sync + 'static,
    D: Fn(T) -> [T; 2] + Send + Sync + 'static,
    C: Fn(R, R) -> R + Send + Sync + 'static,
{
    Bisect { problem, plan: Halves::new(is_base, solve_base, divide, combine), workers: None }
}

/// What [`bisect`] is about to do; await it.
#[must_use = "nothing is done unless it is awaited"]
pub struct Bisect<T, R, B, S, D, C> {
    problem: T,
    plan: Halves<T, R, B, S, D, C>,
    workers: Option<Workers>,
}

pub(super) struct Halves<T, R, B, S, D, C> {
    // What each has captured is dropped by itself.
    is_base: Kept<B>,
    solve_base: Kept<S>,
    divide: Kept<D>,
    combine: Kept<C>,
    types: PhantomData<fn(T) -> R>,
}

impl<T, R, B, S, D, C> Bisect<T, R, B, S, D, C> {
    /// Works on this pool, instead of the [default one](CpuPool::current) of the runtime.
    pub fn on<W>(mut self, pool: &CpuPool<W>) -> Self {
        self.workers = Some(pool.into());
        self
    }
}

impl<T, R, B, S, D, C> Halves<T, R, B, S, D, C> {
    pub(super) fn new(is_base: B, solve_base: S, divide: D, combine: C) -> Self {
        Self {
            is_base: Kept::new(is_base),
            solve_base: Kept::new(solve_base),
            divide: Kept::new(divide),
            combine: Kept::new(combine),
            types: PhantomData,
        }
    }
}

impl<T, R, B, S, D, C> IntoFuture for Bisect<T, R, B, S, D, C>
where
    T: Send + 'static,
    R: Send + 'static,
    B: Fn(&T) -> bool + Send + Sync + 'static,
    S: Fn(T) -> R + Send + Sync + 'static,
    D: Fn(T) -> [T; 2] + Send + Sync + 'static,
    C: Fn(R, R) -> R + Send + Sync + 'static,
{
    type Output = Result<R, JobError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let workers = self.workers.unwrap_or_else(|| Workers::current("bisect"));
        let solving = Solving::new(self.plan, self.problem, workers.limit());
        workers.work_on("bisect", solving).boxed()
    }
}

impl<T, R, B, S, D, C> Plan for Halves<T, R, B, S, D, C>
where
    T: Send + 'static,
    R: Send + 'static,
    B: Fn(&T) -> bool + Send + Sync + 'static,
    S: Fn(T) -> R + Send + Sync + 'static,
    D: Fn(T) -> [T; 2] + Send + Sync + 'static,
    C: Fn(R, R) -> R + Send + Sync + 'static,
{
    type Problem = T;
    type Solution = R;

    #[inline]
    fn is_base(&self, problem: &T) -> bool {
        self.is_base.get()(problem)
    }

    #[inline]
    fn solve(&self, base: T) -> R {
        self.solve_base.get()(base)
    }

    fn descend(&self, mut wide: T, way: &mut WayOf<Self>, hunger: &Hunger) -> Turn<Self> {
        let (is_base, solve_base) = (self.is_base.get(), self.solve_base.get());
        let (divide, combine) = (self.divide.get(), self.combine.get());
        for _ in 0..NODES {
            let [first, second] = divide(wide);
            let (first, second) = (Kept::new(first), Kept::new(second));
            let is_felt = hunger.is_felt();
            if is_felt || !is_base(first.get()) {
                way.push(Entry::FIRST);
                way.problems.push(second.into_inner());
                if is_felt {
                    return Turn::Look(first.into_inner());
                }
                wide = first.into_inner();
                continue;
            }
            let first = Kept::new(solve_base(first.into_inner()));
            let is_felt = hunger.is_felt();
            if is_felt || !is_base(second.get()) {
                way.push(Entry::SECOND);
                way.solutions.push(first.into_inner());
                if is_felt {
                    return Turn::Look(second.into_inner());
                }
                wide = second.into_inner();
                continue;
            }
            // Two base cases, half of all nodes of a balanced tree, touch no stack.
            let second = solve_base(second.into_inner());
            match self.climb(combine(first.into_inner(), second), way, hunger) {
                Ok(next) => wide = next,
                Err(turn) => return turn,
            }
        }
        Turn::Look(wide)
    }

    #[inline(always)]
    fn climb(&self, mut solution: R, way: &mut WayOf<Self>, hunger: &Hunger) -> Result<T, Turn<Self>> {
        let (is_base, solve_base, combine) = (self.is_base.get(), self.solve_base.get(), self.combine.get());
        for _ in 0..NODES {
            match way.top() {
                Some(Entry::SECOND) => {
                    way.pop();
                    let Some(first) = way.solutions.pop() else { unreachable!("its first half is solved") };
                    solution = combine(first, solution);
                }
                Some(Entry::FIRST) => {
                    let Some(second) = way.pop_problem() else { unreachable!("its second half is there") };
                    let (first, second) = (Kept::new(solution), Kept::new(second));
                    let is_felt = hunger.is_felt();
                    if is_felt || !is_base(second.get()) {
                        way.advance_to_second();
                        way.solutions.push(first.into_inner());
                        let second = second.into_inner();
                        return if is_felt { Err(Turn::Look(second)) } else { Ok(second) };
                    }
                    way.pop();
                    let second = solve_base(second.into_inner());
                    solution = combine(first.into_inner(), second);
                }
                _ => return Err(Turn::Solved(solution)),
            }
        }
        Err(Turn::Rise(solution))
    }

    fn combine(&self, solutions: Vec<R>) -> R {
        let mut solutions = solutions.into_iter();
        match (solutions.next(), solutions.next()) {
            (Some(first), Some(second)) => self.combine.get()(first, second),
            _ => unreachable!("there are two halves"),
        }
    }
}

impl<T, R, B, S, D, C> fmt::Debug for Bisect<T, R, B, S, D, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bisect").finish_non_exhaustive()
    }
}
