//! Describing a pipeline that runs in one task: several that come together.

use std::cmp::Ordering;

use super::builder::Inline;
#[allow(unused_imports, reason = "for the links in the docs")]
use crate::pipeline::Pipeline;
use crate::pipeline::builder::Fallible;
use crate::pipeline::chained::Chained;
use crate::pipeline::early::Early;
use crate::pipeline::head::{Head, Pair};
use crate::pipeline::merge::Merge;
use crate::pipeline::segment::Chain;
use crate::pipeline::sorted::Sorted;
use crate::pipeline::zip::Zip;

impl<S: Chain> Inline<S> {
    /// Takes items from this pipeline and from another, as they come; as [`Pipeline::merge`].
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (orders, refunds) = (vec![5, 7], vec![-2]);
    /// let both = Pipeline::from_iter(&orders).inline().merge(Pipeline::from_iter(&refunds).inline());
    /// assert_eq!(both.fold(0, |sum, n| sum + n).await?, 10);
    /// # Ok(()) }
    /// ```
    pub fn merge<T: Chain<Out = S::Out>>(mut self, other: Inline<T>) -> Inline<impl Chain<Out = S::Out>> {
        let [ours, theirs] = [self.plan.ended_early.clone(), other.plan.ended_early.clone()];
        self.plan.join(other.plan);
        let stage = self.plan.fused("merge");
        let branches = (Early::new(self.segment, ours), Early::new(other.segment, theirs));
        Inline { segment: Merge::new(branches, stage), plan: self.plan }
    }

    /// Takes all items of this pipeline, and then those of another, which does not begin before; as [`Pipeline::chain`].
    pub fn chain<T: Chain<Out = S::Out>>(mut self, other: Inline<T>) -> Inline<impl Chain<Out = S::Out>> {
        let [ours, theirs] = [self.plan.ended_early.clone(), other.plan.ended_early.clone()];
        self.plan.join(other.plan);
        let stage = self.plan.fused("chain");
        let (first, second) = (Early::new(self.segment, ours), Early::new(other.segment, theirs));
        Inline { segment: Chained::new(first, second, stage), plan: self.plan }
    }

    /// Pairs the items of this pipeline with those of another; as [`Pipeline::zip`].
    pub fn zip<T: Chain>(mut self, other: Inline<T>) -> Inline<impl Chain<Out = (S::Out, T::Out)>> {
        let [ours, theirs] = [self.plan.ended_early.clone(), other.plan.ended_early.clone()];
        self.plan.join(other.plan);
        let stage = self.plan.fused("zip");
        let pair = Pair::new(Head::new(self.segment, ours), Head::new(other.segment, theirs));
        Inline { segment: Zip::new(pair, stage), plan: self.plan }
    }

    /// Brings two pipelines that are sorted together into one that is; as [`Pipeline::merge_sorted`].
    pub fn merge_sorted<T>(
        self,
        other: Inline<T>,
    ) -> Inline<impl Chain<Out = S::Out> + Fallible<Input = S::Out, Handled: Chain<Out = S::Out>>>
    where
        T: Chain<Out = S::Out>,
        S::Out: Ord,
    {
        self.sorted("merge_sorted", other, Ord::cmp)
    }

    /// As [`merge_sorted`](Self::merge_sorted), by a comparison of one's own.
    pub fn merge_sorted_by<T, F>(
        self,
        other: Inline<T>,
        compare: F,
    ) -> Inline<impl Chain<Out = S::Out> + Fallible<Input = S::Out, Handled: Chain<Out = S::Out>>>
    where
        T: Chain<Out = S::Out>,
        F: FnMut(&S::Out, &S::Out) -> Ordering,
    {
        self.sorted("merge_sorted_by", other, compare)
    }

    fn sorted<T, F>(mut self, kind: &str, other: Inline<T>, compare: F) -> Inline<Sorted<S, T, F>>
    where
        T: Chain<Out = S::Out>,
        F: FnMut(&S::Out, &S::Out) -> Ordering,
    {
        let [ours, theirs] = [self.plan.ended_early.clone(), other.plan.ended_early.clone()];
        self.plan.join(other.plan);
        let stage = self.plan.fused(kind);
        let pair = Pair::new(Head::new(self.segment, ours), Head::new(other.segment, theirs));
        Inline { segment: Sorted::new(pair, compare, stage), plan: self.plan }
    }
}
