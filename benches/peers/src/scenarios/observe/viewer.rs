//! Somebody who looks, on a thread that is no worker: in life it is another process.

use std::future::Future;
use std::io;

use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};

use super::load::Handled;

/// Fewer looks than this while a side is busy are no measurement. There should be three.
const SHOWN_MIN: u64 = 2;

/// What was seen so far.
#[derive(Clone, Copy, Default)]
struct Seen {
    frames: u64,
    /// Those that had the subject in them.
    shown: u64,
}

pub(super) struct Viewer {
    seen: watch::Receiver<Seen>,
    looking: JoinHandle<io::Result<()>>,
}

/// Where a viewer enters what it has seen.
pub(super) struct Notes {
    seen: watch::Sender<Seen>,
    subject: &'static str,
}

impl Viewer {
    /// Looks for the subject until there is nothing more to see. Comes back when the first frame was read.
    pub(super) async fn open(
        subject: &'static str,
        look: impl FnOnce(Notes) -> io::Result<()> + Send + 'static,
    ) -> Self {
        let (sender, mut seen) = watch::channel(Seen::default());
        let looking = spawn_blocking(move || look(Notes { seen: sender, subject }));
        seen.wait_for(|seen| seen.frames > 0).await.expect("there is a first frame");
        Self { seen, looking }
    }

    /// Runs what is to be looked at.
    pub(super) async fn watch(&self, load: impl Future<Output = Handled>) -> Handled {
        let before = self.seen.borrow().shown;
        let handled = load.await;
        let shown = self.seen.borrow().shown - before;
        assert!(shown >= SHOWN_MIN, "it was to be looked at while it was busy, and was seen {shown} times");
        handled
    }

    /// To be called when the other end is closed, or this one was told to.
    pub(super) async fn closed(self) {
        // That the connection is cut is how it ends.
        let _ = self.looking.await.expect("the viewer does not panic");
    }
}

impl Notes {
    pub(super) fn frame(&self, frame: &[u8]) {
        let has_subject = frame.windows(self.subject.len()).any(|window| window == self.subject.as_bytes());
        self.seen.send_modify(|seen| {
            seen.frames += 1;
            seen.shown += u64::from(has_subject);
        });
    }
}
