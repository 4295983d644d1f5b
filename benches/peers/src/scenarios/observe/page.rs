//! A page that is open: its `/events`, read over HTTP.

use std::future::Future;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::load::Handled;
use super::viewer::{Notes, Viewer};

const SHUTDOWN: Duration = Duration::from_secs(5);

/// Runs a load in the registry that a page shows. The page has to show the subject meanwhile.
pub(super) async fn beside_page(subject: &'static str, load: impl Future<Output = Handled>) -> Handled {
    let server = regatta_observer::serve("127.0.0.1:0").await.expect("a port is free");
    let address = server.address();
    let viewer = Viewer::open(subject, move |notes| read(address, &notes)).await;
    let handled = viewer.watch(load).await;
    let _ = server.shutdown(SHUTDOWN).await;
    viewer.closed().await;
    handled
}

/// Reads frames until the server is gone. The sizes of chunks are on lines of their own.
fn read(address: SocketAddr, notes: &Notes) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /events HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
    let (mut reader, mut line, mut is_frame) = (BufReader::new(stream), Vec::new(), false);
    while reader.read_until(b'\n', &mut line)? > 0 {
        if is_frame && line.starts_with(b"data: ") {
            notes.frame(&line);
        }
        is_frame = line == b"event: frame\n";
        line.clear();
    }
    Ok(())
}
