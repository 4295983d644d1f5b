//! Queues, pools and caches.

use super::super::finding::{Finding, Severity, Topic};
use super::super::inspector::Story;
use super::super::row::Row;
use super::{level, place, rate, seconds};

/// Fewer look-ups say nothing about a cache.
const LOOKUPS: u64 = 100;
/// Below this share of hits a cache is not worth its memory.
const HITS: f64 = 0.05;

/// Items were dropped in each of the windows.
pub(super) fn drops(story: &Story<'_>) -> Option<Finding> {
    let is_dropping =
        story.is_complete() && story.windows().all(|(before, after, _)| after.flow.dropped > before.flow.dropped);
    if !is_dropping {
        return None;
    }
    let (dropped, accepted) = (story.rise(|row| row.flow.dropped), story.rise(|row| row.flow.accepted).max(1));
    let text = format!(
        "{} drops {} of the {} that come ({:.0} %), as its overflow policy says. If they matter, wait for room instead, or \
         take them faster.",
        place(story.now),
        rate(dropped as f64 / story.seconds()),
        rate(accepted as f64 / story.seconds()),
        100.0 * dropped as f64 / accepted as f64
    );
    Some(Finding::new(Severity::Warning, Topic::Drops, story.now, &text))
}

/// All workers were out, and jobs waited, whenever somebody looked.
pub(super) fn pool(story: &Story<'_>) -> Option<Finding> {
    let is_short = |row: &&Row| {
        let all_out =
            row.gauge_of("active").is_some_and(|active| active.limit.is_some_and(|limit| active.value >= limit));
        all_out && row.depth().is_some_and(|(queued, _)| queued > 0)
    };
    if !story.is_complete() || !story.rows().iter().all(is_short) {
        return None;
    }
    let (active, queued) = (story.now.gauge_of("active")?, story.now.depth()?);
    let waits =
        story.rows().last().zip(story.now.timing_of("wait")).map(|(first, wait)| match first.timing_of("wait") {
            Some(before) => wait.since(before),
            None => wait.clone(),
        });
    let p99 = waits.filter(|waits| waits.samples() > 0).map(|waits| waits.quantile(0.99));
    let wait = p99.map_or(String::new(), |p99| format!(" up to {} (p99)", seconds(p99)));
    let text = format!(
        "{} has no idle worker ({} out) and {} jobs wait{wait}; {} are finished. More workers help where jobs wait or cores \
         are idle; else make the jobs smaller or fewer.",
        place(story.now),
        level((active.value, active.limit)),
        level(queued),
        rate(story.rise(|row| row.flow.done) as f64 / story.seconds())
    );
    Some(Finding::new(Severity::Warning, Topic::Pool, story.now, &text))
}

/// Hardly anything is found, and what is put in is given up again: not so while a cache fills.
pub(super) fn cache(story: &Story<'_>) -> Option<Finding> {
    if !story.is_complete() {
        return None;
    }
    let rise = |name: &'static str| story.rise(move |row| row.count_of(name).unwrap_or(0));
    let (hits, misses) = (rise("hits"), rise("misses"));
    let lookups = hits + misses;
    let (put, given_up) = (story.rise(|row| row.flow.accepted), story.rise(|row| row.flow.done + row.flow.dropped));
    let ratio = hits as f64 / lookups.max(1) as f64;
    if lookups < LOOKUPS || ratio >= HITS || given_up * 2 < put || given_up == 0 {
        return None;
    }
    let text = format!(
        "{} finds {:.0} % of {} looked up ({hits} of {lookups} in {:.0} s) while it gives up {} for {} that are put in: it costs more \
         than it saves. A larger capacity or a longer time to live may help, else do without it.",
        place(story.now),
        ratio * 100.0,
        rate(lookups as f64 / story.seconds()),
        story.seconds(),
        rate(given_up as f64 / story.seconds()),
        rate(put as f64 / story.seconds())
    );
    Some(Finding::new(Severity::Warning, Topic::Cache, story.now, &text))
}
