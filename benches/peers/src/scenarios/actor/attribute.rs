//! The counter made by an attribute, ours and kameo's, and the same actor of ours written by hand.
//!
//! By hand each message has a place for its reply, as each of the attribute's has: all can be asked. The counter of
//! `ours` is what one writes when nobody will ask for an answer to `add`.

use kameo::actor::Spawn;
use kameo::{mailbox, messages};
use regatta::actor::{Actor, ActorRef, Builder, Context, Reply};

use super::Count;

pub(super) struct Ours(u64);

#[regatta::actor]
impl Ours {
    pub(super) fn add(&mut self, by: u64) {
        self.0 += by;
    }

    pub(super) fn get(&self) -> u64 {
        self.0
    }
}

pub(super) async fn ours(room: usize) -> OursHandle {
    Builder::new().mailbox(room).spawn(Ours(0))
}

impl Count for OursHandle {
    async fn add(&self, by: u64) {
        assert!(self.add(by).tell().await.is_ok());
    }

    async fn get(&self) -> u64 {
        self.get().await.expect("an answer")
    }
}

#[derive(kameo::Actor)]
pub(super) struct Kameo(u64);

#[messages]
impl Kameo {
    #[message]
    fn add(&mut self, by: u64) {
        self.0 += by;
    }

    #[message]
    fn get(&self) -> u64 {
        self.0
    }
}

pub(super) async fn kameo(room: usize) -> kameo::actor::ActorRef<Kameo> {
    Kameo::spawn_with_mailbox(Kameo(0), mailbox::bounded(room))
}

impl Count for kameo::actor::ActorRef<Kameo> {
    async fn add(&self, by: u64) {
        assert!(self.tell(Add { by }).await.is_ok());
    }

    async fn get(&self) -> u64 {
        self.ask(Get).await.expect("an answer")
    }
}

pub(super) struct ByHand(u64);

pub(super) enum Msg {
    Add(u64, Reply<()>),
    Get(Reply<u64>),
}

impl Actor for ByHand {
    type Msg = Msg;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: Msg, _: &mut Context<Self>) {
        match msg {
            Msg::Add(by, reply) => {
                self.0 += by;
                let _ = reply.send(());
            }
            Msg::Get(reply) => drop(reply.send(self.0)),
        }
    }
}

pub(super) async fn by_hand(room: usize) -> ActorRef<ByHand> {
    Builder::new().mailbox(room).spawn(ByHand(0))
}

impl Count for ActorRef<ByHand> {
    async fn add(&self, by: u64) {
        assert!(self.tell(Msg::Add(by, Reply::nobody())).await.is_ok());
    }

    async fn get(&self) -> u64 {
        self.ask(Msg::Get).await.expect("an answer")
    }
}
