//! Actors and supervisors.

use std::collections::HashMap;
use std::time::Duration;

use super::super::finding::{Finding, Severity, Topic};
use super::super::inspector::{Standstill, Story};
use super::super::row::{Row, RowId};
use super::{many, place, rate, seconds};

/// How long a message may take while others wait for it.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it may take while nobody does.
const LONG_PATIENCE: Duration = Duration::from_secs(30);
/// From this share of its mailbox on it is worth a word that it fills up.
const FILLED: f64 = 0.25;

/// Asks were refused because they would never have been answered.
pub(super) fn circle(story: &Story<'_>) -> Option<Finding> {
    // Nearly all have none, and there may be ten thousand.
    story.now.count_of("asks in circles")?;
    let refused = story.rise(|row| row.count_of("asks in circles").unwrap_or(0));
    let note = story.now.note.as_ref().filter(|_| refused > 0)?;
    let circle = note.rsplit_once(": ").map_or(&**note, |(_, circle)| circle);
    let name = &story.now.name;
    let refused = many(refused, &format!("ask of `{name}` was"), &format!("asks of `{name}` were"));
    let text = format!(
        "deadlock: {circle} ask each other in a circle; {refused} refused in {:.0} s. Let one of them tell instead, or hand \
         its reply on to a task.",
        story.seconds()
    );
    Some(Finding::new(Severity::Critical, Topic::Circle, story.now, &text))
}

/// A few more failures, and it gives up.
pub(super) fn restarts(row: &Row) -> Option<Finding> {
    // Those of a group have a limit each.
    let gauge = row.gauge_of("recent failures").filter(|_| !matches!(&*row.state, "stopped" | "stopping" | "group"))?;
    let (recent, limit) = (gauge.value, gauge.limit?);
    let left = limit.saturating_sub(recent);
    let is_close = recent > 0 && (left == 0 || (left == 1 && recent >= 2) || left * 5 <= limit);
    if !is_close {
        return None;
    }
    let what = match left {
        0 => "the next failure stops it".to_owned(),
        1 => "it is restarted once more, and the failure after that stops it".to_owned(),
        left => format!("it is restarted {left} times more, and the failure after that stops it"),
    };
    let who = row.note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
    let text = format!(
        "{} has failed {recent} times within the time that counts, of {limit} allowed{who}: {what}. The log has the cause; a \
         backoff gives it time.",
        place(row)
    );
    let severity = if left == 0 { Severity::Critical } else { Severity::Warning };
    Some(Finding::new(severity, Topic::Restarts, row, &text))
}

/// The mailbox was full all the time, or filled up in each of the windows. What the actor has taken out in a batch waits as
/// well: else a mailbox would be empty whenever it has just done so.
pub(super) fn growing(story: &Story<'_>) -> Option<Finding> {
    let limit = story.now.depth().and_then(|(_, limit)| limit).filter(|_| story.is_complete())?;
    let waiting = |row: &Row| waiting(row, 1);
    let now = waiting(story.now);
    if (now as f64) < limit as f64 * FILLED {
        return None;
    }
    let handled = match story.rise(|row| row.flow.done) {
        0 => "none is".to_owned(),
        done => format!("{} are", rate(done as f64 / story.seconds())),
    };
    let remedy = "Handle faster, share the work out over several actors, or send less.";
    let is_full = |count: u64| count as f64 >= limit as f64 * 0.95;
    // One that fills it each second, just when somebody looks, is no overload: what waits is handled before the next look, and
    // no more than that. Where senders are held up, it is not handled so soon, or far more is.
    let is_overload = |(before, after, _): (&Row, &Row, Duration)| {
        let done = after.flow.done.saturating_sub(before.flow.done);
        done < waiting(before) || done as f64 > limit as f64 * 2.0
    };
    if story.rows().iter().all(|row| is_full(waiting(row))) && story.windows().all(is_overload) {
        let text = format!(
            "the mailbox of {} is full: {now} messages wait where {limit} have room, {handled} handled, and senders are held \
             up. {remedy}",
            place(story.now)
        );
        return Some(Finding::new(Severity::Warning, Topic::Growing, story.now, &text));
    }
    let is_growing = story.windows().all(|(before, after, _)| waiting(before) < waiting(after));
    if !is_growing || now >= limit {
        return None;
    }
    let growth = story.rise(waiting) as f64 / story.seconds();
    let left = Duration::from_secs_f64(((limit - now) as f64 / growth.max(1e-3)).min(1e6));
    let text = format!(
        "the mailbox of {} grows by {}: {now} of {limit} messages wait, {handled} handled, and it is full in about {}. {remedy}",
        place(story.now),
        rate(growth),
        seconds(left)
    );
    Some(Finding::new(Severity::Warning, Topic::Growing, story.now, &text))
}

