//! What a supervisor can be asked to do.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::error::ChildError;
use super::spec::ChildSpec;

/// A request, and where its answer goes.
pub(super) struct Command {
    pub(super) request: Request,
    pub(super) answer: oneshot::Sender<Result<(), ChildError>>,
}

pub(super) enum Request {
    Start(Box<ChildSpec>),
    Stop(Arc<str>),
    Restart(Arc<str>),
    Delete(Arc<str>),
    /// Forget it, if it has ended without having a life.
    Sweep(Arc<str>),
}

impl Request {
    pub(super) fn child(&self) -> Arc<str> {
        match self {
            Self::Start(spec) => spec.name.clone(),
            Self::Stop(name) | Self::Restart(name) | Self::Delete(name) | Self::Sweep(name) => name.clone(),
        }
    }
}
