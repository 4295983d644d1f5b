//! Peers that mean no good, or are gone without a word.

use std::time::Duration;

use regatta::observe::Registry;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout};

use crate::support::{Connection, Events, LONG, get, pass, queue_of, serve, taken_within};

/// How many there may be.
const CONNECTIONS: usize = 256;

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_said_within_seconds_is_cut() {
    let server = serve(&Registry::new()).await;
    for beginning in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\n", "GET / HTTP/1.1\r\nX: y"] {
        let mut connection = Connection::open(server.address()).await;
        connection.say(beginning).await;
        let begun = Instant::now();
        // Whatever it says, it ends.
        let _ = connection.rest().await;
        assert!(begun.elapsed() < Duration::from_secs(25), "{beginning:?}: {:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_has_nothing_more_to_say_is_closed() {
    let server = serve(&Registry::new()).await;
    let mut connection = Connection::open(server.address()).await;
    connection.say("HEAD /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(connection.head().await.0, 404);
    connection.say("HEAD /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(connection.head().await.0, 404);
    let begun = Instant::now();
    let _ = connection.rest().await;
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_holds_nobody_up() {
    let server = serve(&Registry::new()).await;
    let mut connection = Connection::open(server.address()).await;
    connection.say("GET /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx").await;
    assert_eq!(connection.head().await.0, 404);
    let begun = Instant::now();
    let _ = connection.rest().await;
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn more_than_the_bound_wait_until_one_is_gone() {
    let registry = Registry::new();
    let server = serve(&registry).await;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(Events::open(&server, "?top=0").await);
    }
    let mut one_more = Connection::open(server.address()).await;
    one_more.say("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut byte = [0];
    let waits = timeout(Duration::from_millis(300), one_more.stream.read_exact(&mut byte)).await;
    assert!(waits.is_err(), "{waits:?}");
    open.pop();
    timeout(LONG, one_more.stream.read_exact(&mut byte)).await.expect("there is a place").unwrap();
    assert_eq!(&byte, b"H");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_never_reads_again_is_cut_and_looks_no_more() {
    let registry = Registry::new();
    let _ends: Vec<_> = (0..2_000).map(|n| queue_of(&registry, &format!("a queue with a long name {n}"), 0)).collect();
    let server = serve(&registry).await;
    let mut events = Events::on(Connection::narrow(server.address()).await, "?top=2000").await;
    events.frame().await;
    assert!(taken_within(&registry, Duration::from_secs(20)).await >= 15);
    // The kernel takes some frames before it has no more room, then a minute goes by.
    let begun = registry.snapshot().uptime;
    while taken_within(&registry, Duration::from_secs(3)).await > 0 {
        let waited = registry.snapshot().uptime - begun;
        assert!(waited < Duration::from_secs(120), "still looked for after {waited:?}");
    }
    let mut frames = 0;
    while events.next().await.is_some() {
        frames += 1;
    }
    assert!(frames < 20, "{frames}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_is_given_up() {
    let registry = Registry::new();
    let _ends: Vec<_> = (0..5_000).map(|n| queue_of(&registry, &format!("a queue with a long name {n}"), 0)).collect();
    let server = serve(&registry).await;
    let whole = get(&server, "/snapshot.json").await.body.len();
    let mut connection = Connection::narrow(server.address()).await;
    for _ in 0..5 {
        connection.say("GET /snapshot.json HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    }
    pass(Duration::from_secs(300)).await;
    let read = connection.rest().await.map_or(0, |rest| rest.len());
    assert!(read < 5 * whole, "{read} of {whole}");
}
