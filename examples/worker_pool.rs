//! Sends a thousand requests to a server on the loopback, at most eight at once, over eight connections that are kept.
//!
//! Run: `cargo run --example worker_pool`
//!
//! You will see how many connections the server has accepted (one for each worker, although each job asks for its worker's
//! connection), that a request of high priority overtakes hundreds that were queued before it, that the pool works on at
//! another size, and the report at the end: one request was aborted as it took too long, one has panicked.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures::StreamExt;
use regatta::policy::Priority;
use regatta::pool::{JobError, TaskContext, TaskPool, as_completed};
use regatta::task::TaskGroup;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a worker keeps: its connection, once it has one.
type Line = Option<BufReader<TcpStream>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = TaskGroup::new("server");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (address, accepted) = (listener.local_addr()?, Arc::new(AtomicUsize::new(0)));
    server.spawn("accept", serve(listener, accepted.clone(), server.spawner()))?;

    let pool = TaskPool::builder().limit(8).capacity(1_000).name("requests").name(|i| format!("line {i}"));
    let pool = pool.state(|_worker| Line::None).build();
    let mut handles = Vec::new();
    for n in 0..1_000 {
        handles.push(pool.submit_with(Priority::Low, move |cx| ask(cx, address, format!("request {n}"))).await?);
    }
    let urgent = pool.submit_with(Priority::High, move |cx| ask(cx, address, "urgent".into())).await?;
    assert_eq!(urgent.await??, "URGENT");
    let overtaken = handles.iter().filter(|handle| !handle.is_finished()).count();
    println!("the urgent request has overtaken {overtaken}");
    assert!(overtaken > 0);

    // Half of the workers are needed elsewhere: each leaves after the request it has, and none is lost.
    pool.resize(4);
    let mut answers = as_completed(handles);
    while let Some((n, answer)) = answers.next().await {
        assert_eq!(answer??, format!("REQUEST {n}"));
    }
    println!("{} connections for {} requests", accepted.load(Relaxed), pool.stats().flow.done);
    assert!(accepted.load(Relaxed) <= 8);

    // A request that is never answered ends with its time: else it would keep its worker.
    let silent = pool.submit(std::future::pending::<()>()).await?.cancel_on_drop();
    assert!(tokio::time::timeout(Duration::from_millis(20), silent).await.is_err());
    assert_eq!(pool.stats().cancelled, 1);

    let broken = pool.submit(async { "no number".parse::<u32>().expect("a number") }).await?;
    assert!(matches!(broken.await, Err(JobError::Panicked(_))));
    println!("{}", regatta::observe::snapshot());
    println!("{}", pool.shutdown(Duration::from_secs(5)).await);
    println!("{}", server.shutdown(Duration::ZERO).await);
    Ok(())
}

/// One request over the worker's own connection. If it is cancelled half-way, the worker gets a new one.
async fn ask(mut cx: TaskContext<Line>, address: std::net::SocketAddr, line: String) -> std::io::Result<String> {
    if cx.state().is_none() {
        *cx.state() = Some(BufReader::new(TcpStream::connect(address).await?));
    }
    let connection = cx.state().as_mut().expect("it was made above");
    connection.write_all(format!("{line}\n").as_bytes()).await?;
    let mut answer = String::new();
    connection.read_line(&mut answer).await?;
    Ok(answer.trim_end().to_owned())
}

/// Answers each line in capitals.
async fn serve(listener: TcpListener, accepted: Arc<AtomicUsize>, spawner: regatta::task::Spawner) {
    while let Ok((stream, _)) = listener.accept().await {
        let number = accepted.fetch_add(1, Relaxed);
        let answer = async move {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                if stream.write_all(line.to_uppercase().as_bytes()).await.is_err() {
                    break;
                }
                line.clear();
            }
        };
        // Refused only while the server stops.
        let _ = spawner.spawn(format!("connection {number}"), answer);
    }
}
