//! One problem, solved by the members of a team.
//!
//! Members go down and up by themselves, and look once a node whether anybody is hungry. Only then do they split the
//! outermost node they have, and put its other parts where the hungry find them: lazy promotion, after “Heartbeat scheduling:
//! provable efficiency for nested parallelism” (Acar, Charguéraud, Guatto, Rainey, Sieczkowski, PLDI 2018), but by demand
//! instead of by time.
//!
//! Invariant: a problem is in the list, on the way of a member, or solved. A member leaves when the list is empty; whoever
//! puts something there calls another, and takes it itself if nobody has come.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::join::Join;
use super::plan::Plan;
use super::way::{Entry, Meeting, Pending, Way};
use crate::error::drop_quietly;
use crate::pool::{Member, Work, Workers};

/// How many nodes go by between looks whether anybody still waits for the solution.
const NODES: u32 = 64;

pub(super) struct Solving<P: Plan> {
    plan: P,
    list: Mutex<VecDeque<PartOf<P>>>,
    /// How many members would take part if there was something for them. Relaxed: who misses it looks again at the next
    /// node.
    hungry: AtomicUsize,
}

type PartOf<P> = Part<<P as Plan>::Problem, <P as Plan>::Solution>;
type WayOf<P> = Way<<P as Plan>::Problem, <P as Plan>::Solution>;

/// A problem, and where its solution is to be brought: the first one has no such place.
struct Part<T, R> {
    problem: Option<T>,
    up: Option<(Arc<Join<T, R>>, usize)>,
}

/// Why a member looks up.
enum Turn<P: Plan> {
    /// Everything is solved up to a meeting, or to the top.
    Solved(P::Solution),
    /// This problem comes next, and somebody may be hungry.
    Look(P::Problem),
}

impl<P: Plan> Solving<P> {
    pub(super) fn new(plan: P, problem: P::Problem, workers: &Workers) -> Self {
        let list = Mutex::new(VecDeque::from([Part { problem: Some(problem), up: None }]));
        // All but the first member: they are called as soon as there is a second part.
        Self { plan, list, hungry: AtomicUsize::new(workers.limit() - 1) }
    }

    /// Solves one part, and goes on above it where this is the last to arrive. Gives the solution of the whole.
    fn solve(&self, member: &Member<'_, Self>, mut part: PartOf<P>) -> Option<P::Solution> {
        let mut way = match part.up.take() {
            Some((join, number)) => Way::up_to(join, number),
            None => Way::new(),
        };
        let mut turn = self.dive(part.problem.take()?, &mut way);
        loop {
            turn = match turn {
                Turn::Look(problem) if member.is_stopped() => {
                    drop_quietly(problem);
                    return None;
                }
                Turn::Look(problem) => {
                    if self.is_felt() {
                        self.feed(member, &mut way);
                    }
                    self.dive(problem, &mut way)
                }
                Turn::Solved(solution) if way.entries.is_empty() => return Some(solution),
                Turn::Solved(solution) => {
                    let solution = self.arrive(solution, &mut way)?;
                    self.rise(solution, &mut way)
                }
            };
        }
    }

    /// Brings a solution to where others bring theirs. Gives that of the node, if this was the last.
    fn arrive(&self, solution: P::Solution, way: &mut WayOf<P>) -> Option<P::Solution> {
        let Meeting { join, part, is_own } = way.pop_meeting()?;
        let above = is_own.then(|| std::mem::replace(way, Way::new()));
        let (mut solutions, above) = join.arrive(part, solution, above)?;
        *way = above;
        let last = solutions.pop();
        let before = join.solved_before + solutions.len();
        way.solutions.append(&mut solutions);
        Some(self.plan.combine(&mut way.solutions, before, [None, last]))
    }

    /// Gives away what is largest.
    fn feed(&self, member: &Member<'_, Self>, way: &mut WayOf<P>) {
        let Some(Pending { problems, join }) = way.split() else { return };
        let count = problems.len();
        let parts = problems
            .into_iter()
            .map(|(number, problem)| Part { problem: Some(problem), up: Some((join.clone(), number)) });
        self.lock().extend(parts);
        let _ = self.hungry.fetch_update(Relaxed, Relaxed, |hungry| Some(hungry.saturating_sub(count)));
        member.call(count);
    }

    fn dive(&self, problem: P::Problem, way: &mut WayOf<P>) -> Turn<P> {
        match self.plan.is_base(&problem) {
            true => self.rise(self.plan.solve(problem), way),
            false => self.descend(problem, way),
        }
    }

