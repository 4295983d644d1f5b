//! How a child's life ended.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::intensity::Intensity;
use crate::error::Panicked;

/// How one life of a child ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Exit {
    /// By itself, without an error.
    Normal,
    /// Without an error, after it was asked to stop. Of a supervisor also: by its
    /// [`AutoShutdown`](super::AutoShutdown).
    Shutdown,
    /// With an error; one of its start, too.
    Failed(Arc<dyn Error + Send + Sync>),
    /// With a panic.
    Panicked(Panicked),
    /// It was aborted: because it did not end in time, or was not asked at all, or with its supervisor.
    Killed,
    /// It is a supervisor whose children failed too often.
    GaveUp(GaveUp),
}

/// A supervisor's children failed more often than its [`Intensity`] allows.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GaveUp {
    /// The path of the supervisor.
    pub supervisor: Arc<str>,
    /// The child whose failure was one too many.
    pub child: Arc<str>,
    /// The limit that it exceeded: the supervisor's, or its own.
    pub limit: Intensity,
    /// How the child ended the last time.
    pub last: Arc<Exit>,
}

/// The error by which a child's start says that there is nothing to do: it counts as stopped, and nothing has failed.
///
/// # Examples
/// ```
/// use regatta::supervise::{ChildSpec, Ignored, Supervisor};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let metrics = ChildSpec::starting("metrics", |_cx| async {
///     if std::env::var_os("METRICS_ADDRESS_OF_THIS_EXAMPLE").is_none() {
///         return Err(Ignored.into()); // not configured: do without
///     }
///     Ok(async { Ok(()) })
/// });
/// let tree = Supervisor::builder().child(metrics).start("app").await?;
/// assert!(!tree.which_children()[0].state.is_running());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ignored;

impl Exit {
    /// Tells whether the life ended as it should: [`Normal`](Self::Normal), [`Shutdown`](Self::Shutdown), or
    /// [`GaveUp`](Self::GaveUp), which is a supervisor's orderly way out. A transient child is then left alone.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        matches!(self, Self::Normal | Self::Shutdown | Self::GaveUp(_))
    }

    pub(super) fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Panicked(_) | Self::GaveUp(_))
    }

    pub(super) fn is_ignored(&self) -> bool {
        matches!(self, Self::Failed(error) if error.is::<Ignored>())
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => write!(f, "ended by itself"),
            Self::Shutdown => write!(f, "ended when asked to"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::Killed => write!(f, "was aborted"),
            Self::GaveUp(gave_up) => gave_up.fmt(f),
        }
    }
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { supervisor, child, limit, last } = self;
        write!(
            f,
            "supervisor `{supervisor}` gave up: child `{child}` failed once more than {limit} allow; the last time it {}",
            Last(last)
        )
    }
}

/// A panic names its place itself.
struct Last<'a>(&'a Exit);

impl fmt::Display for Last<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Exit::Panicked(panicked) => write!(f, "panicked: {}", panicked.message.replace('\n', "\\n")),
            exit => exit.fmt(f),
        }
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is nothing to start")
    }
}

impl Error for GaveUp {}
impl Error for Ignored {}
