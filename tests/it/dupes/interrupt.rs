//! Ctrl-C.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::run::{LIMIT, Running, dupes, parse, start};
use super::tree::Tree;
use crate::support::eventually;

/// Two files of which it takes minutes to tell whether they are the same, though they take no room on the disk.
fn endless() -> Tree {
    let tree = Tree::new();
    for name in ["a", "b"] {
        File::create(tree.path(name)).and_then(|file| file.set_len(1 << 40)).expect("a sparse file");
    }
    tree
}

/// Waits until the process is in the middle of its work, and stops it with `signal`. The path is of one of two files that
/// are read at the same time.
async fn interrupt(running: &Running, path: &Path, signal: &str) {
    let id = running.child.id();
    eventually(LIMIT, "the file is being read", || {
        let open = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten();
        open.filter_map(Result::ok).any(|link| fs::read_link(link.path()).is_ok_and(|target| target == path))
    })
    .await;
    send(running.child.id(), signal);
}

fn send(id: u32, signal: &str) {
    let sent = Command::new("kill").args(["-s", signal, &id.to_string()]).status();
    assert!(sent.expect("kill starts").success());
}

#[tokio::test]
async fn an_interrupted_run_reports_what_it_knows() {
    let tree = endless();
    let path = tree.path("a").canonicalize().expect("it is there");
    for signal in ["INT", "TERM"] {
        let running = start(dupes().arg("--json").arg(tree.root()));
        interrupt(&running, &path, signal).await;
        let asked = Instant::now();
        let ended = running.ended().await;
        assert!(asked.elapsed() < Duration::from_secs(2), "{signal}: {:?}", asked.elapsed());
        assert_eq!((ended.status.code(), ended.status.signal()), (Some(130), None), "{signal}");
        let found = parse(&ended.stdout);
        assert_eq!((found.partial, found.scanned, found.groups.len()), (true, 2, 0), "{signal}");
    }
}

/// How far the process has read a file that it has open.
fn position(id: u32, path: &Path) -> Option<u64> {
    let mut open = fs::read_dir(format!("/proc/{id}/fd")).ok()?.filter_map(Result::ok);
    let link = open.find(|link| fs::read_link(link.path()).is_ok_and(|target| target == path))?;
    let info = fs::read_to_string(format!("/proc/{id}/fdinfo/{}", link.file_name().to_str()?)).ok()?;
    info.lines().find_map(|line| line.strip_prefix("pos:"))?.trim().parse().ok()
}

#[tokio::test]
async fn an_interrupted_run_reports_the_groups_it_has() {
    let tree = endless();
    let small = ["c", "d"].map(|name| tree.file(name, "same"));
    let path = tree.path("a").canonicalize().expect("it is there");
    let running = start(dupes().arg("--json").arg(tree.root()));
    let id = running.child.id();
    // Far behind the heads, and with them the small files.
    eventually(LIMIT, "the whole of the file is being read", || position(id, &path) > Some(1 << 21)).await;
    send(id, "INT");
    let ended = running.ended().await;
    let found = parse(&ended.stdout);
    assert_eq!((ended.status.code(), found.partial, found.scanned), (Some(130), true, 4));
    assert_eq!(found.groups, [small.into()].into());
}

#[tokio::test]
async fn an_interrupted_run_says_so_in_plain_words_too() {
    let tree = endless();
    let running = start(dupes().arg("--quiet").arg(tree.root()));
    interrupt(&running, &tree.path("a").canonicalize().expect("it is there"), "INT").await;
    let ended = running.ended().await;
    assert!(ended.stdout.starts_with("interrupted: this report is partial\n0 groups, "), "{}", ended.stdout);
}

#[tokio::test]
async fn a_run_whose_reader_does_not_read_can_be_ended() {
    let tree = Tree::new();
    // More names than any pipe takes.
    for n in 0..1_000 {
        tree.file(format!("{}{n}", "name".repeat(40)), "same");
    }
    for (signal, flag) in [("INT", "--json"), ("TERM", "--json"), ("INT", "--quiet")] {
        let mut child = dupes().arg(flag).arg(tree.root()).stdout(Stdio::piped()).spawn().expect("the process starts");
        // Once one byte is out the rest is on its way, and never gets through.
        let mut out = child.stdout.take().expect("a pipe");
        out.read_exact(&mut [0]).expect("the report begins");
        send(child.id(), signal);
        let mut status = None;
        eventually(Duration::from_secs(5), "the process has ended", || {
            status = child.try_wait().expect("a child can be waited for");
            status.is_some()
        })
        .await;
        let status = status.expect("just seen");
        assert_eq!((status.code(), status.signal()), (Some(130), None), "{signal} {flag}");
    }
}
