//! What is printed, where, and what may be relied upon.

use std::ffi::OsStr;
use std::process::Stdio;

use super::run::{Ended, dupes, run, start};
use super::tree::Tree;

/// A tree with two groups.
fn two_groups() -> Tree {
    let tree = Tree::new();
    for name in ["b", "a", "c"] {
        tree.file(format!("small/{name}"), "same");
        tree.file(format!("large/{name}"), "large".repeat(2_000));
    }
    tree.file("alone", "1");
    tree
}

async fn run_with(tree: &Tree, flags: &[&str]) -> Ended {
    let args = flags.iter().map(OsStr::new).chain([tree.root().as_os_str()]);
    run(args).await
}

#[tokio::test]
async fn json_has_the_promised_shape() {
    let tree = Tree::new();
    let (a, b) = (tree.file("a", "same"), tree.file("b", "same"));
    let ended = run_with(&tree, &["--json"]).await;
    let expected = serde_json::json!({
        "groups": [{
            "size": 4,
            "hash": blake3::hash(b"same").to_string(),
            "files": [a.to_str(), b.to_str()],
        }],
        "errors": [],
        "scanned": 2,
        "bytes": 8,
        "partial": false,
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&ended.stdout).expect("JSON"), expected);
    assert_eq!((ended.status.code(), &*ended.stderr), (Some(0), ""));
}

#[tokio::test]
async fn plain_output_has_groups_a_summary_and_the_table() {
    let tree = two_groups();
    let ended = run_with(&tree, &[]).await;
    let path = |name: &str| format!("    {}", tree.path(name).display());
    let (groups, rest) = ended.stdout.split_once("2 groups, ").expect("a summary");
    let expected = [
        "3 files of 10.00 kB, 20.00 kB could be freed".to_owned(),
        path("large/a"),
        path("large/b"),
        path("large/c"),
        String::new(),
        "3 files of 4 B, 8 B could be freed".to_owned(),
        path("small/a"),
        path("small/b"),
        path("small/c"),
        String::new(),
    ];
    assert_eq!(groups.lines().collect::<Vec<_>>(), expected);
    let (summary, table) = rest.split_once('\n').expect("a table");
    assert!(
        summary.starts_with("4 redundant files, 20.01 kB could be freed; scanned 7 files, 30.01 kB; read 42.30 kB in "),
        "{summary}"
    );
    assert!(summary.ends_with(" MB/s), 0 errors"), "{summary}");
    for row in ["found", "directories", "dupes", "hash", "index"] {
        assert!(table.lines().any(|line| line.trim_start().starts_with(row)), "{row}:\n{table}");
    }
    assert_eq!((ended.status.code(), &*ended.stderr), (Some(0), ""));
}

#[tokio::test]
async fn quiet_leaves_the_table_out() {
    let tree = two_groups();
    let (quiet, full) = (run_with(&tree, &["--quiet"]).await, run_with(&tree, &[]).await);
    let until_summary = |text: &str| text.split_once("scanned").map(|(before, _)| before.to_owned());
    assert_eq!(until_summary(&quiet.stdout), until_summary(&full.stdout));
    assert!(quiet.stdout.ends_with(" errors\n") && !full.stdout.ends_with(" errors\n"));
    assert_eq!(quiet.stderr, "");
}

#[tokio::test]
async fn quiet_leaves_errors_to_stderr() {
    let tree = Tree::new();
    let file = tree.file("file", "");
    let ended = run([OsStr::new("--quiet"), file.as_os_str()]).await;
    assert_eq!(ended.stderr, format!("dupes: {}: not a directory, but a file\n", file.display()));
    assert_eq!((ended.status.code(), ended.stdout.lines().count()), (Some(0), 1));
}

#[tokio::test]
async fn two_runs_print_the_same() {
    let tree = Tree::new();
    for n in 0..2_000 {
        tree.file(format!("{}/{}/{n}", n % 7, n % 31), (n % 97).to_string());
    }
    tree.hard_link("0/0/0", "1/hard");
    tree.link("1", "link");
    let first = run_with(&tree, &["--json", "--follow-links", "--threads", "1"]).await.stdout;
    for threads in ["2", "3", "8"] {
        assert_eq!(run_with(&tree, &["--json", "--follow-links", "--threads", threads]).await.stdout, first);
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_error() {
    let tree = two_groups();
    for flags in [&["--json"][..], &[]] {
        let mut child = dupes()
            .args(flags)
            .arg(tree.root())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the process starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the process ends");
        assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    }
}

#[tokio::test]
async fn flags_that_make_no_sense_are_refused() {
    for args in [&["--threads", "0"][..], &["--min-size", "-1"], &["--min-size", "1k"], &["--colour"]] {
        let ended = start(dupes().args(args)).ended().await;
        assert_eq!((ended.status.code(), &*ended.stdout), (Some(2), ""), "{args:?}");
        assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn kinds_of_files_are_added_up() {
    let tree = Tree::new();
    tree.file("a.rs", "1234");
    tree.file("b.rs", "12345");
    tree.file("below/c.txt", "12");
    tree.file(".hidden", "1");
    let ended = run_with(&tree, &[]).await;
    let lines: Vec<_> = ended.stdout.lines().skip(1).take(5).collect();
    let expected = [
        "",
        "  rs                    9 B  2 files",
        "  txt                   2 B  1 file",
        "  (none)                1 B  1 file",
        "",
    ];
    assert_eq!(lines, expected, "{}", ended.stdout);
    assert!(!run_with(&tree, &["--quiet"]).await.stdout.contains("(none)"));
}
