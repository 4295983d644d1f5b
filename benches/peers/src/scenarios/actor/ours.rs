//! Our actors.

use std::panic::panic_any;
use std::time::Duration;

use regatta::actor::{self, Actor, ActorRef, Builder, Context, Reply};

use super::Count;
use super::restart::{CRASH, Restart};
use super::ring::{At, Place, Token};

pub(super) struct Counter(u64);

pub(super) enum Msg {
    Add(u64),
    Get(Reply<u64>),
    Crash,
}

impl Actor for Counter {
    type Msg = Msg;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: Msg, _: &mut Context<Self>) {
        match msg {
            Msg::Add(by) => self.0 += by,
            Msg::Get(reply) => drop(reply.send(self.0)),
            Msg::Crash => panic_any(CRASH),
        }
    }
}

pub(super) async fn counter(room: usize) -> ActorRef<Counter> {
    Builder::new().mailbox(room).spawn(Counter(0))
}

/// Restarted as often as it takes.
pub(super) async fn supervised_counter() -> ActorRef<Counter> {
    Builder::new().intensity(usize::MAX, Duration::from_secs(5)).supervised(|| Counter(0))
}

impl Count for ActorRef<Counter> {
    async fn add(&self, by: u64) {
        assert!(self.tell(Msg::Add(by)).await.is_ok());
    }

    async fn get(&self) -> u64 {
        self.ask(Msg::Get).await.expect("an answer")
    }
}

impl Restart for ActorRef<Counter> {
    async fn crash(&self) {
        assert!(self.tell(Msg::Crash).await.is_ok());
    }

    async fn try_get(&self) -> Option<u64> {
        self.ask(Msg::Get).await.ok()
    }
}

pub(super) struct Node(At<ActorRef<Self>>);

pub(super) enum RingMsg {
    Follow(ActorRef<Node>),
    Pass(Token),
}

impl Actor for Node {
    type Msg = RingMsg;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: RingMsg, _: &mut Context<Self>) {
        match msg {
            RingMsg::Follow(next) => self.0.next = Some(next),
            RingMsg::Pass(token) => self.0.pass(token).await,
        }
    }
}

pub(super) async fn place(number: u64) -> ActorRef<Node> {
    actor::spawn(Node(At::new(number)))
}

impl Place for ActorRef<Node> {
    async fn follow(&self, next: Self) {
        assert!(self.tell(RingMsg::Follow(next)).await.is_ok());
    }

    async fn pass(&self, token: Token) {
        assert!(self.tell(RingMsg::Pass(token)).await.is_ok());
    }
}
