//! One failure for several branches.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::error::PipelineError;
use crate::error::BoxError;

/// An error of the user's that several hold. It looks like the error itself.
struct Shared(Arc<dyn Error + Send + Sync>);

impl PipelineError {
    /// Makes it one that can be told [again](Self::again).
    pub(super) fn shared(self) -> Self {
        match self {
            Self::Failed { place, error } if !error.is::<Shared>() => {
                Self::Failed { place, error: Box::new(Shared(Arc::from(error))) }
            }
            other => other,
        }
    }

    /// The same failure, for another branch; it has to be shared.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Failed { place, error } => {
                let error: BoxError = match error.downcast_ref::<Shared>() {
                    Some(shared) => Box::new(Shared(shared.0.clone())),
                    None => error.to_string().into(),
                };
                Self::Failed { place: place.clone(), error }
            }
            Self::Panicked(panicked) => Self::Panicked(panicked.clone()),
            Self::Full(full) => Self::Full(full.clone()),
            Self::Cancelled(cancelled) => Self::Cancelled(cancelled.clone()),
        }
    }
}

/// The user's error itself, also where it is shared.
pub(super) fn look_through(error: &BoxError) -> &(dyn Error + 'static) {
    match error.downcast_ref::<Shared>() {
        Some(shared) => shared.0.as_ref(),
        None => error.as_ref(),
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Shared {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
