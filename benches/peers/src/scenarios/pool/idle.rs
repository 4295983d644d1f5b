//! Pools that have nothing to do must not keep a core busy.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use regatta::pool::{CpuPool, TaskPool};
use tokio::runtime::Builder;

use crate::measure::{Contest, Sides, WORKERS};

const IDLE: Duration = Duration::from_secs(10);
const LOOKS: u32 = 10;
const ALLOWED: Duration = Duration::from_millis(20);

/// Ours is the CPU time that two idle pools and their runtime take in ten seconds; theirs is what is allowed. Measured
/// once, whatever the number of rounds.
pub(super) fn contest() -> Contest {
    Contest::new("pool/idle", "20 ms of CPU in 10 s", || {
        let used = idle()?.as_nanos() as f64;
        let allowed = ALLOWED.as_nanos() as f64;
        Ok(Sides { ours: Box::new(move || used), theirs: Box::new(move || allowed), note: None })
    })
    .bar(1.0)
}

fn idle() -> Result<Duration, String> {
    let runtime =
        Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let (cpu, tasks) = (CpuPool::new(WORKERS), TaskPool::new(64));
        // They have had something to do.
        cpu.map(0..10_000, |n| n + 1).await.map_err(|error| error.to_string())?;
        tasks.map(0..1_000, |n| async move { n }).await.map_err(|error| error.to_string())?;
        let before = cpu_times()?;
        let mut used = before.clone();
        // Threads that end meanwhile take their count along, so it is read every now and then.
        for _ in 0..LOOKS {
            tokio::time::sleep(IDLE / LOOKS).await;
            used.extend(cpu_times()?);
        }
        Ok(used.values().sum::<Duration>() - before.values().sum::<Duration>())
    })
}

/// What each thread of this process has used, by the scheduler's own count.
fn cpu_times() -> Result<HashMap<OsString, Duration>, String> {
    let threads = fs::read_dir("/proc/self/task").map_err(|error| format!("no figures of threads: {error}"))?;
    let used = threads.flatten().filter_map(|thread| {
        let figures = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let ns = figures.split_whitespace().next()?.parse().ok()?;
        Some((thread.file_name(), Duration::from_nanos(ns)))
    });
    Ok(used.collect())
}
