//! What a recursion is made of, and how a member goes down and up in it.

use std::sync::atomic::Ordering::Relaxed;

use super::super::loom::AtomicUsize;
use super::way::Way;

/// How many nodes go by between looks whether anybody still waits for the solution.
pub(super) const NODES: u32 = 64;

/// The user's closures.
///
/// Going down and up is one loop each, so that what is in hand stays in registers. What is the user's lies on the stacks, or
/// is [`Kept`](crate::error::Kept), while other code of the user's runs: it may panic.
pub(super) trait Plan: Send + Sync + Sized + 'static {
    type Problem: Send + 'static;
    type Solution: Send + 'static;

    fn is_base(&self, problem: &Self::Problem) -> bool;

    fn solve(&self, base: Self::Problem) -> Self::Solution;

    /// Goes down from a problem that is known not to be a base case, and up again.
    fn descend(&self, wide: Self::Problem, way: &mut WayOf<Self>, hunger: &Hunger) -> Turn<Self>;

    /// Goes up to a part that is no base case, and gives that.
    fn climb(
        &self,
        solution: Self::Solution,
        way: &mut WayOf<Self>,
        hunger: &Hunger,
    ) -> Result<Self::Problem, Turn<Self>>;

    /// Makes the solution of a node whose parts were solved here and there.
    fn combine(&self, solutions: Vec<Self::Solution>) -> Self::Solution;
}

pub(super) type WayOf<P> = Way<<P as Plan>::Problem, <P as Plan>::Solution>;

/// Why a member looks up.
pub(super) enum Turn<P: Plan> {
    /// Everything is solved up to a meeting, or to the top.
    Solved(P::Solution),
    /// This problem comes next, and somebody may be hungry.
    Look(P::Problem),
    /// This has been solved on the way up, which is long.
    Rise(P::Solution),
}

/// Those who solve a problem together, as one of them sees it.
pub(super) trait Team {
    fn is_stopped(&self) -> bool;

    /// Whether there could be more of them.
    fn is_short(&self) -> bool;

    /// Has others take part, up to so many.
    fn call(&self, wanted: usize);
}

/// How many members would take part if there was something for them. Relaxed: who misses it looks again at the next node.
pub(super) struct Hunger(AtomicUsize);

impl Hunger {
    pub(super) fn new(members: usize) -> Self {
        Self(AtomicUsize::new(members))
    }

    #[inline]
    pub(super) fn is_felt(&self) -> bool {
        self.0.load(Relaxed) > 0
    }

    pub(super) fn grow(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub(super) fn appease(&self, parts: usize) {
        let _ = self.0.fetch_update(Relaxed, Relaxed, |members| Some(members.saturating_sub(parts)));
    }
}
