//! The state machines, bare, for the models in `crates/models`: no runtime, leaders are threads of the model.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::must_use_candidate)]

use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;

use super::once::{Joined, Leader, Slot, Verdict};

/// A cell that is filled by whoever leads, on its own thread.
pub struct Once<T>(Arc<Slot<T>>);

/// What somebody who wants the value has to do.
pub enum Role<T> {
    Ready,
    /// What became of somebody else's attempt: there, failed, or lost.
    Waits(Waits<T>),
    Leads(Leads<T>),
}

pub struct Waits<T>(Arc<super::once::Attempt<T>>);

pub struct Leads<T>(Leader<T>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Made,
    Lost,
}

impl<T> Once<T> {
    pub fn new() -> Self {
        Self(Arc::new(Slot::new()))
    }

    pub fn get(&self) -> Option<&T> {
        self.0.get()
    }

    pub fn set(&self, value: T) -> bool {
        self.0.set(value).is_ok()
    }

    pub fn join(&self) -> Role<T> {
        match self.0.join() {
            Joined::Ready => Role::Ready,
            Joined::Waits(attempt) => Role::Waits(Waits(attempt)),
            Joined::Leads(leader) => Role::Leads(Leads(leader)),
        }
    }
}

impl<T> Waits<T> {
    /// # Cancel safety
    /// As the future that followers wait with: nothing is lost.
    pub fn end(&self) -> impl Future<Output = End> {
        self.0.verdict().map(|verdict| match verdict {
            Verdict::Made => End::Made,
            Verdict::Lost => End::Lost,
            Verdict::Failed(error) => unreachable!("no model fails: {error}"),
        })
    }
}

impl<T> Leads<T> {
    pub fn finish(self, value: T) {
        self.0.finish(Ok(value));
    }
}

impl<T> Clone for Once<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self::new()
    }
}
