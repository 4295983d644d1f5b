//! A chat over TCP: an actor for each guest, a topic for the room.
//!
//! Run: `cargo run --example chat`
//!
//! You will see what two guests read who come, talk and leave, and a third whose name is taken. Each of them is an actor that
//! takes the lines of its connection and the talk of the room as streams: a guest who reads slowly would hold nobody up, and
//! be told what was missed.

use std::error::Error;
use std::time::Duration;

use futures::stream;
use regatta::BoxError;
use regatta::actor::{ActorSystem, Context, Lagged, Reply, SystemRef, Topic};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// One who is connected.
struct Guest {
    name: String,
    room: Topic<String>,
    from: Option<OwnedReadHalf>,
    to: OwnedWriteHalf,
}

#[regatta::actor]
impl Guest {
    /// The guest has typed a line, or has left.
    pub fn typed(&mut self, line: Option<String>, cx: &mut Context<Self>) {
        match line {
            Some(line) => drop(self.room.publish(format!("{}: {line}", self.name))),
            None => cx.stop(),
        }
    }

    /// Somebody has said something.
    pub async fn hears(&mut self, said: Result<String, Lagged>, cx: &mut Context<Self>) {
        let line = said.unwrap_or_else(|lagged| format!("({} lines were missed)", lagged.missed));
        if self.to.write_all(format!("{line}\n").as_bytes()).await.is_err() {
            cx.stop();
        }
    }

    async fn started(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
        let from = self.from.take().ok_or("a guest lives once")?;
        let lines = BufReader::new(from).lines();
        cx.attach(typing(lines), |line| GuestMsg::Typed { line, reply: Reply::nobody() });
        cx.attach(self.room.subscribe(), |said| GuestMsg::Hears { said, reply: Reply::nobody() });
        self.room.publish(format!("{} comes in", self.name));
        Ok(())
    }

    async fn stopping(&mut self, _: &mut Context<Self>) {
        self.room.publish(format!("{} leaves", self.name));
    }
}

/// The lines of a connection, and `None` for its end.
fn typing(lines: Lines<BufReader<OwnedReadHalf>>) -> impl futures::Stream<Item = Option<String>> + Send {
    stream::unfold(Some(lines), |lines| async {
        let mut lines = lines?;
        match lines.next_line().await {
            Ok(Some(line)) => Some((Some(line), Some(lines))),
            _ => Some((None, None)),
        }
    })
}

/// Takes connections in. The first line of each is the guest's name, which is free or not.
async fn serve(listener: TcpListener, guests: SystemRef, room: Topic<String>) -> Result<(), BoxError> {
    loop {
        let (from, mut to) = listener.accept().await?.0.into_split();
        let mut from = BufReader::new(from);
        let mut name = String::new();
        from.read_line(&mut name).await?;
        let name = name.trim().to_owned();
        // Nothing is typed before the first answer, so the buffer is empty.
        let guest = Guest { name: name.clone(), room: room.clone(), from: Some(from.into_inner()), to };
        if let Err(refused) = guests.create(name, guest).await {
            let text = format!("{refused}\n");
            if let Some(guest) = refused.into_inner() {
                to = guest.to;
                let _ = to.write_all(text.as_bytes()).await;
            }
        }
    }
}

/// A guest's own program: reads what is said, line by line.
struct Client {
    lines: Lines<BufReader<OwnedReadHalf>>,
    to: OwnedWriteHalf,
}

impl Client {
    async fn connect(address: std::net::SocketAddr, name: &str) -> Result<Self, BoxError> {
        let (from, mut to) = TcpStream::connect(address).await?.into_split();
        to.write_all(format!("{name}\n").as_bytes()).await?;
        Ok(Self { lines: BufReader::new(from).lines(), to })
    }

    async fn read(&mut self) -> Result<String, BoxError> {
        Ok(self.lines.next_line().await?.unwrap_or_else(|| "(closed)".into()))
    }

    async fn say(&mut self, line: &str) -> Result<(), BoxError> {
        Ok(self.to.write_all(format!("{line}\n").as_bytes()).await?)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let system = ActorSystem::new("chat").await;
    let room = Topic::new("room", 64);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(serve(listener, system.handle(), room.clone()));

    let mut ann = Client::connect(address, "ann").await?;
    assert_eq!(ann.read().await?, "ann comes in");
    let mut bob = Client::connect(address, "bob").await?;
    assert_eq!(bob.read().await?, "bob comes in");
    assert_eq!(ann.read().await?, "bob comes in");

    let mut other = Client::connect(address, "ann").await?;
    println!("a second ann reads: {}", other.read().await?);

    bob.say("hello").await?;
    println!("ann reads: {}", ann.read().await?);
    ann.say("hello yourself").await?;
    assert_eq!(bob.read().await?, "bob: hello");
    println!("bob reads: {}", bob.read().await?);

    drop(bob);
    assert_eq!(ann.read().await?, "ann: hello yourself");
    println!("ann reads: {}", ann.read().await?);
    while system.names().len() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(room.subscribers(), 1);

    server.abort();
    let report = system.shutdown(Duration::from_secs(5)).await;
    assert!(report.is_clean());
    println!("{report}");
    Ok(())
}
