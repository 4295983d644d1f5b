//! `/events`: what an open page reads.

use std::time::Duration;

use regatta::observe::Registry;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{Connection, Events, at_once, eventually, pass, queue_of, sequence, serve, taken_within};

#[tokio::test(start_paused = true)]
async fn the_history_comes_first_and_then_a_frame_a_second() {
    let registry = Registry::new();
    let (producer, consumer) = queue_of(&registry, "work", 0);
    let server = serve(&registry).await;
    let mut first = Events::open(&server, "").await;
    let (name, history) = first.next().await.unwrap();
    assert_eq!((&*name, history["rows"].as_array().map(Vec::len)), ("history", Some(0)));
    let mut last = first.frame().await;
    assert!(last["rates"].is_null());
    for item in 0..4 {
        producer.send(item).await.unwrap();
        consumer.recv().await.unwrap().done();
        let (name, frame) = first.next().await.unwrap();
        assert_eq!((&*name, sequence(&frame)), ("frame", sequence(&last) + 1));
        let apart = |frame: &serde_json::Value| frame["snapshot"]["uptime_ns"].as_u64().unwrap();
        assert!(apart(&frame) - apart(&last) >= 900_000_000);
        assert!(frame["rates"]["rows"][0]["done"].as_f64() > Some(0.0), "{frame}");
        last = frame;
    }
    // Who comes later sees at once what there was, and need not wait for what comes.
    let begun = Instant::now();
    let second = async {
        let mut second = Events::open(&server, "").await;
        (second.next().await.unwrap(), second.frame().await)
    };
    let ((name, history), frame) = at_once(second).await;
    let points = history["rows"][0]["points"].as_array().unwrap();
    assert!(name == "history" && points.len() >= 4 && points.iter().any(|rate| rate.as_f64() > Some(0.0)), "{history}");
    assert_eq!((begun.elapsed(), sequence(&frame) >= sequence(&last)), (Duration::ZERO, true));
}

#[tokio::test(start_paused = true)]
async fn fifty_pages_are_one_sampler() {
    let registry = Registry::new();
    let _ends = queue_of(&registry, "work", 3);
    let server = std::sync::Arc::new(serve(&registry).await);
    let begun = registry.snapshot();
    let mut pages = JoinSet::new();
    for page in 0..50 {
        let server = server.clone();
        // All kinds of views.
        let query = format!("?top={}", page % 7);
        pages.spawn(async move {
            let mut events = Events::open(&server, &query).await;
            let mut seen = Vec::new();
            while seen.len() < 5 {
                seen.push(sequence(&events.frame().await));
            }
            seen
        });
    }
    let all = pages.join_all().await;
    assert!(all.iter().all(|seen| seen.is_sorted_by(|a, b| a < b)), "{all:?}");
    let (end, seconds) = (registry.snapshot(), (registry.snapshot().uptime - begun.uptime).as_secs());
    assert!(end.sequence - begun.sequence <= seconds + 3, "{} in {seconds} s", end.sequence - begun.sequence);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_closed_is_forgotten() {
    let registry = Registry::new();
    let server = serve(&registry).await;
    let mut events = Events::open(&server, "").await;
    events.frame().await;
    assert!(taken_within(&registry, Duration::from_secs(10)).await >= 9);
    drop(events);
    eventually("sampling ends", async || taken_within(&registry, Duration::from_secs(3)).await == 0).await;
    // And the next one begins anew, with curves of its own.
    let mut events = Events::open(&server, "").await;
    let (name, history) = events.next().await.unwrap();
    assert_eq!((&*name, history["rows"].as_array().map(Vec::len)), ("history", Some(0)));
    assert!(events.frame().await["rates"].is_null());
}

#[tokio::test(start_paused = true)]
async fn curves_do_not_go_on_where_they_ended_an_hour_ago() {
    let registry = Registry::new();
    let _ends = queue_of(&registry, "work", 0);
    let server = serve(&registry).await;
    let mut events = Events::open(&server, "").await;
    for _ in 0..5 {
        events.frame().await;
    }
    drop(events);
    eventually("sampling ends", async || taken_within(&registry, Duration::from_secs(3)).await == 0).await;
    let mut first = Events::open(&server, "").await;
    first.frame().await;
    first.frame().await;
    let (_, history) = Events::open(&server, "").await.next().await.unwrap();
    assert!(history["rows"][0]["points"].as_array().unwrap().len() <= 2, "{history}");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_reads_nothing_for_a_while_misses_frames_and_goes_on_with_a_recent_one() {
    let registry = Registry::new();
    let _ends: Vec<_> = (0..2_000).map(|n| queue_of(&registry, &format!("a queue with a long name {n}"), 0)).collect();
    let server = serve(&registry).await;
    let narrow = Connection::narrow(server.address()).await;
    let mut events = Events::on(narrow, "?top=2000").await;
    let size = events.frame().await.to_string().len();
    assert!(size > 500_000, "{size}");
    pass(Duration::from_secs(40)).await;
    let mut seen = vec![0];
    let latest = registry.snapshot().sequence;
    while *seen.last().unwrap() + 1 < latest {
        seen.push(sequence(&events.frame().await));
    }
    assert!(seen.is_sorted_by(|a, b| a < b) && latest > 30, "{seen:?} of {latest}");
    // What it did not take was not kept for it: the kernel has a few megabytes, we have one frame or two.
    assert!(seen.len() < 20, "{seen:?} of {latest}");
}
