//! Rates, sums by name, and the written form.

use std::collections::BTreeSet;
use std::future::pending;
use std::time::Duration;

use regatta::actor::{self, Actor, ActorRef, Builder, Context, Topic};
use regatta::cache::Cache;
use regatta::observe::{Diagnosis, Inspector, Rates, Registry, Snapshot, Totals};
use regatta::pipeline::Pipeline;
use regatta::pool::CpuPool;
use regatta::promise::promise;
use regatta::queue;
use regatta::supervise::Supervisor;
use regatta::sync::{CasCell, Rcu, RcuMap, Reclaimer};
use regatta::task::TaskGroup;
use tokio::time::timeout;

async fn pass(time: Duration) {
    let _ = timeout(time, pending::<()>()).await;
}

/// One of everything, alive as long as what is given back.
async fn one_of_each() -> Vec<Box<dyn std::any::Any>> {
    let pool = CpuPool::builder().limit(2).name("cpu").name(|i| format!("Worker-{i}")).build();
    pool.submit(|| ()).await.unwrap().await.unwrap();
    let cache: Cache<u32, u32> = Cache::builder(10).name("cache").build();
    cache.insert(1, 1);
    let (writer, future) = promise::<u8, ()>();
    let tree = Supervisor::builder().start("app").await.expect("a start");
    let running = Pipeline::from_iter(0..).map_async(2, |n: u64| async move { n }).for_each(1, |_| async {}).spawn();
    vec![
        Box::new(pool),
        Box::new(cache),
        Box::new((writer, future)),
        Box::new(tree),
        Box::new(running),
        Box::new(queue::bounded::<u8>(8)),
        Box::new(TaskGroup::new("group")),
        Box::new(Rcu::builder(1).name("rcu").build()),
        Box::new(RcuMap::<u8, u8>::builder().name("map").build()),
        Box::new(CasCell::builder(1).name("cas").build()),
        Box::new(Reclaimer::new("reclaimer", 8)),
        Box::new(Builder::new().name("actor").spawn(actor::from_fn(0, |sum: &mut u64, n: u64| *sum += n))),
        Box::new(Topic::<u8>::new("topic", 8)),
    ]
}

/// What [`Row::kind`](regatta::observe::Row::kind) lists in its documentation.
fn documented_kinds() -> BTreeSet<String> {
    let source = include_str!("../../../src/observe/row.rs");
    let (_, after) = source.split_once("/// What it is: ").expect("the list of kinds");
    let (list, _) = after.split_once("pub kind").expect("the field");
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_component_of_the_library_has_a_row() {
    let mine = Registry::new();
    let all = mine.scope(one_of_each()).await;
    let kinds: BTreeSet<String> = mine.snapshot().rows.iter().map(|row| row.kind.to_string()).collect();
    assert_eq!(kinds, documented_kinds());
    drop(all);
}

/// A new component has to be listed above: whatever enters itself does so by one of two calls, with its kind in words.
#[test]
fn no_kind_is_entered_that_is_not_documented() {
    let mut entered = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let text = std::fs::read_to_string(&entry).expect("a source");
            for (call, argument) in [(".enroll(", 1), (".enroll_as(", 1), (".common(", 0)] {
                for (at, _) in text.match_indices(call) {
                    let arguments: Vec<&str> = text[at + call.len()..].split(',').collect();
                    let word = arguments[argument].split(')').next().unwrap_or_default().trim();
                    if let Some(kind) = word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
                        entered.insert(kind.to_owned());
                    }
                }
            }
        }
    }
    let documented = documented_kinds();
    assert!(entered.len() >= 10 && entered.is_subset(&documented), "{entered:?} {documented:?}");
}

#[tokio::test]
async fn a_snapshot_is_read_back_as_it_was_written() {
    let mine = Registry::new();
    let all = mine.scope(one_of_each()).await;
    let (before, snapshot) = (mine.snapshot(), mine.snapshot());
    let written = serde_json::to_string(&snapshot).unwrap();
    let read: Snapshot = serde_json::from_str(&written).unwrap();
    // A moment is kept to the nanosecond.
    assert_eq!(read, snapshot);
    let mut turned = serde_json::to_value(&snapshot).unwrap();
    turned["rows"].as_array_mut().unwrap().reverse();
    assert_eq!(serde_json::from_value::<Snapshot>(turned).unwrap(), snapshot, "rows are in the order of their ids");
    let rates = Rates::between(&before, &snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Rates>(&serde_json::to_string(&rates).unwrap()).unwrap(), rates);
    let diagnosis = Inspector::new().look(snapshot);
    assert_eq!(serde_json::from_str::<Diagnosis>(&serde_json::to_string(&diagnosis).unwrap()).unwrap(), diagnosis);
    drop(all);
}

#[tokio::test(start_paused = true)]
async fn rates_are_what_happened_over_what_time_it_took() {
    let mine = Registry::new();
    let (producer, consumer) = mine.enter(|| queue::Builder::new(100).name("mails").build());
    let before = mine.snapshot();
    for n in 0..30 {
        producer.try_send(n).unwrap();
    }
    for _ in 0..10 {
        consumer.recv().await.unwrap().done();
    }
    pass(Duration::from_secs(2)).await;
    let after = mine.snapshot();
    let rates = Rates::between(&before, &after).unwrap();
    let row = rates.row(after.named("mails").unwrap().id).unwrap();
    assert_eq!((rates.window, row.accepted, row.done, row.failed), (Duration::from_secs(2), 15.0, 5.0, 0.0));
    assert!(row.busy.is_none() && row.utilisation.is_none());
}

