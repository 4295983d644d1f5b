//! `/metrics`: what Prometheus reads, checked line by line.

use std::collections::{BTreeMap, HashSet};

use regatta::actor::{self, Builder};
use regatta::observe::Registry;
use regatta_observer::Server;

use crate::support::{get, queue_of, serve};

/// A metric's samples: labels as they stand, and value.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) kind: String,
    pub(crate) samples: Vec<(String, Labels, f64)>,
}

type Labels = BTreeMap<String, String>;

pub(crate) async fn scrape(server: &Server) -> BTreeMap<String, Metric> {
    let answer = get(server, "/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    parsed(&answer.body)
}

/// Reads the text format as strictly as Prometheus does, and a little more so.
fn parsed(text: &str) -> BTreeMap<String, Metric> {
    let mut metrics = BTreeMap::new();
    let mut series = HashSet::new();
    let mut current: Option<(String, Metric)> = None;
    assert!(text.ends_with('\n'));
    let mut lines = text[..text.len() - 1].split('\n');
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').expect("a name and words");
            let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE ")).expect("a type follows");
            let kind = kind.strip_prefix(name).expect("of the same metric").trim().to_owned();
            assert!(["counter", "gauge", "histogram"].contains(&&*kind) && !words.is_empty(), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            metrics.extend(current.replace((name.to_owned(), Metric { kind, samples: Vec::new() })));
            assert!(!metrics.contains_key(name), "{name} comes twice");
            continue;
        }
        let (metric, of) = current.as_mut().expect("a metric is announced");
        let (name, labels, value) = sample(line);
        let is_its = match &*of.kind {
            "histogram" => ["_bucket", "_sum", "_count"].map(|end| format!("{metric}{end}")).contains(&name),
            _ => name == *metric,
        };
        assert!(is_its, "{line} below {metric}");
        assert!(series.insert((name.clone(), labels.clone())), "twice: {line}");
        of.samples.push((name, labels, value));
    }
    metrics.extend(current);
    metrics
}

fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).expect("something follows the name");
    let (name, mut rest) = line.split_at(end);
    assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").expect("a label and its value");
            assert!(label.bytes().all(|byte| byte.is_ascii_lowercase()), "{line}");
            let (value, after) = unescaped(after);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None => {
                    rest = after.strip_prefix('}').expect("the labels end");
                    break;
                }
            }
        }
    }
    let value = rest.strip_prefix(' ').expect("a blank").parse().expect("a number");
    (name.to_owned(), labels, value)
}

/// Up to the quote that ends it, and what follows.
fn unescaped(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match chars.next().expect("something is escaped").1 {
                'n' => '\n',
                same @ ('\\' | '"') => same,
                other => panic!("\\{other} is no escape"),
            }),
            char => {
                assert!(!char.is_control(), "{text:?}");
                value.push(char);
            }
        }
    }
    panic!("no end: {text}");
}

fn labelled(labels: &[(&str, &str)]) -> Labels {
    labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
}

fn value(metrics: &BTreeMap<String, Metric>, metric: &str, labels: &[(&str, &str)]) -> f64 {
    let wanted = labelled(labels);
    let mut found = metrics.get(metric).expect("it is there").samples.iter().filter(|(_, labels, _)| *labels == wanted);
    found.next().unwrap_or_else(|| panic!("no {metric} of {labels:?}")).2
}

#[tokio::test]
async fn counts_and_levels_are_those_of_the_components() {
    let registry = Registry::new();
    let (producer, consumer) = queue_of(&registry, "mails", 5);
    let _unnamed = registry.enter(|| [regatta::queue::bounded::<u8>(3), regatta::queue::bounded::<u8>(4)]);
    consumer.recv().await.unwrap().done();
    let server = serve(&registry).await;
    let metrics = scrape(&server).await;
    let mails = [("kind", "queue"), ("name", "mails")];
    let what = |what| [mails[0], mails[1], ("what", what)];
    assert_eq!(value(&metrics, "regatta_items_total", &what("accepted")), 5.0);
    assert_eq!(value(&metrics, "regatta_items_total", &what("done")), 1.0);
    assert_eq!(value(&metrics, "regatta_level", &what("queued")), 4.0);
    assert_eq!(value(&metrics, "regatta_level_limit", &what("queued")), 6.0);
    assert_eq!(value(&metrics, "regatta_components", &mails), 1.0);
    assert_eq!(value(&metrics, "regatta_components", &[("kind", "queue"), ("name", "queue")]), 2.0);
    assert!(value(&metrics, "regatta_uptime_seconds", &[]) > 0.0);
    drop(producer);
}

