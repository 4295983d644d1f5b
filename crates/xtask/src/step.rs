//! Runs steps in order, stops at the first that fails, and says what happened.

use std::{
    fmt,
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::workspace::{Failure, Workspace};

/// One check of the project.
pub(crate) struct Step {
    /// What to type after `cargo xtask test` to run it alone.
    pub(crate) name: &'static str,
    /// What it checks, in a few words.
    pub(crate) checks: &'static str,
    /// The check itself. It prints every command it runs.
    pub(crate) run: fn(&Workspace) -> Result<(), Failure>,
}

/// Runs the steps and prints a table of them. The exit code tells whether all of them passed.
pub(crate) fn run_all(workspace: &Workspace, steps: &[&Step]) -> ExitCode {
    let begun = Instant::now();
    let mut passed = Vec::new();
    for step in steps {
        println!("\n== {}: {}", step.name, step.checks);
        let start = Instant::now();
        let result = (step.run)(workspace);
        let took = start.elapsed();
        println!("-- {} took {}", step.name, Seconds(took));

        if let Err(failure) = result {
            print_table(steps, &passed, Some(took), begun.elapsed());
            println!("\nFAILED in step `{}`: {failure}", step.name);
            return ExitCode::FAILURE;
        }
        passed.push(took);
    }
    print_table(steps, &passed, None, begun.elapsed());
    println!("\nall passed");
    ExitCode::SUCCESS
}

/// Prints a row for each step: those that passed, the one that failed, and those that were never
/// started.
fn print_table(steps: &[&Step], passed: &[Duration], failed: Option<Duration>, total: Duration) {
    println!("\n== summary");
    let passed = passed.iter().map(|took| ("ok", Some(*took)));
    let failed = failed.iter().map(|took| ("FAILED", Some(*took)));
    let rows = passed.chain(failed).chain(std::iter::repeat(("not run", None)));
    for (step, (outcome, took)) in steps.iter().zip(rows) {
        match took {
            Some(took) => println!("{:<10}{outcome:<8}{:>9}", step.name, Seconds(took)),
            None => println!("{:<10}{outcome}", step.name),
        }
    }
    println!("{:<18}{:>9}", "total", Seconds(total));
}

/// Shows a duration as `12.3 s`.
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.1} s", self.0.as_secs_f64()))
    }
}
