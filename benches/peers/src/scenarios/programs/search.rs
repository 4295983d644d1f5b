//! One program that searches a directory.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

/// What is known about a program before it is found.
#[derive(Clone, Copy)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    /// Makes it print its version in the first line.
    pub(super) version: &'static str,
    /// With these it is measured.
    pub(super) flags: &'static [&'static str],
    /// With these as well, it prints JSON.
    pub(super) json: &'static [&'static str],
    /// The field of the JSON with the groups.
    pub(super) groups: &'static str,
    /// The field of a group with the paths.
    pub(super) files: &'static str,
}

#[derive(Clone)]
pub(super) struct Search {
    pub(super) tool: Tool,
    pub(super) program: PathBuf,
    pub(super) dir: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) groups: usize,
    /// The files in all groups.
    pub(super) files: usize,
}

/// Looks for a program in `rivals`, in its `bin`, and on the PATH.
pub(super) fn find(name: &str, rivals: Option<PathBuf>) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let named = rivals.into_iter().flat_map(|dir| [dir.join("bin"), dir]);
    let mut candidates = named.chain(env::split_paths(&path)).map(|dir| dir.join(name));
    candidates.find(|program| program.is_file()).ok_or_else(|| format!("{name} is not installed; see --rivals"))
}

impl Search {
    /// Runs it once and gives what it found, and the whole report.
    pub(super) fn look(&self) -> Result<(Found, Value), String> {
        let Tool { name, json, groups, files, .. } = self.tool;
        let output =
            self.command(json).stderr(Stdio::inherit()).output().map_err(|error| format!("{name}: {error}"))?;
        if !output.status.success() {
            return Err(format!("{name} ended with {}", output.status));
        }
        let report: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("{name}: {error}"))?;
        let list = report[groups].as_array().ok_or_else(|| format!("{name} printed no `{groups}`"))?;
        let files = list.iter().map(|group| group[files].as_array().map_or(0, Vec::len)).sum();
        Ok((Found { groups: list.len(), files }, report))
    }

    /// Runs it once; gives nanoseconds.
    pub(super) fn time(&self) -> f64 {
        let mut command = self.command(&[]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let ended = command.status().expect("it ran before");
        let took = begun.elapsed();
        assert!(ended.success(), "{} ended with {ended}", self.tool.name);
        took.as_nanos() as f64
    }

    pub(super) fn version(&self) -> String {
        let output = Command::new(&self.program).arg(self.tool.version).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        text.lines().next().unwrap_or(self.tool.name).to_owned()
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.tool.flags).args(more).arg(&self.dir).stdin(Stdio::null());
        command
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} groups of {} files", self.groups, self.files)
    }
}
