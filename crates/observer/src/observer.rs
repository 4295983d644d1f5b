//! What is served, and to whom.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use regatta::observe::Registry;
use tokio::net::{TcpListener, ToSocketAddrs};

use crate::error::ServeError;
use crate::guard::{self, Access};
use crate::sampler::Sampler;
use crate::server::Server;
use crate::{events, page, prometheus};

/// Describes a page before it is served, or makes a [router](Self::router) of it for an app of your own.
///
/// # Examples
/// ```
/// use axum::Router;
/// use regatta_observer::Observer;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let app: Router = Router::new().nest_service("/observer", Observer::new().token("a secret").router());
/// # drop(app);
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is served yet"]
pub struct Observer {
    registry: Registry,
    access: Access,
}

/// What the requests share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) sampler: Sampler,
    pub(crate) totals: Arc<prometheus::Kept>,
}

impl Observer {
    /// Shows the [global registry](Registry::global).
    pub fn new() -> Self {
        Self { registry: Registry::global(), access: Access::default() }
    }

    /// Shows this registry instead.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Answers only requests that have this token: as `?token=…` in the address, or in a header
    /// `Authorization: Bearer …`. With it any address may be served, and reached by any name. What is served is not
    /// encrypted: over a network that others listen to, put something before it that is.
    ///
    /// # Panics
    /// When the token is empty.
    #[track_caller]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        let token = token.into();
        assert!(!token.is_empty(), "Observer: the token must not be empty");
        self.access.token = Some(token);
        self
    }

    /// Serves also addresses that others can reach, to everybody: where the network lets in only those who may look.
    pub fn allow_unauthenticated(mut self) -> Self {
        self.access.is_open = true;
        self
    }

    /// Answers requests that call this machine by such a name, without the port.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.access.hosts.push(host.into().to_ascii_lowercase());
        self
    }

    /// The routes, to nest into an app of your own, at whatever path. Who may look is checked here; that the address is
    /// one that others cannot reach, only you know.
    ///
    /// `nest_service` answers the path with and without a `/` at its end, `nest` only what it is given; the page finds its
    /// way in both. The checks reach as far as these routes.
    ///
    /// A page that is open keeps a graceful shutdown of your server waiting until it is closed: give that a limit, or use
    /// [`serve`](Self::serve), which ends its pages. Sampling ends with the router, its clones, and the pages that are
    /// open. How many connections there are, and how long they may take, is for your server to say.
    pub fn router(self) -> Router {
        self.site().0
    }

    /// Serves the page. Port 0 picks a free one: [`Server::url`] tells.
    ///
    /// # Errors
    /// [`ServeError::Bind`], [`ServeError::Exposed`].
    ///
    /// # Cancel safety
    /// Dropped, it serves nothing.
    ///
    /// # Panics
    /// When polled outside a tokio runtime, or in one without IO.
    pub async fn serve(self, address: impl ToSocketAddrs) -> Result<Server, ServeError> {
        let listener = TcpListener::bind(address).await.map_err(ServeError::Bind)?;
        let local: SocketAddr = listener.local_addr().map_err(ServeError::Bind)?;
        if !local.ip().is_loopback() && self.access.token.is_none() && !self.access.is_open {
            return Err(ServeError::Exposed(local));
        }
        let token = self.access.token.clone();
        let (router, site) = self.site();
        Ok(Server::start(listener, local, router, site, token))
    }

    fn site(self) -> (Router, Arc<Site>) {
        let Self { registry, access } = self;
        let sampler = Sampler::new(registry);
        let site = Arc::new(Site { sampler, totals: Arc::default() });
        let router = Router::new()
            .route("/", get(page::page))
            .route("/events", get(events::events))
            .route("/snapshot.json", get(events::snapshot))
            .route("/metrics", get(prometheus::metrics))
            .layer(from_fn_with_state(Arc::new(access), guard::check))
            .with_state(site.clone());
        (router, site)
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").field("has_token", &self.access.token.is_some()).finish_non_exhaustive()
    }
}
