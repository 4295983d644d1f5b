//! How it ends: at once, and whole.

use std::time::{Duration, Instant};

use regatta::observe::Registry;
use regatta_observer::Server;
use tokio::net::TcpStream;

use crate::support::{Connection, Events, eventually, get, queue_of, serve, taken_within};

/// Pages that are open, and somebody who says nothing.
async fn visitors(server: &Server) -> (Vec<Events>, Connection) {
    let mut pages = Vec::new();
    for _ in 0..5 {
        let mut page = Events::open(server, "").await;
        page.frame().await;
        pages.push(page);
    }
    (pages, Connection::open(server.address()).await)
}

async fn assert_cut((pages, mut silent): (Vec<Events>, Connection)) {
    for mut page in pages {
        while page.next().await.is_some() {}
    }
    let _ = silent.rest().await;
}

async fn assert_over(registry: &Registry, address: std::net::SocketAddr) {
    eventually("nobody listens", async || TcpStream::connect(address).await.is_err()).await;
    eventually("sampling ends", async || taken_within(registry, Duration::from_millis(1500)).await == 0).await;
}

#[tokio::test]
async fn shutdown_ends_open_pages_at_once_and_cleanly() {
    let registry = Registry::new();
    let _ends = queue_of(&registry, "work", 1);
    let server = serve(&registry).await;
    let (address, visitors) = (server.address(), visitors(&server).await);
    get(&server, "/snapshot.json").await;
    let begun = Instant::now();
    let report = server.shutdown(Duration::from_secs(60)).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{report}");
    assert!(report.is_clean() && report.finished >= 7, "{report}");
    // At once, not soon.
    assert!(TcpStream::connect(address).await.is_err());
    assert_cut(visitors).await;
    assert_over(&registry, address).await;
}

#[tokio::test]
async fn abort_ends_it_and_may_be_said_twice() {
    let registry = Registry::new();
    let server = serve(&registry).await;
    let (address, visitors) = (server.address(), visitors(&server).await);
    server.abort();
    server.abort();
    assert_cut(visitors).await;
    assert_over(&registry, address).await;
    let report = server.shutdown(Duration::from_secs(5)).await;
    assert!(report.panicked_count == 0 && report.still_running.is_empty(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_server_ends_it() {
    let registry = Registry::new();
    let server = serve(&registry).await;
    let (address, visitors) = (server.address(), visitors(&server).await);
    drop(server);
    assert_cut(visitors).await;
    assert_over(&registry, address).await;
}

#[tokio::test]
async fn a_shutdown_that_is_dropped_has_ended_it() {
    let registry = Registry::new();
    let server = serve(&registry).await;
    let (address, visitors) = (server.address(), visitors(&server).await);
    drop(server.shutdown(Duration::from_secs(60)));
    assert_cut(visitors).await;
    assert_over(&registry, address).await;
}

#[tokio::test]
async fn an_address_can_be_served_again_after_a_shutdown() {
    let server = serve(&Registry::new()).await;
    let address = server.address();
    get(&server, "/").await;
    let _ = server.shutdown(Duration::from_secs(5)).await;
    let again = regatta_observer::Observer::new().registry(Registry::new()).serve(address).await;
    assert_eq!(get(&again.expect("the address is free"), "/").await.status, 200);
}

#[tokio::test]
async fn what_is_served_does_not_show_itself() {
    let registry = Registry::new();
    let server = registry.scope(serve(&registry)).await;
    let _page = Events::open(&server, "").await;
    let shown = get(&server, "/snapshot.json").await.snapshot();
    assert!(shown.rows.is_empty(), "{shown}");
}
