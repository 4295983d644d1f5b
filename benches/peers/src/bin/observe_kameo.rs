//! What a message costs while nobody looks and while somebody does: ours with a page, kameo with its console. A table beside
//! the rows, because kameo beside itself is no row of ours.
//!
//! kameo's console is a feature, and is paid for as soon as it is built in: run it without the feature, too.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --features kameo-console --bin observe_kameo
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin observe_kameo
//! ```
#![forbid(unsafe_code)]

use std::io;

fn main() -> io::Result<()> {
    regatta_peers::observe_kameo()
}
