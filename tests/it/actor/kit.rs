//! An actor that does what it is told, and tells what was done to it.

use std::sync::{Arc, Mutex};

use regatta::BoxError;
use regatta::actor::{Actor, ActorRef, Context, Reply, StopReason};

use crate::support::{DropCounter, DropGuard, Gate};

/// What happened, in order. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(super) fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// What a probe does in a hook.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum In {
    #[default]
    Nothing,
    Panic,
    Fail,
    Hang,
}

pub(super) struct Probe {
    pub(super) log: Log,
    pub(super) starting: In,
    pub(super) stopping: In,
    pub(super) stopped: In,
    guard: DropGuard,
    n: i64,
    kept: Vec<Reply<i64>>,
}

pub(super) enum Msg {
    Add(i64),
    Get(Reply<i64>),
    /// Remembers the reply.
    Keep(Reply<i64>),
    /// Waits for a gate, with the reply in hand.
    Wait(Gate, Reply<i64>),
    /// Waits for a gate and adds.
    Hold(Gate),
    /// Panics, before or after an await.
    Crash(&'static str),
    CrashLater(String),
    CrashOddly(Reply<i64>),
    CrashAsked(Reply<i64>),
    Fail(&'static str),
    Stop,
    Note(String),
    Incarnation(Reply<u64>),
}

impl From<i64> for Msg {
    fn from(by: i64) -> Self {
        Self::Add(by)
    }
}

impl Probe {
    pub(super) fn new() -> Self {
        Self::with(Log::default(), &DropCounter::new())
    }

    pub(super) fn with(log: Log, drops: &DropCounter) -> Self {
        let guard = drops.guard();
        let (starting, stopping, stopped) = Default::default();
        Self { log, starting, stopping, stopped, guard, n: 0, kept: Vec::new() }
    }
}

async fn act(what: In) -> Result<(), BoxError> {
    match what {
        In::Nothing => Ok(()),
        In::Panic => {
            tokio::task::yield_now().await;
            panic!("in a hook")
        }
        In::Fail => Err("no start".into()),
        In::Hang => std::future::pending().await,
    }
}

impl Actor for Probe {
    type Msg = Msg;
    type Handle = ActorRef<Self>;

    async fn started(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
        self.log.write(format!("started {}", cx.incarnation()));
        act(self.starting).await
    }

    async fn restarted(&mut self, exit: &StopReason, cx: &mut Context<Self>) -> Result<(), BoxError> {
        self.log.write(format!("restarted {}: {exit}", cx.incarnation()));
        act(self.starting).await
    }

    async fn handle(&mut self, msg: Msg, cx: &mut Context<Self>) {
        match msg {
            Msg::Add(by) => self.n += by,
            Msg::Get(reply) => drop(reply.send(self.n)),
            Msg::Keep(reply) => self.kept.push(reply),
            Msg::Wait(gate, reply) => {
                gate.wait().await;
                let _ = reply.send(self.n);
            }
            Msg::Hold(gate) => {
                gate.wait().await;
                self.n += 1;
            }
            Msg::Crash(text) => std::panic::panic_any(text),
            Msg::CrashLater(text) => {
                tokio::task::yield_now().await;
                panic!("{text}")
            }
            Msg::CrashOddly(_reply) => std::panic::panic_any(17_u8),
            Msg::CrashAsked(_reply) => {
                tokio::task::yield_now().await;
                panic!("while asked")
            }
            Msg::Fail(text) => cx.fail(text),
            Msg::Stop => cx.stop(),
            Msg::Note(text) => self.log.write(text),
            Msg::Incarnation(reply) => drop(reply.send(cx.incarnation())),
        }
    }

    async fn stopping(&mut self, _: &mut Context<Self>) {
        self.log.write("stopping");
        let _ = act(self.stopping).await;
    }

    async fn stopped(self, reason: &StopReason) {
        self.log.write(format!("stopped: {reason}"));
        let _ = act(self.stopped).await;
        let _ = &self.guard;
    }

    fn message_name(msg: &Msg) -> &'static str {
        match msg {
            Msg::Add(_) => "Add",
            Msg::Get(_) => "Get",
            Msg::Keep(_) => "Keep",
            Msg::Wait(..) => "Wait",
            Msg::Hold(_) => "Hold",
            Msg::Crash(_) => "Crash",
            Msg::CrashLater(_) => "CrashLater",
            Msg::CrashOddly(_) => "CrashOddly",
            Msg::CrashAsked(_) => "CrashAsked",
            Msg::Fail(_) => "Fail",
            Msg::Stop => "Stop",
            Msg::Note(_) => "Note",
            Msg::Incarnation(_) => "Incarnation",
        }
    }
}
