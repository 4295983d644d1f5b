//! What the process has of the machine, and what it does with it.

use std::sync::LazyLock;
use std::time::Duration;

/// The runtime that the snapshot was taken in, and the process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Machine {
    /// How many threads can run at once.
    pub cores: usize,
    /// How long the process has kept cores busy, all of them added up; known on Linux only.
    #[cfg_attr(feature = "serde", serde(rename = "cpu_ns", with = "super::serial::optional_nanos"))]
    pub cpu: Option<Duration>,
    /// The runtime's threads; the rest is absent outside a runtime.
    pub workers: Option<usize>,
    /// How long these were not asleep, added up.
    #[cfg_attr(feature = "serde", serde(rename = "busy_ns", with = "super::serial::optional_nanos"))]
    pub busy: Option<Duration>,
    /// Tasks that are alive.
    pub tasks: Option<usize>,
    /// Tasks in the runtime's common queue.
    pub queued: Option<usize>,
}

/// Reading it costs a file or two.
static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));

impl Machine {
    pub(super) fn look() -> Self {
        let mut machine = Self { cores: *CORES, cpu: cpu_time(), ..Self::default() };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let metrics = runtime.metrics();
            let workers = metrics.num_workers();
            machine.workers = Some(workers);
            machine.tasks = Some(metrics.num_alive_tasks());
            machine.queued = Some(metrics.global_queue_depth());
            machine.busy = Some((0..workers).map(|worker| metrics.worker_total_busy_duration(worker)).sum());
        }
        machine
    }

    /// The share of all cores that the process used since, of 1.
    #[must_use]
    pub fn cpu_share(&self, earlier: &Self, window: Duration) -> Option<f64> {
        let used = self.cpu?.saturating_sub(earlier.cpu?);
        share(used, window, self.cores)
    }

    /// The share of the time in which the runtime's threads were not asleep, of 1.
    #[must_use]
    pub fn busy_share(&self, earlier: &Self, window: Duration) -> Option<f64> {
        let busy = self.busy?.saturating_sub(earlier.busy?);
        share(busy, window, self.workers?)
    }
}

fn share(part: Duration, window: Duration, times: usize) -> Option<f64> {
    let whole = window.as_secs_f64() * times as f64;
    (whole > 0.0).then(|| (part.as_secs_f64() / whole).min(1.0))
}

/// User and system time, in hundredths of a second, which Linux calls ticks whatever its own clock is.
fn cpu_time() -> Option<Duration> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name before it is in brackets, and may have brackets and blanks itself.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let (user, system) = (ticks()?, ticks()?);
    Some(Duration::from_millis((user + system) * 10))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Machine;

    #[test]
    #[cfg(target_os = "linux")]
    fn work_shows() {
        let (before, begun) = (Machine::look(), Instant::now());
        while Machine::look().cpu == before.cpu {
            assert!(begun.elapsed() < Duration::from_secs(20), "no time was counted");
        }
        assert!(before.cores > 0 && before.workers.is_none());
    }
}
