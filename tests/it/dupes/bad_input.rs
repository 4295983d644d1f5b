//! What cannot be read, is no file, or changes meanwhile: a clear line, and the run goes on.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use super::run::{Groups, dupes, parse, report, report_on, run, start};
use super::tree::Tree;

#[tokio::test]
async fn a_path_that_does_not_exist_is_refused() {
    let tree = Tree::new();
    let missing = tree.path("missing");
    for paths in [vec![missing.clone()], vec![tree.root().to_owned(), missing.clone()]] {
        let ended = run(paths).await;
        assert_eq!((ended.status.code(), &*ended.stdout), (Some(2), ""));
        assert_eq!(ended.stderr, format!("dupes: {}: no such directory\n", missing.display()));
    }
}

#[tokio::test]
async fn a_file_instead_of_a_directory_is_listed() {
    let tree = Tree::new();
    let (a, b, file) = (tree.file("dir/a", "same"), tree.file("dir/b", "same"), tree.file("file", "same"));
    let found = report_on(dupes().arg("--json").args([tree.path("dir"), file.clone()])).await;
    assert_eq!(found.groups, BTreeSet::from([BTreeSet::from([a, b])]));
    assert_eq!(found.errors, [(file, "not a directory, but a file".to_owned())]);
}

#[tokio::test]
async fn plain_output_lists_errors() {
    let tree = Tree::new();
    let file = tree.file("file", "same");
    let ended = run([&file]).await;
    let expected = format!("errors:\n    {}: not a directory, but a file\n", file.display());
    assert!(ended.stdout.contains(&expected), "{}", ended.stdout);
    assert!(ended.stdout.contains(" 1 error\n"), "{}", ended.stdout);
    assert_eq!(ended.status.code(), Some(0));
}

fn make_fifo(path: &PathBuf) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo starts").success());
}

#[tokio::test]
async fn a_fifo_or_a_socket_is_listed_and_holds_nothing_up() {
    let tree = Tree::new();
    let (a, b) = (tree.file("a", "same"), tree.file("b", "same"));
    let (fifo, socket) = (tree.path("fifo"), tree.path("socket"));
    make_fifo(&fifo);
    let _listener = UnixListener::bind(&socket).expect("a socket");
    let link = tree.link("fifo", "link");

    let mut errors = vec![
        (fifo.clone(), "skipped: a FIFO, not a regular file".to_owned()),
        (socket, "skipped: a socket, not a regular file".to_owned()),
    ];
    let found = report(tree.root(), &[]).await;
    assert_eq!((found.groups, &found.errors), (BTreeSet::from([BTreeSet::from([a, b])]), &errors));
    errors.insert(1, (link, errors[0].1.clone()));
    assert_eq!(report(tree.root(), &["--follow-links"]).await.errors, errors);
    assert_eq!(report(&fifo, &[]).await.errors, errors[..1]);
}

#[tokio::test]
async fn a_device_on_the_command_line_is_listed() {
    let null = PathBuf::from("/dev/null");
    let found = report(&null, &[]).await;
    assert_eq!(found.errors, [(null, "skipped: a device, not a regular file".to_owned())]);
}

/// Runs the example as somebody who is not allowed everything.
fn dupes_as_nobody(tree: &Tree) -> Command {
    let is_root = chown(tree.root(), Some(0), None).is_ok();
    if !is_root {
        return dupes();
    }
    // Where the example was built need not be open to others.
    let (copy, open) = (tree.path("dupes"), Permissions::from_mode(0o755));
    // Written by a process of its own. What other tests start meanwhile would inherit our handle, and nobody can run a file
    // that somebody has open for writing.
    let copied = Command::new("cp").arg(dupes().get_program()).arg(&copy).status();
    assert!(copied.expect("cp starts").success(), "the example is not copied");
    for path in [&copy, tree.root()] {
        fs::set_permissions(path, open.clone()).expect("permissions are set");
    }
    let mut command = Command::new(copy);
    command.uid(65534).gid(65534);
    command
}

#[tokio::test]
async fn without_permission_a_file_or_a_folder_is_listed() {
    let tree = Tree::new();
    let (a, b) = (tree.file("dir/a", "same"), tree.file("dir/b", "same"));
    let file = tree.file("dir/file", "same");
    let folder = tree.dir("dir/folder");
    let mut command = dupes_as_nobody(&tree);
    for path in [&file, &folder] {
        fs::set_permissions(path, Permissions::from_mode(0o000)).expect("permissions are set");
    }

    let found = report_on(command.arg("--json").args([tree.path("dir"), folder.clone()])).await;
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("permissions are set");
    assert_eq!(found.groups, BTreeSet::from([BTreeSet::from([a, b])]));
    let expected = [
        (file, "cannot be read: Permission denied (os error 13)".to_owned()),
        (folder, "cannot be listed: Permission denied (os error 13)".to_owned()),
    ];
    assert_eq!(found.errors, expected);
}

/// The kernel's own files tell a length of 0, and have content: to a reader they have grown since they were found.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_grows_is_listed() {
    let dir = PathBuf::from("/proc/sys/kernel/random");
    let found = report(&dir, &["--min-size", "0"]).await;
    assert_eq!(found.groups, Groups::new());
    let of_boot_id = (dir.join("boot_id"), "grew while it was looked at, from 0 bytes".to_owned());
    assert!(found.errors.contains(&of_boot_id), "{:?}", found.errors);
}

/// Those in /sys tell a whole page, and have less.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_shrinks_is_listed() {
    let dir = PathBuf::from("/sys/kernel/mm/transparent_hugepage");
    if !dir.exists() {
        return; // Not every kernel has it.
    }
    let found = report(&dir, &[]).await;
    let reason = |name: &str| {
        let is_it = |(path, _): &&(PathBuf, String)| path.ends_with(name);
        found.errors.iter().find(is_it).map(|(_, reason)| &**reason)
    };
    let reason = reason("enabled").expect("it is listed");
    assert!(reason.starts_with("shrank while it was looked at, from 4096 bytes to "), "{reason}");
}

/// Whatever the moment at which files vanish, grow and come back: what is reported was the same at some time.
#[tokio::test]
async fn files_that_change_meanwhile_end_no_run() {
    let tree = Tree::new();
    for n in 0..400 {
        tree.file(format!("{}/{n}", n % 20), "x".repeat(5_000));
    }
    let running: Vec<_> = (0..6).map(|_| start(dupes().arg("--json").arg(tree.root()))).collect();
    for n in 0..400 {
        let path = tree.path(format!("{}/{n}", n % 20));
        match n % 4 {
            0 => fs::remove_file(&path).expect("the file is removed"),
            1 => OpenOptions::new().append(true).open(&path).expect("it opens").write_all(b"more").expect("it grows"),
            2 => {
                fs::remove_file(&path).expect("the file is removed");
                make_fifo(&path);
            }
            _ => {}
        }
    }
    for run in running {
        let ended = run.ended().await;
        assert_eq!((ended.status.code(), &*ended.stderr), (Some(0), ""));
        let found = parse(&ended.stdout);
        assert!(!found.partial && found.groups.len() <= 2, "{:?}", found.groups);
    }
}
