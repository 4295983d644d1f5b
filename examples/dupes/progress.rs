//! How far the run is, counted always and shown where somebody watches.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use indicatif::{DecimalBytes, HumanCount, ProgressBar, ProgressStyle};

/// Counts of the run. Each stands for itself, so that relaxed is enough.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Files found, each once.
    pub(crate) files: AtomicU64,
    /// Their length together.
    pub(crate) bytes: AtomicU64,
    /// Bytes that have to be read, as far as known.
    bytes_due: AtomicU64,
    /// Bytes that have been.
    pub(crate) bytes_read: AtomicU64,
}

impl Tally {
    pub(crate) fn add_found(&self, files: u64, bytes: u64) {
        self.files.fetch_add(files, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn add_due(&self, bytes: u64) {
        self.bytes_due.fetch_add(bytes, Relaxed);
    }

    /// Takes back what is due, because it is known without.
    pub(crate) fn add_known(&self, bytes: u64) {
        self.bytes_due.fetch_sub(bytes, Relaxed);
    }

    pub(crate) fn add_read(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Relaxed);
    }
}

/// A bar on stderr, or nothing if stderr is not a terminal.
#[derive(Debug)]
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    /// How often the bar should be brought up to date.
    pub(crate) const PERIOD: Duration = Duration::from_millis(100);

    pub(crate) fn new(quiet: bool) -> Self {
        let style = "{spinner} {msg} [{wide_bar}] {decimal_bytes} of {decimal_total_bytes}";
        let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
        let is_shown = !quiet && stderr().is_terminal();
        Self(is_shown.then(|| ProgressBar::new(0).with_style(style)))
    }

    pub(crate) fn is_shown(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn show(&self, tally: &Tally) {
        let Some(bar) = &self.0 else { return };
        let (files, bytes) = (tally.files.load(Relaxed), tally.bytes.load(Relaxed));
        bar.set_message(format!("{} files, {}", HumanCount(files), DecimalBytes(bytes)));
        bar.set_length(tally.bytes_due.load(Relaxed));
        bar.set_position(tally.bytes_read.load(Relaxed));
        bar.tick();
    }
}

impl Drop for Bar {
    /// Leaves a clean line, however the run ends.
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
