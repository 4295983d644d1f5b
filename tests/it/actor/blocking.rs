//! Actors whose handlers block.

use std::future::IntoFuture;
use std::sync::mpsc;
use std::time::Duration;

use regatta::actor::{ActorRef, AskError, Blocking, BlockingActor, BlockingContext, Builder, Reply, StopReason};

use crate::support::{DropCounter, DropGuard, eventually, poll_once};

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
    /// As this, and says first that it is there.
    Busy(mpsc::Sender<()>, mpsc::Receiver<()>),
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
            Msg::Busy(there, until) => {
                there.send(()).unwrap();
                let _ = until.recv();
            }
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

/// A runtime with one thread for everything that blocks.
fn narrow() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).max_blocking_threads(1).enable_all().build().unwrap()
}

/// Waits until the actor has taken what was sent.
async fn until_taken(actor: &ActorRef<Blocking<Slow>>) {
    while !actor.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_kept_reply_of_one_that_is_killed_on_its_thread_is_told() {
    let actor = Builder::new().ask_timeout(None).spawn_blocking(slow(&DropCounter::new()));
    let mut asking = Box::pin(actor.ask(Msg::Keep).into_future());
    assert!(poll_once(asking.as_mut()).is_pending());
    let ((ends, until), (there, is_there)) = (mpsc::channel(), mpsc::channel());
    actor.tell(Msg::Busy(there, until)).await.unwrap();
    eventually(Duration::from_secs(5), "busy", || is_there.try_recv().is_ok()).await;
    actor.kill().await;
    assert!(poll_once(asking.as_mut()).is_pending());
    drop(ends);
    let error = asking.await.unwrap_err();
    assert!(matches!(error, AskError::Killed { reason: StopReason::Killed, .. }), "{error}");
}

#[test]
fn an_asker_in_line_for_a_thread_is_told_when_the_runtime_goes() {
    let runtime = narrow();
    let (ends, until) = mpsc::channel();
    let (busy, actor) = runtime.block_on(async {
        let [busy, actor] =
            [(); 2].map(|()| Builder::new().ask_timeout(None).spawn_blocking(slow(&DropCounter::new())));
        busy.tell(Msg::Block(until)).await.unwrap();
        until_taken(&busy).await;
        (busy, actor)
    });
    let mut asking = Box::pin(actor.ask(Msg::Get).into_future());
    assert!(poll_once(asking.as_mut()).is_pending());
    runtime.block_on(until_taken(&actor));
    runtime.shutdown_background();
    drop(ends);
    // Tokio's thread takes what waits before it looks whether it is to end; what comes later is dropped.
    match tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(asking) {
        Ok(answer) => assert_eq!(answer, 1),
        Err(error) => assert!(matches!(error, AskError::Killed { reason: StopReason::RuntimeGone, .. }), "{error}"),
    }
    drop(busy);
}
