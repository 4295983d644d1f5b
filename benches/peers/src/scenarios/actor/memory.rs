//! What an actor allocates: at rest, for each tell and for each ask.
//!
//! It is counted in a process of its own, see `src/bin/actor_memory.rs`.

use std::alloc::System;
use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::process::Command;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use stats_alloc::StatsAlloc;
use tokio::runtime::Builder;

use super::{Count, ROOM, by_hand, kameo, ours, ractor};
use crate::measure::{Contest, Sides, Unit};

const ACTORS: usize = 10_000;
const BURSTS: u64 = 200;
/// Tells that find room whatever the actor does.
const BURST: u64 = ROOM as u64 / 2;
const ASKS: u64 = 10_000;

type Counting = &'static StatsAlloc<System>;
type Figure = fn(&Cost) -> f64;

/// What is counted of one side.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Cost {
    /// Bytes of an idle actor and its handle, after one ask; as asked for, without what the allocator adds.
    idle_bytes: f64,
    /// Allocations for each tell with room; the ask at the end of a burst is shared out.
    tell_allocs: f64,
    ask_allocs: f64,
}

/// By the name of the peer, and `OURS`.
type Costs = BTreeMap<String, Cost>;

const OURS: &str = "ours";

pub(super) fn contests() -> Vec<Contest> {
    let mut contests = rows("actor/idle_bytes", Unit::Bytes, ("2,000 B", 2_000.0), |cost| cost.idle_bytes);
    contests.extend(rows("actor/tell_allocs", Unit::Count, ("0.05", 0.05), |cost| cost.tell_allocs));
    contests.extend(rows("actor/ask_allocs", Unit::Count, ("1", 1.0), |cost| cost.ask_allocs));
    contests
}

/// Ours beside what is allowed, which is the bar, and beside the others. Counted once, whatever the number of rounds.
fn rows(scenario: &'static str, unit: Unit, allowed: (&'static str, f64), figure: Figure) -> Vec<Contest> {
    let (limit, most) = allowed;
    let bar = Contest::new(scenario, limit, move || Ok(sides(figure(cost(OURS)?), most))).bar(1.0);
    let peers = ["by hand", "kameo", "ractor"]
        .map(|peer| Contest::new(scenario, peer, move || Ok(sides(figure(cost(OURS)?), figure(cost(peer)?)))));
    [bar].into_iter().chain(peers).map(|contest| contest.unit(unit)).collect()
}

fn sides(ours: f64, theirs: f64) -> Sides {
    Sides { ours: Box::new(move || ours), theirs: Box::new(move || theirs), note: None }
}

fn cost(side: &str) -> Result<&'static Cost, String> {
    static COSTS: OnceLock<Result<Costs, String>> = OnceLock::new();
    let costs = COSTS.get_or_init(ask_program).as_ref().map_err(Clone::clone)?;
    costs.get(side).ok_or_else(|| format!("nothing was counted for {side}"))
}

/// Builds the program that counts, if it is not built yet, and runs it.
fn ask_program() -> Result<Costs, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--release", "--bin", "actor_memory", "--manifest-path"]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let output = command.output().map_err(|error| format!("cargo does not run: {error}"))?;
    if !output.status.success() {
        return Err(format!("actor_memory: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("actor_memory: {error}"))
}

/// The program that counts: one JSON object on stdout. `counting` has to be the global allocator.
///
/// # Errors
/// When there is no runtime, or stdout cannot be written to.
pub fn actor_memory(counting: Counting) -> io::Result<()> {
    let costs: Costs = [
        (OURS.to_owned(), count(counting, || ours::counter(ROOM))?),
        ("by hand".to_owned(), count(counting, || by_hand::counter(ROOM))?),
        ("kameo".to_owned(), count(counting, || kameo::counter(ROOM))?),
        ("ractor".to_owned(), count(counting, ractor::counter)?),
    ]
    .into();
    writeln!(io::stdout(), "{}", serde_json::to_string(&costs)?)
}

/// On one thread, so that what the runtime itself allocates does not depend on who steals from whom.
fn count<C: Count, F: Future<Output = C>>(counting: Counting, make: impl Fn() -> F) -> io::Result<Cost> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        Ok(Cost {
            idle_bytes: idle_bytes(counting, &make).await,
            tell_allocs: tell_allocs(counting, &make().await).await,
            ask_allocs: ask_allocs(counting, &make().await).await,
        })
    })
}

async fn idle_bytes<C: Count, F: Future<Output = C>>(counting: Counting, make: impl Fn() -> F) -> f64 {
    // The first one has things made that are there once.
    assert_eq!(make().await.get().await, 0);
    let before = live_bytes(counting);
    let mut counters = Vec::with_capacity(ACTORS);
    for _ in 0..ACTORS {
        let counter = make().await;
        assert_eq!(counter.get().await, 0);
        counters.push(counter);
    }
    (live_bytes(counting) - before) / ACTORS as f64
}

async fn tell_allocs(counting: Counting, counter: &impl Count) -> f64 {
    assert_eq!(tell_burst(counter).await, BURST);
    let before = allocations(counting);
    let mut sum = 0;
    for _ in 0..BURSTS {
        sum = tell_burst(counter).await;
    }
    assert_eq!(sum, (BURSTS + 1) * BURST);
    (allocations(counting) - before) / (BURSTS * BURST) as f64
}

async fn tell_burst(counter: &impl Count) -> u64 {
    for _ in 0..BURST {
        counter.add(1).await;
    }
    counter.get().await
}

async fn ask_allocs(counting: Counting, counter: &impl Count) -> f64 {
    assert_eq!(counter.get().await, 0);
    let before = allocations(counting);
    for _ in 0..ASKS {
        assert_eq!(counter.get().await, 0);
    }
    (allocations(counting) - before) / ASKS as f64
}

/// Bytes that have been asked for and not been given back.
fn live_bytes(counting: Counting) -> f64 {
    let stats = counting.stats();
    stats.bytes_allocated as f64 - stats.bytes_deallocated as f64
}

fn allocations(counting: Counting) -> f64 {
    let stats = counting.stats();
    (stats.allocations + stats.reallocations) as f64
}
