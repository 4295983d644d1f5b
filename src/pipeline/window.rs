//! The results of a stage: the order they leave in, and what became of each item.
//!
//! Every item that is admitted holds one place until its result is taken, also when it failed behind an item that is
//! still being worked on. So the number of places bounds the memory of an ordered stage whose first item is slow.

use std::collections::VecDeque;

use super::error::PipelineError;

/// How an item ended.
pub(super) enum Outcome<O> {
    Done(O),
    /// It failed, and the policy says to go on.
    Skipped,
    /// It failed, and the stage stops. Boxed, since it is rare and would make every outcome large.
    Failed(Box<PipelineError>),
}

/// What became of items that are part of no result.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gone {
    /// By policy, for another one.
    pub(super) displaced: u64,
    /// Part of another one.
    pub(super) merged: u64,
    /// With a failure.
    pub(super) failed: u64,
}

/// The order in which results leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Input,
    Completion,
    /// They do not leave: the end of the pipeline.
    Sink,
}

pub(super) struct Window<O> {
    order: Order,
    /// With `Order::Input`: what was admitted and has not become a result yet, by sequence number from `base`.
    slots: VecDeque<Slot<O>>,
    base: u64,
    results: VecDeque<O>,
    /// Places taken.
    held: usize,
    /// The first failure, in the order of the results.
    pub(super) failure: Option<PipelineError>,
    /// Failures that came after the first: nobody hears of them, and they are dropped outside the lock.
    pub(super) unheard: Vec<PipelineError>,
    /// No result comes after those that are queued, whatever is still being worked on.
    is_cut: bool,
    /// How many items a result stands for.
    weigh: fn(&O) -> u64,
    pub(super) done: u64,
    pub(super) failed: u64,
    pub(super) dropped: u64,
    pub(super) discarded: u64,
}

enum Slot<O> {
    Open,
    Done(O),
    /// Nothing leaves here: skipped or discarded, and counted already.
    Gone,
    Failed(Box<PipelineError>),
}

