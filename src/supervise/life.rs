//! One life of a child: its task, and its end.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

use super::context::{ChildContext, Place};
use super::engine::{Above, Engine};
use super::error::StartError;
use super::exit::Exit;
use super::spec::Body;
use crate::error::BoxError;
use crate::task::{TaskError, TaskHandle};

/// Everything that lives in one life of a child: its own task, and if it is a supervisor, those below. Whoever watches is
/// told when the last of them is gone. Held by each of them.
#[derive(Debug)]
pub(crate) struct Kin {
    _above: Option<Arc<Kin>>,
    _gone: DropGuard,
}

/// What the supervisor holds of a life.
pub(super) struct Life {
    pub(super) place: Arc<Place>,
    /// Asks it to stop.
    pub(super) token: CancellationToken,
    pub(super) abort: AbortHandle,
    pub(super) begun: tokio::time::Instant,
}

/// The end of a life: when nothing of it is left. Dropped before, it aborts the life.
pub(super) struct End {
    pub(super) key: u64,
    task: TaskHandle<Exit>,
    exit: Option<Exit>,
    gone: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Kin {
    /// With what tells that it is gone.
    pub(super) fn below(above: Option<Arc<Kin>>) -> (Arc<Self>, CancellationToken) {
        let gone = CancellationToken::new();
        (Arc::new(Self { _above: above, _gone: gone.clone().drop_guard() }), gone)
    }
}

impl End {
    pub(super) fn new(key: u64, task: TaskHandle<Exit>, gone: CancellationToken) -> Self {
        Self { key, task, exit: None, gone: Box::pin(gone.cancelled_owned()) }
    }
}

impl Future for End {
    type Output = (u64, Exit);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.exit.is_none() {
            this.exit = Some(match ready!(this.task.poll_unpin(cx)) {
                Ok(exit) => exit,
                Err(TaskError::Panicked(panicked)) => Exit::Panicked(panicked),
                Err(TaskError::Cancelled(_)) => Exit::Killed,
            });
        }
        ready!(this.gone.as_mut().poll(cx));
        Poll::Ready((this.key, this.exit.take().unwrap_or(Exit::Killed)))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task of one life. Boxed, because those of supervisors contain the lives below.
pub(super) fn live(
    body: Body,
    cx: ChildContext,
    above: Above,
    started: oneshot::Sender<()>,
) -> BoxFuture<'static, Exit> {
    let place = cx.place.clone();
    // Told before the life's task can be looked at again: whoever waits for the start learns of it first.
    let starts = {
        let place = place.clone();
        move || {
            place.has_started();
            let _ = started.send(());
        }
    };
    let life = async move {
        let token = cx.token.clone();
        match body {
            Body::Run(run) => {
                starts();
                exit(run(cx).await, &token)
            }
            Body::Start(start) => match start(cx).await {
                Ok(run) => {
                    starts();
                    exit(run.await, &token)
                }
                Err(error) => exit(Err(error), &token),
            },
            Body::Supervisor(builder) => {
                let engine = Engine::below(&builder, cx.path.clone(), above, token);
                match engine.start(&builder.children).await {
                    Ok(engine) => {
                        starts();
                        engine.run().await
                    }
                    Err(StartError::Stopped { .. }) => Exit::Shutdown,
                    Err(error) => Exit::Failed(Arc::new(error)),
                }
            }
        }
    };
    place.scope(life).boxed()
}

/// Brings a child's own account of its end out of its future.
#[derive(Debug)]
pub(crate) struct Carried(pub(crate) Exit);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Carried {}

fn exit(ended: Result<(), BoxError>, token: &CancellationToken) -> Exit {
    match ended {
        Ok(()) if token.is_cancelled() => Exit::Shutdown,
        Ok(()) => Exit::Normal,
        Err(error) => match error.downcast::<Carried>() {
            Ok(carried) => carried.0,
            Err(error) => Exit::Failed(error.into()),
        },
    }
}
