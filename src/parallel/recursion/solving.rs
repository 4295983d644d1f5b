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
use std::sync::Arc;

use super::super::loom::{Mutex, lock};
use super::join::Join;
use super::plan::{Hunger, Plan, Team, Turn, WayOf};
use super::way::{Meeting, Pending, Way};
use crate::error::{Kept, drop_quietly};
use crate::pool::{Member, Work};

pub(super) struct Solving<P: Plan> {
    plan: P,
    list: Mutex<VecDeque<PartOf<P>>>,
    hunger: Hunger,
}

type PartOf<P> = Part<<P as Plan>::Problem, <P as Plan>::Solution>;

/// A problem, and where its solution is to be brought: the first one has no such place.
struct Part<T, R> {
    problem: Option<T>,
    up: Option<(Arc<Join<T, R>>, usize)>,
}

impl<P: Plan> Solving<P> {
    pub(super) fn new(plan: P, problem: P::Problem, workers: usize) -> Self {
        let list = Mutex::new(VecDeque::from([Part { problem: Some(problem), up: None }]));
        // All but the first member: they are called as soon as there is a second part.
        Self { plan, list, hunger: Hunger::new(workers - 1) }
    }

    /// Solves one part, and goes on above it where this is the last to arrive. Gives the solution of the whole.
    fn solve(&self, team: &impl Team, mut part: PartOf<P>) -> Option<P::Solution> {
        let mut way = match part.up.take() {
            Some((join, number)) => Way::up_to(join, number),
            None => Way::new(),
        };
        let mut turn = self.dive(part.problem.take()?, &mut way);
        loop {
            turn = match turn {
                Turn::Look(problem) if team.is_stopped() => {
                    drop_quietly(problem);
                    return None;
                }
                Turn::Look(problem) => {
                    // Somebody was called and did not come, or the pool has grown.
                    if !self.hunger.is_felt() && team.is_short() {
                        self.hunger.grow();
                    }
                    if self.hunger.is_felt() {
                        self.feed(team, &mut way);
                    }
                    self.dive(problem, &mut way)
                }
                Turn::Rise(solution) if team.is_stopped() => {
                    drop_quietly(solution);
                    return None;
                }
                Turn::Rise(solution) => self.rise(solution, &mut way),
                Turn::Solved(solution) if way.is_at_the_top() => return Some(solution),
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
        // Those that were solved before the node was split are on top of the way above.
        let before = way.solutions.len() - join.solved_before;
        let mut all = way.solutions.split_off(before);
        all.append(&mut solutions);
        Some(self.plan.combine(all))
    }

    /// Gives away what is largest.
    fn feed(&self, team: &impl Team, way: &mut WayOf<P>) {
        let Some(Pending { problems, join }) = way.split() else { return };
        let count = problems.len();
        let parts = problems
            .into_iter()
            .map(|(number, problem)| Part { problem: Some(problem), up: Some((join.clone(), number)) });
        lock(&self.list).extend(parts);
        self.hunger.appease(count);
        team.call(count);
    }

    fn dive(&self, problem: P::Problem, way: &mut WayOf<P>) -> Turn<P> {
        let problem = Kept::new(problem);
        match self.plan.is_base(problem.get()) {
            true => self.rise(self.plan.solve(problem.into_inner()), way),
            false => self.plan.descend(problem.into_inner(), way, &self.hunger),
        }
    }

    fn rise(&self, solution: P::Solution, way: &mut WayOf<P>) -> Turn<P> {
        match self.plan.climb(solution, way, &self.hunger) {
            Ok(wide) => self.plan.descend(wide, way, &self.hunger),
            Err(turn) => turn,
        }
    }

    /// Solves one part after the other, until there are none. Gives the solution of the whole.
    pub(super) fn work_with(&self, team: &impl Team) -> Option<P::Solution> {
        loop {
            let part = lock(&self.list).pop_front();
            let Some(part) = part else {
                self.hunger.grow();
                return None;
            };
            if team.is_stopped() {
                return None;
            }
            if let Some(solution) = self.solve(team, part) {
                return Some(solution);
            }
        }
    }
}

impl<P: Plan> Work for Solving<P> {
    type Output = P::Solution;

    fn take_part(&self, member: &Member<'_, Self>) -> Option<P::Solution> {
        self.work_with(member)
    }
}

impl<W: Work> Team for Member<'_, W> {
    fn is_stopped(&self) -> bool {
        self.is_stopped()
    }

    fn is_short(&self) -> bool {
        self.is_short()
    }

    fn call(&self, wanted: usize) {
        self.call(wanted);
    }
}

impl<T, R> Drop for Part<T, R> {
    fn drop(&mut self) {
        if let Some(problem) = self.problem.take() {
            drop_quietly(problem);
        }
    }
}