impl<O> Window<O> {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            slots: VecDeque::new(),
            base: 0,
            results: VecDeque::new(),
            held: 0,
            failure: None,
            unheard: Vec::new(),
            is_cut: false,
            weigh: |_| 1,
            done: 0,
            failed: 0,
            dropped: 0,
            discarded: 0,
        }
    }

    /// A window whose results stand for several items each.
    pub(super) fn weighed(weigh: fn(&O) -> u64) -> Self {
        Self { weigh, ..Self::new(Order::Completion) }
    }

    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn queued(&self) -> usize {
        self.results.len()
    }

    pub(super) fn has_results(&self) -> bool {
        !self.results.is_empty()
    }

    /// Tells whether nothing queued and nothing admitted can still become a result.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Takes a place for the next item in sequence.
    pub(super) fn admit(&mut self) {
        self.held += 1;
        if self.order == Order::Input {
            self.slots.push_back(Slot::Open);
        }
    }

    /// Takes a place for a result that needed no work; tells for how many items it stands.
    pub(super) fn push(&mut self, result: O) -> u64 {
        let weight = (self.weigh)(&result);
        self.held += 1;
        self.results.push_back(result);
        weight
    }

    /// How many items are finished and wait: for an earlier one, or to be taken.
    pub(super) fn waiting(&self) -> u64 {
        let behind = self.slots.iter().filter(|slot| matches!(slot, Slot::Done(_))).count();
        self.weight(self.results.iter()) + behind as u64
    }

    /// Ends one item; gives back the results that nobody will take.
    pub(super) fn settle(&mut self, sequence: u64, outcome: Outcome<O>) -> Vec<O> {
        if self.is_cut {
            self.discarded += 1;
            match outcome {
                Outcome::Done(result) => return vec![result],
                Outcome::Skipped => {}
                Outcome::Failed(failure) => self.unheard.push(*failure),
            }
            return Vec::new();
        }
        match (self.order, outcome) {
            (Order::Input, Outcome::Done(result)) if sequence == self.base => {
                // The commonest: it is next in order, and needs no slot.
                self.slots.pop_front();
                self.base += 1;
                self.results.push_back(result);
                return self.advance();
            }
            (Order::Input, Outcome::Done(result)) => return self.fill(sequence, Slot::Done(result)),
            (Order::Completion, Outcome::Done(result)) => self.results.push_back(result),
            (Order::Sink, Outcome::Done(result)) => {
                self.done += 1;
                self.held -= 1;
                return vec![result];
            }
            (order, Outcome::Skipped) => {
                self.failed += 1;
                if order == Order::Input {
                    return self.fill(sequence, Slot::Gone);
                }
                self.held -= 1;
            }
            (order, Outcome::Failed(failure)) => {
                self.failed += 1;
                if order == Order::Input {
                    return self.fill(sequence, Slot::Failed(failure));
                }
                self.held -= 1;
                self.first_or_unheard(*failure);
            }
        }
        Vec::new()
    }

    /// An item that was admitted is not even started.
    pub(super) fn discard(&mut self, sequence: u64) {
        self.discarded += 1;
        if self.is_cut {
            return;
        }
        match self.order {
            // Only what is behind everything started is discarded, so no result can move up and none is given back.
            Order::Input => drop(self.fill(sequence, Slot::Gone)),
            Order::Completion | Order::Sink => self.held -= 1,
        }
    }

    fn fill(&mut self, sequence: u64, slot: Slot<O>) -> Vec<O> {
        // At most `usize` items are in the window, so the distance fits.
        let index = (sequence - self.base) as usize;
        self.slots[index] = slot;
        if index == 0 { self.advance() } else { Vec::new() }
    }

    /// Moves what is next in order to the results. Nothing follows a failure: what was finished behind it is given back.
    fn advance(&mut self) -> Vec<O> {
        while !matches!(self.slots.front(), None | Some(Slot::Open)) {
            let Some(slot) = self.slots.pop_front() else { break };
            match slot {
                Slot::Open => unreachable!("it was looked at just now"),
                Slot::Done(result) => self.results.push_back(result),
                Slot::Gone => self.held -= 1,
                Slot::Failed(failure) => {
                    self.failure = Some(*failure);
                    return self.cut();
                }
            }
            self.base += 1;
        }
        Vec::new()
    }

    /// Lets no more results follow those that are queued; gives back those that were behind.
    fn cut(&mut self) -> Vec<O> {
        self.is_cut = true;
        let mut finished = Vec::new();
        for slot in std::mem::take(&mut self.slots) {
            match slot {
                Slot::Done(result) => finished.push(result),
                Slot::Failed(failure) => self.unheard.push(*failure),
                // Open ones are counted when their worker comes back, or leaves.
                Slot::Open | Slot::Gone => {}
            }
        }
        self.discarded += self.weight(finished.iter());
        finished
    }

    /// Takes up to `most` results into the empty `into`; tells whether there were any.
    pub(super) fn take(&mut self, most: usize, into: &mut VecDeque<O>) -> bool {
        if self.results.is_empty() {
            return false;
        }
        if self.results.len() <= most {
            std::mem::swap(&mut self.results, into);
        } else {
            into.extend(self.results.drain(..most));
        }
        self.held -= into.len();
        self.done += self.weight(into.iter());
        true
    }

    /// Takes the next result.
    pub(super) fn pop(&mut self) -> Option<O> {
        let result = self.results.pop_front()?;
        self.held -= 1;
        self.done += (self.weigh)(&result);
        Some(result)
    }

    /// Takes back the counting of results that were taken and not used.
    pub(super) fn untake<'a>(&mut self, results: impl Iterator<Item = &'a O>)
    where
        O: 'a,
    {
        let weight = self.weight(results);
        self.done -= weight;
        self.discarded += weight;
    }

    /// Drops the oldest results until `most` are left; gives them back.
    pub(super) fn drop_oldest(&mut self, most: usize) -> Vec<O> {
        let surplus = self.results.len().saturating_sub(most);
        let victims: Vec<O> = self.results.drain(..surplus).collect();
        self.dropped_by_policy(victims)
    }

    /// Drops the newest results until `most` are left; gives them back.
    pub(super) fn drop_newest(&mut self, most: usize) -> Vec<O> {
        let kept = self.results.len().min(most);
        let victims: Vec<O> = self.results.drain(kept..).collect();
        self.dropped_by_policy(victims)
    }

    /// Refuses the newest results until `most` are left, as failed; gives them back.
    pub(super) fn refuse(&mut self, most: usize) -> Vec<O> {
        let kept = self.results.len().min(most);
        let refused: Vec<O> = self.results.drain(kept..).collect();
        self.held -= refused.len();
        self.failed += self.weight(refused.iter());
        refused
    }

    fn dropped_by_policy(&mut self, victims: Vec<O>) -> Vec<O> {
        self.held -= victims.len();
        self.dropped += self.weight(victims.iter());
        victims
    }

    /// Counts items that a worker, or a relay, held when it was stopped.
    pub(super) fn lose(&mut self, items: u64) {
        self.discarded += items;
    }

    pub(super) fn gone(&mut self, gone: &Gone) {
        self.dropped += gone.displaced;
        self.done += gone.merged;
        self.failed += gone.failed;
    }

    /// Ends the results here, with this failure if there is none yet.
    pub(super) fn fail(&mut self, failure: PipelineError) -> Vec<O> {
        self.first_or_unheard(failure);
        self.cut()
    }

    fn first_or_unheard(&mut self, failure: PipelineError) {
        match self.failure {
            None => self.failure = Some(failure),
            Some(_) => self.unheard.push(failure),
        }
    }

    /// Gives back everything that waits, as discarded.
    pub(super) fn clear(&mut self) -> Vec<O> {
        let mut cleared = self.cut();
        let results = std::mem::take(&mut self.results);
        self.discarded += self.weight(results.iter());
        cleared.extend(results);
        cleared
    }

    fn weight<'a>(&self, results: impl Iterator<Item = &'a O>) -> u64
    where
        O: 'a,
    {
        results.map(self.weigh).sum()
    }
}