    fn rise(&self, solution: P::Solution, way: &mut WayOf<P>) -> Turn<P> {
        match self.climb(solution, way) {
            Ok(wide) => self.descend(wide, way),
            Err(turn) => turn,
        }
    }

    /// Goes down from a problem that is known not to be a base case, and up again.
    ///
    /// One loop for all of it, so that what is in hand stays in registers; and base cases side by side never touch a stack.
    fn descend(&self, mut wide: P::Problem, way: &mut WayOf<P>) -> Turn<P> {
        for _ in 0..NODES {
            let before = way.problems.len();
            let [first, second] = self.plan.divide(wide, &mut way.problems);
            let Some(first) = first else {
                match self.climb(self.plan.combine(&mut way.solutions, 0, [None, None]), way) {
                    Ok(next) => wide = next,
                    Err(turn) => return turn,
                }
                continue;
            };
            let others = way.problems.len() - before;
            let is_felt = self.is_felt();
            if is_felt || !self.plan.is_base(&first) {
                way.entries.push(Entry::new(others + usize::from(second.is_some()), 0));
                if let Some(second) = second {
                    way.problems.push(second);
                }
                if is_felt {
                    return Turn::Look(first);
                }
                wide = first;
                continue;
            }
            let solution = self.plan.solve(first);
            match self.side_by_side(solution, second, others, way) {
                Ok(next) => wide = next,
                Err(turn) => return turn,
            }
        }
        Turn::Look(wide)
    }

    /// Goes on behind a first part that was a base case.
    #[inline(always)]
    fn side_by_side(
        &self,
        first: P::Solution,
        second: Option<P::Problem>,
        others: usize,
        way: &mut WayOf<P>,
    ) -> Result<P::Problem, Turn<P>> {
        let Some(second) = second else {
            return self.climb(self.plan.combine(&mut way.solutions, 0, [None, Some(first)]), way);
        };
        let is_felt = self.is_felt();
        if is_felt || !self.plan.is_base(&second) {
            way.entries.push(Entry::new(others, 1));
            way.solutions.push(first);
            return if is_felt { Err(Turn::Look(second)) } else { Ok(second) };
        }
        let second = self.plan.solve(second);
        let solution = match others {
            0 => self.plan.combine(&mut way.solutions, 0, [Some(first), Some(second)]),
            _ => {
                way.entries.push(Entry::new(others, 1));
                way.solutions.push(first);
                second
            }
        };
        self.climb(solution, way)
    }

    /// Goes up to a part that is no base case, and gives that.
    #[inline(always)]
    fn climb(&self, mut solution: P::Solution, way: &mut WayOf<P>) -> Result<P::Problem, Turn<P>> {
        let mut parts = 0;
        loop {
            let Some(entry) = way.top() else {
                return Err(Turn::Solved(solution));
            };
            let (problems, before) = (entry.problems(), entry.solutions());
            if problems == 0 {
                way.pop();
                solution = self.plan.combine(&mut way.solutions, before, [None, Some(solution)]);
                continue;
            }
            let Some(next) = way.pop_problem() else { unreachable!("an entry owns its problems") };
            parts += 1;
            let is_felt = self.is_felt() || parts == NODES;
            if is_felt || !self.plan.is_base(&next) {
                way.advance(solution);
                return if is_felt { Err(Turn::Look(next)) } else { Ok(next) };
            }
            let next = self.plan.solve(next);
            if problems == 1 {
                way.pop();
                solution = self.plan.combine(&mut way.solutions, before, [Some(solution), Some(next)]);
            } else {
                way.advance(solution);
                solution = next;
            }
        }
    }

    #[inline]
    fn is_felt(&self) -> bool {
        self.hungry.load(Relaxed) > 0
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<PartOf<P>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Plan> Work for Solving<P> {
    type Output = P::Solution;

    fn take_part(&self, member: &Member<'_, Self>) -> Option<P::Solution> {
        loop {
            let part = self.lock().pop_front();
            let Some(part) = part else {
                self.hungry.fetch_add(1, Relaxed);
                return None;
            };
            if member.is_stopped() {
                return None;
            }
            if let Some(solution) = self.solve(member, part) {
                return Some(solution);
            }
        }
    }
}

impl<T, R> Drop for Part<T, R> {
    fn drop(&mut self) {
        if let Some(problem) = self.problem.take() {
            drop_quietly(problem);
        }
    }
}