#[tokio::test(start_paused = true)]
async fn rates_of_stages_know_how_busy_their_workers_were() {
    let mine = Registry::new();
    let running = mine.enter(|| {
        let ticks = futures::stream::unfold(0, |n| async move {
            pass(Duration::from_millis(10)).await;
            Some((n, n + 1))
        });
        let stages = Pipeline::from_stream(ticks).map_async(4, |_| pass(Duration::from_millis(20))).named("work");
        stages.for_each(1, |()| async {}).spawn()
    });
    pass(Duration::from_secs(1)).await;
    let before = mine.snapshot();
    pass(Duration::from_secs(10)).await;
    let after = mine.snapshot();
    let rates = Rates::between(&before, &after).unwrap();
    let row = rates.row(after.named("work").unwrap().id).unwrap();
    assert!((80.0..=101.0).contains(&row.done), "{row:?}");
    // Two of four workers have something at any time, and the one that looks for more is asleep.
    let (busy, utilisation) = (row.busy.unwrap(), row.utilisation.unwrap());
    assert!(busy > 0.95 && (0.4..=0.6).contains(&utilisation), "{row:?}");
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_between_snapshots_that_do_not_follow_each_other() {
    let mine = Registry::new();
    let first = mine.snapshot();
    assert!(Rates::between(&first, &mine.snapshot()).is_none(), "no time has passed");
    pass(Duration::from_secs(1)).await;
    let second = mine.snapshot();
    assert!(Rates::between(&first, &second).is_some());
    assert!(Rates::between(&second, &first).is_none(), "the wrong way round");
    assert!(Rates::between(&second, &second).is_none(), "the same");
    let other = Registry::new();
    pass(Duration::from_secs(5)).await;
    assert!(Rates::between(&first, &other.snapshot()).is_none(), "another registry");
}

#[tokio::test]
async fn an_actor_samples_how_long_its_messages_take() {
    let mine = Registry::new();
    let busy = mine.enter(|| {
        Builder::new().name("slow").spawn(actor::from_fn((), |(), _: ()| {
            let begun = std::time::Instant::now();
            while begun.elapsed() < Duration::from_micros(50) {}
        }))
    });
    for _ in 0..100 {
        busy.tell(()).await.unwrap();
    }
    while busy.stats().flow.done < 100 {
        tokio::task::yield_now().await;
    }
    let snapshot = mine.snapshot();
    let slow = snapshot.named("slow").unwrap().timing_of("handler").unwrap();
    assert!(slow.samples() >= 30, "what takes long is timed more often: {slow:?}");
    assert!(slow.quantile(0.5) >= Duration::from_micros(50), "{slow:?}");
}

#[tokio::test(start_paused = true)]
async fn messages_of_timers_are_sampled_as_well() {
    struct Ticks;
    impl Actor for Ticks {
        type Msg = ();
        type Handle = ActorRef<Self>;

        async fn started(&mut self, cx: &mut Context<Self>) -> Result<(), regatta::BoxError> {
            cx.every(Duration::from_millis(1), || ());
            Ok(())
        }

        async fn handle(&mut self, (): (), _: &mut Context<Self>) {}
    }
    let mine = Registry::new();
    let _ticks = mine.enter(|| Builder::new().name("ticks").spawn(Ticks));
    pass(Duration::from_secs(2)).await;
    let snapshot = mine.snapshot();
    let row = snapshot.named("ticks").unwrap();
    let samples = row.timing_of("handler").map_or(0, |handler| handler.samples());
    // One in 64 on average, if it takes next to nothing; more on a machine that is slow meanwhile.
    assert!(row.flow.done >= 1000 && samples >= row.flow.done / 100, "{samples} of {}", row.flow.done);
}

#[tokio::test]
async fn sums_by_name_do_not_fall_when_components_end() {
    let mine = Registry::new();
    let mut totals = Totals::new();
    let accepted = |totals: &Totals| {
        let series = totals.series().find(|series| series.kind == "queue").unwrap();
        let (_, value) = series.counts.iter().find(|(name, _)| name == "accepted").unwrap();
        (series.name.to_owned(), series.components, *value)
    };
    for round in 1..=5 {
        let (producer, consumer) = mine.enter(|| queue::bounded::<u8>(8));
        producer.try_send(1).unwrap();
        producer.try_send(2).unwrap();
        totals.note(&mine.snapshot());
        assert_eq!(accepted(&totals), ("queue".to_owned(), 1, 2 * round));
        drop((producer, consumer));
        totals.note(&mine.snapshot());
        assert_eq!(accepted(&totals), ("queue".to_owned(), 0, 2 * round));
    }
}

#[test]
fn names_without_end_are_one() {
    let mine = Registry::new();
    let groups: Vec<_> = (0..1500).map(|n| mine.enter(|| TaskGroup::new(format!("tenant {n}")))).collect();
    let mut totals = Totals::new();
    totals.note(&mine.snapshot());
    assert_eq!(totals.series().count(), 1001);
    assert_eq!(totals.series().find(|series| series.name == "other").map(|series| series.components), Some(500));
    drop(groups);
}
