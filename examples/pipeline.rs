//! A word count over this crate's own sources: files are read side by side, counted on the CPU pool, and summed up.
//!
//! ```text
//! cargo run --example pipeline
//! ```
//!
//! You will see the ten commonest words, one file that could not be read, and the table of what each stage has done. Watch
//! `failed`: the missing file is skipped, counted and logged, and nothing else suffers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use regatta::pipeline::{Concurrency, OnError, Pipeline};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))?;
    let found = files.len() as u64;
    files.push(PathBuf::from("no/such/file.rs"));

    let mut running = Pipeline::from_iter(files)
        // Reading blocks, so it goes to a blocking thread; eight files at a time, in whatever order.
        .try_map_async(Concurrency::unordered(8), |path| async move {
            tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await?.map_err(regatta::BoxError::from)
        })
        .named("read")
        .on_error(OnError::Skip)
        // Counting computes, so it goes to the CPU pool.
        .map_cpu(Concurrency::unordered(2), |text: String| count(&text))
        .named("count")
        .fold(HashMap::new(), merge)
        .named("sum")
        .titled("words")
        .spawn();

    let words: HashMap<String, u64> = (&mut running).await?;
    let mut commonest: Vec<(&String, &u64)> = words.iter().collect();
    commonest.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    for (word, times) in commonest.iter().take(10) {
        println!("{times:6} {word}");
    }
    print!("{}", regatta::observe::snapshot());

    let read = &running.stats().stages[1].flow;
    assert_eq!((read.done, read.failed), (found, 1));
    assert!(words["pub"] > 0);
    Ok(())
}

fn sources(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(sources(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

fn count(text: &str) -> HashMap<String, u64> {
    let mut words = HashMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()) {
        *words.entry(word.to_owned()).or_insert(0) += 1;
    }
    words
}

fn merge(mut sum: HashMap<String, u64>, part: HashMap<String, u64>) -> HashMap<String, u64> {
    for (word, times) in part {
        *sum.entry(word).or_insert(0) += times;
    }
    sum
}
