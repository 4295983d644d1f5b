//! ractor. Its mailbox has no limit, so a tell never waits: a sender who is faster than the actor fills the memory instead.
//!
//! An actor of its lives until it is stopped, also when nobody has a handle any more: these go with their runtime.

use ractor::{Actor, ActorProcessingErr, ActorRef, ActorRuntime, RpcReplyPort, call, cast};

use super::Count;
use super::ring::{At, Place, Token};

struct Counter;

pub(super) enum Msg {
    Add(u64),
    Get(RpcReplyPort<u64>),
}

impl Actor for Counter {
    type Msg = Msg;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Msg>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(&self, _: ActorRef<Msg>, msg: Msg, sum: &mut u64) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Add(by) => *sum += by,
            Msg::Get(reply) => reply.send(*sum)?,
        }
        Ok(())
    }
}

/// As its documentation does it: there is a handle once the actor has started.
pub(super) async fn counter() -> ActorRef<Msg> {
    let (counter, _) = Counter::spawn(None, Counter, ()).await.expect("it starts");
    counter
}

/// A handle at once, as the others give it. It takes a second task, which starts the actor.
pub(super) async fn instant_counter() -> ActorRef<Msg> {
    let (counter, _) = ActorRuntime::spawn_instant(None, Counter, ()).expect("no name, so no name that is taken");
    counter
}

impl Count for ActorRef<Msg> {
    async fn add(&self, by: u64) {
        assert!(cast!(self, Msg::Add(by)).is_ok());
    }

    async fn get(&self) -> u64 {
        call!(self, Msg::Get).expect("an answer")
    }
}

struct Node;

pub(super) enum RingMsg {
    Follow(ActorRef<RingMsg>),
    Pass(Token),
}

impl Actor for Node {
    type Msg = RingMsg;
    type State = At<ActorRef<RingMsg>>;
    type Arguments = u64;

    async fn pre_start(&self, _: ActorRef<RingMsg>, number: u64) -> Result<Self::State, ActorProcessingErr> {
        Ok(At::new(number))
    }

    async fn handle(&self, _: ActorRef<RingMsg>, msg: RingMsg, at: &mut Self::State) -> Result<(), ActorProcessingErr> {
        match msg {
            RingMsg::Follow(next) => at.next = Some(next),
            RingMsg::Pass(token) => at.pass(token).await,
        }
        Ok(())
    }
}

pub(super) async fn place(number: u64) -> ActorRef<RingMsg> {
    let (place, _) = Node::spawn(None, Node, number).await.expect("it starts");
    place
}

impl Place for ActorRef<RingMsg> {
    async fn follow(&self, next: Self) {
        assert!(cast!(self, RingMsg::Follow(next)).is_ok());
    }

    async fn pass(&self, token: Token) {
        assert!(cast!(self, RingMsg::Pass(token)).is_ok());
    }
}
