//! What is said of programs in which something was planted, and of those in which nothing was. The clock is paused.

use std::future::pending;
use std::time::Duration;

use futures::StreamExt;
use regatta::actor::{self, Actor, ActorRef, Builder, Context, Reply};
use regatta::cache::Cache;
use regatta::observe::{Diagnosis, Finding, Inspector, Limit, Registry, Severity, Topic};
use regatta::pipeline::{Concurrency, Pipeline, PipelineHandle};
use regatta::policy::{Backoff, Overflow};
use regatta::pool::TaskPool;
use regatta::promise::promise;
use regatta::queue;
use regatta::supervise::{ChildSpec, Intensity, Supervisor};
use tokio::time::timeout;

const SECOND: Duration = Duration::from_secs(1);

/// One who looks once a second.
struct Looker {
    registry: Registry,
    inspector: Inspector,
    has_looked: bool,
}

impl Looker {
    fn new() -> Self {
        Self { registry: Registry::new(), inspector: Inspector::new(), has_looked: false }
    }

    fn look(&mut self) -> Diagnosis {
        self.has_looked = true;
        self.inspector.look(self.registry.snapshot())
    }

    /// What is said after so many seconds.
    async fn after(&mut self, seconds: usize) -> Diagnosis {
        let mut diagnosis = Diagnosis::default();
        if !self.has_looked {
            self.look();
        }
        for _ in 0..seconds {
            pass(SECOND).await;
            diagnosis = self.look();
        }
        diagnosis
    }
}

/// Lets that much time pass, with all that is due meanwhile.
async fn pass(time: Duration) {
    let _ = timeout(time, pending::<()>()).await;
}

async fn work(item: u64, millis: u64) -> u64 {
    pass(Duration::from_millis(millis)).await;
    item
}

#[track_caller]
fn only(diagnosis: &Diagnosis, topic: Topic) -> &Finding {
    let found = &diagnosis.findings;
    assert!(found.len() == 1 && found[0].topic == topic, "{diagnosis}\n{found:?}");
    &found[0]
}

#[track_caller]
fn says(finding: &Finding, words: &[&str]) {
    for word in words {
        assert!(finding.text.contains(word), "no {word:?} in: {finding}");
    }
}

/// Three stages that take so many milliseconds an item, from a source that always has more.
fn three(millis: [u64; 3]) -> PipelineHandle<()> {
    let [first, second, third] = millis;
    Pipeline::from_iter(0..)
        .map_async(1, move |n| work(n, first))
        .named("first")
        .map_async(1, move |n| work(n, second))
        .named("second")
        .for_each(1, move |n| async move {
            let _ = work(n, third).await;
        })
        .named("third")
        .titled("three")
        .spawn()
}

