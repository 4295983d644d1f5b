//! actix. Its actors live in a `System` with a thread of its own, so ours has two threads where this has three; with one
//! sender and one receiver two of them have something to do.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use actix::{Actor, Addr, Context, Handler, Message, System};
use tokio::sync::oneshot;

use super::{Count, ROOM};

struct Counter(u64);

impl Actor for Counter {
    type Context = Context<Self>;

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.set_mailbox_capacity(ROOM);
    }
}

struct Add(u64);

impl Message for Add {
    type Result = ();
}

impl Handler<Add> for Counter {
    type Result = ();

    fn handle(&mut self, Add(by): Add, _: &mut Context<Self>) {
        self.0 += by;
    }
}

struct Get;

impl Message for Get {
    type Result = u64;
}

impl Handler<Get> for Counter {
    type Result = u64;

    fn handle(&mut self, _: Get, _: &mut Context<Self>) -> u64 {
        self.0
    }
}

#[derive(Clone)]
struct Handle {
    counter: Addr<Counter>,
    _system: Arc<Running>,
}

/// A system, which is stopped and waited for when the last handle is gone.
struct Running {
    system: System,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.system.stop();
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok(), "the system ends well");
        }
    }
}

async fn start() -> Handle {
    let (started, handles) = oneshot::channel();
    let thread = thread::spawn(move || {
        let runner = System::new();
        let counter = runner.block_on(async { Counter(0).start() });
        assert!(started.send((counter, System::current())).is_ok(), "somebody waits for the counter");
        runner.run().expect("the system ends well");
    });
    let (counter, system) = handles.await.expect("the system starts");
    Handle { counter, _system: Arc::new(Running { system, thread: Some(thread) }) }
}

/// Told with `try_send`, which refuses when the mailbox is full: then again, after the others of this thread. A tell that
/// waits for room there is not, as `send` waits for the answer, too.
#[derive(Clone)]
pub(super) struct Trying(Handle);

pub(super) async fn trying_counter() -> Trying {
    Trying(start().await)
}

impl Count for Trying {
    async fn add(&self, by: u64) {
        while self.0.counter.try_send(Add(by)).is_err() {
            assert!(self.0.counter.connected(), "the counter is there");
            tokio::task::yield_now().await;
        }
    }

    async fn get(&self) -> u64 {
        self.0.counter.send(Get).await.expect("an answer")
    }
}

/// Told with `do_send`, which never waits, whatever the limit of the mailbox: the usual thing to write, and as unlimited
/// as ractor.
#[derive(Clone)]
pub(super) struct Doing(Handle);

pub(super) async fn doing_counter() -> Doing {
    Doing(start().await)
}

impl Count for Doing {
    async fn add(&self, by: u64) {
        self.0.counter.do_send(Add(by));
    }

    async fn get(&self) -> u64 {
        self.0.counter.send(Get).await.expect("an answer")
    }
}
