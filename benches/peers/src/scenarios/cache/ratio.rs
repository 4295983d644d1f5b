//! How many of a hundred reads hit, with room for 1,000 entries; a read that misses puts its key in. One thread.
//!
//! moka does what it has put off after each call, so that its policy sees everything. The peer is the better of the two
//! rivals.

use std::sync::Arc;

use super::{made, optimum, traces};
use crate::measure::{Contest, Side, Sides};

const CAPACITY: u64 = 1_000;

type Trace = Arc<[u64]>;

pub(super) fn contests() -> Vec<Contest> {
    vec![
        row("cache/ratio/zipf0.9", || traces::zipf(0.9)).behind(1.0),
        row("cache/ratio/zipf1.0", || traces::zipf(1.0)).behind(1.0),
        row("cache/ratio/zipf1.1", || traces::zipf(1.1)).behind(1.0),
        row("cache/ratio/scan", traces::scan).behind(2.0),
        row("cache/ratio/loop", || traces::looped(CAPACITY * 11 / 10)).behind(2.0),
        row("cache/ratio/shifting", traces::shifting).behind(2.0),
        row("cache/ratio/hot", traces::hot).behind(2.0),
    ]
}

fn row(scenario: &'static str, make: fn() -> Vec<u64>) -> Contest {
    Contest::new(scenario, "moka or quick_cache", move || sides(scenario, &make().into()))
}

/// Runs all once, to find the better rival, and beside what nobody can surpass.
fn sides(scenario: &str, trace: &Trace) -> Result<Sides, String> {
    let optimum = percent(optimum::hits(trace, CAPACITY as usize), trace);
    let [ours, moka, quick] = [ours, moka, quick].map(|side| side(trace.clone()));
    let [in_ours, in_moka, in_quick] = [&ours, &moka, &quick].map(|side| side());
    let best = in_ours.max(in_moka).max(in_quick);
    if best > optimum {
        return Err(format!("{best:.2} % is more than the optimum of {optimum:.2} %"));
    }
    let note = format!("`{scenario}`: moka {in_moka:.2} %, quick_cache {in_quick:.2} %, the optimum is {optimum:.2} %");
    Ok(Sides { ours, theirs: if in_moka > in_quick { moka } else { quick }, note: Some(note) })
}

fn ours(trace: Trace) -> Side {
    Box::new(move || {
        let cache = made::ours(CAPACITY);
        let read = |key| {
            let is_hit = cache.get(&key).is_some();
            if !is_hit {
                cache.insert(key, key);
            }
            is_hit
        };
        hits(&trace, read)
    })
}

fn moka(trace: Trace) -> Side {
    Box::new(move || {
        let cache = made::moka(CAPACITY);
        let read = |key| {
            let is_hit = cache.get(&key).is_some();
            cache.run_pending_tasks();
            if !is_hit {
                cache.insert(key, key);
                cache.run_pending_tasks();
            }
            is_hit
        };
        hits(&trace, read)
    })
}

fn quick(trace: Trace) -> Side {
    Box::new(move || {
        let cache = made::quick(CAPACITY);
        let read = |key| {
            let is_hit = cache.get(&key).is_some();
            if !is_hit {
                cache.insert(key, key);
            }
            is_hit
        };
        hits(&trace, read)
    })
}

/// In percent; `read` tells whether it was one.
fn hits(trace: &Trace, mut read: impl FnMut(u64) -> bool) -> f64 {
    percent(trace.iter().filter(|key| read(**key)).count(), trace)
}

fn percent(hits: usize, trace: &Trace) -> f64 {
    100.0 * hits as f64 / trace.len() as f64
}
