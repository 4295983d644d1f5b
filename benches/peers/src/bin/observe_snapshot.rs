//! What one look costs where there is much to see: 10,000 actors, of which half have handled messages and so have timings.
//! And what it costs to be there to be seen: the time to spawn and to stop an actor, observed, unobserved and in a group.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin observe_snapshot
//! ```
//!
//! Looks are taken while the actors rest, after some seconds of one look a second: so rates are there, and the windows of the
//! inspector are complete. Frames are asked for over HTTP, each with a `top` of its own, because the observer keeps those it
//! has made. What all this takes in memory tells `observe_memory`.
#![forbid(unsafe_code)]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use regatta::actor::{Actor, ActorRef, Builder, Context, Reply};
use regatta::observe::{Inspector, Registry, Snapshot};
use regatta_observer::{Observer, Server};
use tokio::runtime::{self, Runtime};

const ACTORS: usize = 10_000;
/// For each actor that is told any: on average one in 64 is timed.
const MESSAGES: u64 = 256;
const LOOKS: usize = 50;
/// Looks before those that are timed.
const BEFORE: usize = 5;
const PERIOD: Duration = Duration::from_secs(1);
/// Actors that are spawned and stopped at once.
const BATCH: usize = 10_000;
const ROUNDS: usize = 9;
const WORKERS: usize = 2;

struct Session(u64);

enum Msg {
    Add(u64),
    Get(Reply<u64>),
}

type Make = fn() -> Builder<Msg>;

impl Actor for Session {
    type Msg = Msg;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: Msg, _: &mut Context<Self>) {
        match msg {
            Msg::Add(by) => self.0 += by,
            Msg::Get(reply) => drop(reply.send(self.0)),
        }
    }
}

fn main() -> io::Result<()> {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let registry = Registry::new();
    let sessions = within(&runtime, &registry, sessions());
    println!("{ACTORS} actors, {LOOKS} looks\n");
    println!("| what | median | most | bytes |");
    println!("|---|--:|--:|--:|");
    {
        // Where snapshots read how the runtime does.
        let _entered = runtime.enter();
        look(&registry);
    }
    let server = runtime.block_on(Observer::new().registry(registry.clone()).serve("127.0.0.1:0"));
    ask(&server.map_err(io::Error::other)?)?;
    spawn_and_stop(&runtime, &registry);
    drop(sessions);
    Ok(())
}

/// Runs a future as tasks do, in a scope of this registry.
fn within<R: Send + 'static>(
    runtime: &Runtime,
    registry: &Registry,
    future: impl Future<Output = R> + Send + 'static,
) -> R {
    let registry = registry.clone();
    runtime.block_on(runtime.spawn(async move { registry.scope(future).await })).expect("no panic")
}

async fn sessions() -> Vec<ActorRef<Session>> {
    let named = |number| Builder::new().name(format!("session-{number}")).spawn(Session(0));
    let sessions: Vec<_> = (0..ACTORS).map(named).collect();
    for session in sessions.iter().step_by(2) {
        for _ in 0..MESSAGES {
            assert!(session.tell(Msg::Add(1)).await.is_ok());
        }
        assert_eq!(session.ask(Msg::Get).await.ok(), Some(MESSAGES));
    }
    sessions
}

fn look(registry: &Registry) {
    let (mut inspector, mut snapshots, mut looks) = (Inspector::new(), Samples::default(), Samples::default());
    for _ in 0..BEFORE {
        inspector.look(registry.snapshot());
        sleep(PERIOD);
    }
    for _ in 0..LOOKS {
        let snapshot: Arc<Snapshot> = Arc::new(snapshots.time(|| registry.snapshot()));
        let timed = snapshot.rows.iter().filter(|row| row.timing_of("handler").is_some()).count();
        assert_eq!((snapshot.rows.len(), timed), (ACTORS, ACTORS / 2));
        // Which drops the one before the last.
        looks.time(|| inspector.look(snapshot));
    }
    snapshots.print("`Registry::snapshot`", None);
    looks.print("`Inspector::look`", None);
}

fn ask(server: &Server) -> io::Result<()> {
    let address = server.address();
    for _ in 0..BEFORE {
        get(address, "/snapshot.json?top=1")?;
        sleep(PERIOD);
    }
    frames(address, "`/snapshot.json?top=200`", |number| format!("/snapshot.json?top={}", 200 + number))?;
    frames(address, "`/snapshot.json`", |number| format!("/snapshot.json?top={}", 2 * ACTORS + number))?;
    frames(address, "`/metrics`, its snapshot included", |_| "/metrics".to_owned())
}

fn frames(address: SocketAddr, what: &str, path: impl Fn(usize) -> String) -> io::Result<()> {
    let (mut samples, mut bytes) = (Samples::default(), 0);
    for number in 0..LOOKS {
        let path = path(number);
        bytes = bytes.max(samples.time(|| get(address, &path))?);
    }
    samples.print(what, Some(bytes));
    Ok(())
}

/// Gives the length of the body.
fn get(address: SocketAddr, path: &str) -> io::Result<usize> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |end| end + 4);
    if !answer.starts_with(b"HTTP/1.1 200") || head == answer.len() {
        return Err(io::Error::other(format!("{path}: {}", String::from_utf8_lossy(&answer[..head]))));
    }
    Ok(answer.len() - head)
}

/// In the registry where all the others are.
fn spawn_and_stop(runtime: &Runtime, registry: &Registry) {
    let kinds: [(&str, Make); 3] = [
        ("observed", Builder::new),
        ("unobserved", || Builder::new().unobserved()),
        ("in a group", || Builder::new().observed_as("sessions")),
    ];
    let mut samples: [(Samples, Samples); 3] = Default::default();
    for round in 0..=ROUNDS {
        for place in 0..kinds.len() {
            let at = (round + place) % kinds.len();
            let (spawned, stopped) = within(runtime, registry, batch(kinds[at].1));
            // The first round warms up.
            if round > 0 {
                samples[at].0.0.push(spawned / BATCH as u32);
                samples[at].1.0.push(stopped / BATCH as u32);
            }
        }
    }
    println!("\n{BATCH} more actors at once, {ROUNDS} rounds; for each of them:\n");
    println!("| what | median | most | bytes |");
    println!("|---|--:|--:|--:|");
    for ((kind, _), (spawned, stopped)) in kinds.iter().zip(samples) {
        spawned.print(&format!("spawn, {kind}"), None);
        stopped.print(&format!("spawn and stop, {kind}"), None);
    }
}

/// The time until all are spawned, and until all have ended.
async fn batch(make: Make) -> (Duration, Duration) {
    let begun = Instant::now();
    let actors: Vec<_> = (0..BATCH).map(|_| make().spawn(Session(0))).collect();
    let spawned = begun.elapsed();
    let ends: Vec<_> = actors.iter().map(ActorRef::stop).collect();
    for end in ends {
        end.await;
    }
    (spawned, begun.elapsed())
}

#[derive(Default)]
struct Samples(Vec<Duration>);

impl Samples {
    fn time<R>(&mut self, run: impl FnOnce() -> R) -> R {
        let begun = Instant::now();
        let result = run();
        self.0.push(begun.elapsed());
        result
    }

    fn print(mut self, what: &str, bytes: Option<usize>) {
        self.0.sort();
        let (median, most) = (self.0[self.0.len() / 2], self.0[self.0.len() - 1]);
        let bytes = bytes.map_or(String::new(), |bytes| bytes.to_string());
        println!("| {what} | {median:.2?} | {most:.2?} | {bytes} |");
    }
}
