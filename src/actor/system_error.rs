//! Why a system did not do what it was asked.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::tell_error::TellError;
use crate::supervise::ChildError;

/// Why an actor was not created.
pub struct CreateError<A> {
    system: Arc<str>,
    name: Arc<str>,
    why: Why,
    /// In a lock, so that the error can go wherever errors go.
    actor: Mutex<Option<A>>,
}

#[derive(Debug)]
enum Why {
    Taken(&'static str),
    NotStarted(ChildError),
}

impl<A> CreateError<A> {
    pub(super) fn taken(system: &str, name: &Arc<str>, holder: &'static str) -> Self {
        Self { system: system.into(), name: name.clone(), why: Why::Taken(holder), actor: Mutex::new(None) }
    }

    pub(super) fn not_started(system: &str, name: &str, error: ChildError) -> Self {
        Self { system: system.into(), name: name.into(), why: Why::NotStarted(error), actor: Mutex::new(None) }
    }

    pub(super) fn with(self, actor: Option<A>) -> Self {
        Self { actor: Mutex::new(actor), ..self }
    }

    /// Tells whether the name is taken.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self.why, Why::Taken(_))
    }

    /// Tells whether the system accepts no more actors.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(&self.why, Why::NotStarted(error) if error.is_closed())
    }

    /// The type of the actor that has the name.
    #[must_use]
    pub fn holder(&self) -> Option<&'static str> {
        match self.why {
            Why::Taken(holder) => Some(holder),
            Why::NotStarted(_) => None,
        }
    }

    /// Gives the actor back, if it was not started and not made by a factory.
    #[must_use]
    pub fn into_inner(self) -> Option<A> {
        self.actor.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A> fmt::Debug for CreateError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateError").field("name", &self.name).field("why", &self.why).finish_non_exhaustive()
    }
}

impl<A> fmt::Display for CreateError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { system, name, why, .. } = self;
        match why {
            Why::Taken(holder) => write!(f, "the name `{name}` is taken in `{system}` by an actor of type `{holder}`"),
            Why::NotStarted(error) if error.is_closed() => {
                write!(f, "actor `{name}` was not created: system `{system}` accepts no more actors")
            }
            Why::NotStarted(error) => write!(f, "actor `{name}` was not created in `{system}`: {error}"),
        }
    }
}

impl<A> Error for CreateError<A> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            Why::Taken(_) => None,
            Why::NotStarted(error) => Some(error),
        }
    }
}

/// Why there is no actor to be had by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetError {
    /// There is none of this name.
    NotFound {
        /// The system.
        system: Arc<str>,
        /// The name.
        name: Arc<str>,
    },
    /// It is of another type.
    OtherType {
        /// The system.
        system: Arc<str>,
        /// The name.
        name: Arc<str>,
        /// The type that was asked for.
        expected: &'static str,
        /// The type that it has.
        found: &'static str,
    },
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { system, name } => write!(f, "there is no actor `{name}` in `{system}`"),
            Self::OtherType { system, name, expected, found } => {
                write!(f, "actor `{name}` in `{system}` is of type `{found}`, not `{expected}`")
            }
        }
    }
}

impl Error for GetError {}

/// Why a message to a name was not sent.
pub struct NamedError<M> {
    why: NotTold<M>,
}

enum NotTold<M> {
    Nobody(GetError, Mutex<M>),
    Refused(TellError<M>),
}

impl<M> NamedError<M> {
    pub(super) fn nobody(error: GetError, msg: M) -> Self {
        Self { why: NotTold::Nobody(error, Mutex::new(msg)) }
    }

    pub(super) fn refused(error: TellError<M>) -> Self {
        Self { why: NotTold::Refused(error) }
    }

    /// Gives the message back.
    #[must_use]
    pub fn into_inner(self) -> M {
        match self.why {
            NotTold::Nobody(_, msg) => msg.into_inner().unwrap_or_else(PoisonError::into_inner),
            NotTold::Refused(error) => error.into_inner(),
        }
    }

    /// Why there is no actor to tell it; `None` if there is one, which does not accept it.
    #[must_use]
    pub fn nobody_because(&self) -> Option<&GetError> {
        match &self.why {
            NotTold::Nobody(error, _) => Some(error),
            NotTold::Refused(_) => None,
        }
    }
}

impl<M> fmt::Debug for NamedError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedError({self})")
    }
}

impl<M> fmt::Display for NamedError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            NotTold::Nobody(error, _) => error.fmt(f),
            NotTold::Refused(error) => error.fmt(f),
        }
    }
}

impl<M> Error for NamedError<M> {}
