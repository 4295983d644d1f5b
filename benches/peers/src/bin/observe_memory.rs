//! What an actor takes in memory when it is observed, unobserved and in a group; and what a snapshot of 10,000 of them takes. A
//! program of its own, because the allocator that counts would slow `observe_snapshot` down. Bytes as asked for, without what
//! the allocator adds.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin observe_memory
//! ```
#![forbid(unsafe_code)]

use std::alloc::System;
use std::io;

use regatta::actor::{Actor, ActorRef, Builder, Context, Reply};
use regatta::observe::Registry;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ACTORS: usize = 10_000;
/// So many asks that some of them are timed.
const ASKS: usize = 256;

struct Session;

impl Actor for Session {
    type Msg = Reply<()>;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, reply: Reply<()>, _: &mut Context<Self>) {
        let _ = reply.send(());
    }
}

fn main() -> io::Result<()> {
    println!("| an actor | handled | bytes an actor | rows | bytes of a snapshot |");
    println!("|---|--:|--:|--:|--:|");
    for asks in [1, ASKS] {
        row("unobserved", asks, || Builder::new().unobserved())?;
        row("in a group", asks, || Builder::new().observed_as("sessions"))?;
        row("observed", asks, Builder::new)?;
    }
    Ok(())
}

/// On one thread, so that what the runtime itself allocates does not depend on who steals from whom.
fn row(kind: &str, asks: usize, make: fn() -> Builder<Reply<()>>) -> io::Result<()> {
    let registry = Registry::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(registry.scope(async {
        // The first one has things made that are there once.
        let first = make().spawn(Session);
        ask(&first, asks).await;
        let before = live();
        let mut actors = Vec::with_capacity(ACTORS);
        for _ in 0..ACTORS {
            let actor = make().spawn(Session);
            ask(&actor, asks).await;
            actors.push(actor);
        }
        let each = (live() - before) as f64 / ACTORS as f64;
        let before = live();
        let snapshot = registry.snapshot();
        let taken = live() - before;
        println!("| {kind} | {asks} | {each:.0} | {} | {taken} |", snapshot.rows.len());
    }));
    Ok(())
}

async fn ask(actor: &ActorRef<Session>, asks: usize) {
    for _ in 0..asks {
        assert!(actor.ask(|reply| reply).await.is_ok());
    }
}

/// What is allocated and not yet free.
fn live() -> usize {
    let stats = COUNTING.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}
