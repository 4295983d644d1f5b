//! What a hostile reader has tried.

use std::future::{Future, IntoFuture, pending};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::Duration;

use futures::stream;
use regatta::BoxError;
use regatta::actor::{
    self, Actor, ActorRef, ActorSystem, Blocking, BlockingActor, BlockingContext, Builder, Context, Outcome, Reply,
    StopReason,
};
use regatta::policy::{Backoff, Overflow};
use regatta::supervise::{AutoShutdown, ChildSpec, ChildState, Exit, Restart, Shutdown, Strategy, Supervisor};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::support::{DropCounter, DropGuard, Gate, eventually, poll_once, without_deadlock};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

type Act = Box<dyn FnOnce(&mut Context<Doer>) + Send>;

enum Msg {
    Do(Act),
    Hold(Reply<u32>),
    /// Waits for ever.
    Hang(#[allow(dead_code)] Reply<u32>),
    Panic,
}

/// Does what it is told.
#[derive(Default)]
struct Doer {
    kept: Vec<Reply<u32>>,
    _guard: Option<DropGuard>,
}

impl Actor for Doer {
    type Msg = Msg;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: Msg, cx: &mut Context<Self>) {
        match msg {
            Msg::Do(act) => act(cx),
            Msg::Hold(reply) => self.kept.push(reply),
            Msg::Hang(_reply) => pending().await,
            Msg::Panic => panic!("as told"),
        }
    }
}

fn narrow() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn wide() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

async fn act(doer: &ActorRef<Doer>, act: impl FnOnce(&mut Context<Doer>) + Send + 'static) {
    doer.tell(Msg::Do(Box::new(act))).await.expect("room");
}

