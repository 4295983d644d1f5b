//! Connections, each in a task that the server owns.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use regatta::CancellationToken;
use regatta::observe::Registry;
use regatta::task::{ShutdownReport, Spawner, TaskGroup};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::observer::Site;
use crate::stream::Impatient;

/// So many connections at once; more wait until one is closed. A browser has up to six.
const CONNECTIONS: usize = 256;
/// A request that takes longer to be said is no request.
const SAYING: Duration = Duration::from_secs(10);
/// What hyper may keep of a request, and of what a peer has not taken yet besides the frame that came last.
const BUFFER: usize = 64 * 1024;
/// After an error of the listener, such as too many open files.
const RESPITE: Duration = Duration::from_millis(100);

/// Serves the page; dropping it stops that, streams and all, as soon as its tasks are next polled: when
/// [`shutdown`](Self::shutdown) has returned, the port is free.
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
        let (spawner, stop) = (tasks.spawner(), tasks.token());
        // The group was made just now, so that it is open.
        let _ = tasks.spawn("listener", async move {
            stop.run_until_cancelled(listen(listener, router, spawner, stop.clone())).await;
        });
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

    /// Ends everything, and waits until nothing is left, which takes no longer than a poll of each connection. There is
    /// nothing to finish: a page that is open would stay so for ever.
    ///
    /// # Cancel safety
    /// Dropped, it has [aborted](Self::abort).
    pub async fn shutdown(self, deadline: Duration) -> ShutdownReport {
        let begun = Instant::now();
        let report = self.tasks.shutdown(deadline).await;
        // A snapshot that is being taken may be held up by a destructor of the user's.
        let _ = timeout(deadline.saturating_sub(begun.elapsed()), self.site.sampler.ended()).await;
        report
    }
}

async fn listen(listener: TcpListener, router: Router, spawner: Spawner, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (attending, stop) = (attend(stream, router.clone(), place), stop.clone());
                let until_the_end = async move {
                    stop.run_until_cancelled(attending).await;
                };
                if spawner.spawn("connection", until_the_end).is_err() {
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
    // The end of a frame is not to wait for the other end to confirm its beginning; without it all the same is said.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(SAYING).max_buf_size(BUFFER);
    if let Err(error) = http.serve_connection(TokioIo::new(Impatient::new(stream)), service).await {
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
