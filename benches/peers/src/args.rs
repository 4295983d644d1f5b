//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;

use crate::measure::Contest;

/// Measures regatta beside its rivals.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Runs the rows whose `scenario peer` contains one of these; all without any
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,

    /// How often each side runs after one run to warm up; fewer than 7 are a smoke test
    #[arg(long, value_name = "N", default_value = "9")]
    pub(crate) rounds: NonZeroUsize,

    /// Names the rows and runs nothing
    #[arg(long)]
    pub(crate) list: bool,

    /// Where the rivals of `dupes` are, if not on the PATH: DIR or DIR/bin
    #[arg(long, value_name = "DIR")]
    pub(crate) rivals: Option<PathBuf>,

    /// What `dupes` and its rivals search: 30,000 files or more [default: the sources in cargo's registry]
    #[arg(long, value_name = "DIR")]
    pub(crate) dupes_dir: Option<PathBuf>,
}

impl Args {
    pub(crate) fn selects(&self, contest: &Contest) -> bool {
        let title = contest.title();
        self.filters.is_empty() || self.filters.iter().any(|filter| title.contains(filter))
    }
}
