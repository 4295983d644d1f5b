//! What counting costs while nobody looks, in instructions a message.
//!
//! `crates/instructions` is built as it is and without counters, and run under callgrind: no neighbour disturbs a count of
//! instructions, so a limit can be tight. It is not quite the same each time, as the programs read the clock: an actor
//! times now and then how long a message takes, and a pipeline pulls fewer items at once when they took long. A slow
//! moment only adds to a count, so the least of some runs is taken.

use std::{
    env::consts::EXE_SUFFIX,
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::workspace::{Failure, Workspace, run, shell_line};

/// How many messages are sent, and then twice as many. A multiple of the program's burst.
const MESSAGES: u64 = 20_480;

/// How often each is run.
const ROUNDS: usize = 3;

/// A kind of message that the program knows.
struct Kind {
    name: &'static str,
    /// How many instructions counting may cost a message.
    counting_max: f64,
    /// The most it may cost as a multiple of what it costs without counters, if that is limited.
    ratio_max: Option<f64>,
}

const KINDS: &[Kind] = &[
    Kind { name: "tell", counting_max: 12.0, ratio_max: Some(1.03) },
    // On one thread with one worker, the stage and its end wait for each other at every item, and whoever waits has the
    // clock read: by a system call here, since valgrind knows no other way, where it is some dozens of instructions else.
    Kind { name: "pipeline", counting_max: 600.0, ratio_max: None },
];

/// Measures every kind before it fails, so that one run shows all.
pub(crate) fn compare(workspace: &Workspace) -> Result<(), Failure> {
    let counted = build(workspace, &workspace.target, "")?;
    // In a target folder of its own, as with loom.
    let uncounted = build(workspace, &workspace.target.join("uncounted"), "--cfg regatta_uncounted")?;
    let mut missed = Vec::new();
    for kind in KINDS {
        let costs = Costs { kind, counted: cost(&counted, kind)?, uncounted: cost(&uncounted, kind)? };
        println!("{costs}");
        if !costs.are_met() {
            missed.push(costs.to_string());
        }
    }
    if missed.is_empty() {
        return Ok(());
    }
    let reason = format!("counting costs too much: {}", missed.join("; "));
    Err(Failure { command: "cargo xtask test instructions".to_owned(), reason })
}

/// Builds the program. The flags replace the caller's, so that both builds differ in the counters alone.
fn build(workspace: &Workspace, target: &Path, flags: &str) -> Result<PathBuf, Failure> {
    let mut cargo = workspace.cargo("build --release --package regatta-instructions");
    run(cargo.env("CARGO_TARGET_DIR", target).env("RUSTFLAGS", flags))?;
    Ok(target.join(format!("release/instructions{EXE_SUFFIX}")))
}

/// Instructions a message. What is not done for each message is in both counts, and so in neither's difference.
fn cost(program: &Path, kind: &Kind) -> Result<f64, Failure> {
    let (once, twice) = (least(program, kind, MESSAGES)?, least(program, kind, 2 * MESSAGES)?);
    Ok((twice as f64 - once as f64) / MESSAGES as f64)
}

fn least(program: &Path, kind: &Kind, messages: u64) -> Result<u64, Failure> {
    (0..ROUNDS).try_fold(u64::MAX, |least, _| Ok(least.min(count(program, kind, messages)?)))
}

/// Runs the program once, with its output shown only when it fails.
fn count(program: &Path, kind: &Kind, messages: u64) -> Result<u64, Failure> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    valgrind.args([kind.name, &messages.to_string()]);
    let result = valgrind.output();
    let failure = |reason| Failure { command: shell_line(&valgrind), reason };
    let output = result.map_err(|error| failure(format!("could not be started: {error}")))?;
    let text = String::from_utf8_lossy(&output.stderr);
    match collected(&text).filter(|_| output.status.success()) {
        Some(count) => Ok(count),
        None => {
            println!("{text}");
            Err(failure(format!("no count of `{}`: {}", kind.name, output.status)))
        }
    }
}

/// Finds the count in what callgrind says: `==42== Collected : 6179524`.
fn collected(text: &str) -> Option<u64> {
    let (_, count) = text.lines().find_map(|line| line.split_once("Collected :"))?;
    count.trim().parse().ok()
}

/// What a message costs.
struct Costs<'a> {
    kind: &'a Kind,
    counted: f64,
    uncounted: f64,
}

impl Costs<'_> {
    fn counting(&self) -> f64 {
        self.counted - self.uncounted
    }

    fn ratio(&self) -> f64 {
        self.counted / self.uncounted
    }

    fn are_met(&self) -> bool {
        self.counting() <= self.kind.counting_max && self.kind.ratio_max.is_none_or(|max| self.ratio() <= max)
    }
}

impl fmt::Display for Costs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, counted, uncounted } = self;
        write!(f, "{}: {counted:.1} instructions a message, {uncounted:.1} without counters: ", kind.name)?;
        write!(f, "{:.1} for counting (limit {})", self.counting(), kind.counting_max)?;
        match kind.ratio_max {
            Some(max) => write!(f, ", ratio {:.3} (limit {max})", self.ratio()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TELL: Kind = Kind { name: "tell", counting_max: 12.0, ratio_max: Some(1.03) };
    const QUEUE: Kind = Kind { name: "queue", counting_max: 12.0, ratio_max: None };

    fn are_met(kind: &Kind, counted: f64, uncounted: f64) -> bool {
        Costs { kind, counted, uncounted }.are_met()
    }

    #[test]
    fn the_count_is_found_between_other_lines() {
        let text = "==7== Events    : Ir\n==7== Collected : 6179524\n==7== \n==7== I   refs:      6,179,524\n";
        assert_eq!(collected(text), Some(6_179_524));
    }

    #[test]
    fn without_a_count_there_is_none() {
        assert_eq!(collected("valgrind: no-such: command not found"), None);
        assert_eq!(collected("==7== Collected : "), None);
    }

    #[test]
    fn counting_is_limited_for_every_kind() {
        assert!(are_met(&QUEUE, 372.0, 360.0));
        assert!(!are_met(&QUEUE, 372.5, 360.0));
        assert!(!are_met(&TELL, 1012.5, 1000.0));
    }

    #[test]
    fn the_ratio_is_limited_where_it_says_so() {
        assert!(are_met(&TELL, 103.0, 100.0));
        assert!(!are_met(&TELL, 103.5, 100.0));
        assert!(are_met(&QUEUE, 103.5, 100.0));
    }

    #[test]
    fn a_build_without_counters_may_cost_more() {
        assert!(are_met(&TELL, 100.0, 101.0));
    }

    #[test]
    fn the_sentence_has_the_figures_and_the_limits() {
        let sentence = "tell: 584.0 instructions a message, 573.2 without counters: \
                        10.8 for counting (limit 12), ratio 1.019 (limit 1.03)";
        assert_eq!(Costs { kind: &TELL, counted: 584.0, uncounted: 573.2 }.to_string(), sentence);
    }
}
