//! Connections, each in a task that the server owns.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use regatta::observe::Registry;
use regatta::task::{ShutdownReport, Spawner, TaskGroup};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::observer::Site;

/// So many connections at once; more wait until one is closed. A browser has up to six.
const CONNECTIONS: usize = 256;
/// A request that takes longer to be said is no request.
const SAYING: Duration = Duration::from_secs(10);
/// After an error of the listener, such as too many open files.
const RESPITE: Duration = Duration::from_millis(100);

/// Serves the page; dropping it stops that, streams and all.
#[must_use = "dropping the server stops it"]
pub struct Server {
    address: SocketAddr,
    token: Option<String>,
    site: Arc<Site>,
    tasks: TaskGroup,
}

impl Server {
    pub(crate) fn start(
        listener: TcpListener,
        address: SocketAddr,
        router: Router,
        site: Arc<Site>,
        token: Option<String>,
    ) -> Self {
        // What belongs to the observer is not what somebody wants to observe.
        let tasks = Registry::new().enter(|| TaskGroup::new("observer"));
        let spawner = tasks.spawner();
        // The group was made just now, so that it is open.
        let _ = spawner.spawn("listener", listen(listener, router, spawner.clone()));
        Self { address, token, site, tasks }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to open in a browser on this machine, with the token if there is one.
    #[must_use]
    pub fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        let token = self.token.as_ref().map_or(String::new(), |token| format!("?token={}", escaped(token)));
        format!("http://{address}/{token}")
    }

    /// Stops at once: nothing is listened to, and every connection is cut.
    pub fn abort(&self) {
        self.site.sampler.abort();
        self.tasks.abort();
    }

    /// [Aborts](Self::abort), and waits until nothing is left. There is nothing to finish: a page that is open would stay so
    /// for ever.
    ///
    /// # Cancel safety
    /// Dropped, it has aborted.
    pub async fn shutdown(self, deadline: Duration) -> ShutdownReport {
        self.abort();
        self.tasks.shutdown(deadline).await
    }
}

async fn listen(listener: TcpListener, router: Router, spawner: Spawner) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                if spawner.spawn("connection", attend(stream, router.clone(), place)).is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(target: "regatta::observer", %error, "cannot accept");
                sleep(RESPITE).await;
            }
        }
    }
}

async fn attend(stream: TcpStream, router: Router, _place: OwnedSemaphorePermit) {
    let service = TowerToHyperService::new(router);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(SAYING);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(target: "regatta::observer", %error, "a connection failed");
    }
}

/// A token in an address.
fn escaped(token: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    token.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}
