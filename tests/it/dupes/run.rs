//! Runs the example as its users do, and reads what it says.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{eventually, example};

/// Files that have the same content, each group in order.
pub(super) type Groups = BTreeSet<BTreeSet<PathBuf>>;

/// Far beyond what any of these runs takes: one that needs so long hangs.
pub(super) const LIMIT: Duration = Duration::from_secs(120);

/// A process that ended, and what it printed.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// A process that dies with its test.
pub(super) struct Running {
    pub(super) child: Child,
    output: TempDir,
}

/// What the example reports with `--json`.
#[derive(Debug, PartialEq)]
pub(super) struct Report {
    pub(super) groups: Groups,
    /// Path and reason.
    pub(super) errors: Vec<(PathBuf, String)>,
    pub(super) scanned: u64,
    pub(super) bytes: u64,
    pub(super) partial: bool,
}

/// The example, ready to be given arguments.
pub(super) fn dupes() -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let path = BUILT.get_or_init(|| example("dupes"));
    Command::new(path)
}

/// Starts a process; what it prints goes to files, so that no pipe can fill up.
pub(super) fn start(command: &mut Command) -> Running {
    let output = tempfile::tempdir().expect("a directory for the output");
    let create = |name: &str| File::create(output.path().join(name)).expect("a file for the output");
    let child = command.stdout(create("stdout")).stderr(create("stderr")).spawn().expect("the process starts");
    Running { child, output }
}

impl Running {
    /// What it has said so far.
    pub(super) fn stderr(&self) -> String {
        fs::read_to_string(self.output.path().join("stderr")).expect("output is UTF-8")
    }

    /// Waits for the end of the process.
    pub(super) async fn ended(mut self) -> Ended {
        let mut status = None;
        eventually(LIMIT, "the process has ended", || {
            status = self.child.try_wait().expect("a child can be waited for");
            status.is_some()
        })
        .await;
        let read = |name: &str| fs::read_to_string(self.output.path().join(name)).expect("output is UTF-8");
        Ended { status: status.expect("just seen"), stdout: read("stdout"), stderr: read("stderr") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, unless the test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the example to its end.
pub(super) async fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Ended {
    start(dupes().args(args)).ended().await
}

/// What the example finds below one directory; nothing else may be printed.
pub(super) async fn report(dir: &Path, flags: &[&str]) -> Report {
    report_on(dupes().arg("--json").args(flags).arg(dir)).await
}

/// What the example reports, given as a command.
pub(super) async fn report_on(command: &mut Command) -> Report {
    let ended = start(command).ended().await;
    assert_eq!((ended.status.code(), &*ended.stderr), (Some(0), ""));
    parse(&ended.stdout)
}

/// Reads a report, and checks that it has the promised shape.
pub(super) fn parse(text: &str) -> Report {
    let json: Value = serde_json::from_str(text).expect("one JSON object");
    let number = |name: &str| json[name].as_u64().expect(name);
    let list = |name: &str| json[name].as_array().expect(name).clone();
    Report {
        groups: list("groups").iter().map(parse_group).collect(),
        errors: list("errors").iter().map(parse_error).collect(),
        scanned: number("scanned"),
        bytes: number("bytes"),
        partial: json["partial"].as_bool().expect("partial"),
    }
}

fn parse_group(group: &Value) -> BTreeSet<PathBuf> {
    assert!(group["size"].is_u64());
    assert_eq!(group["hash"].as_str().map(str::len), Some(64), "{group}");
    let escaped: Vec<u64> =
        group["escaped"].as_array().into_iter().flatten().map(|at| at.as_u64().expect("a position")).collect();
    let files = group["files"].as_array().expect("files");
    let path = |(at, name): (usize, &Value)| path_of(name, escaped.contains(&(at as u64)));
    files.iter().enumerate().map(path).collect()
}

fn parse_error(error: &Value) -> (PathBuf, String) {
    let reason = error["error"].as_str().expect("a reason").to_owned();
    (path_of(&error["path"], error["escaped"].as_bool().unwrap_or(false)), reason)
}

/// Undoes the escapes, as the help says they are made.
fn path_of(name: &Value, is_escaped: bool) -> PathBuf {
    let name = name.as_str().expect("a name");
    if !is_escaped {
        return PathBuf::from(name);
    }
    let (mut bytes, mut rest) = (Vec::new(), name.as_bytes());
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'\\', [b'\\', after @ ..]) => {
                bytes.push(b'\\');
                after
            }
            (b'\\', [b'x', digits @ ..]) => {
                let (digits, after) = digits.split_at(2);
                let digits = str::from_utf8(digits).expect("two digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
                after
            }
            _ => {
                bytes.push(*first);
                after
            }
        };
    }
    PathBuf::from(OsString::from_vec(bytes))
}
