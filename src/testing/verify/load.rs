//! A long run without a pause: what it does to the stack and to others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;

use super::rig::{Bench, Seen};
use super::rule::Rule;
use crate::task::TaskGroup;

/// How far apart on one stack a source may be polled. Recursion for each item goes far beyond, and would end the process.
const STACK: usize = 256 * 1024;

/// How long others may wait for their turn, on average.
const TURN: Duration = Duration::from_millis(50);

/// What a long run was like.
pub(super) struct Load {
    taken: usize,
    last: Seen,
    was_deep: bool,
    /// How many turns another task had.
    turns: u64,
    took: Duration,
    is_one_thread: bool,
}

pub(super) async fn run(bench: &Bench<'_>) -> Load {
    let turns = Arc::new(AtomicU64::new(0));
    let counted = turns.clone();
    // Aborted when it is dropped at the end.
    let others = TaskGroup::unobserved("verify", CancellationToken::new());
    let _ = others.spawn("heartbeat", async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let mut rig = bench.over(bench.may.items, false);
    rig.source.watch_stack(STACK);
    tokio::task::yield_now().await;
    let (before, begun) = (turns.load(Ordering::Relaxed), Instant::now());
    let (items, last) = rig.rest().await;
    Load {
        taken: items.len(),
        last,
        was_deep: rig.source.was_deep(),
        turns: turns.load(Ordering::Relaxed) - before,
        took: begun.elapsed(),
        is_one_thread: Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread,
    }
}

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
        // With several threads others have their turns whatever a stage does.
        let expected = 1 + (took.as_millis() / TURN.as_millis()) as u64;
        if self.is_one_thread && *turns < expected {
            return Err(format!("another task had {turns} turns in {took:?}, in which {taken} items came"));
        }
        Ok(())
    }
}
