//! Configuration that is edited while it is read.
//!
//! Run: `cargo run --example hot_reload`
//!
//! A TOML file in a temporary folder is edited six times, once badly, while tasks read the configuration for every request
//! they handle. You will see each edit arrive without a restart, the bad one refused with the place of the mistake while
//! the old configuration stays, and requests that never wait and never see half of an edit.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regatta::sync::{Rcu, RcuReader};
use regatta::task::TaskGroup;
use serde::Deserialize;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Config {
    limit: u32,
    /// Twice the limit, by agreement: so a reader can tell whether it sees one edit or parts of two.
    burst: u32,
    greeting: String,
}

fn read(path: &Path) -> Result<Config, Box<dyn Error + Send + Sync>> {
    Ok(toml::from_str(&fs::read_to_string(path)?)?)
}

/// Publishes what the file says whenever it says something else, and what is wrong with it.
async fn watch(path: PathBuf, config: Rcu<Config>, problem: Rcu<Option<String>>) {
    let mut last = String::new();
    loop {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if text != last {
            match read(&path) {
                Ok(new) => {
                    let version = config.store(new);
                    println!("version {version}: {:?}", *config.load());
                }
                Err(error) => {
                    println!("refused, the old one stays: {}", error.to_string().trim());
                    problem.store(Some(error.to_string()));
                }
            }
            last = text;
        }
        // A service would ask the system for events; looking is enough for one file.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Handles requests until the configuration is gone; gives how many, and how many versions they saw.
async fn serve(mut config: RcuReader<Config>) -> (u64, u64) {
    let (mut requests, mut versions, mut last) = (0, 1, config.version());
    loop {
        let current = config.get();
        assert_eq!(current.burst, current.limit * 2, "half of an edit");
        if current.greeting == "bye" {
            return (requests, versions);
        }
        requests += 1;
        versions += u64::from(config.version() != last);
        last = config.version();
        tokio::task::yield_now().await;
    }
}

/// Replaces the file in one step, as an editor that saves carefully does.
fn edit(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = path.with_extension("draft");
    fs::write(&draft, text)?;
    fs::rename(draft, path)
}

fn text(limit: u32, greeting: &str) -> String {
    format!("limit = {limit}\nburst = {}\ngreeting = \"{greeting}\"\n", limit * 2)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("service.toml");
    edit(&path, &text(10, "hello"))?;
    let config = Rcu::builder(read(&path)?).name("config").build();
    let problem = Rcu::builder(None).name("problem").build();

    let group = TaskGroup::new("service");
    let servers = [group.spawn("a", serve(config.reader()))?, group.spawn("b", serve(config.reader()))?];
    let watching = group.spawn("watch", watch(path.clone(), config.clone(), problem.clone()))?;

    let mut seen = config.reader();
    for (limit, greeting) in [(20, "hi"), (30, "hey"), (40, "howdy")] {
        edit(&path, &text(limit, greeting))?;
        while seen.get().limit != limit {
            seen.changed().await?;
        }
    }
    edit(&path, "limit = 50\nburst = \n")?;
    assert!(problem.changed_since(0).await.is_some());
    assert_eq!(config.load().limit, 40, "a bad edit changes nothing");
    edit(&path, &text(60, "bye"))?;

    for server in servers {
        let (requests, versions) = server.await?;
        println!("{requests} requests under {versions} versions");
        assert!(requests > 0);
    }
    watching.abort();
    println!("{}", regatta::observe::snapshot());
    assert_eq!(*config.load(), Config { limit: 60, burst: 120, greeting: String::from("bye") });
    Ok(())
}
