//! Links, loops of links, and paths that overlap.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::run::{Groups, dupes, report, report_on};
use super::tree::Tree;

fn one(group: &[&PathBuf]) -> Groups {
    BTreeSet::from([group.iter().map(|path| (*path).clone()).collect()])
}

#[tokio::test]
async fn links_are_passed_over_unless_they_are_followed() {
    let (tree, outside) = (Tree::new(), Tree::new());
    let a = tree.file("a", "same");
    let target = outside.file("b", "same");
    let link = tree.link(&target, "link");

    let found = report(tree.root(), &[]).await;
    assert_eq!((found.groups, found.scanned, found.errors), (Groups::new(), 1, Vec::new()));
    let found = report(tree.root(), &["--follow-links"]).await;
    assert_eq!((found.groups, found.scanned, found.errors), (one(&[&a, &link]), 2, Vec::new()));
}

#[tokio::test]
async fn a_file_and_links_to_it_are_one_file() {
    let tree = Tree::new();
    let file = tree.file("m", "same");
    let first = tree.link("m", "a");
    tree.link("a", "z");
    let other = tree.file("other", "same");

    let found = report(tree.root(), &["--follow-links"]).await;
    assert!(first < file, "the first in order stands for the file");
    assert_eq!((found.groups, found.scanned), (one(&[&first, &other]), 2));
}

#[tokio::test]
async fn a_folder_behind_links_is_walked_once() {
    let (tree, outside) = (Tree::new(), Tree::new());
    outside.file("deep/x", "same");
    outside.file("deep/y", "same");
    // The first in order leads into what the second leads to.
    tree.link(outside.path("deep"), "1");
    tree.link(outside.root(), "2");
    tree.link(outside.path("deep"), "3");

    let found = report(tree.root(), &["--follow-links"]).await;
    assert_eq!(found.groups, one(&[&tree.path("1/x"), &tree.path("1/y")]));
    assert_eq!((found.scanned, found.errors), (2, Vec::new()));
}

#[tokio::test]
async fn links_behind_links_are_followed() {
    let trees = [(); 4].map(|()| Tree::new());
    for (near, far) in trees.iter().zip(&trees[1..]) {
        near.link(far.root(), "next");
    }
    trees[3].file("a", "same");
    trees[3].file("b", "same");

    let found = report(trees[0].root(), &["--follow-links"]).await;
    let far = trees[0].path("next/next/next");
    assert_eq!((found.groups, found.errors), (one(&[&far.join("a"), &far.join("b")]), Vec::new()));
}

#[tokio::test]
async fn a_loop_of_links_is_an_error_and_the_run_goes_on() {
    let tree = Tree::new();
    let (a, b) = (tree.file("a", "same"), tree.file("dir/b", "same"));
    let up = tree.link("..", "dir/up");
    let ring = [tree.link("ring2", "ring1"), tree.link("ring1", "ring2")];
    let itself = tree.link("itself", "itself");
    let dangling = tree.link("nowhere", "dangling");

    let found = report(tree.root(), &["--follow-links"]).await;
    assert_eq!((found.groups, found.scanned), (one(&[&a, &b]), 2));
    let expected = [&dangling, &up, &itself, &ring[0], &ring[1]];
    let paths: Vec<&PathBuf> = found.errors.iter().map(|(path, _)| path).collect();
    assert_eq!(paths, expected);
    assert_eq!(found.errors[0].1, "a broken link: its target does not exist");
    assert!(found.errors[1].1.contains("a loop of links"), "{:?}", found.errors[1]);
}

#[tokio::test]
async fn folders_that_link_to_each_other_end() {
    let tree = Tree::new();
    let (x, y) = (tree.file("a/x", "same"), tree.file("b/y", "same"));
    tree.link("../b", "a/to_b");
    tree.link("../a", "b/to_a");

    let found = report(tree.root(), &["--follow-links"]).await;
    assert_eq!((found.groups, found.scanned, found.errors), (one(&[&x, &y]), 2, Vec::new()));
}

#[tokio::test]
async fn paths_that_overlap_count_each_file_once() {
    let tree = Tree::new();
    let (a, b) = (tree.file("a", "same"), tree.file("in/side/b", "same"));
    tree.link("in", "link");
    let names = ["in/side", "", "in", "in/../in", ".", "link", ""];
    for turn in 0..names.len() {
        let paths = names.iter().cycle().skip(turn).take(names.len()).map(|name| tree.path(name));
        let found = report_on(dupes().arg("--json").args(paths)).await;
        let real = |group: BTreeSet<PathBuf>| -> BTreeSet<PathBuf> {
            group.iter().map(|path| path.canonicalize().expect("a file that is there")).collect()
        };
        let real: Groups = found.groups.into_iter().map(real).collect();
        assert_eq!((real, found.scanned, found.errors), (one(&[&a, &b]), 2, Vec::new()), "turn {turn}");
    }
}

#[tokio::test]
async fn without_a_path_the_current_directory_is_searched() {
    let tree = Tree::new();
    tree.file("a", "same");
    tree.file("b", "same");
    let found = report_on(dupes().arg("--json").current_dir(tree.root())).await;
    assert_eq!(found.groups, one(&[&PathBuf::from("./a"), &PathBuf::from("./b")]));
}

/// Every path that is reached when each directory is walked once, links followed, with the links undone.
fn reached(dir: &Path, dirs: &mut BTreeSet<PathBuf>, files: &mut BTreeSet<PathBuf>) {
    if !dirs.insert(dir.canonicalize().expect("a directory that is there")) {
        return;
    }
    for entry in fs::read_dir(dir).expect("a directory can be listed") {
        let path = entry.expect("a directory can be listed").path();
        match path.is_dir() {
            true => reached(&path, dirs, files),
            false => _ = files.insert(path.canonicalize().expect("a file that is there")),
        }
    }
}

#[tokio::test]
async fn a_link_to_above_the_root_is_followed() {
    for name in ["up", "z", "deep/up"] {
        for target in ["..", "../..", "../../other", "../other"] {
            let tree = Tree::new();
            for file in ["fl/root/a", "fl/root/deep/c", "fl/other/b", "fl/other/in/d", "other/e"] {
                tree.file(file, "same");
            }
            tree.link("../..", "fl/other/in/back");
            tree.link(target, format!("fl/root/{name}"));
            tree.link(target, format!("fl/root/{name}2"));
            let root = tree.path("fl/root");
            let mut files = BTreeSet::new();
            if !root.join(name).exists() {
                continue;
            }
            reached(&root, &mut BTreeSet::new(), &mut files);

            let found = report(&root, &["--follow-links"]).await;
            let paths = found.groups.iter().flatten().map(|path| path.canonicalize().expect("a file that is there"));
            assert_eq!(paths.collect::<BTreeSet<_>>(), files, "{name} -> {target}");
            assert_eq!(found.scanned, files.len() as u64, "{name} -> {target}");
        }
    }
}
