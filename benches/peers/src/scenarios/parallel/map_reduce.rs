//! Values by key: the words of a text, and keys that are all different.
//!
//! Both sides cut words with `split_ascii_whitespace`. The rivals fold into a map for each of rayon's splits, and merge the
//! maps.

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use regatta::parallel::{Emit, MapReduce, Text};
use regatta::pool::CpuPool;
use serde::Deserialize;

use crate::measure::{Contest, Sides, Unit, WORKERS};

const TEXT: usize = 128 << 20;
const WORDS: usize = 100_000;
const DISTINCT: usize = 10_000_000;

/// How much more than its limit a stream of four times that may take.
const ALLOWED: f64 = 1.25;

pub(super) fn contests() -> Vec<Contest> {
    let (words, distinct, stream) = ("mapreduce/words", "mapreduce/distinct", "mapreduce/stream");
    vec![
        Contest::of_tasks(words, "rayon HashMap<String>", 1, words_regatta, words_rayon).bar(4.0),
        Contest::of_tasks(words, "rayon HashMap<&str>, foldhash", 1, words_regatta, words_rayon_tuned).bar(1.6),
        Contest::of_tasks(distinct, "rayon HashMap", 1, distinct_regatta, distinct_rayon).bar(1.5),
        Contest::new(stream, "1.25 of its limit", stream_memory).bar(1.0).unit(Unit::Bytes),
    ]
}

fn text() -> &'static Arc<str> {
    static MADE: OnceLock<Arc<str>> = OnceLock::new();
    MADE.get_or_init(|| make_text().into())
}

/// Words of two to eleven letters; a word's rank is as good as its number of doublings, so a few are very frequent.
fn make_text() -> String {
    let mut random = Random(7);
    let vocabulary: Vec<String> = (0..WORDS)
        .map(|_| (0..2 + random.below(10)).map(|_| char::from(b'a' + random.below(26) as u8)).collect())
        .collect();
    let mut text = String::with_capacity(TEXT + 16);
    while text.len() < TEXT {
        let share = random.next() as f64 / u64::MAX as f64;
        let word = ((WORDS as f64).powf(share) as usize).min(WORDS - 1);
        text.push_str(&vocabulary[word]);
        text.push(if random.below(12) == 0 { '\n' } else { ' ' });
    }
    text
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

async fn words_regatta() -> Duration {
    let pool = CpuPool::new(WORKERS);
    let text = Text::from(text().clone());
    let begun = Instant::now();
    let counts = MapReduce::new()
        .map_emit(|text: &str, emit: &mut Emit<'_, String, u64>| {
            text.split_ascii_whitespace().for_each(|word| emit.by_ref(word, 1));
        })
        .combine(|total: &mut u64, n| *total += n)
        .on(&pool)
        .run(text)
        .await
        .expect("nothing fails");
    let took = begun.elapsed();
    check_words(counts.len(), counts.values().sum());
    took
}

async fn words_rayon() -> Duration {
    let text = text().clone();
    timed(move || {
        let lines: Vec<&str> = text.lines().collect();
        let counts = fold(&lines, HashMap::<String, u64>::new, |counts, word| {
            *counts.entry(word.to_owned()).or_default() += 1;
        });
        (counts.len(), counts.values().sum())
    })
    .await
}

async fn words_rayon_tuned() -> Duration {
    let text = text().clone();
    timed(move || {
        let lines: Vec<&str> = text.lines().collect();
        let counts = fold(&lines, HashMap::<&str, u64, foldhash::fast::RandomState>::default, |counts, word| {
            *counts.entry(word).or_default() += 1;
        });
        (counts.len(), counts.values().sum())
    })
    .await
}

fn fold<'t, K, S>(
    lines: &[&'t str],
    make: impl Fn() -> HashMap<K, u64, S> + Send + Sync,
    count: impl Fn(&mut HashMap<K, u64, S>, &'t str) + Send + Sync,
) -> HashMap<K, u64, S>
where
    K: Eq + Hash + Send,
    S: BuildHasher + Send,
{
    let folded = lines.par_iter().fold(&make, |mut counts, line| {
        line.split_ascii_whitespace().for_each(|word| count(&mut counts, word));
        counts
    });
    folded.reduce(&make, |mut left, right| {
        for (word, n) in right {
            *left.entry(word).or_default() += n;
        }
        left
    })
}

/// The time that a closure takes in rayon's pool; it gives what is to be checked.
async fn timed(run: impl FnOnce() -> (usize, u64) + Send + 'static) -> Duration {
    let begun = Instant::now();
    let (tx, rx) = tokio::sync::oneshot::channel();
    rayon::spawn(move || {
        let counted = run();
        // Whoever waits has panicked if it is gone.
        let _ = tx.send((counted, begun.elapsed()));
    });
    let ((distinct, total), took) = rx.await.expect("nothing fails");
    if distinct == DISTINCT {
        assert_eq!(total, DISTINCT as u64);
    } else {
        check_words(distinct, total);
    }
    took
}

fn check_words(distinct: usize, total: u64) {
    static WORDS_IN_ALL: OnceLock<(usize, u64)> = OnceLock::new();
    let first = WORDS_IN_ALL.get_or_init(|| (distinct, total));
    assert_eq!(*first, (distinct, total));
}

fn keys() -> &'static Arc<[u64]> {
    static MADE: OnceLock<Arc<[u64]>> = OnceLock::new();
    // SplitMix64 gives each number once.
    MADE.get_or_init(|| {
        let mut random = Random(11);
        (0..DISTINCT).map(|_| random.next()).collect()
    })
}

fn distinct_regatta() -> impl Future<Output = Duration> {
    let keys = keys().clone();
    async move {
        let pool = CpuPool::new(WORKERS);
        let begun = Instant::now();
        let counts = MapReduce::new()
            .map_emit(|key: &u64, emit: &mut Emit<'_, u64, u64>| emit.one(*key, 1))
            .combine(|total: &mut u64, n| *total += n)
            .on(&pool)
            .run(keys)
            .await
            .expect("nothing fails");
        let took = begun.elapsed();
        assert_eq!(counts.len(), DISTINCT);
        took
    }
}

async fn distinct_rayon() -> Duration {
    let keys = keys().clone();
    timed(move || {
        let counts = keys
            .par_iter()
            .fold(HashMap::<u64, u64>::new, |mut counts, key| {
                *counts.entry(*key).or_default() += 1;
                counts
            })
            .reduce(HashMap::new, |mut left, right| {
                for (key, n) in right {
                    *left.entry(key).or_default() += n;
                }
                left
            });
        (counts.len(), counts.values().sum())
    })
    .await
}

/// What `src/bin/mapreduce_memory.rs` says, in bytes.
#[derive(Deserialize)]
struct Memory {
    limit: f64,
    input: f64,
    /// By case.
    peaks: BTreeMap<String, f64>,
}

/// The largest of the cases, beside what is allowed.
fn stream_memory() -> Result<Sides, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--release", "--bin", "mapreduce_memory", "--manifest-path"]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let output = command.output().map_err(|error| format!("cargo does not run: {error}"))?;
    if !output.status.success() {
        return Err(format!("mapreduce_memory: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let memory: Memory =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("mapreduce_memory: {error}"))?;
    let (limit, input) = (memory.limit, memory.input);
    let (case, peak) = memory.peaks.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).ok_or("no case was run")?;
    let note = format!("the largest of the cases, `{case}`: an input of {input} bytes, a limit of {limit}");
    Ok(Sides { ours: Box::new(move || peak), theirs: Box::new(move || ALLOWED * limit), note: Some(note) })
}
