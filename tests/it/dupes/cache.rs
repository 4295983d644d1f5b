//! Hashes kept between runs: what is known is not read again, and what may be wrong is not believed.

use std::fs::{self, File};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::run::{Groups, dupes, parse, run, start};
use super::tree::Tree;

const HOUR: Duration = Duration::from_secs(3_600);

/// What a run with a cache says.
#[derive(Debug, PartialEq)]
struct Found {
    groups: Groups,
    hits: u64,
    misses: u64,
    stderr: String,
}

/// Writes a file that was last changed at `time`.
fn file_of(tree: &Tree, name: &str, content: impl AsRef<[u8]>, time: SystemTime) -> PathBuf {
    let path = tree.file(name, content);
    File::options().write(true).open(&path).and_then(|file| file.set_modified(time)).expect("the time is set");
    path
}

/// Two groups, and five files that have to be read to their end: some in one go, some block by block.
fn tree_of(time: SystemTime) -> Tree {
    let tree = Tree::new();
    for (name, size, tail) in
        [("a", 5_000, "1"), ("b", 5_000, "1"), ("c", 3 << 20, "1"), ("d", 3 << 20, "1"), ("e", 3 << 20, "2")]
    {
        file_of(&tree, name, "x".repeat(size) + tail, time);
    }
    tree
}

fn old_tree() -> Tree {
    tree_of(SystemTime::now() - HOUR)
}

fn pairs<const N: usize>(tree: &Tree, pairs: [[&str; 2]; N]) -> Groups {
    pairs.into_iter().map(|pair| pair.map(|name| tree.path(name)).into()).collect()
}

async fn search(tree: &Tree, cache: &Path) -> Found {
    let ended = start(dupes().args(["--json", "--cache"]).args([cache, tree.root()])).ended().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let json: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let [hits, misses] = ["hits", "misses"].map(|name| json["cache"][name].as_u64().expect(name));
    assert_eq!(json["cache"]["hit_ratio"].as_f64(), Some(hits as f64 / (hits + misses) as f64), "{json}");
    Found { groups: parse(&ended.stdout).groups, hits, misses, stderr: ended.stderr }
}

fn found(groups: Groups, hits: u64, misses: u64) -> Found {
    Found { groups, hits, misses, stderr: String::new() }
}

#[tokio::test]
async fn a_second_run_knows_the_hashes() {
    let (tree, beside) = (old_tree(), Tree::new());
    let cache = beside.path("cache");
    let same = || pairs(&tree, [["a", "b"], ["c", "d"]]);
    assert_eq!(search(&tree, &cache).await, found(same(), 0, 5));
    assert_eq!(search(&tree, &cache).await, found(same(), 5, 0));
    assert_eq!(fs::read_dir(beside.root()).expect("it is listed").count(), 1, "nothing is left beside the cache");
}

#[tokio::test]
async fn a_file_that_has_changed_is_hashed_again() {
    let (tree, beside) = (old_tree(), Tree::new());
    let cache = beside.path("cache");
    search(&tree, &cache).await;
    // Of the same length: small and large.
    for (name, size) in [("b", 5_000), ("d", 3 << 20)] {
        file_of(&tree, name, "x".repeat(size) + "2", SystemTime::now() - HOUR / 2);
    }
    assert_eq!(search(&tree, &cache).await, found(pairs(&tree, [["d", "e"]]), 3, 2));
    assert_eq!(search(&tree, &cache).await, found(pairs(&tree, [["d", "e"]]), 5, 0));
}

#[tokio::test]
async fn another_file_in_the_place_of_one_is_hashed() {
    let (tree, beside) = (old_tree(), Tree::new());
    let cache = beside.path("cache");
    search(&tree, &cache).await;
    let time = fs::metadata(tree.path("d")).and_then(|metadata| metadata.modified()).expect("a file has a time");
    let new = file_of(&tree, "new", "x".repeat(3 << 20) + "2", time);
    fs::rename(new, tree.path("d")).expect("the file is replaced");
    assert_eq!(search(&tree, &cache).await, found(pairs(&tree, [["a", "b"], ["d", "e"]]), 4, 1));
}

/// A time to come stands for one that is just past, because that would have passed by when the machine is slow.
#[tokio::test]
async fn a_file_that_may_change_without_a_trace_is_not_kept() {
    let (tree, beside) = (tree_of(SystemTime::now() + HOUR), Tree::new());
    for _ in 0..2 {
        let same = pairs(&tree, [["a", "b"], ["c", "d"]]);
        assert_eq!(search(&tree, &beside.path("cache")).await, found(same, 0, 5));
    }
}

/// Spoils the cache, and checks that it is rebuilt with this reason.
async fn check_rebuilt(tree: &Tree, cache: &Path, spoil: impl FnOnce(&mut Vec<u8>), reason: &str) {
    let mut bytes = fs::read(cache).expect("there is a cache");
    spoil(&mut bytes);
    fs::write(cache, bytes).expect("the cache is written");
    let same = || pairs(tree, [["a", "b"], ["c", "d"]]);
    let stderr = format!("dupes: {}: {reason}; the cache is rebuilt\n", cache.display());
    assert_eq!(search(tree, cache).await, Found { stderr, ..found(same(), 0, 5) });
    assert_eq!(search(tree, cache).await, found(same(), 5, 0));
}

