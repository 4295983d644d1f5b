//! What tests share: HTTP by hand, and components to look at. Helpers return facts; the assertions stay in the tests.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use regatta::observe::{Registry, Snapshot};
use regatta::queue::{self, Consumer, Producer};
use regatta_observer::{Observer, Server};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Lets so much time go by; for tests whose clock is paused.
pub(crate) async fn pass(time: Duration) {
    let _ = timeout(time, pending::<()>()).await;
}

/// Holds a clock that is paused still while something is done that takes none of its time. Else whatever waits for the
/// kernel makes it leap to the next timer; unless somebody is at work on a blocking thread.
pub(crate) async fn at_once<F: Future>(work: F) -> F::Output {
    let (done, until) = mpsc::channel::<()>();
    let holding = spawn_blocking(move || until.recv_timeout(LONG));
    let output = work.await;
    drop(done);
    let _ = holding.await;
    output
}

/// Waits until `check` holds, and panics with `what` when it doesn't by the deadline.
pub(crate) async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !check().await {
        assert!(begun.elapsed() < LONG, "still not so after {LONG:?}: {what}");
        pass(Duration::from_millis(5)).await;
    }
}

/// Serves a registry of the test's own, without a token.
pub(crate) async fn serve(registry: &Registry) -> Server {
    Observer::new().registry(registry.clone()).serve("127.0.0.1:0").await.expect("a port is free")
}

/// How many snapshots others take while this time goes by.
pub(crate) async fn taken_within(registry: &Registry, time: Duration) -> u64 {
    let before = registry.snapshot().sequence;
    pass(time).await;
    registry.snapshot().sequence - before - 1
}

/// A queue of this name, with so many items in it.
pub(crate) fn queue_of(registry: &Registry, name: &str, items: usize) -> (Producer<usize>, Consumer<usize>) {
    let ends = registry.enter(|| queue::Builder::new(items + 1).name(name).build());
    for item in 0..items {
        ends.0.try_send(item).expect("there is room");
    }
    ends
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// Empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    /// The rows that are shown, with the rest of what was read.
    pub(crate) fn snapshot(&self) -> Snapshot {
        serde_json::from_value(self.json()["snapshot"].clone()).expect("the field is a snapshot")
    }
}

pub(crate) async fn get(server: &Server, path: &str) -> Answer {
    request(server.address(), "GET", path, "Host: 127.0.0.1\r\n").await
}

/// One request on a connection of its own; `headers` are lines that end in `\r\n`.
pub(crate) async fn request(address: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
    let answer = async {
        let mut connection = Connection::open(address).await;
        connection.say(&format!("{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")).await;
        let (status, headers) = connection.head().await;
        let mut answer = Answer { status, headers, body: String::new() };
        let mut body = Vec::new();
        if answer.header("transfer-encoding") == "chunked" {
            while let Some(chunk) = connection.chunk().await {
                body.extend(chunk);
            }
        } else {
            connection.stream.read_to_end(&mut body).await.expect("the body comes");
        }
        answer.body = String::from_utf8(body).expect("it is UTF-8");
        answer
    };
    timeout(LONG, at_once(answer)).await.expect("an answer comes")
}

pub(crate) struct Connection {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self { stream: BufReader::new(TcpStream::connect(address).await.expect("it listens")) }
    }

    /// One that the kernel keeps little for.
    pub(crate) async fn narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a size");
        Self { stream: BufReader::with_capacity(4096, socket.connect(address).await.expect("it listens")) }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("it is read");
    }

    /// The status, and the headers in lower case.
    pub(crate) async fn head(&mut self) -> (u16, Vec<(String, String)>) {
        let status = self.line().await.expect("an answer comes");
        let status = status.split(' ').nth(1).expect("a status").parse().expect("a number");
        let mut headers = Vec::new();
        while let Some(line) = self.line().await.ok().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").expect("a header");
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        (status, headers)
    }

    /// What is left until the other end closes, if it does so in an orderly way.
    pub(crate) async fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        timeout(20 * LONG, self.stream.read_to_end(&mut rest)).await.expect("it ends")?;
        Ok(rest)
    }

    /// `None` at the end, or when the connection is cut.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        // Until it begins time may go by; then it is only a matter of reading it.
        self.stream.fill_buf().await.ok()?;
        at_once(async {
            let size = usize::from_str_radix(&self.line().await.ok()?, 16).ok()?;
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk).await.ok()?;
            chunk.truncate(size);
            (size > 0).then_some(chunk)
        })
        .await
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await?;
        if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(line.trim_end().to_owned()) }
    }
}

/// A page that is open.
pub(crate) struct Events {
    connection: Connection,
    text: String,
}

impl Events {
    pub(crate) async fn open(server: &Server, query: &str) -> Self {
        Self::on(Connection::open(server.address()).await, query).await
    }

    pub(crate) async fn on(mut connection: Connection, query: &str) -> Self {
        connection.say(&format!("GET /events{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")).await;
        let (status, _) = timeout(LONG, at_once(connection.head())).await.expect("an answer comes");
        assert_eq!(status, 200);
        Self { connection, text: String::new() }
    }

    /// The name and the data of the next event; `None` when the connection is cut.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let lines: Vec<&str> = event.lines().collect();
                let event = match lines[..] {
                    [comment] if comment.starts_with(':') => None,
                    [name, data] => {
                        let name = name.strip_prefix("event: ").expect("a name").to_owned();
                        let data = serde_json::from_str(data.strip_prefix("data: ").expect("data"));
                        Some((name, data.expect("JSON")))
                    }
                    _ => panic!("no event: {event}"),
                };
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let chunk = timeout(LONG, self.connection.chunk()).await.expect("something comes")?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("it is UTF-8"));
        }
    }

    /// The data of the next frame.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            let (name, data) = self.next().await.expect("frames come");
            if name == "frame" {
                return data;
            }
        }
    }
}

/// Which look a frame is of.
pub(crate) fn sequence(frame: &Value) -> u64 {
    frame["snapshot"]["sequence"].as_u64().expect("a number")
}

/// The names of the rows of a frame, in their order.
pub(crate) fn names(frame: &Value) -> Vec<&str> {
    let rows = frame["snapshot"]["rows"].as_array().expect("rows");
    rows.iter().map(|row| row["name"].as_str().expect("a name")).collect()
}
