//! Names that are hard to print.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;

use super::run::{Groups, report, run};
use super::tree::Tree;

/// Names that no two forms of output may confuse, in the order of their bytes.
const NAMES: [&[u8]; 14] = [
    b" ",
    b"$'quoted'",
    b"--json",
    b"\\xFF",
    b"\x1b[31mred",
    b"a'b",
    b"back\\slash",
    b"caf\xE9 back\\slash",
    b"caf\xC3\xA9",
    b"line\nbreak",
    b"quote\"d",
    b"tab\t",
    b"\xF0\x9F\xA6\x80",
    b"\xFF",
];

/// One group of files with all the names.
fn strange() -> (Tree, Groups) {
    let tree = Tree::new();
    let paths: BTreeSet<PathBuf> = NAMES.iter().map(|name| tree.file(OsStr::from_bytes(name), "same")).collect();
    (tree, BTreeSet::from([paths]))
}

#[tokio::test]
async fn json_names_can_be_read_back() {
    let (tree, expected) = strange();
    assert_eq!(report(tree.root(), &[]).await.groups, expected);
}

#[tokio::test]
async fn json_says_which_names_are_escaped() {
    let (tree, _) = strange();
    let ended = run([OsStr::new("--json"), tree.root().as_os_str()]).await;
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let group = &json["groups"][0];
    let escaped = group["escaped"].as_array().expect("positions").iter().filter_map(serde_json::Value::as_u64);
    let root = tree.root().to_str().expect("a temporary directory has a plain name");
    let names: BTreeSet<&str> = escaped
        .map(|at| group["files"][at as usize].as_str().expect("a name"))
        .map(|name| &name[root.len() + 1..])
        .collect();
    assert_eq!(names, BTreeSet::from(["caf\\xE9 back\\\\slash", "\\xFF"]));
}

/// A shell reads each escaped line back to the very bytes.
#[tokio::test]
async fn plain_names_are_one_line_each_and_a_shell_reads_the_escaped_back() {
    let (tree, expected) = strange();
    let ended = run([tree.root()]).await;
    let lines = ended.stdout.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| line.contains('/'));
    let mut paths = BTreeSet::new();
    for line in lines {
        assert!(!line.contains(char::is_control), "{line:?}");
        paths.insert(match line.starts_with("$'") {
            true => unquote(line),
            false => PathBuf::from(line),
        });
    }
    assert_eq!(BTreeSet::from([paths]), expected);
}

fn unquote(word: &str) -> PathBuf {
    let output = Command::new("bash").args(["-c", &format!("printf %s {word}")]).output().expect("bash starts");
    PathBuf::from(OsStr::from_bytes(&output.stdout))
}
