//! Messages of one kind, for counting instructions: the machine's noise is not in them.
//!
//! `cargo xtask test instructions` runs `instructions WHAT NUMBER` under callgrind, with a number and with its double, as
//! it is and compiled without counters. The difference of two counts, divided by the number, is what one message costs.
//! What else is in a count (the runtime, the start and the end) is the same in both.

use std::{env, process::ExitCode};

use regatta::{
    actor::{Actor, ActorRef, Builder, Context, Reply},
    pipeline::Pipeline,
};

/// So many messages, before all of them are waited for.
const BURST: u64 = 512;

/// Room for a burst and what waits for its end.
const ROOM: usize = 1024;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let (what, number) = match &args[..] {
        [what, number] => (what.clone(), number.parse()),
        _ => return misuse(),
    };
    let Ok(number) = number else { return misuse() };
    // No timers, whose cost depends on the clock.
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    // In a task: what `block_on` runs is polled in another way.
    let run = async move { tokio::spawn(async move { run(&what, number).await }).await.expect("no panic") };
    if runtime.block_on(run) { ExitCode::SUCCESS } else { misuse() }
}

fn misuse() -> ExitCode {
    eprintln!("usage: instructions tell|pipeline NUMBER");
    ExitCode::from(2)
}

/// Whether there is such a kind of message.
async fn run(what: &str, number: u64) -> bool {
    match what {
        "tell" => tell(number).await,
        "pipeline" => pipeline(number).await,
        _ => return false,
    }
    true
}

/// The messages in bursts: the first of each, and the first of the next.
fn bursts(number: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..number).step_by(BURST as usize).map(move |first| (first, number.min(first + BURST)))
}

/// By hand, without the attribute.
struct Counter(u64);

enum Msg {
    Add(u64, Reply<()>),
    Get(Reply<u64>),
}

impl Actor for Counter {
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

async fn tell(number: u64) {
    let counter = Builder::new().mailbox(ROOM).ask_timeout(None).spawn(Counter(0));
    for (first, end) in bursts(number) {
        for _ in first..end {
            assert!(counter.tell(Msg::Add(1, Reply::nobody())).await.is_ok());
        }
        assert_eq!(counter.ask(Msg::Get).await.expect("an answer"), end);
    }
}

async fn pipeline(number: u64) {
    let items = Pipeline::from_iter(0..number).map_async(1, std::future::ready);
    assert_eq!(items.fold(0, |seen, _| seen + 1).await.expect("no failure"), number);
}
