//! Ours and kameo, each with and without somebody who looks; see `src/bin/observe_kameo.rs`.

use std::io::{self, Write};
use std::num::NonZeroUsize;

use clap::Parser;

use super::super::actor::counter_of_kameo;
use super::{load, tell, tell_beside_page};
use crate::machine;
use crate::measure::{Side, in_task_counted};
use crate::report::{median, time};

/// Tells an actor while nobody looks and while somebody does: ours and kameo.
#[derive(Debug, Parser)]
struct Args {
    /// How often each side runs after one run to warm up; fewer than 7 are a smoke test
    #[arg(long, value_name = "N", default_value = "9")]
    rounds: NonZeroUsize,
}

struct Line {
    library: &'static str,
    looks: &'static str,
    /// Whether the last line before it was of the same library, with nobody looking.
    is_compared: bool,
    side: Side,
    samples: Vec<f64>,
}

/// The program: a table on stdout.
///
/// # Errors
/// When stdout cannot be written to.
pub fn observe_kameo() -> io::Result<()> {
    let rounds = Args::parse().rounds;
    let header = machine::describe();
    let mut lines = lines();
    for round in 0..=rounds.get() {
        // Each is first in turn.
        for place in 0..lines.len() {
            let at = (round + place) % lines.len();
            let sample = (lines[at].side)();
            if round > 0 {
                lines[at].samples.push(sample);
            }
        }
    }
    print(&header, rounds, &lines)
}

fn lines() -> Vec<Line> {
    let line = |library, looks, is_compared, side| Line { library, looks, is_compared, side, samples: Vec::new() };
    vec![
        line("ours", "nobody", false, tell()),
        line("ours", "a page", true, tell_beside_page()),
        #[cfg(feature = "kameo-console")]
        line("kameo, feature `console`", "nobody", false, tell_kameo()),
        #[cfg(feature = "kameo-console")]
        line("kameo, feature `console`", "a console", true, super::console::tell_beside_console()),
        #[cfg(not(feature = "kameo-console"))]
        line("kameo, no `console`", "nobody", false, tell_kameo()),
    ]
}

fn tell_kameo() -> Side {
    in_task_counted(|| async { load::tell(counter_of_kameo().await).await })
}

fn print(header: &str, rounds: NonZeroUsize, lines: &[Line]) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{header}, {rounds} rounds\n")?;
    writeln!(out, "| library | who looks | a message | least .. most | nobody / somebody |")?;
    writeln!(out, "|---|---|--:|---|--:|")?;
    let mut alone = f64::NAN;
    for Line { library, looks, is_compared, samples, .. } in lines {
        let middle = median(samples.clone());
        let (least, most) =
            samples.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &at| (low.min(at), high.max(at)));
        let ratio = if *is_compared { format!("{:.2}", alone / middle) } else { String::new() };
        if !is_compared {
            alone = middle;
        }
        writeln!(out, "| {library} | {looks} | {} | {} .. {} | {ratio} |", time(middle), time(least), time(most))?;
    }
    Ok(())
}