/// What has come and is not at work; of senders that wait for room, those that were given some are among it.
fn waiting(row: &Row, at_work: u64) -> u64 {
    row.flow.in_flight.saturating_sub(at_work).max(row.depth().map_or(0, |(queued, _)| queued))
}

/// Something is in hand, and nothing was settled for long.
pub(super) fn stuck(
    row: &Row,
    now: Duration,
    known: Option<Standstill>,
    standstills: &mut HashMap<RowId, Standstill>,
) -> Option<Finding> {
    let is_starting = row.state == "starting";
    // A message that is taken after a long start has not been in hand so long.
    let settled = (!is_starting).then_some(row.flow.done + row.flow.failed + row.flow.discarded);
    let is_stage = row.kind == "stage";
    // An actor may have taken more than one message out; a stage says what its workers have.
    let in_hand = match is_stage {
        true => row.gauge_of("busy").map_or(0, |busy| busy.value),
        false => row.gauge_of("in hand").map_or(0, |hand| hand.value),
    };
    // A stage whose results are not taken does not settle them.
    let is_held_up = is_stage && row.depth().is_some_and(|(queued, _)| queued > 0);
    if (in_hand == 0 && !is_starting) || is_held_up || row.state == "between lives" || row.state == "group" {
        return None;
    }
    let still = known.filter(|known| known.settled == settled).unwrap_or(Standstill { settled, since: now });
    standstills.insert(row.id, still);
    let lasted = now.saturating_sub(still.since);
    let waiting = match (is_stage, is_starting) {
        (true, _) => row.flow.in_flight.saturating_sub(in_hand),
        (_, true) => waiting(row, 0),
        _ => waiting(row, 1),
    };
    // What it has been known to take is not long, but for what it took once.
    let is_usual = !is_starting
        && row.timing_of("handler").is_some_and(|handler| handler.quantile(0.99).saturating_mul(2) >= lasted);
    let is_stuck = !is_usual && (lasted >= LONG_PATIENCE || (lasted >= PATIENCE && waiting > 0));
    if !is_stuck {
        return None;
    }
    let text = match is_stage {
        true => format!(
            "{} has finished nothing for {}, with {in_hand} items in work and {waiting} waiting. A timeout for each item \
             tells which.",
            place(row),
            seconds(lasted)
        ),
        false => message_text(row, lasted, waiting),
    };
    let severity = if waiting > 0 { Severity::Critical } else { Severity::Warning };
    Some(Finding::new(severity, Topic::Stuck, row, &text))
}

fn message_text(row: &Row, lasted: Duration, waiting: u64) -> String {
    if row.state == "starting" {
        let wait = match waiting {
            0 => "nobody waits for it".to_owned(),
            waiting => many(waiting, "message waits", "messages wait"),
        };
        let cause = "look for a blocking call or an await without a timeout in its factory, `started` or `restarted`";
        return format!("{} has been starting for {}, and {wait}; {cause}.", place(row), seconds(lasted));
    }
    let message = row.doing.as_ref().filter(|message| **message != "a message");
    let message = message.map_or("a message".to_owned(), |message| format!("`{message}`"));
    let cause = match &row.waits_for {
        Some(other) => format!("it waits for an answer of `{other}`: look there first"),
        None => "look for a blocking call or an await without a timeout in it".to_owned(),
    };
    let wait = match waiting {
        0 => "nothing waits behind it".to_owned(),
        waiting => many(waiting, "message waits behind it", "messages wait behind it"),
    };
    format!("{} has been handling {message} for {}, and {wait}; {cause}.", place(row), seconds(lasted))
}
