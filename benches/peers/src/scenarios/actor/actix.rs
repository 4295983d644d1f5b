//! actix. Its actors live in a `System` with a thread of its own, so ours has two threads where this has three; with one
//! sender and one receiver two of them have something to do.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use actix::{Actor, Addr, Context, Handler, Message, System};
use tokio::sync::oneshot;

use super::Count;

struct Counter {
    room: usize,
    sum: u64,
}

impl Actor for Counter {
    type Context = Context<Self>;

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.set_mailbox_capacity(self.room);
    }
}

struct Add(u64);

impl Message for Add {
    type Result = ();
}

impl Handler<Add> for Counter {
    type Result = ();

    fn handle(&mut self, Add(by): Add, _: &mut Context<Self>) {
        self.sum += by;
    }
}

struct Get;

impl Message for Get {
    type Result = u64;
}

impl Handler<Get> for Counter {
    type Result = u64;

    fn handle(&mut self, _: Get, _: &mut Context<Self>) -> u64 {
        self.sum
    }
}

#[derive(Clone)]
pub(super) struct Handle {
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

pub(super) async fn counter(room: usize) -> Handle {
    let (started, handles) = oneshot::channel();
    let thread = thread::spawn(move || {
        let runner = System::new();
        let counter = runner.block_on(async { Counter { room, sum: 0 }.start() });
        assert!(started.send((counter, System::current())).is_ok(), "somebody waits for the counter");
        runner.run().expect("the system ends well");
    });
    let (counter, system) = handles.await.expect("the system starts");
    Handle { counter, _system: Arc::new(Running { system, thread: Some(thread) }) }
}

impl Count for Handle {
    /// There is no tell that waits for room: `send` waits for the answer, too, `do_send` ignores the limit, `try_send`
    /// refuses. Here it is tried again, after the others of this thread.
    async fn add(&self, by: u64) {
        while self.counter.try_send(Add(by)).is_err() {
            assert!(self.counter.connected(), "the counter is there");
            tokio::task::yield_now().await;
        }
    }

    async fn get(&self) -> u64 {
        self.counter.send(Get).await.expect("an answer")
    }
}
