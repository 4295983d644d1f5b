//! Actors without a library.

use tokio::sync::{mpsc, oneshot};

use super::Count;
use super::ring::{At, Place, Token};

pub(super) enum Msg {
    Add(u64),
    Get(oneshot::Sender<u64>),
}

pub(super) async fn counter(room: usize) -> mpsc::Sender<Msg> {
    let (tx, mut rx) = mpsc::channel(room);
    tokio::spawn(async move {
        let mut sum = 0;
        while let Some(msg) = rx.recv().await {
            match msg {
                Msg::Add(by) => sum += by,
                Msg::Get(reply) => drop(reply.send(sum)),
            }
        }
    });
    tx
}

impl Count for mpsc::Sender<Msg> {
    async fn add(&self, by: u64) {
        assert!(self.send(Msg::Add(by)).await.is_ok());
    }

    async fn get(&self) -> u64 {
        let (reply, answer) = oneshot::channel();
        assert!(self.send(Msg::Get(reply)).await.is_ok());
        answer.await.expect("an answer")
    }
}

/// A channel whose messages hold such channels: a type of its own, as an alias cannot be recursive.
#[derive(Clone)]
pub(super) struct Neighbour(mpsc::Sender<RingMsg>);

pub(super) enum RingMsg {
    Follow(Neighbour),
    Pass(Token),
}

pub(super) async fn place(number: u64) -> Neighbour {
    let (tx, mut rx) = mpsc::channel(64);
    tokio::spawn(async move {
        let mut at = At::new(number);
        while let Some(msg) = rx.recv().await {
            match msg {
                RingMsg::Follow(next) => at.next = Some(next),
                RingMsg::Pass(token) => at.pass(token).await,
            }
        }
    });
    Neighbour(tx)
}

impl Place for Neighbour {
    async fn follow(&self, next: Self) {
        assert!(self.0.send(RingMsg::Follow(next)).await.is_ok());
    }

    async fn pass(&self, token: Token) {
        assert!(self.0.send(RingMsg::Pass(token)).await.is_ok());
    }
}
