//! kameo, without its `tracing` feature, which is on by default.
//!
//! Its requests are awaited as its README does, which boxes a future each; `.send().await` would not.

use std::panic::panic_any;
use std::time::Duration;

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::error::Infallible;
use kameo::mailbox;
use kameo::message::{Context, Message};
use kameo::supervision::RestartPolicy;

use super::Count;
use super::restart::{CRASH, Restart};
use super::ring::{At, Place, Token};

pub(super) struct Counter(u64);

struct Add(u64);
struct Get;
struct Crash;

impl Actor for Counter {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(counter: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(counter)
    }
}

impl Message<Add> for Counter {
    type Reply = ();

    async fn handle(&mut self, Add(by): Add, _: &mut Context<Self, ()>) {
        self.0 += by;
    }
}

impl Message<Get> for Counter {
    type Reply = u64;

    async fn handle(&mut self, _: Get, _: &mut Context<Self, u64>) -> u64 {
        self.0
    }
}

impl Message<Crash> for Counter {
    type Reply = ();

    async fn handle(&mut self, _: Crash, _: &mut Context<Self, ()>) {
        panic_any(CRASH)
    }
}

pub(super) async fn counter(room: usize) -> ActorRef<Counter> {
    Counter::spawn_with_mailbox(Counter(0), mailbox::bounded(room))
}

impl Count for ActorRef<Counter> {
    async fn add(&self, by: u64) {
        assert!(self.tell(Add(by)).await.is_ok());
    }

    async fn get(&self) -> u64 {
        self.ask(Get).await.expect("an answer")
    }
}

/// The supervisor of one counter.
pub(super) struct Root;

impl Actor for Root {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(root: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(root)
    }
}

/// The supervisor lives as long as there is a handle of it.
#[derive(Clone)]
pub(super) struct Supervised {
    counter: ActorRef<Counter>,
    _root: ActorRef<Root>,
}

/// Restarted as often as it takes. (A counter whose `on_panic` says to continue would keep its old state.)
pub(super) async fn supervised_counter() -> Supervised {
    let root = Root::spawn(Root);
    let counter = Counter::supervise_with(&root, || Counter(0))
        .restart_policy(RestartPolicy::Transient)
        .restart_limit(u32::MAX, Duration::from_secs(5))
        .spawn()
        .await;
    Supervised { counter, _root: root }
}

impl Count for Supervised {
    async fn add(&self, by: u64) {
        self.counter.add(by).await;
    }

    async fn get(&self) -> u64 {
        self.counter.get().await
    }
}

impl Restart for Supervised {
    async fn crash(&self) {
        assert!(self.counter.tell(Crash).await.is_ok());
    }

    /// A question that finds the counter between two lives is handed back.
    async fn try_get(&self) -> Option<u64> {
        self.counter.ask(Get).await.ok()
    }
}

pub(super) struct Node(At<ActorRef<Self>>);

struct Follow(ActorRef<Node>);

impl Actor for Node {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(node: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(node)
    }
}

impl Message<Follow> for Node {
    type Reply = ();

    async fn handle(&mut self, Follow(next): Follow, _: &mut Context<Self, ()>) {
        self.0.next = Some(next);
    }
}

impl Message<Token> for Node {
    type Reply = ();

    async fn handle(&mut self, token: Token, _: &mut Context<Self, ()>) {
        self.0.pass(token).await;
    }
}

pub(super) async fn place(number: u64) -> ActorRef<Node> {
    Node::spawn(Node(At::new(number)))
}

impl Place for ActorRef<Node> {
    async fn follow(&self, next: Self) {
        assert!(self.tell(Follow(next)).await.is_ok());
    }

    async fn pass(&self, token: Token) {
        assert!(self.tell(token).await.is_ok());
    }
}
