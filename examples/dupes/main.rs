//! Finds files with the same content, with every pattern of the library doing its real job.
//!
//! ```console
//! $ cargo run --release --example dupes -- ~/.cargo/registry/src
//! ```
//!
//! Walkers put the files they find into a bounded **queue**, and share the directories still to be listed out through
//! another. A **pipeline** groups the files by size, then by the hash of their first 4 KiB, then by the hash of all. Files
//! are read on blocking threads that a **task group** owns, and hashed on the **CPU pool**. What they come to is kept by
//! an **actor** that is restarted if it crashes; the report then says that it is partial. What kinds of files there are is
//! added up by **map-reduce**. Ctrl-C ends it early. With `--cache FILE` the hashes of all that was read to its end go
//! into a **cache**, which the next run begins with: files that have not changed are not read so again. With `--observe`
//! it says at which address a browser finds the **page** of all that runs, until it ends:
//!
//! ```console
//! $ cargo run --release --example dupes -- --observe ~/.cargo
//! observer: http://127.0.0.1:7979/
//! ```
//!
//! You will see groups of files, the largest first, what removing all but one of each would free, what could not be read
//! and why, and the table of what went through each queue, stage, pool and actor:
//!
//! ```text
//! 2 files of 18.20 MB, 18.20 MB could be freed
//!     windows-0.58.0/lib.rs
//!     windows-0.59.0/lib.rs
//!
//! 217 groups, 976 redundant files, 18.58 MB could be freed; scanned 52,073 files, 1.30 GB; read 145.00 MB in 0.82 s (177 MB/s), 0 errors
//! ```
//!
//! What to watch in the code: a trip to another thread costs as much as looking at a dozen files, so that everything
//! travels in batches; no step waits for the one before it to end; and memory grows with the number of files, not with
//! their size.

mod args;
mod block;
mod cache_file;
mod cached;
mod disk;
mod entry;
mod extensions;
mod findings;
mod group;
mod known;
mod list;
mod page;
mod paths;
mod progress;
mod reader;
mod report;
mod roots;
mod search;
mod sizes;
mod walk;
mod whole;

use std::error::Error;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;
use regatta::BoxError;
use regatta::task::shutdown_signal;
use tokio::runtime::{Builder, Runtime};
use tokio::task::spawn_blocking;

use args::Args;
use cached::Hashes;
use entry::Problem;
use report::{Partial, Report, write_json, write_plain};
use roots::{Roots, Round};

/// What the process ends with after Ctrl-C or SIGTERM.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let args = Args::parse();
    let (roots, first) = match Roots::from_paths(&args.paths) {
        Ok(begun) => begun,
        Err(missing) => return fail(2, &missing),
    };
    let runtime = match build_runtime(args.threads()) {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &error),
    };
    let page = match runtime.block_on(page::serve(args.observe.as_ref())) {
        Ok(page) => page,
        Err(refused) => return fail(2, &refused),
    };
    let ended = runtime.block_on(run(args, roots, first));
    drop(page);
    // A thread that hangs in a read, say on a network drive that is gone, must not hold up the end.
    runtime.shutdown_background();
    match ended {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(Partial::Interrupted)) => ExitCode::from(INTERRUPTED),
        Ok(Some(crash @ Partial::Crash(_))) => fail(1, &crash),
        Err(error) => fail(1, &*error),
    }
}

/// Searches, prints, and says why the report is partial, if it is.
async fn run(args: Args, roots: Roots, first: Round) -> Result<Option<Partial>, BoxError> {
    let cache = args.cache.clone();
    let hashes = spawn_blocking(|| cache.map(Hashes::open).unwrap_or_default()).await?;
    let report = search::search(&args, roots, first, hashes.clone()).await?;
    let partial = report.partial.clone();
    let ending = move || {
        // Before the report, which waits for as long as its reader likes.
        hashes.save();
        print(&report, &args)
    };
    let printing = async { spawn_blocking(ending).await };
    tokio::select! {
        // The signal is listened for before the first byte is out.
        biased;
        // Whoever should read may never do so, and then nothing but the end of the process ends the write.
        () = shutdown_signal() => std::process::exit(INTERRUPTED.into()),
        printed = printing => printed??,
    }
    Ok(partial)
}

fn build_runtime(threads: usize) -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

fn print(report: &Report, args: &Args) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.json {
        true => write_json(report, &mut out),
        false => write_plain(report, args.quiet, &mut out),
    };
    if args.quiet && !args.json {
        for Problem { path, reason, .. } in &report.problems {
            eprintln!("dupes: {}: {reason}", paths::plain(path));
        }
    }
    match written.and_then(|()| out.flush()) {
        // Whoever read has seen enough, as `head` does.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

/// Says what went wrong, down to the cause.
fn fail(code: u8, error: &dyn Error) -> ExitCode {
    eprint!("dupes: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
    ExitCode::from(code)
}
