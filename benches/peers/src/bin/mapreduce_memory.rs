//! What a map-reduce of a stream takes, of an input four times as large as its limit: the most that the process has held, as
//! Linux counts it. Each case is a process of its own. One JSON object on stdout.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin mapreduce_memory
//! ```
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::process::Command;

use futures::stream::iter;
use regatta::parallel::{Emit, MapReduce, MapReduceError};
use regatta::pool::CpuPool;

const LIMIT: usize = 64 << 20;

/// How long a record is, with its key.
const RECORD: usize = 100;

/// By name, how many keys there are; and whether the limit is reached.
const CASES: [(&str, u64, bool); 4] = [
    ("a thousand keys", 1_000, false),
    ("many keys", 240_000, false),
    ("more keys than the limit holds", u64::MAX, true),
    ("a list of all values", 0, true),
];

fn main() {
    match env::args().nth(1) {
        Some(name) => println!("{}", run(&name)),
        None => {
            let peaks: BTreeMap<&str, u64> = CASES.iter().map(|(name, ..)| (*name, in_process(name))).collect();
            println!("{}", serde_json::json!({ "limit": LIMIT, "input": 4 * LIMIT, "peaks": peaks }));
        }
    }
}

fn in_process(name: &str) -> u64 {
    let program = env::current_exe().expect("a program has a path");
    let output = Command::new(program).arg(name).output().expect("it starts");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// Runs one case and gives its peak in bytes.
fn run(name: &str) -> u64 {
    let (_, keys, is_over) = *CASES.iter().find(|case| case.0 == name).expect("there is a case of this name");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let ended = runtime.block_on(async move {
        let pool = CpuPool::new(2);
        let records = iter((0..(4 * LIMIT / RECORD) as u64).map(move |n| record(n, keys)));
        let mapped = MapReduce::new().memory_limit(LIMIT).on(&pool);
        if keys == 0 {
            let listed = mapped.map(|record: &String| [(0, record.clone())]).reduce(|_, all| all.len());
            return tokio::spawn(listed.run_stream(records)).await.expect("no panic").map(|counts| counts.len());
        }
        let emit = |record: &String, emit: &mut Emit<'_, String, u64>| emit.by_ref(&record[..16], 1);
        let counted = mapped.map_emit(emit).combine(|n: &mut u64, m| *n += m);
        tokio::spawn(counted.run_stream(records)).await.expect("no panic").map(|counts| counts.len())
    });
    match ended {
        Ok(_) => assert!(!is_over, "{name}: the limit was not reached"),
        Err(MapReduceError::MemoryLimit(error)) => assert!(is_over, "{name}: {error}"),
        Err(error) => panic!("{name}: {error}"),
    }
    peak()
}

/// A key of 16 digits and what follows it.
fn record(n: u64, keys: u64) -> String {
    let key = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8;
    let key = if keys > 0 { key % keys } else { key };
    format!("{key:016x}{:<width$}", "", width = RECORD - 16)
}

/// The largest resident set so far.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is there");
    1024 * line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
}
