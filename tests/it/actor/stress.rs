//! Many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use regatta::actor::{self, Builder};

use super::kit::{Msg, Probe};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_another_drains_every_ok_is_handled_and_every_error_hands_the_message_back() {
    for mailbox in [1, 4, 1024] {
        for round in 0..10_u64 {
            let handled = Arc::new(AtomicU64::new(0));
            let count = handled.clone();
            let sink = Builder::new().mailbox(mailbox).spawn(actor::from_fn((), move |_, _: u64| {
                count.fetch_add(1, Ordering::Relaxed);
            }));
            let tellers: Vec<_> = (0..8)
                .map(|_| {
                    let sink = sink.clone();
                    tokio::spawn(async move {
                        for sent in 0.. {
                            if let Err(error) = sink.tell(sent).await {
                                assert!(error.is_closed());
                                assert_eq!(error.into_inner(), sent);
                                return sent;
                            }
                        }
                        unreachable!("the sink is drained")
                    })
                })
                .collect();
            while handled.load(Ordering::Relaxed) < round * 20 {
                tokio::task::yield_now().await;
            }
            sink.drain().await;
            let mut sent = 0;
            for teller in tellers {
                sent += teller.await.unwrap();
            }
            assert_eq!(handled.load(Ordering::Relaxed), sent);
            let flow = sink.stats().flow;
            assert_eq!((flow.done, flow.discarded, flow.in_flight), (sent, 0, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_fire_a_kill_loses_count_of_nothing() {
    for _ in 0..20 {
        let probe = Builder::new().mailbox(8).ask_timeout(Some(Duration::from_secs(60))).supervised(Probe::new);
        let askers: Vec<_> = (0..8)
            .map(|n| {
                let probe = probe.clone();
                tokio::spawn(async move {
                    let mut answers = 0_u64;
                    loop {
                        // An ask always ends.
                        match probe.ask(Msg::Get).await {
                            Ok(_) => answers += 1,
                            Err(_) => return answers,
                        }
                        if n == 0 && answers == 5 {
                            probe.kill();
                        }
                    }
                })
            })
            .collect();
        for asker in askers {
            asker.await.unwrap();
        }
        probe.wait_stopped().await;
        let flow = probe.stats().flow;
        assert!(flow.is_conserved() && flow.in_flight == 0, "{flow}");
    }
}

#[test]
fn threads_outside_the_runtime_may_tell() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let probe = runtime.block_on(async { actor::spawn(Probe::new()) });
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    tokio_test::block_on(probe.tell(Msg::Add(1))).unwrap();
                }
            });
        }
    });
    assert_eq!(runtime.block_on(async { probe.ask(Msg::Get).await.unwrap() }), 400);
}
