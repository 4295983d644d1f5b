//! What is run when a promise is settled.

use std::sync::{Arc, LazyLock};

use super::cell::{Outcome, OutcomeRef};
use crate::error::{catch, log_quietly};

static PLACE: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("a promise's callback"));

/// A user's closure. It runs once, without any lock; its panic goes to the log and no further.
pub(super) struct Callback<T, E>(Box<Run<T, E>>);

type Run<T, E> = dyn FnOnce(OutcomeRef<'_, T, E>) + Send;

impl<T, E> Callback<T, E> {
    pub(super) fn new(run: impl FnOnce(OutcomeRef<'_, T, E>) + Send + 'static) -> Self {
        Self(Box::new(run))
    }

    pub(super) fn run(self, outcome: &Outcome<T, E>) {
        if let Err(panicked) = catch(&PLACE, || (self.0)(outcome.as_ref())) {
            log_quietly(|| tracing::error!(target: "regatta::promise", %panicked, "the others run all the same"));
        }
    }
}
