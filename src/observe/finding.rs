//! What somebody should know, in a sentence.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::row::{Row, RowId, plain};

/// Something that is wrong, or will be soon, with numbers and a remedy; made by an [`Inspector`](super::Inspector).
///
/// `Display` is the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub topic: Topic,
    /// Which component.
    pub row: RowId,
    /// What that is.
    pub kind: Cow<'static, str>,
    /// Its name.
    pub name: Arc<str>,
    /// The sentence.
    pub text: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Severity {
    /// It could go better.
    Warning,
    /// Something stands still, or is about to end.
    Critical,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Topic {
    /// Actors ask each other in a circle.
    Circle,
    /// One more failure, or two, and a supervisor or an actor gives up.
    Restarts,
    /// A message, or an item of a stage, takes very long.
    Stuck,
    /// A mailbox fills up, or is full.
    Growing,
    /// A queue or a mailbox drops what comes.
    Drops,
    /// No worker is idle, and jobs wait.
    Pool,
    /// One stage limits a pipeline.
    Bottleneck,
    /// Now one stage limits a pipeline, now another.
    Alternating,
    /// The machine limits a pipeline.
    CpuBound,
    /// Promises are pending for long.
    Promises,
    /// A cache costs more than it saves.
    Cache,
    /// Something has ended with a failure.
    Ended,
}

/// How a pipeline is doing; made by an [`Inspector`](super::Inspector) for each that runs.
///
/// `Display` is the sentence.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Verdict {
    /// Which pipeline.
    pub pipeline: RowId,
    /// What limits it.
    #[cfg_attr(feature = "serde", serde(rename = "verdict"))]
    pub limit: Limit,
    /// The stages it is about.
    pub stages: Vec<RowId>,
    /// How much the stage does that limits it, in items a second.
    pub rate: Option<f64>,
    /// How much the pipeline would do without that limit, where that can be told.
    pub expected: Option<f64>,
    /// The sentence.
    pub text: String,
}

/// What limits a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Limit {
    /// It is too early to say.
    Measuring,
    /// Nothing comes in, and nothing is inside.
    Idle,
    /// Its source: every stage waits for input.
    SourceLimited,
    /// No stage in particular.
    Balanced,
    /// One stage.
    #[cfg_attr(feature = "serde", serde(rename = "limited"))]
    Stage,
    /// Now one stage, now another.
    Alternating,
    /// The machine: all cores are busy.
    CpuBound,
}

/// What an [`Inspector`](super::Inspector) has to say.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Diagnosis {
    /// What is wrong, worst first. Nothing on a system that is idle or healthy.
    pub findings: Vec<Finding>,
    /// How each pipeline that runs is doing.
    pub verdicts: Vec<Verdict>,
    /// Whether it has been looked at for three seconds; before that, what needs so long is not said.
    pub is_complete: bool,
}

impl Finding {
    pub(super) fn new(severity: Severity, topic: Topic, row: &Row, text: &str) -> Self {
        // The names in it are the user's, and may have anything in them.
        let text = plain(text).into_owned();
        Self { severity, topic, row: row.id, kind: row.kind.clone(), name: row.name.clone(), text }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        })
    }
}

/// One finding a line, or that there is none.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.findings.is_empty(), self.is_complete) {
            (true, true) => return f.write_str("nothing to report"),
            (true, false) => return f.write_str("nothing to report yet; most takes three seconds"),
            (false, _) => {}
        }
        for (number, finding) in self.findings.iter().enumerate() {
            let line = if number == 0 { "" } else { "\n" };
            write!(f, "{line}{}: {finding}", finding.severity)?;
        }
        Ok(())
    }
}
