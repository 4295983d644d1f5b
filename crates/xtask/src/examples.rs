//! Runs every example, because an example that only compiles may have stopped telling the truth.
//!
//! The folders say which examples there are: `examples/*.rs`, `examples/<name>/main.rs` and
//! `examples/textbook/*.rs`. Cargo finds the first two by itself. The last ones need an
//! `[[example]]` in `Cargo.toml`, and one without it is an error here, so that none is left out in
//! silence.

use std::{
    env::consts::EXE_SUFFIX,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    manifest,
    step::Seconds,
    workspace::{Failure, Workspace, run},
};

/// How long one example may take. They are meant to end by themselves within seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// How often a running example is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Builds all examples, then runs them one after the other.
pub(crate) fn run_all(workspace: &Workspace) -> Result<(), Failure> {
    // With `--workspace`, features unify as in the other steps and nothing is built twice.
    run(&mut workspace.cargo("build --workspace --all-features --examples"))?;
    let manifest = manifest::read(workspace);
    for source in sources(&workspace.root.join("examples")) {
        let path = source.strip_prefix(&workspace.root).expect("examples lie below the root");
        run_one(workspace, &name_of(path, &manifest)?)?;
    }
    Ok(())
}

/// The arguments an example needs to end by itself on any machine.
fn arguments(name: &str) -> &'static [&'static str] {
    match name {
        "dupes" => &["src", "--quiet"],
        _ => &[],
    }
}

/// The main file of every example, sorted.
fn sources(examples: &Path) -> Vec<PathBuf> {
    let mut found = rust_files(examples);
    for folder in entries(examples).into_iter().filter(|path| path.is_dir()) {
        let main = folder.join("main.rs");
        if main.is_file() {
            found.push(main);
        } else if folder.ends_with("textbook") {
            found.extend(rust_files(&folder));
        }
    }
    found.sort();
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    entries(folder).into_iter().filter(is_rust).collect()
}

/// What lies in a folder. A folder that isn't there is empty.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
}

/// The name under which cargo builds the example: the one in the manifest, else the one cargo
/// derives from the path.
fn name_of(path: &Path, manifest: &str) -> Result<String, Failure> {
    let declared = manifest::examples(manifest);
    if let Some((name, _)) = declared.iter().find(|(_, at)| Path::new(at) == path) {
        return Ok((*name).to_owned());
    }
    let named = if path.ends_with("main.rs") { path.parent() } else { Some(path) };
    match named.filter(|named| named.parent() == Some(Path::new("examples"))) {
        Some(named) => Ok(named.file_stem().unwrap_or_default().to_string_lossy().into_owned()),
        None => Err(Failure {
            reason: format!("{} has no [[example]] with name and path in Cargo.toml", path.display()),
            command: "cargo xtask test examples".to_owned(),
        }),
    }
}

/// Runs one example within [`LIMIT`]. Its output is shown only when it fails.
fn run_one(workspace: &Workspace, name: &str) -> Result<(), Failure> {
    let log = workspace.target.join("xtask").join(format!("{name}.log"));
    let start = Instant::now();
    let reason = match spawn(workspace, name, &log).and_then(|mut child| wait(&mut child, LIMIT)) {
        Ok(Some(status)) if status.success() => {
            println!("ok {name} ({})", Seconds(start.elapsed()));
            return Ok(());
        }
        Ok(Some(status)) => format!("example `{name}`: {status}"),
        Ok(None) => format!("example `{name}` still ran after {} and was killed", Seconds(LIMIT)),
        Err(error) => format!("example `{name}` could not be run: {error}"),
    };
    println!("FAILED {name}; its output, kept in {}:", log.display());
    println!("{}", String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()));
    let command = format!("cargo run --all-features --example {name} -- {}", arguments(name).join(" "));
    Err(Failure { command: command.trim_end_matches(" -- ").to_owned(), reason })
}

/// Starts the program that cargo has built, not `cargo run`, so that killing the child kills the
/// example.
fn spawn(workspace: &Workspace, name: &str, log: &Path) -> io::Result<Child> {
    fs::create_dir_all(log.parent().expect("the log lies in a folder"))?;
    let output = File::create(log)?;
    Command::new(workspace.target.join(format!("debug/examples/{name}{EXE_SUFFIX}")))
        .args(arguments(name))
        .current_dir(&workspace.root)
        // As `cargo run` would set it; ours would name the folder of xtask.
        .env("CARGO_MANIFEST_DIR", &workspace.root)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
}

/// Waits for the child to end. At the limit it is killed, and the answer is `None`.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> Option<String> {
        let manifest = "[[example]]\nname = \"declared\"\npath = \"examples/textbook/queue.rs\"";
        name_of(Path::new(path), manifest).ok()
    }

    #[test]
    fn names_are_those_of_cargo() {
        assert_eq!(name("examples/queue.rs").as_deref(), Some("queue"));
        assert_eq!(name("examples/dupes/main.rs").as_deref(), Some("dupes"));
        assert_eq!(name("examples/textbook/queue.rs").as_deref(), Some("declared"));
    }

    #[test]
    fn a_textbook_example_that_cargo_does_not_know_is_refused() {
        assert_eq!(name("examples/textbook/pool.rs"), None);
    }
}
