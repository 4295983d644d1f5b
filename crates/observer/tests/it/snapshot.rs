//! `/snapshot.json`: everything once, or what one asks for.

use std::time::Duration;

use regatta::actor::{self, Builder};
use regatta::observe::{Registry, Row};
use regatta::queue;

use crate::support::{eventually, get, names, pass, queue_of, serve, taken_within};

/// What tells two looks apart that follow each other at once.
fn without_age(rows: &[Row]) -> Vec<Row> {
    let young = |row: &Row| {
        let mut row = row.clone();
        row.age = Duration::ZERO;
        row
    };
    rows.iter().map(young).collect()
}

#[tokio::test]
async fn a_saved_snapshot_is_the_snapshot() {
    let registry = Registry::new();
    let (_one, _two) = (queue_of(&registry, "one", 1), queue_of(&registry, "two", 3));
    let server = serve(&registry).await;
    let answer = get(&server, "/snapshot.json?sort=age").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let (read, ours) = (answer.snapshot(), registry.snapshot());
    assert_eq!(without_age(&read.rows), without_age(&ours.rows));
    assert_eq!((read.schema, read.registry), (ours.schema, ours.registry));
    assert!(read.sequence < ours.sequence && read.uptime <= ours.uptime && read.captured_at <= ours.captured_at);
    assert_eq!(read.machine.cores, ours.machine.cores);
    let totals = &answer.json()["totals"];
    assert_eq!([&totals["rows"], &totals["matching"], &totals["shown"]].map(|n| n.as_u64()), [Some(2); 3]);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_again_within_seconds_gets_rates_and_findings() {
    let registry = Registry::new();
    let (producer, consumer) = queue_of(&registry, "work", 0);
    let server = serve(&registry).await;
    assert!(get(&server, "/snapshot.json").await.json()["rates"].is_null());
    for item in 0..50 {
        producer.send(item).await.unwrap();
        consumer.recv().await.unwrap().done();
    }
    pass(Duration::from_millis(1500)).await;
    let second = get(&server, "/snapshot.json").await.json();
    assert!(second["rates"]["window_ns"].as_u64() >= Some(1_000_000_000), "{second}");
    assert!(second["rates"]["rows"][0]["done"].as_f64() > Some(0.0), "{second}");
    assert!(second["findings"].is_array() && second["verdicts"].is_array());
}

#[tokio::test(start_paused = true)]
async fn nobody_samples_once_nobody_has_asked_for_seconds() {
    let registry = Registry::new();
    let server = serve(&registry).await;
    get(&server, "/snapshot.json").await;
    assert!(taken_within(&registry, Duration::from_secs(3)).await >= 2);
    eventually("sampling ends", async || taken_within(&registry, Duration::from_secs(4)).await == 0).await;
    assert!(get(&server, "/snapshot.json").await.json()["rates"].is_null(), "of old there is nothing left");
}

#[tokio::test(start_paused = true)]
async fn rows_come_in_the_order_that_is_asked_for() {
    let registry = Registry::new();
    let one = queue_of(&registry, "one", 1);
    pass(Duration::from_secs(1)).await;
    let (_two, _three) = (queue_of(&registry, "two", 3), queue_of(&registry, "three", 2));
    one.0.close();
    let actor = registry.enter(|| Builder::new().name("zero").spawn(actor::from_fn((), |(), _: u32| {})));
    let server = serve(&registry).await;
    for (sort, order) in [
        ("activity", ["two", "three", "one", "zero"]),
        ("depth", ["two", "three", "one", "zero"]),
        ("name", ["one", "three", "two", "zero"]),
        ("kind", ["zero", "one", "three", "two"]),
        ("age", ["one", "two", "three", "zero"]),
        // Among equals in the order of creation.
        ("rate", ["one", "two", "three", "zero"]),
        ("p99", ["one", "two", "three", "zero"]),
        ("restarts", ["one", "two", "three", "zero"]),
        ("failed", ["one", "two", "three", "zero"]),
    ] {
        let answer = get(&server, &format!("/snapshot.json?sort={sort}")).await.json();
        assert_eq!(names(&answer), order, "{sort}");
    }
    let by_state = get(&server, "/snapshot.json?sort=state").await.snapshot();
    assert!(by_state.rows.is_sorted_by_key(|row| row.state.clone()), "{by_state}");
    drop(actor);
}

#[tokio::test(start_paused = true)]
async fn rates_failures_and_handlers_are_orders_of_their_own() {
    let registry = Registry::new();
    let (slow, fast) = (queue_of(&registry, "slow", 0), queue_of(&registry, "fast", 0));
    let fails = registry.enter(|| queue::Builder::new(1).name("fails").attempts(1).build());
    let handler = registry.enter(|| Builder::new().name("handler").spawn(actor::from_fn((), |(), _: u32| {})));
    let server = serve(&registry).await;
    get(&server, "/snapshot.json").await;
    for (ends, items) in [(&slow, 3), (&fast, 30)] {
        for item in 0..items {
            ends.0.send(item).await.unwrap();
            ends.1.recv().await.unwrap().done();
        }
    }
    fails.0.send(1).await.unwrap();
    fails.1.recv().await.unwrap().nack();
    for message in 0..200 {
        handler.tell(message).await.unwrap();
    }
    pass(Duration::from_millis(1100)).await;
    for (sort, first) in [("rate", "handler"), ("failed", "fails"), ("p99", "handler")] {
        let answer = get(&server, &format!("/snapshot.json?sort={sort}")).await.json();
        assert_eq!(names(&answer)[0], first, "{sort}: {answer}");
    }
    let by_rate = get(&server, "/snapshot.json?sort=rate").await.json();
    assert_eq!(names(&by_rate)[..3], ["handler", "fast", "slow"]);
}

#[tokio::test]
async fn top_and_filter_choose_and_say_what_they_left_out() {
    let registry = Registry::new();
    let _ends: Vec<_> = (0..10).map(|n| queue_of(&registry, &format!("Mail-{n}"), n)).collect();
    let _other = queue_of(&registry, "100% [a.*]", 0);
    let server = serve(&registry).await;
    for (query, matching, shown) in [
        ("top=3", 11, 3),
        ("top=0", 11, 0),
        ("top=18446744073709551615", 11, 11),
        ("filter=", 11, 11),
        ("filter=mail", 10, 10),
        ("filter=MAIL-3", 1, 1),
        ("filter=mail&top=4&sort=depth", 10, 4),
        ("filter=queue", 11, 11),
        ("filter=100%25%20[A.*", 1, 1),
        ("filter=100%25+%5ba", 1, 1),
        ("filter=%00%ff%f0%9f%a6%80", 0, 0),
        ("filter=%zz", 0, 0),
        ("&&token=x&", 11, 11),
    ] {
        let answer = get(&server, &format!("/snapshot.json?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let json = answer.json();
        let facts = ["rows", "matching", "shown"].map(|total| json["totals"][total].as_u64().unwrap());
        assert_eq!((facts, names(&json).len() as u64), ([11, matching, shown], shown), "{query}");
    }
    let long = format!("/snapshot.json?filter=mail{}", "x".repeat(10_000));
    assert_eq!(get(&server, &long).await.json()["totals"]["matching"], 0);
}

#[tokio::test]
async fn what_is_no_question_is_said_to_be_none() {
    let server = serve(&Registry::new()).await;
    for (query, why) in [
        ("top=many", "top: invalid digit found in string"),
        ("top=-1", "top: invalid digit found in string"),
        ("top=1.5", "top: invalid digit found in string"),
        ("top=18446744073709551616", "top: number too large to fit in target type"),
        ("top=", "top: cannot parse integer from empty string"),
        ("sort=size", "sort: unknown variant `size`, expected one of `activity`, `name`,"),
        ("sort=", "sort: unknown variant ``, expected one of"),
        ("top=1&top=2", "duplicate field `top`"),
        ("topp=1", "topp: unknown field `topp`, expected one of `token`, `top`, `sort`, `filter`"),
    ] {
        for path in ["/snapshot.json", "/events"] {
            let answer = get(&server, &format!("{path}?{query}")).await;
            assert_eq!((answer.status, answer.header("content-type")), (400, "text/plain; charset=utf-8"), "{query}");
            let said = format!("the observer does not understand what is behind the `?`: {why}");
            assert!(answer.body.starts_with(&said), "{query}: {}", answer.body);
        }
    }
    assert_eq!(get(&server, "/snapshot.json?token=none+is+needed&top=1").await.status, 200);
}
