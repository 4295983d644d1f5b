//! A long run without a pause: what it does to the stack and to others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::rig::{Bench, Seen};
use super::rule::Rule;
use crate::task::TaskGroup;

/// How far apart on one stack a source may be polled. Recursion for each item goes far beyond, and would end the process.
const STACK: usize = 256 * 1024;

/// How long others may wait for their turn, on average.
const TURN: Duration = Duration::from_millis(50);

/// So few items may be taken in one turn.
const SHORT: usize = 1_000;

/// What a long run was like.
pub(super) struct Load {
    taken: usize,
    last: Seen,
    was_deep: bool,
    /// How many turns another task had.
    turns: u64,
    took: Duration,
}

pub(super) async fn run(bench: &Bench<'_>) -> Load {
    let (turns, progress) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    // Aborted when it is dropped at the end.
    let others = TaskGroup::unobserved("verify", CancellationToken::new());
    let _ = others.spawn("heartbeat", beat(turns.clone(), progress.clone()));
    let mut rig = bench.over(bench.may.items, false);
    rig.source.watch_stack(STACK);
    tokio::task::yield_now().await;
    let (before, begun) = (turns.load(Ordering::Relaxed), Instant::now());
    let last = loop {
        match rig.next().await {
            Seen::Item(_) if rig.taken <= bench.may.items as usize => progress.store(rig.taken, Ordering::Relaxed),
            last => break last,
        }
    };
    Load {
        taken: rig.taken,
        last,
        was_deep: rig.source.was_deep(),
        turns: turns.load(Ordering::Relaxed) - before,
        took: begun.elapsed(),
    }
}

/// Counts its turns, all that it can get.
async fn beat(turns: Arc<AtomicU64>, progress: Arc<AtomicUsize>) {
    let (mut before, mut still) = (0, 0);
    loop {
        turns.fetch_add(1, Ordering::Relaxed);
        let now = progress.load(Ordering::Relaxed);
        still = if now == before { still + 1 } else { 0 };
        before = now;
        if still < PATIENT_TURNS {
            tokio::task::yield_now().await;
        } else {
            // Somebody waits for the clock, and one that is paused moves only while nobody has anything to do.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// For so many turns without an item it is not time that is waited for.
const PATIENT_TURNS: u32 = 1_000;

impl Load {
    pub(super) fn verdict(&self, rule: Rule) -> Result<(), String> {
        let Self { taken, last, turns, took, .. } = self;
        if rule == Rule::Stack {
            return match (self.was_deep, last) {
                (true, _) => Err(format!("its source was polled {STACK} bytes of stack apart, and stopped for that")),
                (false, Seen::End) => Ok(()),
                (false, _) => Err(format!("in a long run {taken} items came, and then {last}")),
            };
        }
        // A short run may be over within one turn.
        let expected = u64::from(*taken > SHORT) + (took.as_millis() / TURN.as_millis()) as u64;
        if *turns < expected {
            return Err(format!("another task had {turns} turns in {took:?}, in which {taken} items came"));
        }
        Ok(())
    }
}
