//! The report as one JSON object.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::{Group, Report, Reuse};
use crate::entry::Problem;
use crate::paths;

#[derive(Serialize)]
struct JsonReport<'a> {
    groups: Vec<JsonGroup<'a>>,
    errors: Vec<JsonError<'a>>,
    scanned: u64,
    bytes: u64,
    partial: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<JsonCache>,
}

#[derive(Serialize)]
struct JsonGroup<'a> {
    size: u64,
    hash: String,
    files: Vec<Cow<'a, str>>,
    /// Which of the files have an escaped name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    escaped: Vec<usize>,
}

#[derive(Serialize)]
struct JsonError<'a> {
    path: Cow<'a, str>,
    error: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    escaped: bool,
}

#[derive(Serialize)]
struct JsonCache {
    hits: u64,
    misses: u64,
    /// From 0 to 1; null if nothing was asked for.
    hit_ratio: Option<f64>,
}

/// Writes one object on one line.
pub(crate) fn write_json(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let object = JsonReport {
        groups: report.groups.iter().map(JsonGroup::from).collect(),
        errors: report.problems.iter().map(JsonError::from).collect(),
        scanned: report.scanned,
        bytes: report.bytes,
        partial: report.partial.is_some(),
        cache: report.reuse.as_ref().map(JsonCache::from),
    };
    serde_json::to_writer(&mut *out, &object)?;
    writeln!(out)
}

impl<'a> From<&'a Group> for JsonGroup<'a> {
    fn from(group: &'a Group) -> Self {
        let (files, is_escaped): (Vec<_>, Vec<bool>) = group.paths.iter().map(|path| paths::json(path)).unzip();
        let escaped = (0..files.len()).filter(|&at| is_escaped[at]).collect();
        Self { size: group.size, hash: group.hash.to_string(), files, escaped }
    }
}

impl<'a> From<&'a Problem> for JsonError<'a> {
    fn from(problem: &'a Problem) -> Self {
        let (path, escaped) = paths::json(&problem.path);
        Self { path, error: &problem.reason, escaped }
    }
}

impl From<&Reuse> for JsonCache {
    fn from(Reuse { stats, .. }: &Reuse) -> Self {
        Self { hits: stats.hits, misses: stats.misses, hit_ratio: stats.hit_ratio() }
    }
}
