//! Actors whose handlers block.

use std::sync::mpsc;
use std::time::Duration;

use regatta::actor::{AskError, Blocking, BlockingActor, BlockingContext, Builder, Reply, StopReason};

use crate::support::{DropCounter, DropGuard, eventually};

struct Slow {
    n: u32,
    kept: Vec<Reply<u32>>,
    _guard: DropGuard,
}

enum Msg {
    Get(Reply<u32>),
    Keep(Reply<u32>),
    Crash(Reply<u32>),
    /// Blocks its thread until the other end says something, or is gone.
    Block(mpsc::Receiver<()>),
    Stop,
    Fail,
}

impl BlockingActor for Slow {
    type Msg = Msg;

    fn handle(&mut self, msg: Msg, cx: &mut BlockingContext<Self>) {
        self.n += 1;
        match msg {
            Msg::Get(reply) => drop(reply.send(self.n)),
            Msg::Keep(reply) => self.kept.push(reply),
            Msg::Crash(_reply) => panic!("on a thread"),
            Msg::Block(until) => drop(until.recv()),
            Msg::Stop => cx.stop(),
            Msg::Fail => cx.fail("no luck"),
        }
    }

    fn message_name(msg: &Msg) -> &'static str {
        match msg {
            Msg::Crash(_) => "Crash",
            _ => "another",
        }
    }
}

fn slow(drops: &DropCounter) -> Slow {
    Slow { n: 0, kept: Vec::new(), _guard: drops.guard() }
}

#[tokio::test]
async fn messages_are_handled_one_after_the_other() {
    let slow = Builder::new().spawn_blocking(slow(&DropCounter::new()));
    for n in 1..20 {
        assert_eq!(slow.ask(Msg::Get).await.unwrap(), n);
    }
    assert_eq!(slow.name(), "Slow");
    slow.tell(Msg::Stop).await.unwrap();
    assert!(matches!(slow.wait_stopped().await, StopReason::Stopped));
}

#[tokio::test]
async fn a_panic_on_the_thread_is_told_to_all_askers() {
    let drops = DropCounter::new();
    let slow = Builder::new().spawn_blocking(slow(&drops));
    let keeper = slow.clone();
    let kept = tokio::spawn(async move { keeper.ask(Msg::Keep).await });
    tokio::task::yield_now().await;
    let error = slow.ask(Msg::Crash).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no answer to a message: actor `Slow`, Crash, panicked: on a thread".replace("a message", "Crash")
    );
    assert!(matches!(kept.await.unwrap(), Err(AskError::Panicked { .. })));
    assert!(matches!(slow.wait_stopped().await, StopReason::Panicked(_)));
    assert_eq!(drops.alive(), 0);
}

#[tokio::test]
async fn it_can_be_restarted_and_fail_by_its_own_account() {
    let drops = DropCounter::new();
    let count = drops.clone();
    let slow = Builder::new().supervised(move || Blocking::new(slow(&count)));
    assert!(slow.ask(Msg::Crash).await.is_err());
    assert_eq!(slow.ask(Msg::Get).await.unwrap(), 1);
    slow.tell(Msg::Fail).await.unwrap();
    assert_eq!(slow.ask(Msg::Get).await.unwrap(), 1);
    assert_eq!((slow.stats().restarts, drops.dropped()), (2, 2));
}

#[tokio::test]
async fn a_kill_does_not_wait_for_the_thread() {
    let drops = DropCounter::new();
    let slow = Builder::new().spawn_blocking(slow(&drops));
    let (go_on, blocked) = mpsc::channel();
    slow.tell(Msg::Block(blocked)).await.unwrap();
    tokio::task::yield_now().await;
    assert!(matches!(slow.kill().await, StopReason::Killed));
    drop(go_on);
    eventually(Duration::from_secs(5), "the state is dropped", || drops.alive() == 0).await;
}
