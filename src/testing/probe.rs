//! A test in the place of an actor.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use futures::FutureExt;

use crate::actor::{Actor, Builder, Mailbox};

/// How long a message is waited for, unless the test says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A handle of an actor that is not there: what is sent to it goes to the probe.
#[must_use]
pub fn probe<A: Actor>() -> (A::Handle, Probe<A>) {
    let (handle, mailbox) = Builder::new().unobserved().mailbox_alone::<A>();
    (handle, Probe { mailbox, patience: PATIENCE })
}

/// Gets the messages of an actor that is not there. Dropping it is the end of that actor: a `stop` of the handle waits for
/// that, since nobody else can say that it has stopped.
///
/// # Examples
/// See [the module](super).
pub struct Probe<A: Actor> {
    mailbox: Mailbox<A>,
    patience: Duration,
}

impl<A: Actor> Probe<A> {
    /// Sets how long [`expect`](Self::expect) waits. Default: 5 seconds.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The next message.
    ///
    /// # Cancel safety
    /// Nothing is lost: what was not taken stays.
    ///
    /// # Panics
    /// When none comes in time, or none can come any more.
    #[track_caller]
    pub fn expect(&mut self) -> impl Future<Output = A::Msg> + Send + use<'_, A> {
        let caller = std::panic::Location::caller();
        async move {
            let (patience, name) = (self.patience, A::name());
            match tokio::time::timeout(patience, self.mailbox.next()).await {
                Ok(Some(msg)) => {
                    self.mailbox.done();
                    msg
                }
                Ok(None) => panic!(
                    "{caller}: the probe of `{name}` expected a message, but its last handle is gone, or it was stopped"
                ),
                Err(_) => {
                    panic!("{caller}: the probe of `{name}` expected a message, and got none within {patience:?}")
                }
            }
        }
    }

    /// The next message, however long it takes; `None` when none can come any more.
    ///
    /// # Cancel safety
    /// As [`expect`](Self::expect).
    pub async fn next(&mut self) -> Option<A::Msg> {
        let msg = self.mailbox.next().await?;
        self.mailbox.done();
        Some(msg)
    }

    /// Has the next message answered; `None` when that was the end.
    pub(super) async fn answer_next(&mut self, answer: impl FnOnce(A::Msg)) -> Option<()> {
        let msg = self.mailbox.next().await?;
        self.mailbox.answer(msg, answer).ok()
    }

    /// The next message, if it is there.
    pub fn try_next(&mut self) -> Option<A::Msg> {
        let msg = self.mailbox.next().now_or_never().flatten();
        if msg.is_some() {
            self.mailbox.done();
        }
        msg
    }

    /// Says that nothing has been sent.
    ///
    /// # Panics
    /// When something has.
    #[track_caller]
    pub fn expect_nothing(&mut self) {
        if let Some(msg) = self.try_next() {
            panic!("the probe of `{}` expected nothing, and got `{}`", A::name(), Mailbox::<A>::name_of(&msg));
        }
    }
}

impl<A: Actor> fmt::Debug for Probe<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("actor", &A::name()).finish_non_exhaustive()
    }
}
