//! What a supervisor knows of a child.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::builder::SupervisorBuilder;
use super::context::ChildContext;
use super::intensity::Intensity;
use super::policy::{Restart, Shutdown};
use crate::error::BoxError;
use crate::policy::Backoff;

/// How to start a child, when to start it again, and how to stop it.
///
/// | | ours | OTP |
/// |---|---|---|
/// | [`restart`](Self::restart) | `Permanent` | the same |
/// | [`shutdown`](Self::shutdown) | within 5 s; a supervisor unlimited | the same |
/// | [`start_timeout`](Self::start_timeout) | 30 s; a supervisor none | none |
/// | [`backoff`](Self::backoff) | none: again at once | there is none |
/// | [`significant`](Self::significant) | no | the same |
///
/// # Examples
/// ```
/// use regatta::supervise::{ChildSpec, Restart, Supervisor};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let import = ChildSpec::new("import", |cx| async move {
///     println!("{} lives for the {}. time", cx.path(), cx.incarnation());
///     std::fs::read_to_string("Cargo.toml")?; // an error starts it again
///     Ok(())
/// })
/// .restart(Restart::Transient);
///
/// let tree = Supervisor::builder().child(import).start("app").await?;
/// # drop(tree);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a spec is given to a supervisor"]
pub struct ChildSpec {
    pub(super) name: Arc<str>,
    pub(super) body: Body,
    pub(super) restart: Restart,
    pub(super) shutdown: Shutdown,
    pub(super) start_timeout: Option<Duration>,
    pub(super) intensity: Option<Intensity>,
    pub(super) backoff: Option<Backoff>,
    pub(super) is_significant: bool,
    pub(super) lasting: Option<Arc<dyn Lasting>>,
}

/// What outlives the lives of a child, such as the mailbox of an actor.
pub(crate) trait Lasting: Send + Sync {
    /// No life will follow: ends it, unless it has ended.
    fn conclude(&self);

    /// Tells whether it has ended, so that the child is of no more use to anybody.
    fn has_ended(&self) -> bool;
}

pub(super) type Run = BoxFuture<'static, Result<(), BoxError>>;
type Start = BoxFuture<'static, Result<Run, BoxError>>;

/// What a life consists of.
#[derive(Clone)]
pub(super) enum Body {
    Run(Arc<dyn Fn(ChildContext) -> Run + Send + Sync>),
    Start(Arc<dyn Fn(ChildContext) -> Start + Send + Sync>),
    Supervisor(Arc<SupervisorBuilder>),
}

impl ChildSpec {
    /// A child that counts as started as soon as it is spawned. `run` is called for each life.
    ///
    /// Its future ends the life: with `Ok(())` as it should, with an error or a panic as a failure.
    ///
    /// # Errors
    /// Those of `run` are the child's failures; none comes from here.
    ///
    /// # Cancel safety
    /// The supervisor drops the future at one of its awaits when the child does not end in time after it was asked to.
    pub fn new<F, R>(name: impl Into<Arc<str>>, run: F) -> Self
    where
        F: Fn(ChildContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self::with_body(name.into(), Body::Run(Arc::new(move |cx| run(cx).boxed())))
    }

