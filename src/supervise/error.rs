//! Why a supervisor was not started, or did not do what it was asked.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::board::ChildState;
use super::exit::Exit;
use crate::error::Closed;

/// Why a supervisor was not started. What had been started of it is stopped again, in reverse.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StartError {
    /// Two children have the same name.
    Duplicate {
        /// The path of the supervisor.
        supervisor: Arc<str>,
        /// The name.
        child: Arc<str>,
    },
    /// A child is [significant](super::ChildSpec::significant), and either always restarted, or of a supervisor that
    /// never shuts itself down: it could never mean anything.
    Significant {
        /// The path of the supervisor.
        supervisor: Arc<str>,
        /// The name of the child.
        child: Arc<str>,
    },
    /// The start of a child failed or took too long. The first start is not tried again.
    Child {
        /// The path of the supervisor.
        supervisor: Arc<str>,
        /// The name of the child.
        child: Arc<str>,
        /// How its start ended.
        exit: Exit,
    },
    /// It was asked to stop before all children were started.
    Stopped {
        /// The path of the supervisor.
        supervisor: Arc<str>,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { supervisor, child } => {
                write!(f, "supervisor `{supervisor}` was not started: two children are called `{child}`")
            }
            Self::Significant { supervisor, child } => write!(
                f,
                "supervisor `{supervisor}` was not started: child `{child}` is significant, so it must be transient or \
                 temporary, and the supervisor needs an auto shutdown"
            ),
            Self::Child { supervisor, child, exit } => {
                write!(f, "supervisor `{supervisor}` was not started: child `{child}`: {exit}")
            }
            Self::Stopped { supervisor } => write!(f, "supervisor `{supervisor}` was asked to stop while it started"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Child { exit: Exit::Failed(error), .. } => Some(error.as_ref()),
            Self::Child { exit: Exit::Panicked(panicked), .. } => Some(panicked),
            _ => None,
        }
    }
}

/// Why a supervisor did not do what it was asked to do with a child.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ChildError {
    /// There is a child of this name.
    Exists {
        /// The path of the child.
        path: Arc<str>,
        /// What it does. A stopped one can be restarted, or deleted.
        state: ChildState,
    },
    /// There is no child of this name.
    NotFound {
        /// The path of the child.
        path: Arc<str>,
    },
    /// The child has to be stopped for this, and is not.
    NotStopped {
        /// The path of the child.
        path: Arc<str>,
        /// What it does.
        state: ChildState,
    },
    /// Its start failed or took too long.
    NotStarted {
        /// The path of the child.
        path: Arc<str>,
        /// How its start ended.
        exit: Exit,
    },
    /// It is [significant](super::ChildSpec::significant) where that can mean nothing.
    Significant {
        /// The path of the child.
        path: Arc<str>,
    },
    /// The caller would wait for itself: it runs inside the child that is to be stopped or is being stopped, or inside a
    /// start that the supervisor waits for.
    Reentrant {
        /// The path of the supervisor.
        supervisor: Arc<str>,
    },
    /// The supervisor has stopped, or accepts no more children.
    Closed(Closed),
}

impl ChildError {
    /// Tells whether the supervisor has stopped, or accepts no more children.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists { path, state } => write!(f, "there is a child `{path}` already, and it is {state}"),
            Self::NotFound { path } => write!(f, "there is no child `{path}`"),
            Self::NotStopped { path, state } => write!(f, "child `{path}` is {state}: stop it first"),
            Self::NotStarted { path, exit } => write!(f, "child `{path}` was not started: {exit}"),
            Self::Significant { path } => write!(
                f,
                "child `{path}` is significant, so it must be transient or temporary, and its supervisor needs an auto \
                 shutdown"
            ),
            Self::Reentrant { supervisor } => write!(
                f,
                "supervisor `{supervisor}` would wait for the caller, and the caller for it: ask from a task of its own, \
                 or let the child end by itself"
            ),
            Self::Closed(closed) => closed.fmt(f),
        }
    }
}

impl Error for ChildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotStarted { exit: Exit::Failed(error), .. } => Some(error.as_ref()),
            Self::NotStarted { exit: Exit::Panicked(panicked), .. } => Some(panicked),
            _ => None,
        }
    }
}
