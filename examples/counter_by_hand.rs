//! The smallest actor, written by hand: a type, its messages, one function.
//!
//! Run: `cargo run --example counter_by_hand`
//!
//! You will see eight tasks add to one counter without a lock, every addition counted once, and what is told after the end
//! handed back.

use std::error::Error;

use regatta::actor::{self, Actor, ActorRef, Context, Reply};

/// The state: nobody but its own task ever touches it.
struct Counter {
    n: u64,
}

enum Msg {
    Add(u64),
    Get(Reply<u64>),
}

impl Actor for Counter {
    type Msg = Msg;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: Msg, _: &mut Context<Self>) {
        match msg {
            Msg::Add(by) => self.n += by,
            Msg::Get(reply) => drop(reply.send(self.n)), // whoever asked may have left
        }
    }

    /// What errors call a message.
    fn message_name(msg: &Msg) -> &'static str {
        match msg {
            Msg::Add(_) => "Add",
            Msg::Get(_) => "Get",
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let counter = actor::spawn(Counter { n: 0 });

    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let counter = counter.clone();
            tokio::spawn(async move {
                for _ in 0..1_000 {
                    counter.tell(Msg::Add(1)).await.expect("nobody stops it"); // waits while the mailbox is full
                }
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    let n = counter.ask(Msg::Get).await?;
    println!("eight tasks counted to {n}");
    assert_eq!(n, 8_000);

    println!("the counter has {}", counter.stop().await);
    let error = counter.tell(Msg::Add(1)).await.unwrap_err();
    println!("{error}");
    assert!(matches!(error.into_inner(), Msg::Add(1))); // handed back
    println!("{}", counter.ask(Msg::Get).await.unwrap_err());
    Ok(())
}
