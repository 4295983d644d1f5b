//! The page of `--observe`: what every queue, step, pool and actor is at, and what holds the run up.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

use regatta_observer::{ServeError, Server};

/// Where the page is unless somebody says otherwise.
const USUAL: &str = "127.0.0.1:7979";
/// Where it is when that is taken, as it is while another run is observed.
const FREE: &str = "127.0.0.1:0";

/// No page can be served at this address.
#[derive(Debug)]
pub(crate) struct Refused {
    address: String,
    cause: ServeError,
}

/// Serves the page until dropped, if it is wanted, and says where.
pub(crate) async fn serve(wanted: Option<&Option<String>>) -> Result<Option<Server>, Refused> {
    let server = match wanted {
        None => return Ok(None),
        Some(Some(address)) => serve_at(address).await?,
        Some(None) => match serve_at(USUAL).await {
            Err(refused) if refused.is_taken() => serve_at(FREE).await?,
            served => served?,
        },
    };
    eprintln!("observer: {}", server.url());
    Ok(Some(server))
}

async fn serve_at(address: &str) -> Result<Server, Refused> {
    regatta_observer::serve(address).await.map_err(|cause| Refused { address: address.to_owned(), cause })
}

impl Refused {
    fn is_taken(&self) -> bool {
        let cause = self.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        cause.is_some_and(|cause| cause.kind() == ErrorKind::AddrInUse)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--observe={}: {}", self.address, self.cause)
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}