#[test]
fn something_that_is_always_due_starves_nobody() {
    struct Always(bool);
    impl Actor for Always {
        type Msg = ();
        type Handle = ActorRef<Self>;
        async fn started(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
            match self.0 {
                true => drop(cx.after(Duration::ZERO, ())),
                false => cx.attach(stream::repeat(()), |()| ()),
            }
            Ok(())
        }
        async fn handle(&mut self, (): (), cx: &mut Context<Self>) {
            if self.0 {
                cx.after(Duration::ZERO, ());
            }
        }
    }
    for with_timer in [true, false] {
        without_deadlock(move || {
            narrow().block_on(async {
                let always = actor::spawn(Always(with_timer));
                settle().await;
                assert!(always.stats().flow.done > 0);
                always.kill().await;
            });
            let runtime = wide();
            let always = runtime.block_on(async { actor::spawn(Always(with_timer)) });
            drop(runtime);
            assert!(always.is_stopped());
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_of_a_handled_message_is_never_said_not_to_be_executed() {
    for in_pipe in [true, false] {
        let doer = Builder::new().ask_timeout(None).spawn(Doer::default());
        let ask = |reply| {
            Msg::Do(Box::new(move |cx: &mut Context<Doer>| match in_pipe {
                true => cx.pipe(async {}, move |()| Msg::Hold(reply)),
                false => drop(cx.after(HOUR, Msg::Hold(reply))),
            }))
        };
        let mut asking = Box::pin(doer.ask(ask).into_future());
        assert!(poll_once(asking.as_mut()).is_pending());
        doer.tell(Msg::Do(Box::new(|cx| cx.stop()))).await.expect("room");
        let error = asking.await.expect_err("it was stopped");
        assert_eq!(error.outcome(), Outcome::MaybeExecuted, "{error}");
    }
    struct Front(ActorRef<Doer>);
    impl Actor for Front {
        type Msg = Reply<u32>;
        type Handle = ActorRef<Self>;
        async fn handle(&mut self, reply: Reply<u32>, _: &mut Context<Self>) {
            let _ = reply.forward_to(&self.0, Msg::Hold).await;
        }
    }
    for overflow in [Overflow::Wait, Overflow::DropNewest] {
        let back = Builder::new().name("back").mailbox(1).overflow(overflow).spawn(Doer::default());
        let front = Builder::new().name("front").spawn(Front(back.clone()));
        let mut hanging = Box::pin(back.ask(Msg::Hang).into_future());
        assert!(poll_once(hanging.as_mut()).is_pending());
        settle().await;
        if overflow == Overflow::DropNewest {
            back.try_tell(Msg::Panic).expect("room");
        }
        let mut asking = Box::pin(front.ask(|reply| reply).into_future());
        assert!(poll_once(asking.as_mut()).is_pending());
        settle().await;
        back.kill().await;
        let error = asking.await.expect_err("nobody answers");
        assert_ne!(error.outcome(), Outcome::NotExecuted, "{error}");
        assert!(!front.is_stopped());
    }
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_the_actor_does_not_wait_for_is_no_part_of_a_circle() {
    struct A;
    enum OfA {
        Attach(ActorRef<B>),
        ThenPipe(ActorRef<B>),
        Got,
        Get(Reply<u32>),
    }
    struct B(ActorRef<A>);
    impl Actor for A {
        type Msg = OfA;
        type Handle = ActorRef<Self>;
        async fn handle(&mut self, msg: OfA, cx: &mut Context<Self>) {
            match msg {
                OfA::Attach(b) => cx.attach(stream::once(async move { b.ask(|reply| reply).await }), |_| OfA::Got),
                OfA::ThenPipe(b) => {
                    let mut asking = Box::pin(async move { b.ask(|reply| reply).await });
                    if timeout(SECOND / 100, &mut asking).await.is_err() {
                        cx.pipe(asking, |_| OfA::Got);
                    }
                }
                OfA::Got => cx.stop(),
                OfA::Get(reply) => drop(reply.send(7)),
            }
        }
    }
    impl Actor for B {
        type Msg = Reply<u32>;
        type Handle = ActorRef<Self>;
        async fn handle(&mut self, reply: Reply<u32>, _: &mut Context<Self>) {
            // By then the other one is idle.
            let _ = timeout(SECOND / 10, pending::<()>()).await;
            assert_eq!(self.0.ask(OfA::Get).await.expect("no circle"), 7);
            let _ = reply.send(1);
        }
    }
    for how in [OfA::Attach as fn(ActorRef<B>) -> OfA, OfA::ThenPipe] {
        let a = actor::spawn(A);
        let b = actor::spawn(B(a.clone()));
        a.tell(how(b.clone())).await.expect("room");
        assert_eq!(a.wait_stopped().await.to_string(), "stopped");
        assert!(!b.is_stopped());
    }
}

#[tokio::test]
async fn an_aborted_life_is_over_before_its_end_is_told() {
    let drops = DropCounter::new();
    let state = drops.clone();
    let make = move || Doer { kept: Vec::new(), _guard: Some(state.guard()) };
    let (doer, spec) = Builder::new().name("a").ask_timeout(None).child(make);
    let tree = Supervisor::builder().child(spec.shutdown(Shutdown::Kill)).start("app").await.expect("a start");
    let guards = [drops.guard(), drops.guard()];
    act(&doer, move |cx| {
        let [one, two] = guards;
        cx.spawn("task", async move {
            let _one = one;
            pending().await
        });
        cx.pipe(
            async move {
                let _two = two;
                pending::<()>().await
            },
            |()| Msg::Panic,
        );
    })
    .await;
    let mut hanging = Box::pin(doer.ask(Msg::Hang).into_future());
    assert!(poll_once(hanging.as_mut()).is_pending());
    settle().await;
    let stopped = doer.stop();
    let told = tokio::spawn(async move { (stopped.await, drops.alive()) });
    tree.stop_child("a").await.expect("it lives");
    let (reason, alive) = told.await.expect("no panic");
    assert!(matches!(reason, StopReason::Killed) && alive == 0, "{reason}: {alive}");
    assert!(hanging.await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_aborted_life_and_the_next_one_never_overlap() {
    let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    struct Slow(Arc<AtomicUsize>, Arc<AtomicUsize>);
    impl BlockingActor for Slow {
        type Msg = mpsc::Receiver<()>;
        fn handle(&mut self, until: mpsc::Receiver<()>, _: &mut BlockingContext<Self>) {
            self.1.fetch_max(self.0.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let _ = until.recv();
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let (now, max) = (busy.clone(), most.clone());
    let (slow, spec) = Builder::new().name("a").child(move || Blocking::new(Slow(now.clone(), max.clone())));
    let tree = Supervisor::builder().child(spec.shutdown(Shutdown::Kill)).start("app").await.expect("a start");
    let ends = [(); 2].map(|()| mpsc::channel::<()>());
    let [(one, until_one), (two, until_two)] = ends;
    slow.tell(until_one).await.expect("room");
    slow.tell(until_two).await.expect("room");
    eventually(5 * SECOND, "busy", || busy.load(Ordering::SeqCst) == 1).await;
    let handle = tree.handle();
    let again = tokio::spawn(async move {
        handle.stop_child("a").await.expect("it lives");
        handle.restart_child("a").await.expect("it is stopped");
    });
    let is_stopping = || tree.which_children()[0].state == ChildState::Stopping;
    eventually(5 * SECOND, "stopping", is_stopping).await;
    settle().await;
    assert!(is_stopping(), "its thread is busy");
    drop(one);
    again.await.expect("no panic");
    drop(two);
    eventually(5 * SECOND, "idle", || busy.load(Ordering::SeqCst) == 0 && slow.is_empty()).await;
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[test]
fn a_piped_message_that_was_not_handled_is_undelivered_whatever_ends_the_life() {
    struct Pipes;
    enum OfPipes {
        Ask(Reply<u32>),
        Got(#[allow(dead_code)] Reply<u32>),
    }
    impl Actor for Pipes {
        type Msg = OfPipes;
        type Handle = ActorRef<Self>;
        async fn handle(&mut self, msg: OfPipes, cx: &mut Context<Self>) {
            let OfPipes::Ask(reply) = msg else { panic!("nothing is handled after that") };
            cx.pipe(async {}, move |()| OfPipes::Got(reply));
            pending::<()>().await;
        }
    }
    for is_abort in [true, false] {
        let runtime = narrow();
        let (pipes, spec) = Builder::new().name("a").ask_timeout(None).child(|| Pipes);
        let mut asking = Box::pin(pipes.ask(OfPipes::Ask).into_future());
        let tree = runtime.block_on(async {
            let tree = Supervisor::builder().child(spec.shutdown(Shutdown::Kill)).start("app").await.expect("a start");
            assert!(poll_once(asking.as_mut()).is_pending());
            settle().await;
            if is_abort {
                tree.stop_child("a").await.expect("it lives");
            }
            tree
        });
        drop(runtime);
        let error = narrow().block_on(asking).expect_err("it is not answered");
        assert_eq!(error.outcome(), Outcome::MaybeExecuted, "{error}");
        let flow = pipes.stats().flow;
        assert_eq!((flow.discarded, flow.in_flight), (2, 0), "{flow}");
        drop(tree);
    }
}

#[test]
fn the_books_are_closed_when_the_runtime_goes_away() {
    let runtime = narrow();
    let doer = runtime.block_on(async { actor::spawn(Doer::default()) });
    let mut hanging = Box::pin(doer.ask(Msg::Hang).no_timeout().into_future());
    assert!(poll_once(hanging.as_mut()).is_pending());
    runtime.block_on(settle());
    drop(runtime);
    let flow = doer.stats().flow;
    assert_eq!((flow.discarded, flow.in_flight), (1, 0), "{flow}");
}

#[test]
fn two_verbs_at_once_on_a_child_without_a_life_end_it() {
    without_deadlock(|| {
        let runtime = wide();
        for round in 0..200 {
            let (doer, tree) = runtime.block_on(async {
                let (doer, spec) = Builder::new().unobserved().name("a").child(Doer::default);
                let tree = Supervisor::builder().child(spec).start("app").await.expect("a start");
                tree.stop_child("a").await.expect("it lives");
                (doer, tree)
            });
            let start = Arc::new(std::sync::Barrier::new(2));
            let threads = [false, true].map(|kills| {
                let (doer, start) = (doer.clone(), start.clone());
                std::thread::spawn(move || {
                    start.wait();
                    for _ in 0..(round * 7) % 40 {
                        std::hint::spin_loop();
                    }
                    match kills {
                        true => drop(doer.kill()),
                        false => drop((doer.drain(), doer.stop())),
                    }
                })
            });
            threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
            runtime.block_on(async move {
                let reason = doer.wait_stopped().await;
                assert!(matches!(reason, StopReason::Killed | StopReason::Stopped), "{reason}");
                drop(tree);
            });
        }
    });
}

#[test]
fn a_verb_may_be_called_under_a_lock_that_a_message_wants() {
    struct Wants(Arc<Mutex<()>>);
    impl Drop for Wants {
        fn drop(&mut self) {
            drop(self.0.lock());
        }
    }
    without_deadlock(|| {
        for in_runtime in [true, false] {
            let (runtime, lock) = (wide(), Arc::new(Mutex::new(())));
            let (sink, spec) = Builder::new().name("a").child(|| actor::from_fn((), |_, _: Wants| {}));
            let tree = runtime.block_on(async {
                let tree = Supervisor::builder().child(spec).start("app").await.expect("a start");
                tree.stop_child("a").await.expect("it lives");
                tree
            });
            sink.try_tell(Wants(lock.clone())).expect("room");
            let guard = lock.lock().expect("no panic");
            match in_runtime {
                true => runtime.block_on(async { drop(sink.stop()) }),
                false => drop(sink.stop()),
            }
            drop(guard);
            runtime.block_on(sink.wait_stopped());
            drop(tree);
        }
    });
}

#[test]
fn a_verb_from_a_runtime_that_nobody_drives_is_heard() {
    let (driven, idle) = (wide(), narrow());
    let (doer, spec) = Builder::new().name("a").child(Doer::default);
    let tree = driven.block_on(async {
        let tree = Supervisor::builder().child(spec).start("app").await.expect("a start");
        tree.stop_child("a").await.expect("it lives");
        tree
    });
    idle.block_on(async { drop(doer.stop()) });
    driven.block_on(doer.wait_stopped());
    drop(tree);
    // Before the first life, too.
    let (doer, spec) = Builder::new().name("a").child(Doer::default);
    driven.block_on(async { timeout(5 * SECOND, doer.kill()).await.expect("an end") });
    drop(spec);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_replaced_is_an_end() {
    let backoff = Backoff::exponential(SECOND..=SECOND).jitter(0.0);
    let (a, spec_a) = Builder::new().name("a").child(Doer::default);
    let (b, spec_b) = Builder::new().name("b").child(Doer::default);
    let tree = Supervisor::builder().strategy(Strategy::OneForAll).backoff(backoff).child(spec_a).child(spec_b);
    let tree = tree.start("app").await.expect("a start");
    a.tell(Msg::Panic).await.expect("room");
    settle().await;
    a.stop().await;
    let (again, spec) = Builder::new().name("a").child(Doer::default);
    tree.start_child(spec).await.expect("the name is free");
    let _ = timeout(3 * SECOND, pending::<()>()).await;
    assert!(tree.which_children().iter().all(|child| child.state.is_running()), "{}", tree.tree());
    drop((b, again));

    for offset in 0..3 {
        let (a, spec) = Builder::new().name("a").child(Doer::default);
        let tree = Supervisor::builder().auto_shutdown(AutoShutdown::AnySignificant);
        let tree = tree.child(spec.restart(Restart::Transient).significant(true)).start("app").await.expect("a start");
        for _ in 0..offset {
            let _ = tree.delete_child("nobody").await;
        }
        // Busy with a slow start while the significant child ends.
        let gate = Gate::new();
        let (handle, opens) = (tree.handle(), gate.clone());
        let slow = ChildSpec::starting("slow", move |_| {
            let gate = gate.clone();
            async move {
                gate.wait().await;
                Ok(pending())
            }
        });
        let slow = tokio::spawn(async move { handle.start_child(slow.shutdown(Shutdown::Kill)).await });
        settle().await;
        a.stop().await;
        let (handle, (again, spec)) = (tree.handle(), Builder::new().name("a").child(Doer::default));
        let late = tokio::spawn(async move { handle.start_child(spec).await });
        settle().await;
        opens.open();
        let exit = timeout(HOUR, tree.wait_stopped()).await.expect("an end");
        assert!(matches!(exit, Exit::Shutdown), "{offset}: {exit}");
        let _ = (slow.await, late.await, again);
    }
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_is_stopped_between_two_lives_leaves_nothing() {
    let system = ActorSystem::new("app").await;
    let builder = || Builder::new().backoff(Backoff::exponential(HOUR..=HOUR));
    for number in 0..3 {
        let doer = system.create_supervised(format!("x{number}"), builder(), Doer::default).await.expect("a free name");
        doer.tell(Msg::Panic).await.expect("room");
        settle().await;
        doer.stop().await;
    }
    settle().await;
    assert!(
        system.names().is_empty() && system.supervisor().which_children().is_empty(),
        "{}",
        system.supervisor().tree()
    );
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a bomb");
    }
}

#[tokio::test]
async fn two_panics_of_destructors_do_not_meet() {
    for with_timers in [true, false] {
        struct Armed(bool);
        impl Actor for Armed {
            type Msg = Bomb;
            type Handle = ActorRef<Self>;
            async fn started(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
                for _ in 0..2 {
                    let bomb = Bomb;
                    match self.0 {
                        true => drop(cx.after(HOUR, bomb)),
                        false => cx.attach(stream::pending::<()>(), move |()| {
                            let _armed = &bomb;
                            unreachable!("the stream has nothing")
                        }),
                    }
                }
                Ok(())
            }
            async fn handle(&mut self, _: Bomb, _: &mut Context<Self>) {}
        }
        let armed = actor::spawn(Armed(with_timers));
        settle().await;
        assert!(matches!(armed.stop().await, StopReason::Panicked(_)));
    }
    let spec = |name: &'static str| {
        let bomb = Bomb;
        ChildSpec::new(name, move |cx| {
            let _armed = &bomb;
            async move {
                cx.cancelled().await;
                Ok(())
            }
        })
    };
    let tree = Supervisor::builder().start("app").await.expect("a start");
    tree.start_child(spec("a")).await.expect("a start");
    tree.start_child(spec("b")).await.expect("a start");
    assert!(tree.shutdown(SECOND).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_is_down_keeps_no_asker_waiting_when_the_tree_stops() {
    struct Asking(ActorRef<Doer>);
    impl Actor for Asking {
        type Msg = ();
        type Handle = ActorRef<Self>;
        async fn handle(&mut self, (): (), _: &mut Context<Self>) {
            self.0.ask(Msg::Hold).no_timeout().await.expect_err("it is not answered");
        }
    }
    let (asked, asked_spec) = Builder::new().name("asked").child(Doer::default);
    let (asker, asker_spec) = Builder::new().name("asker").child(move || Asking(asked.clone()));
    let below = ChildSpec::supervisor("below", Supervisor::builder().child(asked_spec));
    let tree = Supervisor::builder().child(asker_spec.shutdown(Shutdown::Unlimited)).child(below);
    let tree = tree.start("app").await.expect("a start");
    tree.stop_child("below").await.expect("it lives");
    asker.tell(()).await.expect("room");
    settle().await;
    assert!(tree.shutdown(HOUR).await.elapsed < SECOND);
}

#[test]
fn one_that_always_fails_at_once_starves_nobody() {
    struct Fails;
    impl Actor for Fails {
        type Msg = ();
        type Handle = ActorRef<Self>;
        async fn restarted(&mut self, _: &StopReason, _: &mut Context<Self>) -> Result<(), BoxError> {
            Err("the database is down".into())
        }
        async fn handle(&mut self, (): (), cx: &mut Context<Self>) {
            cx.fail("once");
        }
    }
    without_deadlock(|| {
        narrow().block_on(async {
            let fails = Builder::new().intensity(usize::MAX, SECOND).supervised(|| Fails);
            fails.tell(()).await.expect("room");
            settle().await;
            assert!(fails.stats().restarts > 0);
            fails.stop().await;
        });
    });
}

#[test]
fn a_runtime_that_goes_with_its_thread_tells_of_the_end() {
    thread_local! {
        static OWN: Runtime = narrow();
    }
    let (sends, actors) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        OWN.with(|runtime| {
            runtime.block_on(async {
                let doer = actor::spawn(Doer::default());
                let mut hanging = Box::pin(doer.ask(Msg::Hang).no_timeout().into_future());
                assert!(poll_once(hanging.as_mut()).is_pending());
                settle().await;
                doer.tell(Msg::Panic).await.expect("room");
                drop(hanging);
                sends.send(doer).expect("somebody waits");
            });
        });
    });
    thread.join().expect("no panic");
    let doer = actors.recv().expect("an actor");
    let reason = narrow().block_on(async { timeout(5 * SECOND, doer.wait_stopped()).await.expect("an end") });
    assert!(matches!(reason, StopReason::RuntimeGone), "{reason}");
}

/// Runs a future as executors do that know nothing of tokio.
fn park_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}

#[test]
fn an_ask_under_another_executor_ends_in_time() {
    without_deadlock(|| {
        wide().block_on(async {
            let doer = actor::spawn(Doer::default());
            let asking = tokio::spawn(async move { park_on(async { doer.ask(Msg::Hold).timeout(SECOND / 20).await }) });
            let error = asking.await.expect("no panic").expect_err("it is kept");
            assert!(error.is_elapsed(), "{error}");
        });
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_is_ended_in_the_middle_of_the_end_says_nothing() {
    struct Watches(Option<actor::WatchId>, Arc<AtomicUsize>);
    enum OfWatches {
        Watch(ActorRef<Doer>, Reply<()>),
        Unwatch(Reply<()>),
        Ended,
    }
    impl Actor for Watches {
        type Msg = OfWatches;
        type Handle = ActorRef<Self>;
        async fn handle(&mut self, msg: OfWatches, cx: &mut Context<Self>) {
            match msg {
                OfWatches::Watch(whom, reply) => {
                    self.0 = Some(cx.watch(&whom, |_| OfWatches::Ended));
                    let _ = reply.send(());
                }
                OfWatches::Unwatch(reply) => {
                    cx.unwatch(self.0.take().expect("a watch"));
                    let _ = reply.send(());
                }
                OfWatches::Ended => drop(self.1.fetch_add(1, Ordering::SeqCst)),
            }
        }
    }
    /// The end waits for it.
    struct Slow(mpsc::Sender<()>, Mutex<Option<mpsc::Receiver<()>>>);
    impl Wake for Slow {
        fn wake(self: Arc<Self>) {
            self.0.send(()).expect("somebody waits");
            let until = self.1.lock().expect("no panic").take();
            if let Some(until) = until {
                let _ = until.recv();
            }
        }
    }
    let told = Arc::new(AtomicUsize::new(0));
    let watches = actor::spawn(Watches(None, told.clone()));
    let doer = actor::spawn(Doer::default());
    watches.ask(|reply| OfWatches::Watch(doer.clone(), reply)).await.expect("an answer");
    let ((there, is_there), (goes, until)) = (mpsc::channel(), mpsc::channel());
    let waker = Waker::from(Arc::new(Slow(there, Mutex::new(Some(until)))));
    let mut stopped = Box::pin(doer.wait_stopped());
    assert!(stopped.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending());
    drop(doer.kill());
    eventually(5 * SECOND, "in the middle", || is_there.try_recv().is_ok()).await;
    watches.ask(OfWatches::Unwatch).await.expect("an answer");
    drop(goes);
    doer.wait_stopped().await;
    settle().await;
    assert_eq!(told.load(Ordering::SeqCst), 0);
}