#[tokio::test(start_paused = true)]
async fn the_slow_stage_is_named_wherever_it_is() {
    for (millis, name) in [([50, 5, 5], "first"), ([5, 50, 5], "second"), ([5, 5, 50], "third"), ([8, 10, 8], "second")]
    {
        let mut looker = Looker::new();
        let running = looker.registry.enter(|| three(millis));
        let diagnosis = looker.after(4).await;
        let finding = only(&diagnosis, Topic::Bottleneck);
        says(finding, &["pipeline `three` is limited by stage", &format!("`{name}`"), "busy"]);
        let snapshot = looker.registry.snapshot();
        assert_eq!(diagnosis.verdicts[0].stages, [snapshot.named(name).expect("it runs").id], "{finding}");
        assert_eq!(diagnosis.verdicts[0].limit, Limit::Stage);
        drop(running);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_the_results_slowly_is_named() {
    let mut looker = Looker::new();
    let mut results = Pipeline::from_iter(0_u64..).map_async(2, |n| work(n, 1)).named("quick").into_stream();
    let registry = looker.registry.clone();
    let taking = tokio::spawn(async move {
        let taking = async {
            while let Some(Ok(n)) = results.next().await {
                work(n, 20).await;
            }
        };
        registry.scope(taking).await;
    });
    let diagnosis = looker.after(4).await;
    says(only(&diagnosis, Topic::Bottleneck), &["is limited by whoever takes its results", "stage `quick` waits"]);
    taking.abort();
}

#[tokio::test(start_paused = true)]
async fn what_it_would_do_without_its_limit_is_what_it_does_without_it() {
    let mut looker = Looker::new();
    let build = |workers: usize| {
        let first = Pipeline::from_iter(0_u64..).map_async(1, |n| work(n, 10)).named("first");
        let second = first.map_async(workers, |n| work(n, 40)).named("second");
        second
            .for_each(1, |n| async move {
                let _ = work(n, 5).await;
            })
            .titled("helped")
            .spawn()
    };
    let running = looker.registry.enter(|| build(1));
    let diagnosis = looker.after(4).await;
    let finding = only(&diagnosis, Topic::Bottleneck);
    says(finding, &["`second`", "at 25/s", "its one worker is busy 100 %", "at about 100/s", "limited by `first`"]);
    let verdict = &diagnosis.verdicts[0];
    let about = |found: Option<f64>, wanted: f64| found.is_some_and(|found| (found / wanted - 1.0).abs() < 0.1);
    assert!(about(verdict.rate, 25.0) && about(verdict.expected, 100.0), "{verdict:?}");
    drop(running);
    let mut looker = Looker::new();
    let helped = looker.registry.enter(|| build(10));
    looker.after(4).await;
    let before = looker.registry.snapshot();
    pass(10 * SECOND).await;
    let after = looker.registry.snapshot();
    let done = |snapshot: &regatta::observe::Snapshot| snapshot.named("second").expect("it runs").flow.done;
    let rate = (done(&after) - done(&before)) as f64 / 10.0;
    assert!((80.0..=120.0).contains(&rate), "{rate}/s");
    drop(helped);
}

#[tokio::test(start_paused = true)]
async fn one_key_that_keeps_the_workers_idle_is_told() {
    let mut looker = Looker::new();
    let running = looker.registry.enter(|| {
        let sorted = Concurrency::keyed(4, |n: &u64| u64::from(n.is_multiple_of(10)));
        let stages = Pipeline::from_iter(0..).map_async(sorted, |n| work(n, 10)).named("by key");
        stages.for_each(1, |_| async {}).titled("skewed").spawn()
    });
    let diagnosis = looker.after(4).await;
    says(only(&diagnosis, Topic::Bottleneck), &["limited by one key of stage `by key`", "of 4 workers", "a finer key"]);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn stages_that_take_turns_are_told_apart_from_one_that_is_slow() {
    let mut looker = Looker::new();
    let begun = tokio::time::Instant::now();
    // A second each, and the windows are a second long.
    let slow_in = move |half: u64| if begun.elapsed().as_secs() % 2 == half { 40 } else { 2 };
    let running = looker.registry.enter(|| {
        let stages = Pipeline::from_iter(0..).map_async(1, move |n| work(n, slow_in(0))).named("even");
        stages.map_async(1, move |n| work(n, slow_in(1))).named("odd").for_each(1, |_| async {}).titled("turns").spawn()
    });
    let diagnosis = looker.after(5).await;
    says(only(&diagnosis, Topic::Alternating), &["now by another", "`even` and `odd`"]);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_busy_machine_is_the_limit_and_not_the_stage() {
    let registry = Registry::new();
    let running = registry.enter(|| three([5, 50, 5]));
    let mut inspector = Inspector::new();
    let mut last = Diagnosis::default();
    for second in 0..5 {
        let mut snapshot = registry.snapshot();
        snapshot.machine.cores = 2;
        snapshot.machine.cpu = Some(2 * second * SECOND);
        last = inspector.look(snapshot);
        pass(SECOND).await;
    }
    says(only(&last, Topic::CpuBound), &["limited by the machine", "100 %", "`second`"]);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_waits_for_its_source_is_healthy() {
    let mut looker = Looker::new();
    let ticks = futures::stream::unfold(0, |n| async move { Some((work(n, 100).await, n + 1)) });
    let running = looker.registry.enter(|| {
        let stages = Pipeline::from_stream(ticks).map_async(4, |n| work(n, 20)).named("work");
        stages.for_each(1, |_| async {}).titled("fed").spawn()
    });
    for _ in 0..60 {
        let diagnosis = looker.after(1).await;
        assert!(diagnosis.findings.is_empty(), "{diagnosis}");
    }
    let verdict = looker.look().verdicts.remove(0);
    assert_eq!(verdict.limit, Limit::SourceLimited);
    assert!(verdict.text.contains("limited by its source"), "{verdict}");
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_without_work_is_idle_and_one_that_is_new_is_measured() {
    let mut looker = Looker::new();
    let (producer, consumer) = queue::bounded::<u64>(8);
    let items = futures::stream::unfold(consumer, |consumer| async {
        let item = consumer.recv().await?.into_inner();
        Some((item, consumer))
    });
    let running = looker
        .registry
        .enter(|| Pipeline::from_stream(items).map_async(2, |n| work(n, 1)).for_each(1, |_| async {}).spawn());
    assert_eq!(looker.after(2).await.verdicts[0].limit, Limit::Measuring);
    let diagnosis = looker.after(3).await;
    assert_eq!(diagnosis.verdicts[0].limit, Limit::Idle);
    assert!(diagnosis.findings.is_empty(), "{diagnosis}");
    drop((running, producer));
}

/// Takes so long for a message; `None` for ever.
struct Slow(Option<Duration>);

impl Actor for Slow {
    type Msg = ();
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, (): (), _: &mut Context<Self>) {
        match self.0 {
            Some(time) => pass(time).await,
            None => pending().await,
        }
    }
}

fn stuck(name: &str) -> ActorRef<Slow> {
    Builder::new().name(name).spawn(Slow(None))
}

#[tokio::test(start_paused = true)]
async fn a_message_that_takes_long_is_told_once_others_wait_for_it() {
    let mut looker = Looker::new();
    let slow = looker.registry.enter(|| stuck("db"));
    slow.tell(()).await.unwrap();
    let alone = looker.after(5).await;
    assert!(alone.findings.is_empty(), "nobody waits: {alone}");
    slow.tell(()).await.unwrap();
    let diagnosis = looker.after(1).await;
    let finding = only(&diagnosis, Topic::Stuck);
    assert_eq!(finding.severity, Severity::Critical);
    says(
        finding,
        &["actor `db` has been handling", "for 5.0 s", "1 message waits behind it", "await without a timeout"],
    );
    slow.kill().await;
    assert!(looker.look().findings.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_takes_very_long_is_told_in_any_case() {
    let mut looker = Looker::new();
    let slow = looker.registry.enter(|| stuck("db"));
    slow.tell(()).await.unwrap();
    let diagnosis = looker.after(31).await;
    says(only(&diagnosis, Topic::Stuck), &["nothing waits behind it"]);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_hangs_is_told_also_that_of_a_later_life() {
    /// Starts for ever, from this life on.
    struct Starts(u32);
    impl Actor for Starts {
        type Msg = ();
        type Handle = ActorRef<Self>;

        async fn started(&mut self, _: &mut Context<Self>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            if self.0 == 0 { pending().await } else { Ok(()) }
        }

        async fn restarted(
            &mut self,
            _: &actor::StopReason,
            cx: &mut Context<Self>,
        ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            self.started(cx).await
        }

        async fn handle(&mut self, (): (), _: &mut Context<Self>) {
            panic!("told so")
        }
    }
    for lives in 0..2 {
        let mut looker = Looker::new();
        let mut left = lives + 1;
        let starts = looker.registry.enter(|| {
            Builder::new().name("db").supervised(move || {
                left -= 1;
                Starts(left)
            })
        });
        for _ in 0..3 {
            starts.tell(()).await.unwrap();
        }
        pass(SECOND / 2).await;
        assert_eq!(looker.registry.snapshot().named("db").unwrap().state, "starting");
        let diagnosis = looker.after(4).await;
        let waits = format!("{} messages wait", 3 - lives);
        says(only(&diagnosis, Topic::Stuck), &["actor `db` has been starting for 4.0 s", &waits, "`started`"]);
    }
}

enum Call {
    Other(ActorRef<Caller>),
    Nothing(Reply<()>),
}

/// Asks another actor, and passes on nothing.
struct Caller;

impl Actor for Caller {
    type Msg = Call;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, call: Call, _: &mut Context<Self>) {
        match call {
            Call::Other(other) => drop(other.ask(Call::Nothing).no_timeout().await),
            Call::Nothing(reply) => {
                let _kept = reply;
                pending::<()>().await;
            }
        }
    }

    fn message_name(call: &Call) -> &'static str {
        match call {
            Call::Other(_) => "Other",
            Call::Nothing(_) => "Nothing",
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_answer_is_told_with_whom_it_waits_for() {
    let mut looker = Looker::new();
    let [caller, callee] =
        ["caller", "callee"].map(|name| looker.registry.enter(|| Builder::new().name(name).spawn(Caller)));
    caller.tell(Call::Other(callee.clone())).await.unwrap();
    caller.tell(Call::Other(callee.clone())).await.unwrap();
    let diagnosis = looker.after(4).await;
    says(
        only(&diagnosis, Topic::Stuck),
        &["actor `caller` has been handling `Other`", "waits for an answer of `callee`"],
    );
    let snapshot = looker.registry.snapshot();
    assert_eq!(snapshot.named("callee").unwrap().doing.as_deref(), Some("Nothing"));
}

#[tokio::test(start_paused = true)]
async fn asks_in_a_circle_are_told() {
    struct Asks(Option<ActorRef<Asks>>);
    enum Msg {
        Know(ActorRef<Asks>),
        Ask(Reply<bool>),
    }
    impl Actor for Asks {
        type Msg = Msg;
        type Handle = ActorRef<Self>;

        async fn handle(&mut self, msg: Msg, _: &mut Context<Self>) {
            match msg {
                Msg::Know(other) => self.0 = Some(other),
                Msg::Ask(reply) => {
                    let other = self.0.clone().expect("it knows the other");
                    let _ = reply.send(other.ask(Msg::Ask).await.unwrap_or(false));
                }
            }
        }
    }
    let mut looker = Looker::new();
    let [ping, pong] =
        ["ping", "pong"].map(|name| looker.registry.enter(|| Builder::new().name(name).spawn(Asks(None))));
    let grouped = || Builder::new().name("narcissus").observed_as("lovers").spawn(Asks(None));
    let narcissus = looker.registry.enter(grouped);
    narcissus.tell(Msg::Know(narcissus.clone())).await.unwrap_or_else(|_| unreachable!("it lives"));
    ping.tell(Msg::Know(pong.clone())).await.unwrap_or_else(|_| unreachable!("it lives"));
    pong.tell(Msg::Know(ping.clone())).await.unwrap_or_else(|_| unreachable!("it lives"));
    looker.after(1).await;
    assert!(!ping.ask(Msg::Ask).await.unwrap());
    let diagnosis = looker.after(1).await;
    let finding = only(&diagnosis, Topic::Circle);
    assert_eq!(finding.severity, Severity::Critical);
    says(finding, &["deadlock: ", "`pong` → `ping` → `pong`", "1 ask of `pong` was refused"]);
    assert!(looker.after(5).await.findings.is_empty(), "it is over");
    assert!(!narcissus.ask(Msg::Ask).await.unwrap());
    says(only(&looker.after(1).await, Topic::Circle), &["`narcissus` → `narcissus`", "1 ask of `lovers` was refused"]);
    narcissus.tell(Msg::Know(ping.clone())).await.unwrap_or_else(|_| unreachable!("it lives"));
    ping.tell(Msg::Know(ping.clone())).await.unwrap_or_else(|_| unreachable!("it lives"));
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_that_fills_up_is_told_and_then_that_it_is_full() {
    let mut looker = Looker::new();
    let slow = looker
        .registry
        .enter(|| Builder::new().name("index").mailbox(1000).spawn(Slow(Some(Duration::from_millis(50)))));
    let mut diagnosis = looker.look();
    for _ in 0..4 {
        for _ in 0..150 {
            slow.tell(()).await.unwrap();
        }
        diagnosis = looker.after(1).await;
    }
    says(only(&diagnosis, Topic::Growing), &["the mailbox of actor `index` grows by 1", "of 1000", "full in about"]);
    let flooding = slow.clone();
    let flood = tokio::spawn(async move { while flooding.tell(()).await.is_ok() {} });
    let diagnosis = looker.after(5).await;
    says(
        only(&diagnosis, Topic::Growing),
        &["the mailbox of actor `index` is full", "where 1000 have room, 20/s are handled", "senders are held up"],
    );
    flood.abort();
}

#[tokio::test(start_paused = true)]
async fn an_actor_close_to_its_limit_is_told_until_the_failures_are_old() {
    let mut looker = Looker::new();
    let fails = looker.registry.enter(|| {
        let builder = Builder::new().name("parser").intensity(3, 10 * SECOND);
        builder.supervised(|| actor::from_fn((), |(), fails: bool| assert!(!fails, "told so")))
    });
    fails.tell(true).await.unwrap();
    assert!(looker.after(1).await.findings.is_empty(), "one of three is no news");
    fails.tell(true).await.unwrap();
    pass(SECOND).await;
    says(only(&looker.look(), Topic::Restarts), &["actor `parser` has failed 2 times", "of 3 allowed", "once more"]);
    fails.tell(true).await.unwrap();
    pass(SECOND).await;
    let diagnosis = looker.look();
    let finding = only(&diagnosis, Topic::Restarts);
    assert_eq!(finding.severity, Severity::Critical);
    says(finding, &["3 times", "of 3 allowed", "the next failure stops it"]);
    assert!(looker.after(11).await.findings.is_empty(), "they are old");
    for _ in 0..4 {
        fails.tell(true).await.unwrap();
    }
    fails.wait_stopped().await;
    says(only(&looker.look(), Topic::Ended), &["actor `parser` ended", "gave up after"]);
    assert!(looker.after(31).await.findings.is_empty(), "it is mourned");
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_close_to_its_limit_is_told() {
    let mut looker = Looker::new();
    let fail = |name: &'static str| {
        ChildSpec::new(name, |_| async {
            pass(SECOND).await;
            panic!("every second");
        })
    };
    let tree = looker
        .registry
        .scope(Supervisor::builder().intensity(Intensity::new(2, 60 * SECOND)).child(fail("child")).start("app"));
    let tree = tree.await.expect("a start");
    pass(Duration::from_millis(2500)).await;
    says(only(&looker.look(), Topic::Restarts), &["supervisor `app` has failed 2 times", "of 2 allowed"]);
    let restarts = || looker.registry.snapshot().named("app").unwrap().count_of("restarts");
    assert_eq!(restarts(), Some(2));
    tree.stop_child("child").await.unwrap();
    tree.delete_child("child").await.unwrap();
    assert_eq!(restarts(), Some(2), "what was counted is not taken back");
    drop(tree);
}

#[tokio::test(start_paused = true)]
async fn a_pool_without_idle_workers_is_told_while_jobs_wait() {
    let mut looker = Looker::new();
    let pool = looker.registry.enter(|| TaskPool::builder().limit(2).capacity(64).name("io").build());
    let feed = || async {
        for _ in 0..20 {
            pool.submit(async { work(0, 500).await }).await.expect("it is open").detach();
        }
    };
    feed().await;
    let diagnosis = looker.after(4).await;
    says(
        only(&diagnosis, Topic::Pool),
        &["pool `io` has no idle worker (2 of 2 out)", "jobs wait", "4.0/s are finished"],
    );
    assert!(looker.after(6).await.findings.is_empty(), "it has caught up");
}

#[tokio::test(start_paused = true)]
async fn a_queue_or_a_mailbox_that_drops_is_told() {
    let mut looker = Looker::new();
    let (producer, _consumer) =
        looker.registry.enter(|| queue::Builder::new(4).name("samples").overflow(Overflow::DropOldest).build::<u32>());
    let full = looker.registry.enter(|| {
        let builder = Builder::new().name("log").mailbox(4).overflow(Overflow::DropNewest);
        builder.spawn(Slow(Some(Duration::from_millis(100))))
    });
    let mut diagnosis = looker.look();
    for _ in 0..4 {
        for n in 0..40 {
            producer.try_send(n).unwrap();
            full.try_tell(()).unwrap();
        }
        diagnosis = looker.after(1).await;
    }
    let drops: Vec<&Finding> = diagnosis.findings.iter().filter(|finding| finding.topic == Topic::Drops).collect();
    assert_eq!(drops.len(), 2, "{diagnosis}");
    says(drops[0], &["queue `samples` drops 40/s of the 40/s that come (100 %)", "overflow policy"]);
    says(drops[1], &["actor `log` drops"]);
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_finds_nothing_is_told_once_it_is_full() {
    let mut looker = Looker::new();
    let cache: Cache<u64, u64> = looker.registry.enter(|| Cache::builder(1000).name("meta").build());
    let (mut key, mut said) = (0, Vec::new());
    for _ in 0..8 {
        for _ in 0..250 {
            key += 1;
            cache.get_or_load(&key, |_| async { 1 }).await.unwrap();
        }
        said.push(looker.after(1).await);
    }
    assert!(said[3].findings.is_empty(), "it fills: {}", said[3]);
    let finding = only(&said[7], Topic::Cache);
    says(finding, &["cache `meta` finds 0 % of 250/s looked up", "costs more than it saves"]);
    let mut diagnosis = Diagnosis::default();
    for _ in 0..5 {
        assert_eq!((0..1000).filter_map(|_| cache.get(&key)).count(), 1000);
        diagnosis = looker.after(1).await;
    }
    assert!(diagnosis.findings.is_empty(), "it is of use: {diagnosis}");
}

#[tokio::test(start_paused = true)]
async fn promises_that_nobody_settles_are_told_and_are_no_news_for_ever() {
    let mut looker = Looker::new();
    let quick = || looker.registry.clone().enter(promise::<(), ()>);
    let for_ever: Vec<_> = (0..3).map(|_| quick()).collect();
    let mut seconds = 0;
    let mut told = Vec::new();
    while seconds < 100 {
        let (writer, future) = looker.registry.enter(promise::<(), ()>);
        let diagnosis = looker.after(1).await;
        told.push(!diagnosis.findings.is_empty());
        if seconds == 40 {
            says(only(&diagnosis, Topic::Promises), &["3 promises have been pending for more than 30 s, of 4 in all"]);
        }
        writer.resolve(());
        drop(future);
        seconds += 1;
    }
    assert!(!told[..29].contains(&true) && told[32..60].iter().all(|told| *told), "{told:?}");
    assert!(!told[95..].contains(&true), "the program's end is pending for ever: {told:?}");
    drop(for_ever);
}

#[tokio::test(start_paused = true)]
async fn a_healthy_program_is_no_news_for_a_minute() {
    let mut looker = Looker::new();
    let registry = looker.registry.clone();
    let (producer, consumer) = registry.enter(|| queue::Builder::new(64).name("in").build::<u64>());
    let counter = registry.enter(|| Builder::new().name("counter").spawn(actor::from_fn(0, |sum, n: u64| *sum += n)));
    let pool = registry.enter(|| TaskPool::builder().limit(4).name("io").build());
    let cache: Cache<u64, u64> = registry.enter(|| Cache::builder(100).name("users").build());
    let feeding = tokio::spawn(async move {
        for n in 0.. {
            if producer.send(n).await.is_err() {
                break;
            }
            pass(Duration::from_millis(10)).await;
        }
    });
    let items = futures::stream::unfold(consumer, |consumer| async {
        let item = consumer.recv().await?.into_inner();
        Some((item, consumer))
    });
    let running = registry.enter(|| {
        Pipeline::from_stream(items)
            .map_async(4, |n| work(n, 5))
            .named("parse")
            .map_async(4, move |n| {
                let (counter, pool, cache) = (counter.clone(), pool.clone(), cache.clone());
                async move {
                    let _ = counter.tell(n).await;
                    let _ = cache.get_or_load(&(n % 150), |_| async { 1 }).await;
                    pool.submit(async move { work(n, 1).await }).await.expect("it is open").await.expect("it ends")
                }
            })
            .named("store")
            .for_each(1, |_| async {})
            .titled("ingest")
            .spawn()
    });
    for _ in 0..60 {
        let diagnosis = looker.after(1).await;
        assert!(diagnosis.findings.is_empty(), "{diagnosis}");
    }
    assert!(looker.registry.snapshot().named("parse").expect("it runs").flow.done > 5_000);
    feeding.abort();
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn another_registry_or_an_older_snapshot_begins_anew() {
    let mut looker = Looker::new();
    let slow = looker.registry.enter(|| stuck("db"));
    slow.tell(()).await.unwrap();
    slow.tell(()).await.unwrap();
    let first = looker.registry.snapshot();
    assert!(!looker.after(5).await.findings.is_empty());
    assert!(looker.inspector.look(first).findings.is_empty(), "it knows nothing any more");
    assert!(!looker.after(5).await.findings.is_empty());
    assert!(looker.inspector.look(Registry::new().snapshot()).findings.is_empty());
}

#[tokio::test(start_paused = true)]
async fn looking_often_says_the_same() {
    let mut looker = Looker::new();
    let running = looker.registry.enter(|| three([5, 50, 5]));
    let mut diagnosis = Diagnosis::default();
    for _ in 0..500 {
        diagnosis = looker.look();
        pass(Duration::from_millis(10)).await;
    }
    says(only(&diagnosis, Topic::Bottleneck), &["`second`", "at 20/s"]);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_without_a_bound_and_bursts_are_no_findings() {
    let mut looker = Looker::new();
    let endless = looker.registry.enter(|| Builder::new().mailbox(usize::MAX).spawn(Slow(Some(SECOND / 100))));
    let quick = looker.registry.enter(|| Builder::new().mailbox(64).spawn(Slow(Some(SECOND / 125))));
    for _ in 0..6 {
        for _ in 0..64 {
            endless.tell(()).await.unwrap();
            quick.tell(()).await.unwrap();
        }
        let diagnosis = looker.look();
        assert!(diagnosis.findings.is_empty(), "{diagnosis}");
        pass(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_is_being_made_again_is_not_stuck() {
    let mut looker = Looker::new();
    let mut lives = 0;
    let fails = looker.registry.enter(|| {
        let backoff = Backoff::exponential(10 * SECOND..=10 * SECOND).jitter(0.0);
        Builder::new().name("db").intensity(5, 60 * SECOND).backoff(backoff).supervised_async(move || {
            lives += 1;
            async move {
                if lives > 1 {
                    pass(5 * SECOND).await;
                }
                Ok::<_, std::convert::Infallible>(actor::from_fn((), |(), fails: bool| assert!(!fails, "told so")))
            }
        })
    });
    for n in 0..50 {
        fails.tell(n == 0).await.unwrap();
    }
    for _ in 0..9 {
        let diagnosis = looker.after(1).await;
        assert!(diagnosis.findings.iter().all(|finding| finding.topic != Topic::Stuck), "{diagnosis}");
    }
    assert_eq!(looker.registry.snapshot().named("db").unwrap().state, "between lives");
    let diagnosis = looker.after(5).await;
    says(only(&diagnosis, Topic::Stuck), &["actor `db` has been starting for 3.0 s, and 49 messages wait", "factory"]);
    pass(5 * SECOND).await;
    assert_eq!(looker.registry.snapshot().named("db").unwrap().state, "running");
}

#[tokio::test(start_paused = true)]
async fn members_of_a_group_that_have_failed_are_not_close_to_a_limit_of_all() {
    let mut looker = Looker::new();
    let members: Vec<_> = (0..2)
        .map(|_| {
            let fails = || actor::from_fn((), |(), fails: bool| assert!(!fails, "told so"));
            let builder = || Builder::new().name("session").observed_as("sessions").intensity(1, 60 * SECOND);
            looker.registry.enter(|| builder().supervised(fails))
        })
        .collect();
    for member in &members {
        member.tell(true).await.unwrap();
    }
    let diagnosis = looker.after(1).await;
    assert!(diagnosis.findings.is_empty(), "{diagnosis}");
    assert_eq!(looker.registry.snapshot().named("sessions").unwrap().count_of("restarts"), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_sentence_is_one_line_whatever_the_names_are() {
    let mut looker = Looker::new();
    let slow = looker.registry.enter(|| stuck("db\n\u{1b}[2J"));
    slow.tell(()).await.unwrap();
    slow.tell(()).await.unwrap();
    let running = looker.registry.enter(|| {
        Pipeline::from_iter(0..)
            .map_async(1, |n| work(n, 5))
            .named("before\r")
            .map_async(1, |n| work(n, 50))
            .named("slow\n\u{7}")
            .for_each(1, |_| async {})
            .titled("two\nlines")
            .spawn()
    });
    let diagnosis = looker.after(4).await;
    assert_eq!(diagnosis.findings.len(), 2, "{diagnosis}");
    assert_eq!(diagnosis.to_string().lines().count(), 2, "{diagnosis}");
    assert!(!diagnosis.to_string().replace('\n', "").contains(char::is_control), "{diagnosis:?}");
    assert!(!diagnosis.verdicts[0].text.contains(char::is_control));
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_has_given_up_is_not_close_to_it() {
    let mut looker = Looker::new();
    let child = ChildSpec::new("child", |_| async { Err("at once".into()) });
    let builder = Supervisor::builder().intensity(Intensity::new(2, 3600 * SECOND)).child(child);
    let tree = looker.registry.scope(builder.start("app")).await;
    pass(SECOND).await;
    let diagnosis = looker.after(31).await;
    assert!(diagnosis.findings.is_empty(), "{diagnosis}");
    drop(tree);
}
