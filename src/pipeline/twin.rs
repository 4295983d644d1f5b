//! The window beside a naive twin that keeps every item it has ever seen and works out what is next from the beginning.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::error::PipelineError;
use super::window::{Order, Outcome, Window};
use crate::error::Cancelled;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    Done,
    Skipped,
    Failed,
}

#[derive(Debug, Clone)]
enum Step {
    Admit,
    /// Ends one of those that are open.
    Settle(prop::sample::Index, Fate),
    Take(usize),
}

struct Twin {
    is_ordered: bool,
    fates: Vec<Fate>,
    /// All results there ever were, in the order they leave.
    out: Vec<u64>,
    taken: usize,
    failed: u64,
    discarded: u64,
    is_cut: bool,
}

impl Twin {
    fn new(is_ordered: bool) -> Self {
        let (fates, out) = (Vec::new(), Vec::new());
        Self { is_ordered, fates, out, taken: 0, failed: 0, discarded: 0, is_cut: false }
    }

    fn open(&self) -> Vec<u64> {
        let numbered = (0_u64..).zip(&self.fates);
        numbered.filter(|(_, fate)| **fate == Fate::Open).map(|(sequence, _)| sequence).collect()
    }

    fn settle(&mut self, sequence: u64, fate: Fate) {
        if self.is_cut {
            self.discarded += 1;
            self.fates[sequence as usize] = Fate::Skipped;
            return;
        }
        self.fates[sequence as usize] = fate;
        self.failed += u64::from(fate != Fate::Done);
        if self.is_ordered {
            self.look_again();
        } else if fate == Fate::Done {
            self.out.push(sequence);
        }
    }

    /// Everything before the first that is open, or has failed, has left or may leave.
    fn look_again(&mut self) {
        let is_next = |fate: &Fate| matches!(fate, Fate::Done | Fate::Skipped);
        let next = self.fates.iter().take_while(|fate| is_next(fate)).count();
        self.out =
            (0_u64..).zip(&self.fates[..next]).filter(|(_, fate)| **fate == Fate::Done).map(|(n, _)| n).collect();
        if self.fates.get(next) == Some(&Fate::Failed) {
            self.is_cut = true;
            self.discarded += self.fates[next..].iter().filter(|fate| **fate == Fate::Done).count() as u64;
        }
    }

    /// How many places are taken, as long as nothing was cut.
    fn held(&self) -> usize {
        let waiting = self.out.len() - self.taken;
        let open = self.fates.iter().position(|fate| *fate == Fate::Open);
        match (self.is_ordered, open) {
            // Also what has ended behind one that is open keeps its place.
            (true, Some(first)) => self.fates.len() - first + waiting,
            (true, None) => waiting,
            (false, _) => self.open().len() + waiting,
        }
    }
}

fn outcome(sequence: u64, fate: Fate) -> Outcome<u64> {
    match fate {
        Fate::Done => Outcome::Done(sequence),
        Fate::Failed => Outcome::Failed(Box::new(PipelineError::Cancelled(Cancelled::new("a test")))),
        Fate::Open | Fate::Skipped => Outcome::Skipped,
    }
}

fn steps(fails: u32) -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![8 => Just(Fate::Done), 2 => Just(Fate::Skipped), fails => Just(Fate::Failed)];
    let settle = (any::<prop::sample::Index>(), fate).prop_map(|(index, fate)| Step::Settle(index, fate));
    prop::collection::vec(
        prop_oneof![4 => Just(Step::Admit), 4 => settle, 1 => (1_usize..5).prop_map(Step::Take)],
        0..120,
    )
}

fn check(is_ordered: bool, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let order = if is_ordered { Order::Input } else { Order::Completion };
    let (mut window, mut twin) = (Window::new(order), Twin::new(is_ordered));
    for step in steps {
        match step {
            // A stage whose window is cut pulls nothing more.
            Step::Admit if twin.is_cut => {}
            Step::Admit => {
                window.admit();
                twin.fates.push(Fate::Open);
            }
            Step::Settle(index, fate) => {
                let open = twin.open();
                if !open.is_empty() {
                    let (sequence, before) = (*index.get(&open), twin.discarded);
                    let given_back = window.settle(sequence, outcome(sequence, fate)).len() as u64;
                    twin.settle(sequence, fate);
                    // What is discarded is given back, unless there was no result.
                    prop_assert!(given_back <= twin.discarded - before);
                }
            }
            Step::Take(most) => {
                let mut taken = VecDeque::new();
                window.take(most, &mut taken);
                let left = &twin.out[twin.taken..];
                prop_assert_eq!(Vec::from(taken.clone()), &left[..most.min(left.len())]);
                twin.taken += taken.len();
            }
        }
        prop_assert_eq!(window.queued(), twin.out.len() - twin.taken);
        prop_assert_eq!((window.done, window.failed), (twin.taken as u64, twin.failed));
        prop_assert_eq!((window.discarded, window.is_cut()), (twin.discarded, twin.is_cut));
        if !twin.is_cut {
            prop_assert_eq!(window.held(), twin.held());
        }
        let accounted = window.done + window.failed + window.discarded + window.waiting() + twin.open().len() as u64;
        prop_assert_eq!(accounted, twin.fates.len() as u64);
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_ordered_window_is_as_its_twin(steps in steps(1)) {
        check(true, steps)?;
    }

    #[test]
    fn an_unordered_window_is_as_its_twin(steps in steps(1)) {
        check(false, steps)?;
    }

    #[test]
    fn a_window_without_failures_gives_everything(steps in steps(0)) {
        check(true, steps.clone())?;
        check(false, steps)?;
    }
}
