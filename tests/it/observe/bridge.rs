//! The numbers as a recorder of the crate `metrics` gets them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use regatta::observe::{MetricsBridge, Registry};
use regatta::queue;

/// Keeps the last value of everything, counters as they are and gauges by their bits.
#[derive(Default)]
struct Kept {
    counters: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    gauges: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
}

fn name(key: &Key) -> String {
    let labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
    format!("{} {}", key.name(), labels.join(" "))
}

impl Recorder for Kept {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.counters.lock().unwrap().entry(name(key)).or_default().clone())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.gauges.lock().unwrap().entry(name(key)).or_default().clone())
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn a_recorder_that_is_installed_late_gets_everything() {
    let (mine, recorder) = (Registry::new(), Kept::default());
    let (producer, _consumer) = mine.enter(|| queue::Builder::new(8).name("mails").build());
    let mut bridge = MetricsBridge::new();
    bridge.tell(&mine.snapshot());
    producer.try_send(1).unwrap();
    producer.try_send(2).unwrap();
    metrics::with_local_recorder(&recorder, || bridge.tell(&mine.snapshot()));
    let counted = |what: &str| {
        let counters = recorder.counters.lock().unwrap();
        counters[&format!("regatta_items_total kind=queue name=mails what={what}")].load(Ordering::Relaxed)
    };
    assert_eq!((counted("accepted"), counted("done")), (2, 0));
    let gauges = recorder.gauges.lock().unwrap();
    let level = |metric: &str| f64::from_bits(gauges[metric].load(Ordering::Relaxed));
    assert_eq!(level("regatta_level kind=queue name=mails what=queued"), 2.0);
    assert_eq!(level("regatta_level_limit kind=queue name=mails what=queued"), 8.0);
    assert_eq!(level("regatta_components kind=queue name=mails"), 1.0);
}
