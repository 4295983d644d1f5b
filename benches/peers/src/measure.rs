//! One row: ours and a peer, in turn.

use std::future::Future;
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::runtime::Builder;

use crate::report::Row;

/// Threads of each runtime, and of each pool of CPU jobs.
pub(crate) const WORKERS: usize = 2;

/// Runs one side once and gives nanoseconds for each item, or whatever the unit is.
pub(crate) type Side = Box<dyn Fn() -> f64>;

/// Two programs or pieces of code that do the same.
pub(crate) struct Sides {
    pub(crate) ours: Side,
    pub(crate) theirs: Side,
    /// What the reader of the row should know; shown with the table.
    pub(crate) note: Option<String>,
}

/// What the figures of a row are. The names of the JSON fields say `ns` for all of them.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Nanoseconds.
    Time,
    Bytes,
    Count,
    /// Of a hundred, and the more the better: the ratio is ours / theirs.
    Percent,
}

/// What we are content with.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    /// The smallest ratio.
    Ratio(f64),
    /// How many points we may be behind, where the unit is [`Unit::Percent`].
    Behind(f64),
}

/// A row that can be measured.
pub(crate) struct Contest {
    scenario: &'static str,
    peer: &'static str,
    unit: Unit,
    /// What we are content with, if it was said.
    bar: Option<Bar>,
    /// Makes ready what a row needs, when it is about to run; the error says why it cannot.
    prepare: Box<dyn FnOnce() -> Result<Sides, String>>,
}

impl Contest {
    pub(crate) fn new(
        scenario: &'static str,
        peer: &'static str,
        prepare: impl FnOnce() -> Result<Sides, String> + 'static,
    ) -> Self {
        Self { scenario, peer, unit: Unit::Time, bar: None, prepare: Box::new(prepare) }
    }

    /// A row of two async functions that each handle `items` items and time themselves.
    pub(crate) fn of_tasks<A, B>(
        scenario: &'static str,
        peer: &'static str,
        items: u64,
        ours: impl Fn() -> A + 'static,
        theirs: impl Fn() -> B + 'static,
    ) -> Self
    where
        A: Future<Output = Duration> + Send + 'static,
        B: Future<Output = Duration> + Send + 'static,
    {
        let sides = Sides { ours: in_task(items, ours), theirs: in_task(items, theirs), note: None };
        Self::new(scenario, peer, move || Ok(sides))
    }

    pub(crate) fn bar(mut self, ratio: f64) -> Self {
        self.bar = Some(Bar::Ratio(ratio));
        self
    }

    /// Figures in percent, of which ours may be so many points below theirs.
    pub(crate) fn behind(self, points: f64) -> Self {
        Self { bar: Some(Bar::Behind(points)), ..self.unit(Unit::Percent) }
    }

    pub(crate) fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.scenario, self.peer)
    }

    /// Measures the row: a round to warm up, then `rounds` that count, each begun by the other side.
    pub(crate) fn run(self, rounds: NonZeroUsize) -> Result<Row, String> {
        let sides = (self.prepare)()?;
        sides.round(true);
        let samples: Vec<_> = (0..rounds.get()).map(|round| sides.round(round % 2 == 0)).collect();
        Ok(Row::new(self.scenario, self.peer, self.unit, &samples).with_bar(self.bar).with_note(sides.note))
    }
}

impl Sides {
    /// Runs both once; gives ours and theirs.
    fn round(&self, ours_first: bool) -> (f64, f64) {
        if ours_first {
            let ours = (self.ours)();
            (ours, (self.theirs)())
        } else {
            let theirs = (self.theirs)();
            ((self.ours)(), theirs)
        }
    }
}

/// Runs a scenario of so many items; see [`in_task_counted`].
pub(crate) fn in_task<F>(items: u64, scenario: impl Fn() -> F + 'static) -> Side
where
    F: Future<Output = Duration> + Send + 'static,
{
    in_task_counted(move || {
        let running = scenario();
        async move { (running.await, items) }
    })
}

/// Runs a scenario in a task of a fresh runtime, which is gone before the other side begins. It tells how long it took, and
/// for how many items.
///
/// In a task, because `block_on` polls on a thread that is not a worker, and every wake-up of it is a system call.
pub(crate) fn in_task_counted<F>(scenario: impl Fn() -> F + 'static) -> Side
where
    F: Future<Output = (Duration, u64)> + Send + 'static,
{
    Box::new(move || {
        let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
        let runtime = runtime.expect("the system has threads for a runtime");
        let running = runtime.spawn(scenario());
        let (took, items) = runtime.block_on(running).expect("the scenario gives the right result");
        took.as_nanos() as f64 / items as f64
    })
}
