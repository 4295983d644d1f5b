//! The numbers through the facade of the crate `metrics`, to whatever recorder the program has installed.

use metrics::{Label, counter, gauge};

use super::histogram::Histogram;
use super::snapshot::Snapshot;
use super::totals::{Series, Totals};

/// Tells the recorder of the crate [`metrics`] what a snapshot says, once for each call.
///
/// Series are by kind and name, as in [`Totals`], so that there are not more and more of them:
///
/// | metric | labels | |
/// |---|---|---|
/// | `regatta_components` | `kind`, `name` | how many there are |
/// | `regatta_items_total` | and `what`: `accepted`, `done`, `failed`, `dropped`, `discarded` | counter |
/// | `regatta_events_total` | and `what`: `restarts`, `hits`, … | counter |
/// | `regatta_level`, `regatta_level_limit` | and `what`: `queued`, `in flight`, … | gauges |
/// | `regatta_duration_seconds` | and `what`, `quantile`: `0.5`, `0.99`, `1` | gauge, of those that were sampled |
/// | `regatta_stage_seconds_total` | and `share`: `busy`, `blocked`, `starved` | counter, in whole seconds |
///
/// The handles are taken anew each time: one that was taken before a recorder was installed would be good for nothing for
/// ever. Durations are told as quantiles, since recorders keep every sample of a histogram until somebody asks.
///
/// # Examples
/// ```
/// use regatta::observe::{MetricsBridge, snapshot};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let telling = async {
///     let mut bridge = MetricsBridge::new();
///     let mut clock = tokio::time::interval(Duration::from_secs(10));
///     loop {
///         clock.tick().await;
///         bridge.tell(&snapshot());
///     }
/// };
/// # let _ = tokio::time::timeout(Duration::from_secs(11), telling).await;
/// # }
/// ```
#[derive(Debug, Default)]
pub struct MetricsBridge {
    totals: Totals,
}

impl MetricsBridge {
    /// One that has told nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells the recorder that is installed now. Without one it does nothing but add up.
    ///
    /// # Complexity
    /// Some handles for each kind and name.
    pub fn tell(&mut self, snapshot: &Snapshot) {
        self.totals.note(snapshot);
        self.totals.series().for_each(|series| tell(&series));
    }
}

fn tell(series: &Series<'_>) {
    let labels = |more: &[(&'static str, String)]| -> Vec<Label> {
        let whose = [("kind", series.kind.to_owned()), ("name", series.name.to_owned())];
        whose.into_iter().chain(more.iter().cloned()).map(|(key, value)| Label::new(key, value)).collect()
    };
    gauge!("regatta_components", labels(&[])).set(series.components as f64);
    for (what, value) in series.counts {
        let labels = labels(&[("what", what.to_string())]);
        match &**what {
            "accepted" | "done" | "failed" | "dropped" | "discarded" => {
                counter!("regatta_items_total", labels).absolute(*value);
            }
            _ => counter!("regatta_events_total", labels).absolute(*value),
        }
    }
    for (what, value, limit) in series.levels {
        let labels = labels(&[("what", what.to_string())]);
        gauge!("regatta_level", labels.clone()).set(*value as f64);
        if let Some(limit) = limit {
            gauge!("regatta_level_limit", labels).set(*limit as f64);
        }
    }
    for (share, nanos) in ["busy", "blocked", "starved"].into_iter().zip(series.times.into_iter().flatten()) {
        counter!("regatta_stage_seconds_total", labels(&[("share", share.to_owned())])).absolute(nanos / 1_000_000_000);
    }
    for (what, durations) in series.timings {
        for (quantile, seconds) in quantiles(durations) {
            let labels = labels(&[("what", what.to_string()), ("quantile", quantile.to_owned())]);
            gauge!("regatta_duration_seconds", labels).set(seconds);
        }
    }
}

fn quantiles(durations: &Histogram) -> [(&'static str, f64); 3] {
    [("0.5", 0.5), ("0.99", 0.99), ("1", 1.0)].map(|(name, share)| (name, durations.quantile(share).as_secs_f64()))
}
