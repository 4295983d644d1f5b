//! A fused stage that gives windows: the last so many items.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::builder::{Fallible, Pipeline};
use super::error::PipelineError;
use super::letters::{Letters, Policy};
use super::meter::Meter;
use super::on_error::OnError;
use super::segment::{Chain, Halt, Payload, Segment, fallible, letters_first, with_one_upstream};
use super::stage::Stage;
use crate::error::refuse_zero;

/// `window`: the last so many items, each so many items.
#[doc(hidden)]
#[derive(Debug)]
pub struct Sliding<S, T> {
    upstream: S,
    size: usize,
    step: usize,
    last: VecDeque<T>,
    /// How many items are still to come, or to go, before the next window is full.
    missing: usize,
    meter: Meter,
    letters: Letters<T>,
}

impl<S, T> Sliding<S, T> {
    pub(super) fn new(upstream: S, size: usize, step: usize, stage: Arc<Stage>) -> Self {
        Self {
            upstream,
            size,
            step,
            last: VecDeque::new(),
            missing: size,
            meter: Meter::new(stage),
            letters: Letters::new(),
        }
    }
}

impl<S> Chain for Sliding<S, S::Out>
where
    S: Chain,
    S::Out: Clone,
{
    type Out = Vec<S::Out>;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(Vec<S::Out>) -> ControlFlow<()>,
    {
        letters_first!(self, cx);
        let Self { upstream, size, step, last, missing, meter, letters } = self;
        let mut tally = meter.begin();
        let polled = upstream.poll_run(cx, fuel, &mut tally.came, &mut |item| {
            // The clones and the destructors are the user's.
            let full = tally.watch.run(|| {
                letters.keep(&item);
                slide(last, missing, *size, *step, item)
            });
            match full {
                Some(window) => {
                    *pushed += 1;
                    sink(window)
                }
                None => ControlFlow::Continue(()),
            }
        });
        letters.forget();
        polled
    }

    with_one_upstream!();
}

/// Takes the next item in, and gives the window that is full with it.
fn slide<T: Clone>(last: &mut VecDeque<T>, missing: &mut usize, size: usize, step: usize, item: T) -> Option<Vec<T>> {
    *missing -= 1;
    // Between two windows that do not meet, items are in none.
    if *missing < size {
        last.push_back(item);
    }
    if *missing > 0 {
        return None;
    }
    *missing = step;
    // Of a window whose clones panicked more may be here than of others.
    last.drain(..last.len().saturating_sub(size));
    let window = last.iter().cloned().collect();
    last.drain(..step.min(size));
    Some(window)
}

impl<S, T> Fallible for Sliding<S, T> {
    type Input = T;
    fallible!();
}

impl<S: Segment> Pipeline<S> {
    /// Gives the last `size` items, each `step` items: a window that slides over the input. Windows are always full; what
    /// is left at the end is in none. For batches, which leave nothing out, [`batch`](Self::batch). Fused.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let means = Pipeline::from_iter([1, 5, 6, 10]).window(3, 1).map(|last| last.iter().sum::<i32>() / 3);
    /// assert_eq!(means.collect::<Vec<_>>().await?, [4, 7]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When `size` or `step` is zero.
    ///
    /// # Complexity
    /// Clones each item for every window it is in.
    #[track_caller]
    pub fn window(mut self, size: usize, step: usize) -> Pipeline<Sliding<S, S::Item>>
    where
        S::Item: Clone,
    {
        refuse_zero("pipeline", "the window's size", size);
        refuse_zero("pipeline", "the window's step", step);
        let stage = self.plan.fused("window");
        Pipeline { segment: Sliding::new(self.segment, size, step, stage), plan: self.plan }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::slide;

    fn windows(items: u32, size: usize, step: usize) -> Vec<Vec<u32>> {
        let (mut last, mut missing) = (VecDeque::new(), size);
        (0..items).filter_map(|item| slide(&mut last, &mut missing, size, step, item)).collect()
    }

    #[test]
    fn windows_are_those_of_a_slice() {
        for (size, step) in (1..6).flat_map(|size| (1..9).map(move |step| (size, step))) {
            for items in 0..20_u32 {
                let all: Vec<u32> = (0..items).collect();
                let expected: Vec<Vec<u32>> = all.windows(size).step_by(step).map(<[u32]>::to_vec).collect();
                assert_eq!(windows(items, size, step), expected, "{size} of {items}, each {step}");
            }
        }
    }
}
