//! Every blocking thread is taken, which is when one wants to look.

use std::sync::mpsc;
use std::time::Duration;

use regatta::observe::Registry;
use tokio::io::AsyncBufReadExt;
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::support::{Connection, queue_of, serve};

/// Reads until a line has this in it. Not by the helpers, which need a blocking thread themselves.
async fn reads(connection: &mut Connection, wanted: &str) {
    let reading = async {
        let mut line = String::new();
        while !line.contains(wanted) {
            line.clear();
            assert!(connection.stream.read_line(&mut line).await.expect("it is open") > 0, "{wanted} does not come");
        }
    };
    timeout(Duration::from_secs(20), reading).await.expect("it goes on");
}

#[test]
fn the_page_goes_on_where_no_blocking_thread_is_to_be_had() {
    let runtime = Builder::new_multi_thread().worker_threads(2).max_blocking_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (free, taken) = mpsc::channel::<()>();
    runtime.block_on(async {
        let hog = spawn_blocking(move || taken.recv());
        let registry = Registry::new();
        let _queue = queue_of(&registry, "work", 3);
        let server = serve(&registry).await;
        let mut events = Connection::open(server.address()).await;
        events.say("GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await;
        for _ in 0..3 {
            reads(&mut events, "event: frame").await;
        }
        for path in ["/snapshot.json", "/metrics"] {
            let mut once = Connection::open(server.address()).await;
            once.say(&format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")).await;
            reads(&mut once, "200 OK").await;
        }
        drop(free);
        drop(hog.await);
        reads(&mut events, "event: frame").await;
    });
}
