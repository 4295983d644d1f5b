//! How generated code answers: by value, and with an error that nobody asked for in the log.

use std::fmt;

use super::reply::Reply;
use crate::error::{drop_quietly, log_quietly};

/// Sends what a method has returned; where nobody asked, it is dropped.
#[doc(hidden)]
#[inline]
pub fn answer<T: Send + 'static>(reply: Reply<T>, value: T) {
    // Whoever asked may have left. A destructor that panics is no failure of the actor's, whoever runs it.
    if let Err(unsent) = reply.send(value)
        && std::mem::needs_drop::<T>()
    {
        drop_quietly(unsent);
    }
}

/// As [`answer`]; an error that nobody asked for, or waits for any more, is logged.
#[doc(hidden)]
#[inline]
pub fn answer_result<T: Send + 'static, E: Send + 'static>(
    reply: Reply<T, E>,
    result: Result<T, E>,
    actor: &'static str,
    method: &'static str,
    text: impl FnOnce(&E) -> String,
) {
    match reply.settle(result) {
        Ok(()) => {}
        Err(Err(error)) => {
            let text = text(&error);
            log_quietly(
                || tracing::warn!(target: "regatta::actor", actor, method, error = text, "failed, and nobody asked"),
            );
            drop_quietly(error);
        }
        Err(value) => drop_quietly(value),
    }
}

/// An error on its way into the log, as far as its type can be shown.
#[doc(hidden)]
#[derive(Debug)]
pub struct Shown<'a, E>(pub &'a E);

/// Preferred, where there is a `Display`.
#[doc(hidden)]
pub trait ShownByDisplay {
    fn __regatta_text(&self) -> String;
}

impl<E: fmt::Display> ShownByDisplay for Shown<'_, E> {
    fn __regatta_text(&self) -> String {
        let shown = std::panic::AssertUnwindSafe(|| self.0.to_string());
        std::panic::catch_unwind(shown).unwrap_or_else(|payload| {
            drop_quietly(payload);
            "(an error whose text panics)".into()
        })
    }
}

/// For all others: the way to it is one reference longer.
#[doc(hidden)]
pub trait ShownByName {
    fn __regatta_text(&self) -> String;
}

impl<E> ShownByName for &Shown<'_, E> {
    fn __regatta_text(&self) -> String {
        std::any::type_name::<E>().to_owned()
    }
}
