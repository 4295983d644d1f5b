//! Runs steps in order, stops at the first that fails, and says what happened.

use std::{
    fmt,
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{
    tool::{self, Tool},
    workspace::{Failure, Workspace},
};

/// One check of the project.
pub(crate) struct Step {
    /// What to type after `cargo xtask test` to run it alone.
    pub(crate) name: &'static str,
    /// What it checks, in a few words.
    pub(crate) checks: &'static str,
    /// What it needs beyond the Rust toolchain. It is skipped where that isn't there, but not in CI.
    pub(crate) needs: &'static [Tool],
    /// The check itself. It prints every command it runs.
    pub(crate) run: fn(&Workspace) -> Result<(), Failure>,
}

/// What became of a step, and how long it took.
type Row = (&'static str, Duration);

const PASSED: &str = "ok";
const SKIPPED: &str = "SKIPPED";
const FAILED: &str = "FAILED";

/// Runs the steps and prints a table of them. The exit code tells whether none of them failed.
pub(crate) fn run_all(workspace: &Workspace, steps: &[&Step]) -> ExitCode {
    let begun = Instant::now();
    let mut rows = Vec::new();
    for step in steps {
        println!("\n== {}: {}", step.name, step.checks);
        let start = Instant::now();
        let result = run_one(workspace, step);
        let took = start.elapsed();
        println!("-- {} took {}", step.name, Seconds(took));

        rows.push((*result.as_ref().unwrap_or(&FAILED), took));
        if let Err(failure) = result {
            print_table(steps, &rows, begun.elapsed());
            println!("\nFAILED in step `{}`: {failure}", step.name);
            return ExitCode::FAILURE;
        }
    }
    print_table(steps, &rows, begun.elapsed());
    match rows.iter().filter(|(outcome, _)| *outcome == SKIPPED).count() {
        0 => println!("\nall passed"),
        skipped => println!("\nall passed, but for {skipped} {SKIPPED}"),
    }
    ExitCode::SUCCESS
}

/// Runs a step, or skips it: [`PASSED`] or [`SKIPPED`].
fn run_one(workspace: &Workspace, step: &Step) -> Result<&'static str, Failure> {
    match tool::lack(step.needs) {
        None => (step.run)(workspace).map(|()| PASSED),
        Some(lack) if tool::is_ci() => {
            let reason = format!("{lack}, which `.ci/run` does, and CI skips nothing");
            Err(Failure { command: format!("cargo xtask test {}", step.name), reason })
        }
        Some(lack) => {
            println!("{SKIPPED} {}: {lack}", step.name);
            Ok(SKIPPED)
        }
    }
}

/// Prints a row for each step: those that were run or skipped, and those that were never started.
fn print_table(steps: &[&Step], rows: &[Row], total: Duration) {
    println!("\n== summary");
    for (at, step) in steps.iter().enumerate() {
        match rows.get(at) {
            Some((outcome, took)) => println!("{:<14}{outcome:<8}{:>9}", step.name, Seconds(*took)),
            None => println!("{:<14}not run", step.name),
        }
    }
    println!("{:<22}{:>9}", "total", Seconds(total));
}

/// Shows a duration as `12.3 s`.
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.1} s", self.0.as_secs_f64()))
    }
}
