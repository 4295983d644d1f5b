//! Runs the library and its rivals through the same scenarios, in turn and in one process.
//!
//! ```console
//! $ cargo run --release --manifest-path benches/peers/Cargo.toml -- queue pool/tiny
//! ```
//!
//! Each row is one JSON line on stdout, `{"scenario","ours_ns","peer","peer_ns","ratio","rounds"}` with ratio = peer /
//! ours, or ours / peer where more is better: above 1 we are ahead. At the end a Markdown table goes to stderr, with the
//! spread over the rounds and the bar. `docs/benchmarks.md` says what each scenario does.
#![forbid(unsafe_code)]

mod args;
mod machine;
mod measure;
mod report;
mod scenarios;

use std::io::{self, Write};

use clap::Parser;

use args::Args;
use report::Report;

pub use scenarios::{actor_memory, observe_kameo};

/// Runs the rows that the command line selects.
///
/// # Errors
/// When stdout cannot be written to.
pub fn run() -> io::Result<()> {
    let args = Args::parse();
    let contests = scenarios::contests(&args).into_iter().filter(|contest| args.selects(contest));
    if args.list {
        return list(contests);
    }
    let mut report = Report::new(args.rounds);
    for contest in contests {
        let title = contest.title();
        match contest.run(args.rounds) {
            Ok(row) => {
                writeln!(io::stdout(), "{}", row.json())?;
                report.add(row);
            }
            Err(reason) => report.skip(&title, &reason),
        }
    }
    eprint!("{report}");
    Ok(())
}

fn list(contests: impl Iterator<Item = measure::Contest>) -> io::Result<()> {
    contests.into_iter().try_for_each(|contest| writeln!(io::stdout(), "{}", contest.title()))
}
