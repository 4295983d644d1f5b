//! Items that lie ready for one worker, and that others may steal half of. Plain data, kept under somebody's lock.

use super::chunk::Quiet;

/// Items that follow each other, the last first.
pub(super) struct Share<T> {
    /// The position of the next item, from 1.
    pub(super) first: u64,
    pub(super) items: Quiet<T>,
}

/// Shares, the one to go on with last; none of them is empty.
pub(super) struct Pile<T>(Vec<Share<T>>);

impl<T> Share<T> {
    pub(super) fn empty() -> Self {
        Self { first: 0, items: Quiet(Vec::new()) }
    }

    pub(super) fn len(&self) -> usize {
        self.items.0.len()
    }
}

impl<T> Pile<T> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(Share::len).sum()
    }

    /// Puts items where they are taken next.
    pub(super) fn put(&mut self, share: Share<T>) {
        if share.len() > 0 {
            self.0.push(share);
        }
    }

    /// Takes the next items, at most so many, into an empty batch, and gives how many.
    pub(super) fn take(&mut self, most: usize, batch: &mut Share<T>) -> usize {
        let Some(share) = self.0.last_mut() else { return 0 };
        let taken = most.min(share.len());
        batch.first = share.first;
        batch.items.0.extend(share.items.0.drain(share.items.0.len() - taken..));
        share.first += taken as u64;
        if share.len() == 0 {
            self.0.pop();
        }
        taken
    }

    /// Takes the far half of the largest share.
    pub(super) fn steal(&mut self) -> Option<Share<T>> {
        let largest = self.0.iter().enumerate().max_by_key(|(_, share)| share.len()).map(|(at, _)| at)?;
        let share = &mut self.0[largest];
        let taken = share.len().div_ceil(2);
        let first = share.first + (share.len() - taken) as u64;
        // The far ones are in front.
        let items = Quiet(share.items.0.drain(..taken).collect());
        if share.len() == 0 {
            self.0.remove(largest);
        }
        Some(Share { first, items })
    }
}
