//! Where and with what it was measured.

use std::fs;
use std::num::NonZeroUsize;
use std::process::Command;
use std::thread::available_parallelism;

/// One line: processor, compiler, commit, date, and how busy the machine is.
pub(crate) fn describe() -> String {
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    let rustc = answer("rustc", &["--version"]);
    let commit = answer("git", &["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty", "--exclude=*"]);
    let date = answer("date", &["-u", "+%F"]);
    format!("{}, {cores} cores; {rustc}; commit {commit}; {date}; load {}", processor(), load())
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or("unknown processor", |(_, model)| model).to_owned()
}

/// How many tasks ran or wanted to, on average of the last minute.
fn load() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').next().filter(|minute| !minute.is_empty()).unwrap_or("unknown").to_owned()
}

fn answer(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success());
    let answer = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    answer.unwrap_or_else(|| format!("unknown {program}"))
}