    /// A child with a start that its supervisor waits for, before it starts the next one: for what others rely on, such
    /// as a port that is bound.
    ///
    /// `start` is called for each life. The future that it gives is the rest of the life.
    ///
    /// # Errors
    /// Those of `start` are starts that failed; none comes from here.
    ///
    /// # Cancel safety
    /// As [`new`](Self::new): both futures may be dropped at an await.
    ///
    /// # Examples
    /// ```
    /// use regatta::supervise::{ChildSpec, Supervisor};
    /// use tokio::net::TcpListener;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = ChildSpec::starting("server", |cx| async move {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     Ok(async move {
    ///         while let Some(accepted) = cx.token().run_until_cancelled(listener.accept()).await {
    ///             let (_stream, _address) = accepted?;
    ///         }
    ///         Ok(())
    ///     })
    /// });
    /// let tree = Supervisor::builder().child(server).start("app").await?; // the port is bound
    /// # drop(tree);
    /// # Ok(()) }
    /// ```
    pub fn starting<F, S, R>(name: impl Into<Arc<str>>, start: F) -> Self
    where
        F: Fn(ChildContext) -> S + Send + Sync + 'static,
        S: Future<Output = Result<R, BoxError>> + Send + 'static,
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let start = move |cx| start(cx).map(|started| started.map(FutureExt::boxed)).boxed();
        Self::with_body(name.into(), Body::Start(Arc::new(start)))
    }

    /// A supervisor with children of its own. When it is started again, it has those that it was built with; what was
    /// added to it later is gone.
    ///
    /// # Examples
    /// ```
    /// use regatta::supervise::{ChildSpec, Strategy, Supervisor};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let [pool, cache, web] = ["pool", "cache", "web"].map(|name| ChildSpec::new(name, |cx| async move { cx.cancelled().await; Ok(()) }));
    /// let storage = Supervisor::builder().strategy(Strategy::RestForOne).child(pool).child(cache);
    /// let tree = Supervisor::builder().child(ChildSpec::supervisor("storage", storage)).child(web).start("app").await?;
    /// assert!(tree.tree().to_string().contains("cache: running"));
    /// # Ok(()) }
    /// ```
    pub fn supervisor(name: impl Into<Arc<str>>, children: SupervisorBuilder) -> Self {
        let spec = Self::with_body(name.into(), Body::Supervisor(Arc::new(children)));
        Self { shutdown: Shutdown::Unlimited, start_timeout: None, ..spec }
    }

    fn with_body(name: Arc<str>, body: Body) -> Self {
        Self {
            name,
            body,
            restart: Restart::Permanent,
            shutdown: Shutdown::Within(Duration::from_secs(5)),
            start_timeout: Some(Duration::from_secs(30)),
            intensity: None,
            backoff: None,
            is_significant: false,
            lasting: None,
        }
    }

    /// Its name, unique among its siblings.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets when it is started again. Default: always.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Sets how it is stopped. Default: asked, and aborted after 5 seconds; a supervisor is asked and waited for.
    ///
    /// An abort takes effect at the next await, and is waited for: a child that blocks its thread cannot be stopped.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Sets how long a start may take before it counts as failed. Default: 30 seconds; a supervisor has no limit, for its
    /// children have theirs.
    ///
    /// A start that is late is stopped as its [`shutdown`](Self::shutdown) says, at once where that has no limit. The two
    /// bound how long the supervisor attends to nothing else.
    pub fn start_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.start_timeout = limit.into();
        self
    }

    /// Sets a limit for the failures of this child alone, besides that of its supervisor. Exceeding either makes the
    /// supervisor give up. Default: none.
    pub fn intensity(mut self, limit: Intensity) -> Self {
        self.intensity = Some(limit);
        self
    }

    /// Waits before it is started again, longer from failure to failure, and from the start again after a life that was
    /// longer than the longest delay. Default: that of its supervisor, and there none.
    ///
    /// How often it is tried is the [`Intensity`]'s business: the backoff's
    /// [`attempts`](crate::policy::Backoff::attempts) are ignored.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Makes its end matter to its supervisor's [`AutoShutdown`](super::AutoShutdown). Only for children that can end: those
    /// that are transient or temporary.
    pub fn significant(mut self, is_significant: bool) -> Self {
        self.is_significant = is_significant;
        self
    }

    /// Says what outlives the lives of this child.
    pub(crate) fn lasting(mut self, lasting: Arc<dyn Lasting>) -> Self {
        self.lasting = Some(lasting);
        self
    }

    /// This child is there for the sake of another one, and ends with it.
    pub(crate) fn lasting_as(self, other: &Self) -> Self {
        Self { lasting: other.lasting.clone(), ..self }
    }

    /// No life will follow, of this child and those below.
    pub(super) fn conclude(&self) {
        if let Some(lasting) = &self.lasting {
            lasting.conclude();
        }
        if let Body::Supervisor(builder) = &self.body {
            builder.children.iter().rev().for_each(Self::conclude);
        }
    }

    pub(super) fn is_supervisor(&self) -> bool {
        matches!(self.body, Body::Supervisor(_))
    }
}

impl fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("name", &self.name)
            .field("restart", &self.restart)
            .field("shutdown", &self.shutdown)
            .field("start_timeout", &self.start_timeout)
            .field("intensity", &self.intensity)
            .field("backoff", &self.backoff)
            .field("is_significant", &self.is_significant)
            .finish_non_exhaustive()
    }
}
