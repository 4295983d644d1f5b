//! Counts the words of all files below a directory, as `tr`, `sort` and `uniq -c` do, and draws the most frequent ones.
//!
//! Run: `cargo run --release --example word_count -- PATH --svg words.svg`, or without a path for the sources here.
//!
//! You will see the ten most frequent words with their counts, how many bytes were read and how fast. `--all` prints every
//! word in the order of its bytes, as this does:
//!
//! ```console
//! $ find PATH -type f -exec sh -c 'tr -cs "[:alnum:]" "\n" < "$1"; echo' sh {} \; | grep . | LC_ALL=C sort | uniq -c
//! ```
//!
//! What to watch in the code: files are read on a blocking thread, in blocks that end between two words, and wait in a queue
//! of eight; so memory is bounded however large the directory is. Each worker counts into tables of its own.

use std::cmp::Reverse;
use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use futures::StreamExt;
use regatta::parallel::{Emit, MapReduce, sort_by_key};
use regatta::queue::{self, Producer};
use regatta::task::TaskGroup;

const BLOCK: usize = 256 * 1024;

#[derive(Parser)]
struct Args {
    /// Directory to read
    #[arg(default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/src"))]
    path: PathBuf,
    /// Writes a bar chart of the most frequent words
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Prints all words, as `sort | uniq -c` does
    #[arg(long)]
    all: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (args, begun) = (Args::parse(), Instant::now());
    let group = TaskGroup::new("word_count");
    let (blocks, read) = queue::bounded(8);
    let path = args.path.clone();
    let reading = group.spawn_blocking("read", move || read_all(&path, &blocks)).map_err(|error| error.to_string())?;

    let counting = MapReduce::new().map_emit(|block: &Vec<u8>, emit: &mut Emit<'_, String, u64>| {
        let words = block.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words.filter_map(|word| str::from_utf8(word).ok()).for_each(|word| emit.by_ref(word, 1));
    });
    let counting = counting.combine(|count: &mut u64, more| *count += more);
    let counts = counting.run_stream(read.map(queue::Delivery::into_inner)).await?;
    let bytes = reading.await??;
    let took = begun.elapsed().as_secs_f64();

    let (total, counts) = (counts.values().sum::<u64>(), Vec::from_iter(counts));
    let mut out = io::stdout().lock();
    if args.all {
        for (word, count) in sort_by_key(counts, |(word, _)| word.clone()).await? {
            writeln!(out, "{count:7} {word}")?;
        }
        return Ok(());
    }
    let different = counts.len();
    let mut top = sort_by_key(counts, |(word, count)| (Reverse(*count), word.clone())).await?;
    top.truncate(10);
    for (word, count) in &top {
        writeln!(out, "{count:7} {word}")?;
    }
    writeln!(out, "{total} words, {different} different, {:.1} MB in {took:.2} s", bytes as f64 / 1e6)?;
    if let Some(file) = args.svg {
        fs::write(file, chart(&top)?)?;
    }
    assert!(top.is_sorted_by_key(|(_, count)| Reverse(*count)));
    Ok(())
}

/// Sends the content of all files below a path, and tells how many bytes that are. What cannot be read is named and left out.
fn read_all(path: &Path, blocks: &Producer<Vec<u8>>) -> io::Result<u64> {
    let mut bytes = 0;
    let mut dirs = vec![path.to_owned()];
    while let Some(dir) = dirs.pop() {
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if dir == path => {
                return Err(io::Error::new(error.kind(), format!("{}: {error}", dir.display())));
            }
            Err(error) => {
                eprintln!("word_count: {}: {error}", dir.display());
                continue;
            }
        };
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if kind.is_file() {
                match File::open(entry.path()).and_then(|file| read_one(&file, blocks)) {
                    Ok(read) => bytes += read,
                    Err(error) => eprintln!("word_count: {}: {error}", entry.path().display()),
                }
            }
        }
    }
    Ok(bytes)
}

/// Sends the content of a file in blocks that end between two words.
fn read_one(file: &File, blocks: &Producer<Vec<u8>>) -> io::Result<u64> {
    let (mut bytes, mut rest) = (0, Vec::new());
    loop {
        let mut block = Vec::with_capacity(BLOCK + rest.len());
        block.append(&mut rest);
        let read = file.take(BLOCK as u64).read_to_end(&mut block)?;
        bytes += read as u64;
        if read > 0 {
            // A word that is cut goes with the next block.
            let end = block.iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |last| last + 1);
            rest = block.split_off(end);
        }
        if !block.is_empty() {
            blocks.send_blocking(block).map_err(|_| io::Error::other("nobody counts any more"))?;
        }
        if read == 0 {
            return Ok(bytes);
        }
    }
}

/// A bar for each word. Words have letters and digits only: there is nothing to escape.
fn chart(top: &[(String, u64)]) -> Result<String, std::fmt::Error> {
    let most = top.first().map_or(1, |(_, count)| *count);
    let mut svg = format!("<svg xmlns='http://www.w3.org/2000/svg' width='640' height='{}'>\n", 24 * top.len() + 16);
    svg += "<style>text{font:14px sans-serif;fill:#222}rect{fill:#4c78a8}";
    svg += "@media(prefers-color-scheme:dark){text{fill:#ddd}rect{fill:#72a0d0}}</style>\n";
    for (nth, (word, count)) in top.iter().enumerate() {
        let (y, width) = (24 * nth + 8, (*count as f64 / most as f64 * 400.0).max(1.0));
        writeln!(svg, "<text x='130' y='{}' text-anchor='end'>{word}</text>", y + 15)?;
        writeln!(svg, "<rect x='140' y='{y}' width='{width:.0}' height='20'/>")?;
        writeln!(svg, "<text x='{:.0}' y='{}'>{count}</text>", 148.0 + width, y + 15)?;
    }
    Ok(svg + "</svg>\n")
}
