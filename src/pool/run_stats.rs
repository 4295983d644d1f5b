//! What a run over many items came to.

use std::fmt;
use std::time::Duration;

/// How a [`map_with`](super::CpuPool::map_with) was spread over the workers. Times are real times.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunStats {
    /// How long each worker, by number, was at work for this run.
    pub per_worker_busy: Vec<Duration>,
    /// How often a worker took half of what another had.
    pub steals: u64,
    /// In how many pieces of items that follow each other they were worked on.
    pub pieces: u64,
    /// From the first poll of the run to its last result.
    pub makespan: Duration,
}

impl RunStats {
    pub(super) fn new(workers: usize) -> Self {
        Self { per_worker_busy: vec![Duration::ZERO; workers], steals: 0, pieces: 0, makespan: Duration::ZERO }
    }

    /// Adds what one job has done.
    pub(super) fn add(&mut self, worker: usize, busy: Duration, pieces: u64, steals: u64) {
        // There are more workers than at the beginning, if the pool has grown meanwhile.
        let known = self.per_worker_busy.len().max(worker + 1);
        self.per_worker_busy.resize(known, Duration::ZERO);
        self.per_worker_busy[worker] += busy;
        self.pieces += pieces;
        self.steals += steals;
    }

    /// How well the work was spread: what all workers were busy, as a share of what they could have been.
    ///
    /// 1.0 when all were busy from the beginning to the end.
    #[must_use]
    pub fn utilisation(&self) -> f64 {
        let available = self.makespan.as_secs_f64() * self.per_worker_busy.len() as f64;
        let busy = self.per_worker_busy.iter().sum::<Duration>().as_secs_f64();
        if available > 0.0 { busy / available } else { 0.0 }
    }
}

impl fmt::Display for RunStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { per_worker_busy, steals, pieces, makespan } = self;
        write!(f, "makespan {makespan:.1?}, {pieces} pieces, {steals} stolen, busy")?;
        for (worker, busy) in per_worker_busy.iter().enumerate() {
            write!(f, "{}{busy:.1?}", if worker == 0 { " " } else { " / " })?;
        }
        Ok(())
    }
}
