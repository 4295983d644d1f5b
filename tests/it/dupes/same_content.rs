//! What counts as the same content: against the obvious search, and against `sha256sum`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};
use proptest::test_runner::Config;

use super::oracle::{Truth, search};
use super::run::{Groups, Report, dupes, report, report_on};
use super::tree::Tree;

fn truth_of(report: Report) -> Truth {
    assert_eq!((report.errors, report.partial), (Vec::new(), false));
    Truth { groups: report.groups, scanned: report.scanned, bytes: report.bytes }
}

fn groups<const N: usize>(groups: [&[&PathBuf]; N]) -> Groups {
    groups.iter().map(|group| group.iter().map(|path| (*path).clone()).collect()).collect()
}

#[tokio::test]
async fn an_empty_directory_has_no_groups() {
    let tree = Tree::new();
    assert_eq!(truth_of(report(tree.root(), &[]).await), search(tree.root(), 1));
}

#[tokio::test]
async fn empty_files_are_the_same_if_they_are_wanted() {
    let tree = Tree::new();
    let (a, b) = (tree.file("a", ""), tree.file("b/c", ""));
    assert_eq!(report(tree.root(), &[]).await.groups, groups([]));
    assert_eq!(report(tree.root(), &["--min-size", "0"]).await.groups, groups([&[&a, &b]]));
}

#[tokio::test]
async fn smaller_files_are_counted_but_not_compared() {
    let tree = Tree::new();
    for (name, content) in [("a", "12"), ("b", "12"), ("c", "123"), ("d", "123")] {
        tree.file(name, content);
    }
    let found = report(tree.root(), &["--min-size", "3"]).await;
    assert_eq!(found.groups, groups([&[&tree.path("c"), &tree.path("d")]]));
    assert_eq!((found.scanned, found.bytes), (4, 10));
}

#[tokio::test]
async fn equal_sizes_with_different_content_are_kept_apart() {
    let tree = Tree::new();
    for name in ["a", "b", "c", "d"] {
        tree.file(name, name);
    }
    assert_eq!(report(tree.root(), &[]).await.groups, groups([]));
}

#[tokio::test]
async fn equal_heads_with_different_tails_are_kept_apart() {
    let tree = Tree::new();
    let content = |size: usize, tail: u8| {
        let mut content = vec![b'x'; size];
        content[size - 1] = tail;
        content
    };
    // Around the head's 4 KiB, one block, and several.
    let sizes = [4095, 4096, 4097, 1 << 20, (1 << 20) + 1, 5 << 20];
    for size in sizes {
        for (name, tail) in [("a", 1), ("b", 1), ("c", 2), ("d", 3)] {
            tree.file(format!("{size}/{name}"), content(size, tail));
        }
    }
    let pair = |size: &usize| BTreeSet::from([tree.path(format!("{size}/a")), tree.path(format!("{size}/b"))]);
    assert_eq!(report(tree.root(), &[]).await.groups, sizes.iter().map(pair).collect());
}

#[tokio::test]
async fn hard_links_are_one_file() {
    let tree = Tree::new();
    let (a, b) = (tree.file("n/a", "same"), tree.file("b", "same"));
    tree.hard_link("n/a", "z");
    let first = tree.hard_link("n/a", "m");
    tree.file("alone", "other");
    tree.hard_link("alone", "not alone");
    let found = report(tree.root(), &[]).await;
    assert!(first < a, "the first in order stands for the file");
    assert_eq!(found.groups, groups([&[&first, &b]]));
    assert_eq!((found.scanned, found.bytes), (3, 13));
}

#[tokio::test]
async fn folders_may_be_deep() {
    let tree = Tree::new();
    let deep: PathBuf = (0..300).map(|_| "folder").collect();
    let (a, b) = (tree.file("a", "same"), tree.file(deep.join("b"), "same"));
    assert_eq!(report(tree.root(), &[]).await.groups, groups([&[&a, &b]]));
}

#[tokio::test]
async fn a_folder_may_be_wide() {
    let tree = Tree::new();
    for n in 0..3_000 {
        tree.file(n.to_string(), (n % 1_000).to_string());
    }
    let found = report(tree.root(), &["--threads", "3"]).await;
    assert_eq!(truth_of(found), search(tree.root(), 1));
}

#[tokio::test]
async fn ten_thousand_files() {
    let tree = Tree::new();
    for n in 0..10_000_usize {
        // Every content three times or so, every size more often; two in five are larger than the head.
        let which = n * 7 % 3_331;
        let content = format!("{which}|").repeat(which % 5 * 400 + 1);
        tree.file(format!("{}/{}/{n}.txt", n % 13, n % 101), content);
    }
    let expected = search(tree.root(), 1);
    assert!(expected.groups.len() > 1_000, "{}", expected.groups.len());
    assert_eq!(truth_of(report(tree.root(), &[]).await), expected);
}

