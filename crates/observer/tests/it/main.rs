//! The observer as a browser, a scraper and a stranger see it: through a socket.

mod access;
mod errors;
mod events;
mod limits;
mod many;
mod metrics;
mod names;
mod nested;
mod page;
mod shutdown;
mod snapshot;
mod starved;
mod support;
