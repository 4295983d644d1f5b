//! What a supervisor does when a child ends: plain values.

use std::time::Duration;

/// Whom the failure of one child takes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// Nobody: the child alone is started again. For children that do not need each other.
    #[default]
    OneForOne,
    /// Everybody: the others are stopped, the last first, and then all are started in order. For children that cannot do
    /// without each other.
    OneForAll,
    /// Those that were started later, as [`OneForAll`](Self::OneForAll). For children that need the ones before them.
    RestForOne,
}

/// When a child that has ended is started again.
///
/// | a child that | `Permanent` | `Transient` | `Temporary` |
/// |---|---|---|---|
/// | failed or panicked | starts again | starts again | is forgotten |
/// | ended by itself, without an error | starts again | stays stopped | is forgotten |
/// | is a supervisor that [gave up](super::GaveUp), or shut itself down | starts again | stays stopped | is forgotten |
/// | was stopped along with a sibling that failed | starts again with it | the same | is forgotten |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Restart {
    /// Always: it has to be there.
    #[default]
    Permanent,
    /// Only after a failure: it has something to finish.
    Transient,
    /// Never.
    Temporary,
}

/// How a child is stopped; see [`ChildSpec::shutdown`](super::ChildSpec::shutdown).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shutdown {
    /// It is aborted at once, at its next await.
    Kill,
    /// It is asked, by the token of its context, and aborted if it has not ended after so long.
    Within(Duration),
    /// It is asked, and waited for, however long it takes. For supervisors, whose children have their own limits.
    Unlimited,
}

/// Whether a supervisor ends when its [significant](super::ChildSpec::significant) children have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum AutoShutdown {
    /// It goes on.
    #[default]
    Never,
    /// It ends, with its other children, when one of them has ended by itself.
    AnySignificant,
    /// It ends when the last of them has ended by itself.
    AllSignificant,
}
