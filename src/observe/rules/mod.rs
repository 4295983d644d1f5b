//! What is wrong with a component, kind by kind.

mod actors;
mod items;
mod pipelines;
mod promises;

use std::cmp::Reverse;
use std::time::Duration;

use super::finding::{Diagnosis, Finding, Severity, Topic};
use super::inspector::{Memory, Windows};
use super::row::{Gone, Row, plain};
use super::snapshot::Snapshot;
pub(super) use promises::Pending;

/// For so long after it has failed is an end worth a finding.
const MOURNED: Duration = Duration::from_secs(30);
/// More ends than these are told together.
const FUNERALS: usize = 3;

/// Applies every rule.
pub(super) fn judge(now: &Snapshot, windows: &Windows<'_>, memory: &mut Memory) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    let findings = &mut diagnosis.findings;
    let mut standstills = std::mem::take(&mut memory.standstills);
    for (index, row) in now.rows.iter().enumerate() {
        let story = windows.story(index, row);
        match &*row.kind {
            "actor" => {
                findings.extend(actors::circle(&story));
                findings.extend(actors::restarts(row));
                findings.extend(actors::growing(&story));
                findings.extend(items::drops(&story));
                let known = standstills.remove(&row.id);
                findings.extend(actors::stuck(row, now.uptime, known, &mut memory.standstills));
            }
            "stage" => {
                let known = standstills.remove(&row.id);
                findings.extend(actors::stuck(row, now.uptime, known, &mut memory.standstills));
            }
            "supervisor" => findings.extend(actors::restarts(row)),
            "queue" => findings.extend(items::drops(&story)),
            "pool" => findings.extend(items::pool(&story)),
            "cache" => findings.extend(items::cache(&story)),
            "promises" => findings.extend(promises::pending(row, now.uptime, &mut memory.promises)),
            _ => {}
        }
    }
    ended(now, findings);
    diagnosis.is_complete = windows.are_complete();
    diagnosis.verdicts = pipelines::judge(now, windows);
    let of_verdict = |verdict| pipelines::finding(now, verdict);
    findings.extend(diagnosis.verdicts.iter().filter_map(of_verdict));
    // Stable: among equals in the order of creation.
    findings.sort_by_key(|finding| (Reverse(finding.severity), finding.topic));
    diagnosis
}

/// Each end that was a failure, as long as it is news; where there are many, how many.
fn ended(now: &Snapshot, findings: &mut Vec<Finding>) {
    let ago = |gone: &Gone| now.uptime.saturating_sub(gone.ended_at);
    let failed: Vec<&Gone> = now.gone.iter().rev().filter(|gone| gone.is_failure && ago(gone) <= MOURNED).collect();
    let told = if failed.len() > FUNERALS { 1 } else { failed.len() };
    for gone in failed.iter().take(told) {
        let others = match failed.len() - told {
            0 => String::new(),
            others => format!(" So did {others} others within {}.", seconds(MOURNED)),
        };
        let text = format!(
            "{} `{}` ended {} ago: {}.{others} It does not come back; what is supervised does.",
            gone.kind,
            plain(&gone.name),
            seconds(ago(gone)),
            plain(&gone.reason)
        );
        let (severity, topic) = (Severity::Warning, Topic::Ended);
        let (row, kind, name) = (gone.id, gone.kind.clone(), gone.name.clone());
        findings.push(Finding { severity, topic, row, kind, name, text });
    }
}

/// So that people can read it: `340 ms`, `4.2 s`, `3 min`.
fn seconds(duration: Duration) -> String {
    match duration.as_secs_f64() {
        short if short < 1.0 => format!("{:.0} ms", short * 1e3),
        few if few < 10.0 => format!("{few:.1} s"),
        many if many < 120.0 => format!("{many:.0} s"),
        long => format!("{:.0} min", long / 60.0),
    }
}

/// A rate, as exact as it is worth.
fn rate(per_second: f64) -> String {
    match per_second {
        slow if slow < 10.0 => format!("{slow:.1}/s"),
        fast if fast < 10_000.0 => format!("{fast:.0}/s"),
        thousands => format!("{:.0} 000/s", thousands / 1e3),
    }
}

/// `12 of 64`, or only the number where there is no limit.
fn level((value, limit): (u64, Option<u64>)) -> String {
    match limit {
        Some(limit) => format!("{value} of {limit}"),
        None => value.to_string(),
    }
}

/// `1 message waits`, `2 messages wait`.
fn many(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

fn place(row: &Row) -> String {
    format!("{} `{}`", row.kind, row.name)
}
