//! Belady's optimum: what a cache would hit that knew the future.

use std::collections::{BinaryHeap, HashMap};

/// How many reads hit if whoever is needed last, the newcomer included, always goes.
pub(super) fn hits(trace: &[u64], capacity: usize) -> usize {
    // By key, when it is needed next.
    let mut cached: HashMap<u64, usize> = HashMap::new();
    // The same, latest first, with entries that are over.
    let mut latest = BinaryHeap::new();
    let mut hits = 0;
    for (key, next) in trace.iter().copied().zip(next_reads(trace)) {
        hits += usize::from(cached.insert(key, next).is_some());
        latest.push((next, key));
        while cached.len() > capacity {
            let Some((next, key)) = latest.pop() else { break };
            if cached.get(&key) == Some(&next) {
                cached.remove(&key);
            }
        }
    }
    hits
}

/// For each read, when its key is read again.
fn next_reads(trace: &[u64]) -> Vec<usize> {
    let mut seen = HashMap::new();
    let mut next: Vec<_> = (0..trace.len()).rev().map(|at| seen.insert(trace[at], at).unwrap_or(usize::MAX)).collect();
    next.reverse();
    next
}
