//! The scenarios of `regatta_peers`.
#![forbid(unsafe_code)]

use std::io;

fn main() -> io::Result<()> {
    regatta_peers::run()
}
