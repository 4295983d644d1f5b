//! What an actor does by its context: timers, streams, pipes, watches, tasks.

use std::time::Duration;

use futures::{StreamExt, stream};
use regatta::BoxError;
use regatta::actor::{self, Actor, ActorRef, AskError, Builder, Context, Outcome, Reply, StopReason, TimerId, WatchId};
use tokio::time::Instant;

use super::kit::{Log, Probe};
use crate::support::{DropCounter, Gate, eventually};

/// Does what it is told with its context, and writes down what comes back.
struct Worker {
    log: Log,
    timer: Option<TimerId>,
    watch: Option<WatchId>,
}

type Do = Box<dyn FnOnce(&mut Worker, &mut Context<Worker>) + Send>;

enum Msg {
    Do(Do),
    Hold(Gate),
    Note(String),
    Log(Reply<Vec<String>>),
}

impl Actor for Worker {
    type Msg = Msg;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: Msg, cx: &mut Context<Self>) {
        match msg {
            Msg::Do(act) => act(self, cx),
            Msg::Hold(gate) => gate.wait().await,
            Msg::Note(text) => self.log.write(text),
            Msg::Log(reply) => drop(reply.send(self.log.lines())),
        }
    }

    async fn restarted(&mut self, _: &StopReason, _: &mut Context<Self>) -> Result<(), BoxError> {
        self.log.write("restarted");
        Ok(())
    }
}

fn worker(log: &Log) -> ActorRef<Worker> {
    let log = log.clone();
    Builder::new().mailbox(1).ask_timeout(None).supervised(move || Worker {
        log: log.clone(),
        timer: None,
        watch: None,
    })
}

async fn act(worker: &ActorRef<Worker>, act: impl FnOnce(&mut Worker, &mut Context<Worker>) + Send + 'static) {
    worker.tell(Msg::Do(Box::new(act))).await.unwrap();
}