/// What one file of a generated tree is.
#[derive(Debug, Clone)]
enum Kind {
    /// So many bytes, all alike but for one.
    Content { size: usize, odd: Option<usize> },
    /// A link to an earlier file, hard or not.
    LinkTo { earlier: prop::sample::Index, is_hard: bool },
}

fn kinds() -> impl Strategy<Value = Kind> {
    let size = prop::sample::select(vec![0, 1, 2, 4095, 4096, 4097, 8192, 70_000, (1 << 20) + 3]);
    let odd = prop::option::of(prop::sample::select(vec![0, 1, 4095, 4096, 69_999, 1 << 20]));
    proptest::prop_oneof![
        4 => (size, odd).prop_map(|(size, odd)| Kind::Content { size, odd }),
        1 => (any::<prop::sample::Index>(), any::<bool>())
            .prop_map(|(earlier, is_hard)| Kind::LinkTo { earlier, is_hard }),
    ]
}

/// Writes the files into a few nested folders.
fn plant(kinds: &[(usize, Kind)]) -> Tree {
    let tree = Tree::new();
    let mut names: Vec<PathBuf> = Vec::new();
    for (number, (depth, kind)) in kinds.iter().enumerate() {
        let name: PathBuf = (0..*depth).map(|level| format!("d{level}")).collect();
        let name = name.join(format!("{}", number * 37 % 101));
        match kind {
            Kind::LinkTo { earlier, is_hard } if !names.is_empty() => {
                let target = earlier.get(&names);
                tree.dir(name.parent().expect("a file has a parent"));
                match is_hard {
                    true => tree.hard_link(target, &name),
                    false => tree.link(tree.path(target), &name),
                };
                // A link to a link would be one to nothing that counts.
                if !is_hard {
                    continue;
                }
            }
            Kind::LinkTo { .. } => continue,
            Kind::Content { size, odd } => {
                let mut content = vec![0; *size];
                if let Some(byte) = odd.and_then(|odd| content.get_mut(odd)) {
                    *byte = 1;
                }
                tree.file(&name, content);
            }
        }
        names.push(name);
    }
    tree
}

proptest! {
    // Each case starts a process and writes a tree.
    #![proptest_config(Config { cases: 24, failure_persistence: None, ..Config::default() })]

    #[test]
    fn generated_trees_are_searched_as_the_obvious_way_does(
        kinds in vec((0..4_usize, kinds()), 0..60),
        min_size in 0..3_u64,
        threads in 1..4_usize,
    ) {
        let tree = plant(&kinds);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let flags = ["--min-size", &min_size.to_string(), "--threads", &threads.to_string()];
        let found = runtime.block_on(report(tree.root(), &flags));
        prop_assert_eq!(truth_of(found), search(tree.root(), min_size));
    }
}

/// Some thousand real files: sources that cargo has unpacked, or ours where there are none.
#[cfg(target_os = "linux")]
fn real_directories() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let below = |dir: &Path| -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
        found.sort();
        found
    };
    let registries = home.map(|home| below(&home.join("registry/src"))).unwrap_or_default();
    let crates: Vec<PathBuf> = registries.iter().flat_map(|registry| below(registry)).take(60).collect();
    if crates.is_empty() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        return ["src", "tests", "examples", "crates"].map(|name| root.join(name)).to_vec();
    }
    crates
}

/// Groups as `find … | xargs sha256sum` gives them.
#[cfg(target_os = "linux")]
fn sha256sum(dirs: &[PathBuf]) -> Groups {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let script = r#"find "$@" -type f -size +0 -print0 | xargs -0 sha256sum --zero"#;
    let output = Command::new("sh").args(["-c", script, "sh"]).args(dirs).output().expect("sh starts");
    assert!(output.status.success(), "{output:?}");
    let mut same: BTreeMap<&[u8], BTreeSet<PathBuf>> = BTreeMap::new();
    for line in output.stdout.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let (hash, path) = (&line[..64], &line[66..]);
        same.entry(hash).or_default().insert(OsStr::from_bytes(path).into());
    }
    same.into_values().filter(|paths| paths.len() > 1).collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_real_tree_is_searched_as_sha256sum_does() {
    let dirs = real_directories();
    let found = report_on(dupes().arg("--json").args(&dirs)).await;
    assert!(found.scanned > 20, "{found:?}");
    assert_eq!(found.groups, sha256sum(&dirs));
}
