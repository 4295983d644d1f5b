//! Runtimes that end, and those with one thread.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use regatta::actor::{self, ActorRef, AskError, Builder, Outcome, Reply, StopReason};
use tokio::runtime::Runtime;

use super::kit::{Log, Msg, Probe};
use crate::support::{DropCounter, Gate, poll_once, without_deadlock};

fn both() -> [Runtime; 2] {
    use tokio::runtime::Builder;
    let [mut one, mut many] = [Builder::new_current_thread(), Builder::new_multi_thread()];
    [&mut one, many.worker_threads(2)].map(|builder| builder.enable_all().build().unwrap())
}

#[test]
fn a_runtime_that_ends_drops_its_actors_and_tells_everybody() {
    without_deadlock(|| {
        for runtime in both() {
            let (log, drops) = (Log::default(), DropCounter::new());
            let spawn = || -> ActorRef<Probe> { actor::spawn(Probe::with(log.clone(), &drops)) };
            let (idle, busy) = runtime.block_on(async { (spawn(), spawn()) });
            let mut in_hand = Box::pin(busy.ask(|reply| Msg::Wait(Gate::new(), reply)).no_timeout().into_future());
            assert!(poll_once(in_hand.as_mut()).is_pending());
            let settled = idle.clone();
            runtime.block_on(async {
                settled.ask(Msg::Get).await.unwrap();
                while !busy.is_empty() {
                    tokio::task::yield_now().await;
                }
            });
            let mut behind = Box::pin(busy.ask(Msg::Get).no_timeout().into_future());
            let mut waiting = Box::pin(idle.wait_stopped());
            assert!(poll_once(behind.as_mut()).is_pending());
            assert!(poll_once(waiting.as_mut()).is_pending());
            drop(runtime);
            assert_eq!(drops.alive(), 0);
            tokio_test::block_on(async {
                assert!(matches!(waiting.await, StopReason::RuntimeGone));
                let error = in_hand.await.unwrap_err();
                assert!(matches!(error, AskError::Killed { reason: StopReason::RuntimeGone, .. }), "{error:?}");
                let error = behind.await.unwrap_err();
                assert_eq!(error.outcome(), Outcome::NotExecuted, "{error:?}");
                assert!(matches!(busy.ask(Msg::Get).await, Err(AskError::Closed { .. })));
            });
            let flow = busy.stats().flow;
            assert!(flow.is_conserved());
            assert_eq!(flow.discarded, 2, "the one in hand, and the one behind; {flow}");
        }
    });
}

#[test]
fn an_actor_that_is_never_idle_does_not_starve_the_others() {
    without_deadlock(|| {
        let [runtime, _] = both();
        runtime.block_on(async {
            let has_run = Arc::new(AtomicBool::new(false));
            struct Busy(Arc<AtomicBool>, u32);
            impl actor::Actor for Busy {
                type Msg = ();
                type Handle = ActorRef<Self>;
                async fn handle(&mut self, (): (), cx: &mut actor::Context<Self>) {
                    self.1 += 1;
                    // Its own mailbox always has the next one, until somebody else has run.
                    match self.0.load(Ordering::Relaxed) {
                        true => cx.stop(),
                        false => cx.me().try_tell(()).unwrap(),
                    }
                }
            }
            let busy = Builder::new().mailbox(256).spawn(Busy(has_run.clone(), 0));
            for _ in 0..100 {
                busy.try_tell(()).unwrap();
            }
            tokio::task::yield_now().await;
            has_run.store(true, Ordering::Relaxed);
            busy.wait_stopped().await;
        });
    });
}

#[test]
fn both_flavours_run_actors() {
    for runtime in both() {
        runtime.block_on(async {
            let sum = actor::spawn(actor::from_fn(0, |sum, (by, reply): (u32, Reply<u32>)| {
                *sum += by;
                let _ = reply.send(*sum);
            }));
            for n in 1..=10 {
                assert_eq!(sum.ask(|reply| (1, reply)).await.unwrap(), n);
            }
        });
    }
}
