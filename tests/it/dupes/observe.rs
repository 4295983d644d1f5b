//! The page that shows what a run is at.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::Value;

use super::run::{LIMIT, Running, dupes, parse, run, start};
use super::tree::Tree;
use crate::support::eventually;

/// Two files that take minutes to read, and no room on the disk.
fn endless() -> Tree {
    let tree = Tree::new();
    set_lengths(&tree, 1 << 40);
    tree
}

/// Lets the run end by itself.
fn cut_off(tree: &Tree) {
    set_lengths(tree, 0);
}

fn set_lengths(tree: &Tree, length: u64) {
    for name in ["a", "b"] {
        let file = File::options().create(true).write(true).truncate(false).open(tree.path(name));
        file.and_then(|file| file.set_len(length)).expect("a sparse file");
    }
}

/// Where the page is.
async fn address(running: &Running) -> String {
    let mut address = None;
    eventually(LIMIT, "it says where the page is", || {
        let stderr = running.stderr();
        address = stderr.strip_prefix("observer: http://").and_then(|rest| Some(rest.split_once("/\n")?.0.to_owned()));
        address.is_some()
    })
    .await;
    address.expect("just seen")
}

/// The rows of one look, by name and kind.
fn rows(address: &str) -> io::Result<Vec<(String, String)>> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /snapshot.json HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let json: Value = serde_json::from_str(body).expect("JSON");
    let text = |row: &Value, field: &str| row[field].as_str().expect("a text").to_owned();
    let rows = json["snapshot"]["rows"].as_array().expect("rows");
    Ok(rows.iter().map(|row| (text(row, "name"), text(row, "kind"))).collect())
}

#[tokio::test]
async fn a_run_is_observed_until_it_ends() {
    let tree = endless();
    let running = start(dupes().args(["--json", "--observe=127.0.0.1:0"]).arg(tree.root()));
    let address = address(&running).await;
    let expected = [
        ("dupes", "pipeline"),
        ("hash whole", "stage"),
        ("found", "queue"),
        ("directories", "queue"),
        ("hash", "pool"),
        ("disk", "tasks"),
        ("walk", "tasks"),
        ("index", "actor"),
    ];
    eventually(LIMIT, "everything is shown", || {
        let rows = rows(&address).expect("it runs");
        expected.iter().all(|(name, kind)| rows.contains(&((*name).to_owned(), (*kind).to_owned())))
    })
    .await;
    cut_off(&tree);
    let ended = running.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(parse(&ended.stdout).scanned, 2);
    assert!(rows(&address).is_err());
}

#[tokio::test]
async fn without_an_address_a_free_port_will_do() {
    let tree = endless();
    // Taken by us, or by whoever has it already.
    let _taken = TcpListener::bind("127.0.0.1:7979");
    let running = start(dupes().args(["--json", "--observe"]).arg(tree.root()));
    let address = address(&running).await;
    assert_ne!(address, "127.0.0.1:7979");
    assert!(rows(&address).is_ok());
    cut_off(&tree);
    assert_eq!(running.ended().await.status.code(), Some(0));
}

#[tokio::test]
async fn an_address_that_cannot_be_served_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (taken, _listener) = taken.expect("a port");
    let bad = [
        ("nowhere".to_owned(), "the observer cannot listen at its address, which is one of this machine, and a port: "),
        ("0.0.0.0:0".to_owned(), "the observer would be open to whoever reaches "),
        (taken.to_string(), "the observer's address is taken; "),
    ];
    for (address, why) in bad {
        let tree = Tree::new();
        let ended = run([format!("--observe={address}").as_ref(), tree.root().as_os_str()]).await;
        assert_eq!((ended.status.code(), &*ended.stdout), (Some(2), ""), "{address}");
        let expected = format!("dupes: --observe={address}: {why}");
        assert!(ended.stderr.starts_with(&expected) && ended.stderr.lines().count() == 1, "{}", ended.stderr);
    }
}
