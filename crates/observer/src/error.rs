//! Why nothing is served.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why the page cannot be served.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened at: it is taken, or no address of this machine, or no address at all.
    Bind(io::Error),
    /// Whoever reaches this address could read along.
    Exposed(SocketAddr),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) if error.kind() == io::ErrorKind::AddrInUse => {
                f.write_str("the observer's address is taken; port 0 picks a free one")
            }
            Self::Bind(_) => {
                f.write_str("the observer cannot listen at its address, which is one of this machine, and a port")
            }
            Self::Exposed(address) => write!(
                f,
                "the observer would be open to whoever reaches {address}: set a `token`, `allow_unauthenticated`, or \
                 serve a loopback address"
            ),
        }
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Bind(error) => Some(error),
            Self::Exposed(_) => None,
        }
    }
}