fn note(text: &str) -> Msg {
    Msg::Note(text.into())
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn timers_fire_in_the_order_of_their_times() {
    let log = Log::default();
    let worker = worker(&log);
    act(&worker, |_, cx| {
        cx.after(3 * SECOND, note("three"));
        cx.after(SECOND, note("one"));
        cx.after(2 * SECOND, note("two"));
        cx.after(Duration::MAX, note("never"));
    })
    .await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(worker.ask(Msg::Log).await.unwrap(), ["one", "two"]);
    tokio::time::sleep(SECOND).await;
    assert_eq!(log.lines(), ["one", "two", "three"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_replaces_and_cancels() {
    let log = Log::default();
    let worker = worker(&log);
    act(&worker, |worker, cx| {
        cx.after_keyed("idle", SECOND, note("replaced"));
        cx.after_keyed("idle", 2 * SECOND, note("idle"));
        cx.after_keyed("other", SECOND, note("cancelled"));
        assert!(cx.cancel("other") && !cx.cancel("other") && !cx.cancel("unknown"));
        worker.timer = Some(cx.after(SECOND, note("cancelled too")));
    })
    .await;
    act(&worker, |worker, cx| {
        let timer = worker.timer.unwrap();
        assert!(cx.cancel_timer(timer) && !cx.cancel_timer(timer));
    })
    .await;
    tokio::time::sleep(5 * SECOND).await;
    assert_eq!(log.lines(), ["idle"]);
    assert!(!worker.is_stopped());
}

#[tokio::test(start_paused = true)]
async fn an_interval_keeps_its_beat_and_leaves_out_what_it_misses() {
    let log = Log::default();
    let worker = worker(&log);
    let begun = Instant::now();
    act(&worker, move |_, cx| {
        let mut beat = 0;
        cx.every(SECOND, move || {
            beat += 1;
            Msg::Note(format!("{beat} at {:.1}", begun.elapsed().as_secs_f32()))
        });
    })
    .await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let gate = Gate::new();
    worker.tell(Msg::Hold(gate.clone())).await.unwrap();
    tokio::time::sleep(3 * SECOND).await;
    gate.open();
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(log.lines(), ["1 at 1.0", "2 at 2.0", "3 at 5.1", "4 at 6.0", "5 at 7.0"]);
    drop(worker.kill());
}

#[tokio::test]
#[should_panic(expected = "period must be above zero")]
async fn an_interval_of_nothing_is_refused() {
    let worker = actor::spawn(Worker { log: Log::default(), timer: None, watch: None });
    act(&worker, |_, cx| {
        cx.every(Duration::ZERO, || note("x"));
    })
    .await;
    panic!("{}", worker.wait_stopped().await);
}

#[tokio::test(start_paused = true)]
async fn timers_streams_pipes_and_watches_end_with_their_incarnation() {
    let (log, drops) = (Log::default(), DropCounter::new());
    let worker = worker(&log);
    let probe = actor::spawn(Probe::new());
    let (other, guards) = (probe.clone(), [drops.guard(), drops.guard(), drops.guard()]);
    act(&worker, move |_, cx| {
        let [one, two, three] = guards;
        cx.after(SECOND, note("timer"));
        cx.attach(stream::pending::<()>().map(move |()| _ = &one), |_| note("stream"));
        cx.pipe(
            async move {
                let _two = two;
                tokio::time::sleep(SECOND).await;
            },
            |()| note("pipe"),
        );
        cx.watch(&other, move |_| {
            drop(three);
            note("watch")
        });
        cx.fail("over");
    })
    .await;
    assert_eq!(worker.ask(Msg::Log).await.unwrap(), ["restarted"]);
    tokio::task::yield_now().await;
    assert_eq!(drops.alive(), 0);
    probe.stop().await;
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(worker.ask(Msg::Log).await.unwrap(), ["restarted"]);
}

#[tokio::test(start_paused = true)]
async fn they_come_although_the_mailbox_is_never_empty() {
    let log = Log::default();
    let worker = worker(&log);
    let probe = actor::spawn(Probe::new());
    let other = probe.clone();
    act(&worker, move |_, cx| {
        cx.after(Duration::ZERO, note("timer"));
        cx.attach(stream::iter([1, 2]), |n| Msg::Note(format!("item {n}")));
        cx.pipe(async {}, |()| note("pipe"));
        cx.watch(&other, |reason| Msg::Note(format!("watch: {reason}")));
    })
    .await;
    probe.stop().await;
    let feeder = tokio::spawn({
        let worker = worker.clone();
        async move { while worker.tell(Msg::Do(Box::new(|_, _| {}))).await.is_ok() {} }
    });
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    let mut lines = log.lines();
    lines.sort();
    assert_eq!(lines, ["item 1", "item 2", "pipe", "timer", "watch: stopped"]);
    worker.kill().await;
    feeder.await.unwrap();
}

#[tokio::test]
async fn a_watch_of_a_dead_actor_fires_at_once_and_once() {
    let log = Log::default();
    let worker = worker(&log);
    let probe = actor::spawn(Probe::new());
    probe.kill().await;
    act(&worker, move |worker, cx| {
        worker.watch = Some(cx.watch(&probe, |reason| Msg::Note(format!("ended: {reason}"))));
    })
    .await;
    worker.ask(Msg::Log).await.unwrap();
    assert_eq!(worker.ask(Msg::Log).await.unwrap(), ["ended: killed"]);
}

#[tokio::test]
async fn an_unwatched_end_is_not_told_also_if_it_has_just_come() {
    let log = Log::default();
    let worker = worker(&log);
    let (dead, alive) = (actor::spawn(Probe::new()), actor::spawn(Probe::new()));
    dead.stop().await;
    let also = alive.clone();
    act(&worker, move |_, cx| {
        let watch = cx.watch(&dead, |_| note("dead"));
        cx.unwatch(watch);
        let watch = cx.watch(&also, |_| note("alive"));
        cx.unwatch(watch);
        cx.unwatch(watch);
    })
    .await;
    alive.stop().await;
    worker.ask(Msg::Log).await.unwrap();
    assert_eq!(worker.ask(Msg::Log).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn two_may_watch_each_other_and_one_itself() {
    let (one, other) = (Log::default(), Log::default());
    let (a, b) = (worker(&one), worker(&other));
    let (to_a, to_b, also_a) = (a.clone(), b.clone(), a.clone());
    act(&a, move |_, cx| {
        cx.watch(&to_b, |_| note("b"));
        cx.watch(&also_a, |_| note("me"));
    })
    .await;
    act(&b, move |_, cx| {
        cx.watch(&to_a, |_| note("a"));
    })
    .await;
    b.ask(Msg::Log).await.unwrap();
    a.ask(Msg::Log).await.unwrap();
    a.stop().await;
    b.ask(Msg::Log).await.unwrap();
    assert_eq!(b.ask(Msg::Log).await.unwrap(), ["a"]);
    assert_eq!(one.lines(), [""; 0]);
}

#[tokio::test]
async fn a_pipe_runs_while_the_actor_is_busy_and_a_panic_of_it_is_the_actors() {
    let log = Log::default();
    let worker = worker(&log);
    let (gate, done) = (Gate::new(), Gate::new());
    let also = done.clone();
    act(&worker, move |_, cx| cx.pipe(async move { also.open() }, |()| note("piped"))).await;
    worker.tell(Msg::Hold(gate.clone())).await.unwrap();
    done.wait().await;
    gate.open();
    worker.ask(Msg::Log).await.unwrap();
    assert_eq!(worker.ask(Msg::Log).await.unwrap(), ["piped"]);
    act(&worker, |_, cx| cx.pipe(async { panic!("burst") }, |()| note("never"))).await;
    eventually(Duration::from_secs(5), "restarted", || log.lines() == ["piped", "restarted"]).await;
}

#[tokio::test]
async fn an_unreferenced_or_drained_actor_waits_for_its_pipes() {
    for verb in ["drop", "drain"] {
        let (log, gate) = (Log::default(), Gate::new());
        let worker = worker(&log);
        let opened = gate.clone();
        act(&worker, move |_, cx| cx.pipe(async move { opened.wait().await }, |()| note("piped"))).await;
        let stopped = if verb == "drain" { worker.drain() } else { worker.wait_stopped() };
        drop(worker);
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        gate.open();
        assert!(stopped.await.is_normal());
        assert_eq!(log.lines(), ["piped"]);
    }
}

#[tokio::test]
async fn an_unreferenced_actor_lives_as_long_as_its_streams_but_not_its_timers() {
    let log = Log::default();
    let worker = worker(&log);
    act(&worker, |_, cx| {
        cx.attach(stream::iter(0..3), |n| Msg::Note(n.to_string()));
        cx.after(Duration::from_secs(3600), note("timer"));
    })
    .await;
    let stopped = worker.wait_stopped();
    drop(worker);
    assert!(matches!(stopped.await, StopReason::Unreferenced));
    assert_eq!(log.lines(), ["0", "1", "2"]);
}

#[tokio::test]
async fn a_panic_of_a_stream_or_a_watch_is_the_actors() {
    let log = Log::default();
    let worker = worker(&log);
    act(&worker, |_, cx| cx.attach(stream::iter([1]).map(|_| panic!("in a stream")), |()| note("x"))).await;
    eventually(Duration::from_secs(5), "restarted", || log.lines() == ["restarted"]).await;
    let probe = actor::spawn(Probe::new());
    probe.stop().await;
    act(&worker, move |_, cx| {
        cx.watch(&probe, |_| panic!("in a watch"));
    })
    .await;
    eventually(Duration::from_secs(5), "restarted", || log.lines().len() == 2).await;
}

#[tokio::test]
async fn tasks_end_with_the_actor_and_their_panics_do_not_end_it() {
    let drops = DropCounter::new();
    let worker = worker(&Log::default());
    let guard = drops.guard();
    act(&worker, move |_, cx| {
        cx.spawn("broken", async { panic!("alone") });
        cx.spawn("endless", async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
    })
    .await;
    worker.ask(Msg::Log).await.unwrap();
    assert_eq!(worker.stats().restarts, 0);
    worker.stop().await;
    tokio::task::yield_now().await;
    assert_eq!(drops.alive(), 0);
}

#[tokio::test]
async fn the_token_tells_of_a_stop_and_of_the_end_of_the_incarnation() {
    let worker = worker(&Log::default());
    let (tx, rx) = std::sync::mpsc::channel();
    let first = tx.clone();
    act(&worker, move |_, cx| first.send(cx.token()).unwrap()).await;
    worker.ask(Msg::Log).await.unwrap();
    let token = rx.recv().unwrap();
    assert!(!token.is_cancelled());
    act(&worker, |_, cx| cx.fail("x")).await;
    act(&worker, move |_, cx| tx.send(cx.token()).unwrap()).await;
    worker.ask(Msg::Log).await.unwrap();
    let next = rx.recv().unwrap();
    assert!(token.is_cancelled() && !next.is_cancelled());
    worker.stop();
    assert!(next.is_cancelled());
}

#[tokio::test]
async fn me_is_a_handle_also_when_nobody_else_has_one() {
    let log = Log::default();
    let worker = worker(&log);
    act(&worker, |worker, cx| {
        worker.log.write(format!("{} {}", cx.name(), cx.incarnation()));
        cx.me().try_tell(note("to myself")).unwrap();
        assert!(cx.weak().upgrade().is_none());
    })
    .await;
    let stopped = worker.wait_stopped();
    drop(worker);
    stopped.await;
    assert_eq!(log.lines(), ["Worker 1", "to myself"]);
}

#[tokio::test(start_paused = true)]
async fn a_reply_in_a_pipe_or_a_task_is_told_how_that_ended() {
    for (is_pipe, is_panic) in [(false, false), (false, true), (true, false), (true, true)] {
        let worker = actor::spawn(Worker { log: Log::default(), timer: None, watch: None });
        let mut asking = Box::pin(async {
            let send = move |reply: Reply<u32>| {
                let code = async move {
                    let _reply = reply;
                    tokio::task::yield_now().await;
                    assert!(!is_panic, "in a helper");
                    std::future::pending::<()>().await;
                };
                Msg::Do(Box::new(move |_, cx| match is_pipe {
                    true => cx.pipe(code, |()| note("never")),
                    false => cx.spawn("helper", code),
                }))
            };
            worker.ask(send).no_timeout().await
        });
        if !is_panic {
            assert!(tokio::time::timeout(SECOND, &mut asking).await.is_err());
            drop(worker.stop());
        }
        let error = asking.await.unwrap_err();
        match (is_panic, &error) {
            (true, AskError::Panicked { panicked, .. }) => assert_eq!(&*panicked.message, "in a helper"),
            (false, AskError::Killed { reason, .. }) => assert!(matches!(reason, StopReason::Stopped)),
            _ => panic!("{is_pipe} {is_panic}: {error}"),
        }
        assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_and_pipes_are_gone_before_the_end_is_told() {
    for _ in 0..200 {
        let drops = DropCounter::new();
        let worker = actor::spawn(Worker { log: Log::default(), timer: None, watch: None });
        let guards = [drops.guard(), drops.guard()];
        act(&worker, move |_, cx| {
            let [one, two] = guards;
            let busy = async |guard| {
                let _guard = guard;
                loop {
                    tokio::task::yield_now().await;
                }
            };
            cx.pipe(busy(one), |()| note("never"));
            cx.spawn("busy", busy(two));
        })
        .await;
        worker.stop().await;
        assert_eq!(drops.alive(), 0);
    }
}
