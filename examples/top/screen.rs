//! Draws a look, on a terminal or as plain lines.

use std::fmt::Write as _;
use std::io::{self, Write};

use console::Term;
use regatta::observe::Severity;

use crate::look::Look;
use crate::table;
use crate::words::{count, cut, duration, rate, wrap};

/// How a line looks on a terminal: the number of ECMA-48.
#[derive(Debug, Clone, Copy)]
enum Style {
    Plain = 0,
    Bold = 1,
    Dim = 2,
    Reverse = 7,
    Red = 31,
    Yellow = 33,
}

/// A terminal, which is as it was when this is dropped.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: Term,
    is_open: bool,
}

impl Screen {
    /// The terminal, if the output goes to one.
    pub(crate) fn find() -> Option<Self> {
        let terminal = Term::stdout();
        terminal.is_term().then_some(Self { terminal, is_open: false })
    }

    /// How many rows there is room for.
    pub(crate) fn rows(&self) -> usize {
        self.terminal.size().0.into()
    }

    /// Turns to the other page of the terminal, and hides the cursor.
    pub(crate) fn open(&mut self) {
        self.is_open = true;
        put("\x1b[?1049h\x1b[?25l");
    }

    pub(crate) fn draw(&self, look: &Look, trouble: Option<&str>) {
        let (height, width) = self.terminal.size();
        let (height, width) = (usize::from(height), usize::from(width));
        let mut lines = Vec::new();
        lines.extend(trouble.into_iter().flat_map(|trouble| wrap(trouble, width)).map(|line| (Style::Reverse, line)));
        lines.extend(render(look, width));
        if lines.len() > height {
            let hidden = lines.len() + 1 - height;
            lines.truncate(height - 1);
            lines.push((Style::Dim, format!("… and {hidden} lines more")));
        }
        // Over what is there, line by line, so that nothing flickers.
        let mut text = String::from("\x1b[H");
        for (place, (style, line)) in lines.iter().enumerate() {
            let end = if place == 0 { "" } else { "\r\n" };
            let _ = write!(text, "{end}\x1b[{}m{}\x1b[0m\x1b[K", *style as u8, cut(line, width));
        }
        text.push_str("\x1b[J");
        put(&text);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.is_open {
            put("\x1b[?25h\x1b[?1049l");
        }
    }
}

/// Plain lines of whatever length, sentences wrapped.
pub(crate) fn print(look: &Look) {
    let lines = render(look, 100).into_iter().map(|(_, line)| line + "\n");
    put(&lines.collect::<String>());
}

/// Whoever no longer reads has seen enough.
fn put(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn render(look: &Look, width: usize) -> Vec<(Style, String)> {
    let mut lines = vec![(Style::Bold, header(look)), (Style::Plain, String::new())];
    for finding in &look.findings {
        let style = if finding.severity >= Severity::Critical { Style::Red } else { Style::Yellow };
        let text = format!("{}: {finding}", finding.severity);
        lines.extend(wrap(&text, width).into_iter().map(|line| (style, line)));
    }
    // What is wrong with a pipeline has been said.
    let is_told = |pipeline| look.findings.iter().any(|finding| finding.row == pipeline);
    for verdict in look.verdicts.iter().filter(|verdict| !is_told(verdict.pipeline)) {
        lines.extend(wrap(&verdict.text, width).into_iter().map(|line| (Style::Plain, line)));
    }
    if lines.len() == 2 {
        let silence = if look.rates.is_some() { "nothing to report" } else { "measuring" };
        lines.push((Style::Plain, silence.to_owned()));
    }
    lines.push((Style::Plain, String::new()));
    let mut table = table::lines(look).into_iter();
    lines.extend(table.next().map(|header| (Style::Reverse, header)));
    lines.extend(table.map(|line| (Style::Plain, line)));
    // Names are the other program's: they must not move the cursor.
    lines.into_iter().map(|(style, line)| (style, line.replace(char::is_control, "?"))).collect()
}

fn header(look: &Look) -> String {
    let mut parts = vec![format!("up {}", duration(look.snapshot.uptime))];
    if let (Some(workers), Some(busy)) = (look.runtime.workers, look.runtime.busy) {
        parts.push(format!("{} {:.0} % busy", count(workers, "worker"), busy * 100.0));
    }
    parts.push(format!("{} done/s", rate(look.totals.done_per_second)));
    parts.push(count(look.totals.rows, "component"));
    parts.extend(look.runtime.tasks.map(|tasks| count(tasks, "task")));
    parts.join(" · ")
}
