//! The numbers in the text format that Prometheus reads.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use regatta::observe::{Histogram, Series, Snapshot, Totals};

use crate::observer::Site;

/// Powers of two, in nanoseconds, where buckets end: from a microsecond to a minute. The same for all and for ever: one that
/// came only with its first sample would have no rate. A histogram has a bucket that ends at each.
const BOUNDS: RangeInclusive<u32> = 10..=36;

/// What was known at the last scrape: what is gone since stays in the sums.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Totals>);

pub(crate) async fn metrics(State(site): State<Arc<Site>>) -> Response {
    let totals = site.totals.clone();
    let text = site.sampler.of_snapshot(move |snapshot| totals.text(snapshot)).await;
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// The lines of one metric stand together, whatever order they were found in.
#[derive(Default)]
struct Text(BTreeMap<&'static str, (&'static str, &'static str, String)>);

impl Kept {
    fn text(&self, snapshot: &Snapshot) -> String {
        let mut totals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        totals.note(snapshot);
        let mut text = Text::default();
        totals.series().for_each(|series| text.add(&series));
        text.machine(snapshot);
        text.finish()
    }
}

impl Text {
    fn add(&mut self, series: &Series<'_>) {
        let who = format!("kind=\"{}\",name=\"{}\"", escaped(series.kind), escaped(series.name));
        let mut line = |metric, kind, help, more: &str, value: &dyn std::fmt::Display| {
            let lines = &mut self.0.entry(metric).or_insert_with(|| (kind, help, String::new())).2;
            // A string takes everything.
            let _ = writeln!(lines, "{metric}{{{who}{more}}} {value}");
        };
        line("regatta_components", "gauge", "How many components there are.", "", &series.components);
        for (what, value) in series.counts {
            let more = format!(",what=\"{}\"", escaped(what));
            match &**what {
                "accepted" | "done" | "failed" | "dropped" | "discarded" => {
                    line("regatta_items_total", "counter", "What became of items.", &more, value);
                }
                _ => line("regatta_events_total", "counter", "What was counted besides.", &more, value),
            }
        }
        for (what, value, limit) in series.levels {
            let more = format!(",what=\"{}\"", escaped(what));
            line("regatta_level", "gauge", "Levels of the moment.", &more, value);
            if let Some(limit) = limit {
                line("regatta_level_limit", "gauge", "What levels can rise to.", &more, limit);
            }
        }
        for (share, time) in ["busy", "blocked", "starved"].iter().zip(series.times.into_iter().flatten()) {
            let (more, time) = (format!(",share=\"{share}\""), Duration::from_nanos(time).as_secs_f64());
            line("regatta_stage_seconds_total", "counter", "Where the time of stages went.", &more, &time);
        }
        for (what, durations) in series.timings {
            self.durations(&who, what, durations);
        }
    }

    /// Sampled, so that the counts are those of the samples.
    fn durations(&mut self, who: &str, what: &str, durations: &Histogram) {
        let help = "How long things took, of those that were sampled.";
        let lines =
            &mut self.0.entry("regatta_duration_seconds").or_insert_with(|| ("histogram", help, String::new())).2;
        let who = format!("{who},what=\"{}\"", escaped(what));
        let (mut buckets, mut below) = (durations.buckets().peekable(), 0);
        for upper in BOUNDS.map(|power| Duration::from_nanos((1 << power) - 1)) {
            while let Some((_, count)) = buckets.next_if(|(end, _)| *end <= upper) {
                below += count;
            }
            let upper = upper.as_secs_f64();
            let _ = writeln!(lines, "regatta_duration_seconds_bucket{{{who},le=\"{upper}\"}} {below}");
        }
        let (samples, sum) = (durations.samples(), durations.total().as_secs_f64());
        let _ = writeln!(lines, "regatta_duration_seconds_bucket{{{who},le=\"+Inf\"}} {samples}");
        let _ = writeln!(lines, "regatta_duration_seconds_sum{{{who}}} {sum}");
        let _ = writeln!(lines, "regatta_duration_seconds_count{{{who}}} {samples}");
    }

    fn machine(&mut self, snapshot: &Snapshot) {
        let uptime = snapshot.uptime.as_secs_f64();
        self.single("regatta_uptime_seconds", "gauge", "How long the registry has existed.", uptime);
        self.single(
            "regatta_ended_total",
            "counter",
            "Actors and supervisors that have ended.",
            snapshot.gone_total as f64,
        );
        let machine = &snapshot.machine;
        if let Some(busy) = machine.busy {
            let help = "How long the runtime's threads were not asleep.";
            self.single("regatta_runtime_busy_seconds_total", "counter", help, busy.as_secs_f64());
        }
        let levels = [("regatta_runtime_workers", machine.workers), ("regatta_runtime_tasks", machine.tasks)];
        for (metric, value) in levels {
            if let Some(value) = value {
                self.single(metric, "gauge", "Of the runtime.", value as f64);
            }
        }
    }

    fn single(&mut self, metric: &'static str, kind: &'static str, help: &'static str, value: f64) {
        self.0.insert(metric, (kind, help, format!("{metric} {value}\n")));
    }

    fn finish(self) -> String {
        let mut text = String::new();
        for (metric, (kind, help, lines)) in self.0 {
            let _ = write!(text, "# HELP {metric} {help}\n# TYPE {metric} {kind}\n{lines}");
        }
        text
    }
}

/// Without what would end a label, or what a reader could take for the end of everything.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            // Unicode has pictures of these, by which names are still told apart.
            '\0'..='\x1f' => escaped.push(char::from_u32(0x2400 + char as u32).unwrap_or(char::REPLACEMENT_CHARACTER)),
            char if char.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use regatta::observe::Registry;
    use regatta::queue;

    use super::{Kept, Text};

    #[test]
    fn a_bound_has_below_it_what_is_in_the_buckets_up_to_there() -> serde_json::Result<()> {
        let buckets = "[[1,1],[1023,2],[1279,4],[2047,8],[9223372036854775807,16]]";
        let form = format!("{{\"samples\":31,\"total_ns\":5,\"max_ns\":9,\"buckets\":{buckets}}}");
        let mut text = Text::default();
        text.durations("", "run", &serde_json::from_str(&form)?);
        let text = text.finish();
        for (upper, below) in [("0.000001023", 3), ("0.000002047", 15), ("0.000004095", 15), ("+Inf", 31)] {
            assert!(text.contains(&format!("le=\"{upper}\"}} {below}\n")), "{text}");
        }
        Ok(())
    }

    #[test]
    fn a_snapshot_that_comes_after_a_later_one_is_not_counted_twice() {
        let registry = Registry::new();
        let (producer, _consumer) = registry.enter(|| queue::Builder::new(9).name("mails").build());
        assert!(producer.try_send(1).is_ok());
        let earlier = registry.snapshot();
        assert!(producer.try_send(2).is_ok());
        let (later, kept) = (registry.snapshot(), Kept::default());
        let accepted = "regatta_items_total{kind=\"queue\",name=\"mails\",what=\"accepted\"} 2\n";
        for snapshot in [&later, &earlier, &registry.snapshot()] {
            let text = kept.text(snapshot);
            assert!(text.contains(accepted), "{text}");
        }
    }
}
