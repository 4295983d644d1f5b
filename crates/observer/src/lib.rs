//! The live page of [regatta](regatta::observe): everything that runs, and what is wrong with it in plain words.
//!
//! Nothing has to be installed, no flag to be set: the page is one file inside this crate, and a browser is all it takes.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let observer = regatta_observer::serve("127.0.0.1:0").await?;
//! println!("observer: {}", observer.url()); // http://127.0.0.1:…/
//! # let _ = observer.shutdown(std::time::Duration::from_secs(1)).await;
//! # Ok(()) }
//! ```
//!
//! | path | what it gives |
//! |---|---|
//! | `/` | the page |
//! | `/events` | what the page shows, once a second, as server-sent events |
//! | `/snapshot.json` | the same once, of every component; the page opens such a file |
//! | `/metrics` | the numbers in the text format of Prometheus |
//!
//! `/events` and `/snapshot.json` take `top`, `sort` and `filter`: so many rows, in this order, of those whose name, kind or
//! state has these letters in it.
//!
//! # What it costs
//! While nobody looks, nothing: a sampler runs as long as a page is open, or `/snapshot.json` was asked for within the last
//! five seconds. It takes one snapshot a second, on a blocking thread, however many look.
//!
//! # Who may look
//! - It gives names, numbers and the words of errors, never what is in a message; and no request changes anything.
//! - It serves a loopback address only, unless it is given a [token](Observer::token) or told to [do without
//!   one](Observer::allow_unauthenticated).
//! - Without a token the request has to name the host by its address, as `localhost`, or by a name that was
//!   [allowed](Observer::allow_host): else a page elsewhere could have its own name lead here and read along.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![doc(test(attr(deny(warnings))))]

mod away;
mod error;
mod events;
mod frame;
mod guard;
mod history;
mod observer;
mod page;
mod prometheus;
mod sampler;
mod select;
mod server;
mod stream;
mod view;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use error::ServeError;
pub use observer::Observer;
pub use server::Server;
use tokio::net::ToSocketAddrs;

/// Serves the page of the [global registry](regatta::observe::Registry::global) at this address; see [`Observer`].
///
/// # Errors
/// [`ServeError`]: the address is taken, or is none of this machine, or is no loopback address.
///
/// # Cancel safety
/// Dropped, it serves nothing.
///
/// # Panics
/// When polled outside a tokio runtime, or in one without IO.
pub async fn serve(address: impl ToSocketAddrs) -> Result<Server, ServeError> {
    Observer::new().serve(address).await
}
