//! Looks at one snapshot after another, and says what is wrong.
//!
//! Rates and shares are taken over three windows of a second that follow each other, and what is to count has to hold in
//! all of them: a burst is no finding. An inspector is told what happened, by snapshots; it reads no clock and asks nobody.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::finding::Diagnosis;
use super::row::{Row, RowId};
use super::rules;
use super::snapshot::Snapshot;

/// The length of a window.
pub(super) const WINDOW: Duration = Duration::from_secs(1);
/// How many have to agree.
pub(super) const WINDOWS: usize = 3;
/// Snapshots that are closer to each other are as good as one.
const APART: Duration = Duration::from_millis(200);
/// A snapshot that is too young by so much ends a window all the same: timers are not exact.
const TOLERANCE: Duration = Duration::from_millis(100);

/// Says what is wrong, from snapshots of one registry that are given to it about once a second.
///
/// # Examples
/// ```
/// use regatta::actor::{Actor, ActorRef, Builder, Context};
/// use regatta::observe::{Inspector, Topic};
/// use std::time::Duration;
///
/// struct Db;
///
/// impl Actor for Db {
///     type Msg = u32;
///     type Handle = ActorRef<Self>;
///
///     async fn handle(&mut self, _query: u32, _: &mut Context<Self>) {
///         std::future::pending().await // an answer that does not come, and no timeout
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let db = Builder::new().name("db").spawn(Db);
/// for query in 1..=3 {
///     db.tell(query).await?;
/// }
/// let mut inspector = Inspector::new();
/// for _ in 0..4 {
///     inspector.look(regatta::observe::snapshot());
///     tokio::time::sleep(Duration::from_secs(1)).await;
/// }
/// let diagnosis = inspector.look(regatta::observe::snapshot());
/// assert_eq!(diagnosis.findings[0].topic, Topic::Stuck);
/// println!("{diagnosis}"); // critical: actor `db` has been handling `u32` for 4.0 s, and 2 messages wait behind it; …
/// # Ok(()) }
/// ```
///
/// # Complexity
/// Keeps the snapshots of the last four seconds, five of them when it is given one a second.
#[derive(Debug, Default)]
pub struct Inspector {
    /// The latest last.
    snapshots: VecDeque<Arc<Snapshot>>,
    memory: Memory,
}

/// What is known of longer than the windows.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// By component: what it had settled when it was seen to start or to have something in hand, and when that was first so.
    pub(super) standstills: HashMap<RowId, Standstill>,
    /// By component: how many promises were made and settled, once a second.
    pub(super) promises: HashMap<RowId, VecDeque<rules::Pending>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Standstill {
    /// None of a start.
    pub(super) settled: Option<u64>,
    pub(super) since: Duration,
}

/// The last windows: where one ends the next begins, the latest first.
pub(super) struct Windows<'a> {
    /// One more than there are windows.
    pub(super) ends: Vec<&'a Snapshot>,
}

/// One component at the ends of the windows, the latest first; as far back as it existed.
pub(super) struct Story<'a> {
    pub(super) now: &'a Row,
    /// Beyond `known` it is `now` again: there is one story for each component, so it must not allocate.
    rows: [&'a Row; WINDOWS + 1],
    known: usize,
    ends: &'a [&'a Snapshot],
}

impl Inspector {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one more snapshot, and says what is wrong now. What needs windows is said from the third second on.
    ///
    /// A snapshot of another registry, or an older one, begins anew: the process was restarted.
    pub fn look(&mut self, snapshot: impl Into<Arc<Snapshot>>) -> Diagnosis {
        let snapshot = snapshot.into();
        let follows = |last: &Arc<Snapshot>| {
            last.registry == snapshot.registry && last.sequence < snapshot.sequence && last.uptime <= snapshot.uptime
        };
        if !self.snapshots.back().is_none_or(follows) {
            *self = Self::default();
        }
        self.keep(snapshot);
        let Some(now) = self.snapshots.back() else { return Diagnosis::default() };
        let windows = Windows::over(&self.snapshots);
        rules::judge(now, &windows, &mut self.memory)
    }

