//! How fused stages count, at next to no cost for an item.
//!
//! A run counts in locals, which the compiler keeps in registers, and enters them in the books at its end, also when it
//! ends by unwinding. A stage that pushes what it gets, one for one, has no counter at all: it reads its neighbour's.

use std::sync::Arc;

use super::error::PipelineError;
use super::letters::Policy;
use super::on_error::Failure;
use super::stage::Stage;
use crate::error::BoxError;

/// What a fused stage knows of itself, beside its closure.
#[derive(Debug)]
pub(super) struct Meter {
    watch: Watch,
    books: Books,
}

/// Which stage is to blame for a panic.
#[derive(Debug)]
pub(super) struct Watch {
    has_panicked: bool,
}

/// The counts of one stage: written by its one runner, published once a run.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) stage: Arc<Stage>,
    accepted: u64,
    failed: u64,
    /// Items inside: one while a stage takes an item apart.
    held: u64,
}

/// One run of a stage that decides how much it pushes.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    pub(super) watch: &'a mut Watch,
    pub(super) books: &'a mut Books,
    /// What upstream has pushed in this run: for upstream to count in.
    pub(super) came: u64,
}

/// One run of a stage that pushes what it gets: upstream counts in the stage's own `pushed`.
#[derive(Debug)]
pub(super) struct Passing<'a> {
    pub(super) watch: &'a mut Watch,
    books: &'a mut Books,
    pub(super) pushed: &'a mut u64,
    before: u64,
}

/// Marks a stage as the one that panicked, if it is dropped by unwinding; costs nothing otherwise.
struct Fuse<'a>(&'a mut bool);

/// Takes a value out for the time of a run, to where the compiler can keep it in registers, and puts it back, also by
/// unwinding: a stage may panic, be told to skip, and go on.
#[derive(Debug)]
pub(super) struct Loan<'a, A> {
    place: &'a mut Option<A>,
    pub(super) value: Option<A>,
}

impl Meter {
    pub(super) fn new(stage: Arc<Stage>) -> Self {
        Self { watch: Watch { has_panicked: false }, books: Books { stage, accepted: 0, failed: 0, held: 0 } }
    }

    pub(super) fn stage(&self) -> &Arc<Stage> {
        &self.books.stage
    }

    /// Begins a run of a stage that decides how much it pushes.
    #[inline]
    pub(super) fn begin(&mut self) -> Tally<'_> {
        Tally { watch: &mut self.watch, books: &mut self.books, came: 0 }
    }

    /// Begins a run of a stage that pushes what it gets, or of a source.
    #[inline]
    pub(super) fn pass<'a>(&'a mut self, pushed: &'a mut u64) -> Passing<'a> {
        Passing { watch: &mut self.watch, books: &mut self.books, before: *pushed, pushed }
    }

    /// Forgets the item that was inside.
    pub(super) fn release(&mut self) {
        self.books.hold(0);
        self.books.publish();
    }

    /// The stage is dropped with so many items inside.
    pub(super) fn discard(&mut self, items: u64) {
        self.books.stage.counts().discard(items);
    }

    /// Tells whether this stage panicked since the last question, and counts the item it panicked on.
    pub(super) fn take_blame(&mut self) -> bool {
        let has_panicked = std::mem::take(&mut self.watch.has_panicked);
        self.books.failed += u64::from(has_panicked);
        self.books.publish();
        has_panicked
    }
}

impl Watch {
    /// Runs the stage's closure; if it unwinds, this stage is to blame.
    #[inline]
    pub(super) fn run<R>(&mut self, run: impl FnOnce() -> R) -> R {
        let fuse = Fuse(&mut self.has_panicked);
        let result = run();
        std::mem::forget(fuse);
        result
    }
}

impl Books {
    /// Counts an item whose closure returned an error, and asks the stage's policy: what ends the stage, if anything does.
    #[cold]
    pub(super) fn errored<I>(&mut self, policy: &mut impl Policy<I>, error: BoxError) -> Option<PipelineError> {
        self.failed += 1;
        policy.failed(&self.stage, Failure::Error(error))
    }

    /// Says how many items are inside at the end of the run.
    pub(super) fn hold(&mut self, items: u64) {
        self.held = items;
    }

    #[inline]
    fn publish(&self) {
        self.stage.counts().publish(self.accepted, self.failed, self.held);
    }
}

impl<'a, A> Loan<'a, A> {
    #[inline]
    pub(super) fn take(place: &'a mut Option<A>) -> Self {
        let value = place.take();
        Self { place, value }
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        self.stage.counts().end();
    }
}

impl Drop for Tally<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.books.accepted += self.came;
        self.books.publish();
    }
}

impl Drop for Passing<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.books.accepted += *self.pushed - self.before;
        // The item it panicked on was counted when it came, and goes no further.
        *self.pushed -= u64::from(self.watch.has_panicked);
        self.books.publish();
    }
}

impl Drop for Fuse<'_> {
    fn drop(&mut self) {
        *self.0 = true;
    }
}

impl<A> Drop for Loan<'_, A> {
    #[inline(always)]
    fn drop(&mut self) {
        *self.place = self.value.take();
    }
}