#[tokio::test]
async fn the_buckets_of_a_duration_add_up_and_are_always_the_same() {
    let registry = Registry::new();
    let handler = registry.enter(|| Builder::new().name("h").spawn(actor::from_fn((), |(), _: u32| {})));
    for message in 0..1_000 {
        handler.tell(message).await.unwrap();
    }
    let server = serve(&registry).await;
    let durations = &scrape(&server).await["regatta_duration_seconds"];
    let of = |end: &str| {
        let name = format!("regatta_duration_seconds{end}");
        durations.samples.iter().filter(move |(sample, ..)| *sample == name)
    };
    let buckets: Vec<(f64, f64)> =
        of("_bucket").map(|(_, labels, count)| (labels["le"].parse().unwrap(), *count)).collect();
    assert!(buckets.is_sorted() && buckets.is_sorted_by_key(|(_, count)| *count), "{buckets:?}");
    assert_eq!(buckets.last().map(|(upper, _)| *upper), Some(f64::INFINITY));
    let (count, sum) = (of("_count").next().unwrap().2, of("_sum").next().unwrap().2);
    assert!(count > 0.0 && buckets.last().unwrap().1 == count && sum > 0.0);
    // A bucket that came only with its first sample would have no rate.
    assert_eq!(buckets.len(), 28);
    assert!(buckets[0].0 < 1.1e-6 && buckets[26].0 > 60.0);
}

#[tokio::test]
async fn no_counter_falls_when_components_end() {
    let registry = Registry::new();
    let server = serve(&registry).await;
    let mut last = BTreeMap::new();
    for round in 0..4 {
        let ends = [queue_of(&registry, "mails", 10 + round), queue_of(&registry, "letters", 3)];
        let handler = registry.enter(|| Builder::new().name("h").spawn(actor::from_fn((), |(), _: u32| {})));
        handler.tell(1).await.unwrap();
        ends[0].1.recv().await.unwrap().done();
        last = risen(&last, &scrape(&server).await);
        handler.stop().await;
        drop((ends, handler));
        last = risen(&last, &scrape(&server).await);
    }
    let ended: f64 = last[&("regatta_ended_total".to_owned(), Labels::new())];
    assert_eq!(ended, 4.0);
}

#[tokio::test]
async fn no_histogram_falls_when_components_end() {
    let registry = Registry::new();
    let server = serve(&registry).await;
    let mut last = BTreeMap::new();
    for _ in 0..3 {
        let handler = registry.enter(|| Builder::new().name("h").spawn(actor::from_fn((), |(), _: u32| {})));
        for message in 0..200 {
            handler.tell(message).await.unwrap();
        }
        last = risen(&last, &scrape(&server).await);
        handler.stop().await;
        drop(handler);
        last = risen(&last, &scrape(&server).await);
    }
    let labels = [("kind", "actor"), ("name", "h"), ("what", "handler")];
    let count = last[&("regatta_duration_seconds_count".to_owned(), labelled(&labels))];
    assert!(count >= 6.0, "{count} samples of three actors");
}

type Counters = BTreeMap<(String, Labels), f64>;

/// All counters, none of which is gone or less than it was.
fn risen(before: &Counters, metrics: &BTreeMap<String, Metric>) -> Counters {
    let counters = metrics.values().filter(|metric| metric.kind != "gauge").flat_map(|metric| &metric.samples);
    let now: Counters = counters.map(|(name, labels, value)| ((name.clone(), labels.clone()), *value)).collect();
    for (series, value) in before {
        assert!(now.get(series) >= Some(value), "{series:?} was {value} and is {:?}", now.get(series));
    }
    now
}
