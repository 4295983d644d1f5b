//! How long a crate of actors takes to compile, by `#[regatta::actor]` and by kameo's `#[messages]`.
//!
//! Both crates are generated: the same actors, with the same methods and the same bodies. Their dependencies are built
//! before anything is timed, in the versions that `benches/peers/Cargo.lock` has, so that no network is needed once
//! `cargo xtask bench` has run. A round changes the body of one method in both and times cargo on each, in turn.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    crate_of_actors::{Side, Use},
    workspace::{Failure, Workspace, run, run_silently},
};

/// How often each side is compiled, unless the caller says so, after one time to warm up.
pub(crate) const ROUNDS: usize = 7;

/// What is timed of which crate.
struct Row {
    uses: Use,
    command: &'static str,
    /// Whether what did not change since the last round is kept, as on a developer's machine.
    is_incremental: bool,
    /// The smallest ratio of theirs to ours that we are content with, if there is one.
    bar: Option<f64>,
}

const ROWS: &[Row] = &[
    Row { uses: Use::Defined, command: "check", is_incremental: false, bar: Some(1.0) },
    Row { uses: Use::Defined, command: "build", is_incremental: false, bar: Some(1.0) },
    Row { uses: Use::Called, command: "check", is_incremental: false, bar: Some(1.0) },
    Row { uses: Use::Called, command: "build", is_incremental: false, bar: Some(1.0) },
    Row { uses: Use::Called, command: "check", is_incremental: true, bar: None },
    Row { uses: Use::Called, command: "build", is_incremental: true, bar: None },
];

/// Measures all rows and prints them as a Markdown table, each when it is there.
pub(crate) fn measure(workspace: &Workspace, rounds: usize) -> Result<(), Failure> {
    let crates = Crates::generate(workspace).map_err(|error| Failure {
        command: "cargo xtask compile-time".to_owned(),
        reason: format!("the crates could not be written: {error}"),
    })?;
    // Shows what is compiled; each row has its own time to warm up.
    for uses in [Use::Defined, Use::Called] {
        for side in [Side::Ours, Side::Kameo] {
            run(&mut crates.cargo("build", side, uses, false))?;
        }
    }
    println!("\n{rounds} rounds, without incremental compilation unless it says so\n");
    println!("| crate   | cargo             |    ours |   kameo | ratio | spread     | bar |                |");
    println!("| ------- | ----------------- | ------: | ------: | ----: | ---------- | --- | -------------- |");
    for row in ROWS {
        crates.round(row, 0)?;
        let times = (1..=rounds).map(|round| crates.round(row, round)).collect::<Result<Vec<_>, _>>()?;
        println!("{}", row.shown(&times));
    }
    Ok(())
}

/// The generated crates, one workspace.
struct Crates<'a> {
    workspace: &'a Workspace,
    root: PathBuf,
}

impl<'a> Crates<'a> {
    fn generate(workspace: &'a Workspace) -> io::Result<Self> {
        let root = workspace.target.join("xtask/compile-time");
        let peers = workspace.root.join("benches/peers");
        let peers_manifest = fs::read_to_string(peers.join("Cargo.toml"))?;
        let mut members = Vec::new();
        for side in [Side::Ours, Side::Kameo] {
            for uses in [Use::Defined, Use::Called] {
                let name = side.package(uses);
                write(&root.join(&name).join("Cargo.toml"), &side.manifest(uses, &workspace.root, &peers_manifest))?;
                for (path, text) in side.sources(uses) {
                    write(&root.join(&name).join("src").join(path), &text)?;
                }
                members.push(format!("{name:?}"));
            }
        }
        let members = members.join(", ");
        write(&root.join("Cargo.toml"), &format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n"))?;
        fs::copy(peers.join("Cargo.lock"), root.join("Cargo.lock"))?;
        Ok(Self { workspace, root })
    }

    fn cargo(&self, command: &str, side: Side, uses: Use, is_incremental: bool) -> std::process::Command {
        let package = side.package(uses);
        let mut cargo = self.workspace.cargo(&format!("{command} --quiet --package {package} --manifest-path"));
        cargo.arg(self.root.join("Cargo.toml"));
        cargo.env("CARGO_TARGET_DIR", self.root.join("target"));
        cargo.env("CARGO_INCREMENTAL", if is_incremental { "1" } else { "0" });
        cargo
    }

    /// Ours and theirs, each once; who begins changes from round to round.
    fn round(&self, row: &Row, round: usize) -> Result<(Duration, Duration), Failure> {
        let time = |side| self.time(row, side, round);
        if round.is_multiple_of(2) {
            let ours = time(Side::Ours)?;
            Ok((ours, time(Side::Kameo)?))
        } else {
            let theirs = time(Side::Kameo)?;
            Ok((time(Side::Ours)?, theirs))
        }
    }

    fn time(&self, row: &Row, side: Side, round: usize) -> Result<Duration, Failure> {
        let package = side.package(row.uses);
        let (path, text) = side.edited(row.uses, round);
        let mut cargo = self.cargo(row.command, side, row.uses, row.is_incremental);
        write(&self.root.join(package).join("src").join(path), &text)
            .map_err(|error| Failure { command: "cargo xtask compile-time".to_owned(), reason: error.to_string() })?;
        let begun = Instant::now();
        run_silently(&mut cargo)?;
        Ok(begun.elapsed())
    }
}

impl Row {
    fn shown(&self, times: &[(Duration, Duration)]) -> String {
        let times: Vec<_> = times.iter().map(|(ours, theirs)| (ours.as_secs_f64(), theirs.as_secs_f64())).collect();
        let ours = median(times.iter().map(|&(ours, _)| ours).collect());
        let theirs = median(times.iter().map(|&(_, theirs)| theirs).collect());
        let ratio = theirs / ours;
        let ratios = || times.iter().map(|&(ours, theirs)| theirs / ours);
        let (least, most) = (ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max));
        let spread = format!("{least:.2}..{most:.2}");
        let (bar, verdict) = match self.bar {
            None => (String::new(), String::new()),
            Some(bar) if ratio >= bar => (format!("≥ {bar}"), "met".to_owned()),
            Some(bar) => (format!("≥ {bar}"), format!("missed by {:.0} %", (1.0 - ratio / bar) * 100.0)),
        };
        let command =
            if self.is_incremental { format!("{} incremental", self.command) } else { self.command.to_owned() };
        format!(
            "| {:7} | {command:17} | {ours:5.2} s | {theirs:5.2} s | {ratio:5.2} | {spread:10} | {bar:3} | {verdict:14} |",
            self.uses.name(),
        )
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(path.parent().expect("a file lies in a folder"))?;
    fs::write(path, text)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}
