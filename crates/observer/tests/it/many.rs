//! Ten thousand of them.

use std::time::{Duration, Instant};

use regatta::actor::{self, ActorRef, Builder};
use regatta::observe::Registry;
use regatta::pipeline::Pipeline;

use crate::support::{Events, get, names, serve};

const MANY: usize = 10_000;

#[tokio::test]
async fn of_ten_thousand_actors_the_first_two_hundred_are_shown_and_all_are_counted() {
    let registry = Registry::new();
    let actors: Vec<_> = registry.enter(|| {
        let spawn =
            |n: usize| Builder::new().name(format!("actor-{n}")).spawn(actor::from_fn(0, |sum, n: u64| *sum += n));
        (0..MANY).map(spawn).collect()
    });
    for actor in &actors {
        actor.tell(1).await.unwrap();
    }
    let server = serve(&registry).await;
    let mut events = Events::open(&server, "").await;
    let first = events.frame().await;
    assert_eq!(names(&first).len(), 200);
    let totals = &first["totals"];
    assert_eq!(["rows", "matching", "shown"].map(|total| totals[total].as_u64().unwrap()), [10_000, 10_000, 200]);
    assert_eq!((&totals["kinds"][0]["kind"], &totals["kinds"][0]["rows"]), (&"actor".into(), &MANY.into()));
    let (mut took, mut size) = (Duration::MAX, 0);
    for _ in 0..3 {
        let begun = Instant::now();
        let whole = get(&server, "/snapshot.json").await;
        took = took.min(begun.elapsed());
        size = whole.body.len();
        assert_eq!(whole.snapshot().rows.len(), MANY);
    }
    // Optimized it is a twentieth of a second; otherwise, and beside other tests, much more.
    let limit = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 1 });
    assert!(took < limit, "{took:?} for {size} bytes");
    let most = Events::open(&server, &format!("?top={MANY}")).await.frame().await;
    assert_eq!(names(&most).len(), 2000, "nobody reads more than that once a second");
    let found = get(&server, "/snapshot.json?filter=actor-99&sort=name").await.json();
    assert_eq!(names(&found)[..2], ["actor-99", "actor-990"]);
    for _ in 0..2 {
        assert_eq!(names(&events.frame().await).len(), 200);
    }
    drop(actors);
}

#[tokio::test(start_paused = true)]
async fn of_very_many_findings_the_page_gets_the_first_and_their_number() {
    let registry = Registry::new();
    let stuck: Vec<ActorRef<_>> = registry.enter(|| {
        let spawn = |n: usize| Builder::new().name(format!("stuck-{n}")).spawn(Stuck);
        (0..500).map(spawn).collect()
    });
    for actor in &stuck {
        actor.tell(()).await.unwrap();
        actor.tell(()).await.unwrap();
    }
    let server = serve(&registry).await;
    let mut events = Events::open(&server, "?top=10").await;
    let mut frame = events.frame().await;
    while frame["totals"]["findings"].as_u64() < Some(500) {
        frame = events.frame().await;
    }
    let (findings, rows) = (frame["findings"].as_array().unwrap(), names(&frame));
    assert_eq!(findings.len(), 100);
    assert!(rows.len() >= 100 && rows.len() <= 110, "{}", rows.len());
    let saved = get(&server, "/snapshot.json").await.json();
    assert!(saved["findings"].as_array().unwrap().len() >= 500);
}

struct Stuck;

impl actor::Actor for Stuck {
    type Msg = ();
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, (): (), _: &mut actor::Context<Self>) {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_pipeline_is_shown_with_all_its_stages_or_not_at_all() {
    let registry = Registry::new();
    let _running: Vec<_> = registry.enter(|| {
        let pipeline = |n: usize| {
            let slow = |n: usize| async move {
                std::future::pending::<()>().await;
                n
            };
            let stages = Pipeline::from_iter(0..9).map_async(2, slow).named("wait").map(|n| n + 1).named("add");
            stages.fold(0, |sum, n| sum + n).titled(format!("pipeline-{n}")).spawn()
        };
        (0..20).map(pipeline).collect()
    });
    let server = serve(&registry).await;
    for query in ["?top=1", "?top=1&sort=name", "?top=1&filter=wait", "?top=3&filter=pipeline-7", "?top=1&filter=stage"]
    {
        let frame = Events::open(&server, query).await.frame().await;
        let rows = frame["snapshot"]["rows"].as_array().unwrap();
        let wholes: Vec<_> = rows.iter().filter(|row| row["kind"] == "pipeline").collect();
        assert!(!wholes.is_empty() && wholes.len() <= 3, "{query}: {frame}");
        for whole in &wholes {
            let stages: Vec<_> = rows.iter().filter(|row| row["parent"] == whole["id"]).collect();
            assert_eq!(stages.len(), registry.snapshot().rows.len() / 20 - 1, "{query}: {frame}");
            assert!(stages.is_sorted_by_key(|stage| stage["id"].as_u64()) || query.contains("sort"), "{query}");
        }
        let verdicts = frame["verdicts"].as_array().unwrap();
        assert!(verdicts.len() <= wholes.len(), "{query}");
    }
}
