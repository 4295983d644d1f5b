//! Of an input that is there as a whole: pieces are mapped by whoever comes, and the member that ends the last one turns to
//! the second half, in which others take part as they did in the first.

use std::hash::Hash;
use std::ops::Range;
use std::sync::OnceLock;

use super::engine::{Counted, Ended, Shared};
use super::error::MapReduceError;
use super::form::Form;
use super::progress::Progress;
use super::reducing::Reducing;
use super::source::Source;
use crate::parallel::pieces::Pieces;
use crate::pool::{Member, Work};

pub(super) struct Whole<S, R: ?Sized, K, V, E, F: Form<V>, U> {
    source: S,
    engine: Shared<R, K, V, E, F, U>,
    /// Made by the first member, which is alone.
    plan: OnceLock<Plan>,
    /// Made by the member that has mapped the last piece.
    reducing: OnceLock<Reducing<K, V, F::Total, U>>,
}

/// The second half, once it is there.
type Turn<'w, K, V, T, U, E> = Result<Option<&'w Reducing<K, V, T, U>>, Ended<E>>;

struct Plan {
    ranges: Vec<Range<usize>>,
    pieces: Pieces<()>,
}

impl<S, R: ?Sized, K, V, E, F: Form<V>, U> Whole<S, R, K, V, E, F, U> {
    pub(super) fn new(source: S, engine: Shared<R, K, V, E, F, U>) -> Self {
        Self { source, engine, plan: OnceLock::new(), reducing: OnceLock::new() }
    }
}

impl<S, R, K, V, E, F, U> Whole<S, R, K, V, E, F, U>
where
    S: Source<R>,
    R: ?Sized + 'static,
    F: Form<V>,
{
    fn plan(&self) -> Plan {
        let mut ranges = self.source.pieces();
        let total = Some(self.source.total(ranges.len()));
        self.engine.progress.tell(|progress| *progress = Progress { total, ..Progress::default() });
        if ranges.is_empty() {
            // Somebody has to end the last piece.
            ranges.push(0..0);
        }
        // A single record may take long.
        let are_large = ranges.iter().all(|range| range.len() <= 1);
        Plan { pieces: Pieces::new(ranges.len(), are_large), ranges }
    }

    /// Maps pieces; gives the second half if there are no more.
    fn map<W: Work>(&self, member: &Member<'_, W>) -> Turn<'_, K, V, F::Total, U, E> {
        let plan = self.plan.get_or_init(|| self.plan());
        let mut ended = None;
        let last = plan.pieces.work_off(member, |piece| {
            let range = plan.ranges[piece].clone();
            if range.is_empty() {
                return Some(());
            }
            let first = self.source.first(piece, range.clone());
            let mapped = self.engine.map(first, self.source.records(range), || member.is_stopped());
            mapped.map_err(|end| ended = Some(end)).ok()
        });
        match (ended, last) {
            (Some(ended), _) => Err(ended),
            (None, None) => Ok(self.reducing.get()),
            (None, Some(_)) => {
                let reducing = Reducing::new(self.engine.take_sets(), self.engine.partitions);
                Ok(Some(self.reducing.get_or_init(|| reducing)))
            }
        }
    }
}

impl<S, R, K, V, E, F, U> Work for Whole<S, R, K, V, E, F, U>
where
    S: Source<R>,
    R: ?Sized + 'static,
    K: Eq + Hash + Send + Sync + 'static,
    V: Send + 'static,
    E: Send + 'static,
    F: Form<V>,
    U: Send + 'static,
{
    type Output = Result<Counted<K, U, E>, MapReduceError<E>>;

    fn take_part(&self, member: &Member<'_, Self>) -> Option<Self::Output> {
        let reduced = match self.reducing.get() {
            Some(reducing) => Ok(Some(reducing)),
            None => self.map(member),
        };
        let reduced = reduced.and_then(|reducing| match reducing {
            Some(reducing) => reducing.take_part(&self.engine, member),
            None => Ok(None),
        });
        self.engine.outcome(reduced)
    }
}
