//! A cache in front of a slow source: 1,000 concurrent requests for one key are one query.
//!
//! Run: `cargo run --example cache_aside`
//!
//! The source is a TCP server in this process that answers after 20 ms and counts how often it is asked. You will see a
//! thousand requests make one query; requests that leave, and a change in the middle of a query, do no harm; a source that is
//! down is asked no more than it has to be, while users go on seeing the last value; and what the cache says of itself.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use regatta::cache::{Cache, LoadError};
use regatta::task::TaskGroup;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

/// What can be seen of the source.
#[derive(Debug, Default)]
struct Source {
    queries: AtomicUsize,
    is_down: AtomicBool,
}

/// Answers each line with what it is asked for, and how often it was asked so far.
async fn serve(listener: TcpListener, source: Arc<Source>) {
    while let Ok((mut connection, _)) = listener.accept().await {
        let mut name = [0; 64];
        let Ok(length) = connection.read(&mut name).await else { continue };
        let count = source.queries.fetch_add(1, Ordering::Relaxed) + 1;
        sleep(Duration::from_millis(20)).await;
        if !source.is_down.load(Ordering::Relaxed) {
            let answer = format!("{} #{count}", String::from_utf8_lossy(&name[..length]));
            // Whoever has left does not want it.
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    }
}

async fn query(address: SocketAddr, name: String) -> Result<Arc<str>, Box<dyn Error + Send + Sync>> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(name.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    if answer.is_empty() { Err("the source is down".into()) } else { Ok(answer.into()) }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (address, source) = (listener.local_addr()?, Arc::new(Source::default()));
    let group = TaskGroup::new("cache_aside");
    group.spawn("source", serve(listener, source.clone()))?;

    let users: Cache<String, Arc<str>> = Cache::builder(10_000)
        .time_to_live(Duration::from_millis(200))
        .stale_while_revalidate(Duration::from_secs(10))
        .name("users")
        .build();
    let ask = async |name: &str| users.try_get_or_load(name, |name| query(address, name)).await;
    let queries = || source.queries.load(Ordering::Relaxed);

    let begun = Instant::now();
    let mut asking = Vec::new();
    for n in 0..1000 {
        let users = users.clone();
        let request = async move { users.try_get_or_load("ada", |name| query(address, name)).await };
        asking.push(group.spawn(format!("request-{n}"), request).map_err(|error| error.to_string())?);
    }
    for request in asking {
        assert_eq!(&*request.await??, "ada #1");
    }
    println!("1000 requests in {:?}: {} query", begun.elapsed(), queries());
    assert_eq!(queries(), 1);

    // The one who asked first gives up; the query goes on, and the next one has its answer.
    assert!(timeout(Duration::from_millis(1), ask("grace")).await.is_err());
    println!("the first one left, the second got {:?}", ask("grace").await?);
    assert_eq!(queries(), 2);

    // Somebody changes what is being asked for: what was read before is not kept.
    let (before, ()) = tokio::join!(ask("alan"), async {
        tokio::task::yield_now().await;
        users.invalidate("alan");
    });
    println!("in flight: {:?}; after the change: {:?}", before?, ask("alan").await?);
    assert_eq!(queries(), 4);

    // The source goes down: users see the last value, and the source is asked less and less often.
    source.is_down.store(true, Ordering::Relaxed);
    sleep(Duration::from_millis(250)).await;
    let before = queries();
    for _ in 0..100 {
        assert_eq!(&*ask("ada").await?, "ada #1");
        sleep(Duration::from_millis(5)).await;
    }
    println!("down for half a second: 100 requests answered, {} queries", queries() - before);
    assert!(queries() - before < 10);

    // Where there is no last value, there is an error, the same for all who waited.
    let (one, other) = tokio::join!(ask("linus"), ask("linus"));
    match (one, other) {
        (Err(LoadError::Failed(one)), Err(LoadError::Failed(other))) => {
            println!("{one}");
            assert!(one.is_same(&other));
        }
        others => panic!("{others:?}"),
    }

    println!("\n{}\n\n{}", users.stats(), regatta::observe::snapshot());
    assert!(users.shutdown(Duration::from_secs(1)).await.still_running.is_empty());
    drop(group.aborted().await);
    Ok(())
}