    fn keep(&mut self, snapshot: Arc<Snapshot>) {
        let now = snapshot.uptime;
        // The last one is taken away unless it is needed to find where windows end.
        if let [.., before, last] = self.snapshots.make_contiguous()
            && last.uptime.saturating_sub(before.uptime) < APART
            && now.saturating_sub(before.uptime) < WINDOW
        {
            self.snapshots.pop_back();
        }
        self.snapshots.push_back(snapshot);
        let oldest = WINDOW * (WINDOWS as u32 + 1);
        while self.snapshots.len() > WINDOWS + 1
            && self.snapshots.get(1).is_some_and(|second| now.saturating_sub(second.uptime) >= oldest)
        {
            self.snapshots.pop_front();
        }
    }
}

impl<'a> Windows<'a> {
    fn over(snapshots: &'a VecDeque<Arc<Snapshot>>) -> Self {
        let mut ends: Vec<&Snapshot> = Vec::with_capacity(WINDOWS + 1);
        for snapshot in snapshots.iter().rev() {
            let is_far_enough = |end: &&Snapshot| end.uptime.saturating_sub(snapshot.uptime) + TOLERANCE >= WINDOW;
            if ends.last().is_none_or(is_far_enough) {
                ends.push(snapshot);
            }
            if ends.len() > WINDOWS {
                break;
            }
        }
        Self { ends }
    }

    pub(super) fn are_complete(&self) -> bool {
        self.ends.len() > WINDOWS
    }

    /// What is at the same place in each of the snapshots, or near, is found without a search.
    pub(super) fn story(&'a self, place: usize, now: &'a Row) -> Story<'a> {
        let mut story = Story { now, rows: [now; WINDOWS + 1], known: 0, ends: &self.ends };
        for (slot, end) in story.rows.iter_mut().zip(&self.ends) {
            let is_here = |row: &&Row| row.id == now.id;
            // Rows are in the order of their ids.
            let search = || end.rows.binary_search_by_key(&now.id, |row| row.id).ok().map(|place| &end.rows[place]);
            let Some(row) = end.rows.get(place).filter(is_here).or_else(search) else { break };
            *slot = row;
            story.known += 1;
        }
        story
    }
}

impl<'a> Story<'a> {
    /// It was there during all the windows.
    pub(super) fn is_complete(&self) -> bool {
        self.known > WINDOWS
    }

    /// As it was at the ends of the windows, the latest first.
    pub(super) fn rows(&self) -> &[&'a Row] {
        &self.rows[..self.known]
    }

    /// The windows, the latest first: what was at the beginning, what was at the end, and how long it was.
    pub(super) fn windows(&self) -> impl Iterator<Item = (&'a Row, &'a Row, Duration)> + '_ {
        let rows = self.rows().iter().zip(self.rows().iter().skip(1));
        let ends = self.ends.iter().zip(self.ends.iter().skip(1));
        rows.zip(ends).map(|((after, before), (end, begin))| (*before, *after, end.uptime.saturating_sub(begin.uptime)))
    }

    /// How long all the windows are together, in seconds; above zero.
    pub(super) fn seconds(&self) -> f64 {
        let ends = &self.ends[..self.known];
        let length = |(end, begin): (&&Snapshot, &&Snapshot)| end.uptime.saturating_sub(begin.uptime).as_secs_f64();
        ends.first().zip(ends.last()).map_or(0.0, length).max(f64::MIN_POSITIVE)
    }

    /// How much a number rose over all windows.
    pub(super) fn rise(&self, number: impl Fn(&Row) -> u64) -> u64 {
        match self.rows().last() {
            Some(first) => number(self.now).saturating_sub(number(first)),
            None => 0,
        }
    }
}
