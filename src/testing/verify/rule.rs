//! What a stage has to keep to, and what a report says about it.

use std::fmt;

/// What every stage of a stream has to keep to. In words when it is displayed.
///
/// They follow the rules of [Reactive Streams](https://github.com/reactive-streams/reactive-streams-jvm), as they read for
/// streams that are polled; those that the types keep, such as that nobody polls a stream twice at once, need no check.
///
/// # Examples
/// ```
/// use regatta::testing::Rule;
///
/// assert_eq!(Rule::Panic.to_string(), "a panic of the source is an error, and never an end");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Sources of 0, 1, 3 and 1,000 items come out whole, once and in order, and then comes the end, also for whoever wants
    /// more than there is.
    Whole,
    /// No more is pulled than was taken and the stage may hold: before the first poll, and while the sink stands still.
    Demand,
    /// Nothing is polled, and nobody is woken, while the source has nothing.
    Idle,
    /// Ten polls after the end, or after an error, give nothing.
    Fused,
    /// A source that has ended, or panicked, is not polled again.
    SourceEnd,
    /// A panic of the source is told: as an error, or by going on to whoever polls; also while the sink stands still.
    Panic,
    /// At the end, and after an error, the source and what closures captured are dropped, although the stream is kept.
    ReleaseAtEnd,
    /// Dropping the stream drops the source and what closures captured: before the first poll, while the source has nothing,
    /// and in the middle of the items.
    ReleaseOnDrop,
    /// Once the stream was dropped, nothing more is pulled.
    NothingAfterDrop,
    /// What is finished waits for whoever asks late, and so does the end.
    LateDemand,
    /// Whoever asks again after a pause gets what was finished meanwhile, without new input.
    Resume,
    /// The stack does not grow with the items.
    Stack,
    /// Other tasks have their turns although the source always has something. Looked at on a runtime of one thread only.
    Fairness,
}

impl Rule {
    /// In the order in which they are looked at.
    pub(super) const ALL: [Self; 13] = [
        Self::Whole,
        Self::Demand,
        Self::Idle,
        Self::Fused,
        Self::SourceEnd,
        Self::Panic,
        Self::ReleaseAtEnd,
        Self::ReleaseOnDrop,
        Self::NothingAfterDrop,
        Self::LateDemand,
        Self::Resume,
        Self::Stack,
        Self::Fairness,
    ];
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "everything comes out once, and then the end",
            Self::Demand => "no more is pulled than was taken and the stage may hold",
            Self::Idle => "a stage that has nothing to do does nothing",
            Self::Fused => "nothing comes after the end, or after an error",
            Self::SourceEnd => "a source that is over is not polled again",
            Self::Panic => "a panic of the source is an error, and never an end",
            Self::ReleaseAtEnd => "at the end everything inside is let go",
            Self::ReleaseOnDrop => "a stage that is dropped lets go of everything inside",
            Self::NothingAfterDrop => "a stage that was dropped pulls nothing",
            Self::LateDemand => "what is finished waits for whoever asks late",
            Self::Resume => "whoever asks again gets what was finished meanwhile",
            Self::Stack => "the stack does not grow with the items",
            Self::Fairness => "others have their turns although there is always something to do",
        })
    }
}

/// A rule that was broken, and what was seen.
///
/// # Examples
/// See [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broken {
    /// Which one.
    pub rule: Rule,
    /// What the stage did, in words.
    pub seen: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.seen)
    }
}

/// What became of each rule.
///
/// # Examples
/// ```
/// use futures::StreamExt;
/// use regatta::testing::{Rule, Verify};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let forgetful = Verify::new().without(Rule::Fairness);
/// let report = forgetful.run(|input| input.filter(|n| std::future::ready(*n != 2)).map(Ok::<_, ()>)).await;
/// assert!(!report.is_ok());
/// let first = &report.broken()[0];
/// assert_eq!(first.rule, Rule::Whole);
/// assert_eq!(first.seen, "of 3 items number 2 never came");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "a report says what is wrong only to those who ask: `assert_ok`"]
pub struct Report {
    kept: Vec<Rule>,
    broken: Vec<Broken>,
}

impl Report {
    pub(super) fn note(&mut self, rule: Rule, seen: Result<(), String>) {
        match seen {
            Ok(()) => self.kept.push(rule),
            Err(seen) => self.broken.push(Broken { rule, seen }),
        }
    }

    /// Tells whether all rules were kept that were looked at.
    ///
    /// # Examples
    /// See [`Report`].
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.broken.is_empty()
    }

    /// Those that were broken.
    ///
    /// # Examples
    /// See [`Report`].
    #[must_use]
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// Those that were looked at and kept.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, testing::{Rule, verify_stage}};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let report = verify_stage(|input| Pipeline::from_stream(input).map(|n| n).into_stream()).await;
    /// assert!(report.kept().contains(&Rule::Demand));
    /// # }
    /// ```
    #[must_use]
    pub fn kept(&self) -> &[Rule] {
        &self.kept
    }

    /// Says that all rules were kept.
    ///
    /// # Panics
    /// When one was not: with each of those, and what was seen.
    ///
    /// # Examples
    /// See [`verify_stage`](super::verify_stage).
    #[track_caller]
    pub fn assert_ok(&self) {
        assert!(self.is_ok(), "the stage breaks rules\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for broken in &self.broken {
            writeln!(f, "- {broken}")?;
        }
        write!(f, "{} rules were kept, {} were broken", self.kept.len(), self.broken.len())
    }
}
