//! What a recursion is made of.

/// The user's closures, on the stacks of a [`Way`](super::way::Way).
pub(super) trait Plan: Send + Sync + Sized + 'static {
    type Problem: Send + 'static;
    type Solution: Send + 'static;

    fn is_base(&self, problem: &Self::Problem) -> bool;

    fn solve(&self, base: Self::Problem) -> Self::Solution;

    /// Takes a problem apart: gives the first two parts, and puts the others on the stack, the third on top.
    fn divide(&self, wide: Self::Problem, rest: &mut Vec<Self::Problem>) -> [Option<Self::Problem>; 2];

    /// Makes a solution of those of a node: so many on top of the stack, and then the last two.
    fn combine(
        &self,
        solutions: &mut Vec<Self::Solution>,
        before: usize,
        last: [Option<Self::Solution>; 2],
    ) -> Self::Solution;
}
