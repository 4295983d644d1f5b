//! The command line. Its flags are relied upon by scripts: they are added to, never changed.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::Parser;

const NOTES: &str = "\
Each file counts once, however many paths and hard links lead to it; the path reported is the first in order; of paths
that overlap, the innermost that was given. As root do not search /sys or /proc: to read there can have effects.
Directories, links (unless followed) and what --min-size leaves out are passed over in silence. What is neither file nor
directory, and what cannot be read, is listed with the reason.

Plain output writes a name with control characters, or one that is not UTF-8, as the shell does: $'caf\\xE9'.
With --json, \"escaped\" holds the positions in \"files\" of names that are not UTF-8: their other bytes are written as \\xNN
and a backslash as \\\\.

With --cache a file that was read to its end in an earlier run is not read so again while its device, inode, length and
time of last change are the same; a tool that sets the time back deceives it. What changed less than two
seconds ago is not kept: it may change again without a trace. A FILE that is damaged or of another version is made anew,
one that is no cache is left as it is. Stderr says so, and also if FILE cannot be written.

With --observe a page at ADDR shows what every queue, step, pool and actor is at, and what holds the run up, until it ends:
open the address that stderr names in a browser. Without ADDR that is 127.0.0.1:7979, or a free port if it is taken; with it,
and port 0, a free port. Only this machine may look: another address is refused.

Exit codes:
  0    the search is complete, even if some files could not be read, or the cache not be written
  1    the search or the output failed; if there is a report, it says that it is partial, and why
  2    wrong arguments, such as a path that does not exist, or an address where no page can be served
  130  Ctrl-C or SIGTERM: the report holds what was known by then, and says that it is partial";

/// Finds files with the same content.
#[derive(Debug, Parser)]
#[command(name = "dupes", version, after_help = NOTES)]
pub(crate) struct Args {
    /// Directories to search
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,

    /// Passes over files of fewer bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1)]
    pub(crate) min_size: u64,

    /// Prints the report as one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// Follows symbolic links, each target once
    #[arg(long)]
    pub(crate) follow_links: bool,

    /// Reads and hashes at most so many files at once [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Keeps hashes in FILE, so that the next run need not read the same files again
    #[arg(long, value_name = "FILE")]
    pub(crate) cache: Option<PathBuf>,

    /// Serves a page of what the run is at, and says where [default ADDR: 127.0.0.1:7979, or a free port]
    #[arg(long, value_name = "ADDR", require_equals = true)]
    pub(crate) observe: Option<Option<String>>,

    /// Prints only the groups and the summary, and shows no progress
    #[arg(long)]
    pub(crate) quiet: bool,
}

impl Args {
    /// How many files are read at once, and how many hashed.
    pub(crate) fn threads(&self) -> usize {
        // More than the 512 threads that tokio lends by default would only wait for each other.
        self.threads.map_or_else(|| available_parallelism().map_or(1, NonZeroUsize::get), |n| n.get().min(128))
    }
}