#[tokio::test]
async fn a_cache_that_is_damaged_is_rebuilt() {
    let (tree, beside) = (old_tree(), Tree::new());
    let cache = beside.path("cache");
    search(&tree, &cache).await;
    let length = fs::metadata(&cache).expect("there is a cache").len() as usize;
    // The first entry's device and hash, the last entry, the checksum.
    for at in [12, 60, length - 33, length - 1] {
        check_rebuilt(&tree, &cache, |bytes| bytes[at] ^= 1, "a cache that is damaged or cut short").await;
    }
    for kept in [12, 50, length - 64, length - 1] {
        check_rebuilt(&tree, &cache, |bytes| bytes.truncate(kept), "a cache that is damaged or cut short").await;
    }
}

#[tokio::test]
async fn a_cache_of_another_version_is_rebuilt() {
    let (tree, beside) = (old_tree(), Tree::new());
    let cache = beside.path("cache");
    search(&tree, &cache).await;
    check_rebuilt(&tree, &cache, |bytes| bytes[8] = 0, "a cache of another version of this program").await;
    check_rebuilt(&tree, &cache, |bytes| bytes[0] = 0, "a cache that is damaged or cut short").await;
}

#[tokio::test]
async fn an_empty_file_is_taken_for_a_first_run() {
    let (tree, beside) = (old_tree(), Tree::new());
    let cache = beside.file("cache", "");
    let same = || pairs(&tree, [["a", "b"], ["c", "d"]]);
    assert_eq!(search(&tree, &cache).await, found(same(), 0, 5));
    assert_eq!(search(&tree, &cache).await, found(same(), 5, 0));
}

#[tokio::test]
async fn a_file_that_is_no_cache_is_left_as_it_is() {
    let (tree, beside) = (old_tree(), Tree::new());
    let notes = beside.file("notes", "do not forget");
    let stderr = format!("dupes: {}: not a cache of this program; it is left as it is\n", notes.display());
    let same = pairs(&tree, [["a", "b"], ["c", "d"]]);
    assert_eq!(search(&tree, &notes).await, Found { stderr, ..found(same, 0, 5) });
    assert_eq!(fs::read_to_string(notes).expect("it is there"), "do not forget");
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_spoils_no_report() {
    let (tree, beside) = (old_tree(), Tree::new());
    let cache = beside.path("missing/cache");
    let same = pairs(&tree, [["a", "b"], ["c", "d"]]);
    let ended = search(&tree, &cache).await;
    let reason = format!("dupes: {}: the cache cannot be written: No such file or directory", cache.display());
    assert!(ended.stderr.starts_with(&reason) && ended.stderr.lines().count() == 1, "{}", ended.stderr);
    assert_eq!(Found { stderr: String::new(), ..ended }, found(same, 0, 5));
}

#[tokio::test]
async fn what_is_no_file_is_never_replaced() {
    let (tree, beside) = (old_tree(), Tree::new());
    let cache = beside.path("socket");
    let _listener = UnixListener::bind(&cache).expect("a socket");
    let ended = search(&tree, &cache).await;
    assert_eq!((ended.misses, ended.stderr.matches("not a regular file").count()), (5, 2), "{}", ended.stderr);
    assert!(fs::metadata(&cache).expect("it is there").file_type().is_socket());
}

#[tokio::test]
async fn behind_a_link_the_target_is_replaced() {
    let (tree, beside) = (old_tree(), Tree::new());
    let (cache, link) = (beside.file("cache", ""), beside.link("cache", "link"));
    assert_eq!(search(&tree, &link).await.misses, 5);
    assert_eq!(search(&tree, &cache).await.hits, 5);
    assert!(link.is_symlink());
}

#[tokio::test]
async fn plain_output_tells_how_much_was_known() {
    let (tree, beside) = (old_tree(), Tree::new());
    let cache = beside.path("cache");
    for percent in ["0.0", "100.0"] {
        let ended = run(["--quiet".as_ref(), "--cache".as_ref(), cache.as_os_str(), tree.root().as_os_str()]).await;
        let line = format!("\ncache: {percent} % of 5 hashes were known ({})\n", cache.display());
        assert!(ended.stdout.ends_with(&line), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn without_the_flag_nothing_is_written_and_nothing_said() {
    let (tree, beside) = (old_tree(), Tree::new());
    for flags in [&["--json"][..], &[]] {
        let ended = start(dupes().args(flags).arg(tree.root()).current_dir(beside.root())).ended().await;
        assert!(!ended.stdout.contains("cache") && ended.stderr.is_empty(), "{}", ended.stdout);
    }
    for (dir, count) in [(tree.root(), 5), (beside.root(), 0)] {
        assert_eq!(fs::read_dir(dir).expect("it is listed").count(), count);
    }
}
