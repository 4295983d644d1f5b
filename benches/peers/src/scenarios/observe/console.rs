//! The console of kameo, served and polled.
//!
//! Its viewer sends a byte whenever it wants to see something, twice a second unless told otherwise, and is sent the length
//! and the bytes of a snapshot. Here it asks once a second, as often as our page is told.

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::super::actor::counter_of_kameo;
use super::load::{self, Handled};
use super::viewer::{Notes, Viewer};
use crate::measure::{Side, in_task_counted};

const PERIOD: Duration = Duration::from_secs(1);

pub(super) fn tell_beside_console() -> Side {
    in_task_counted(|| async {
        let load = async { load::tell(counter_of_kameo().await).await };
        beside_console("Counter", load).await
    })
}

async fn beside_console(subject: &'static str, load: impl Future<Output = Handled>) -> Handled {
    let console = kameo::console::serve("127.0.0.1:0").await.expect("a port is free");
    let (address, (stop, stopped)) = (console.local_addr(), channel());
    let viewer = Viewer::open(subject, move |notes| poll(address, &stopped, &notes)).await;
    let handled = viewer.watch(load).await;
    drop(stop);
    viewer.closed().await;
    console.shutdown();
    handled
}

/// Asks until the other end of the channel is dropped.
fn poll(address: SocketAddr, stopped: &Receiver<()>, notes: &Notes) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    loop {
        stream.write_all(&[0])?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut frame)?;
        notes.frame(&frame);
        if stopped.recv_timeout(PERIOD) != Err(RecvTimeoutError::Timeout) {
            return Ok(());
        }
    }
}
