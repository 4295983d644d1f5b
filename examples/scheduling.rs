//! Deals out the same items in three ways, once where all cost the same and once where a few cost very much.
//!
//! Run: `cargo run --release --example scheduling [FILE.svg]`
//!
//! You will see a table of how long each run took, how well it kept the workers busy, and how often one stole from another,
//! and the path of a picture of it: one bar for each worker, as long as it was busy, against the time of the whole run.
//! Where items cost the same, the schedules are alike. Where they differ, static shares leave all workers but one without
//! anything to do.

use std::error::Error;
use std::fmt::Write;
use std::hint::black_box;

use regatta::pool::{CpuPool, RunStats, Schedule};

const ITEMS: u64 = 2_000;
const SCHEDULES: [Schedule; 3] = [Schedule::Static, Schedule::Stealing, Schedule::Guided];

struct Run {
    title: String,
    stats: RunStats,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let workers = std::thread::available_parallelism()?.get().max(2);
    let pool = CpuPool::builder().limit(workers).name("schedules").build();
    let mut runs = Vec::new();
    for (work, cost) in [("even", even as fn(u64) -> u64), ("skewed", skewed)] {
        let expected: Vec<u64> = (0..ITEMS).map(|n| spin(cost(n))).collect();
        for schedule in SCHEDULES {
            let items = (0..ITEMS).map(cost).collect();
            let (results, stats) = pool.map_with(schedule, items, spin).await?;
            assert_eq!(results, expected, "in order, whoever has worked on what");
            runs.push(Run { title: format!("{work}, {schedule:?}"), stats });
        }
    }
    println!("{:<18} {:>9} {:>6} {:>7} {:>7}", "", "makespan", "busy", "pieces", "steals");
    for Run { title, stats } in &runs {
        let (makespan, busy) = (stats.makespan.as_secs_f64() * 1e3, stats.utilisation() * 100.0);
        println!("{title:<18} {makespan:>6.1} ms {busy:>4.0} % {:>7} {:>7}", stats.pieces, stats.steals);
    }
    let path = std::env::args().nth(1).map_or_else(|| std::env::temp_dir().join("scheduling.svg"), Into::into);
    std::fs::write(&path, picture(&runs)?)?;
    let drawn = std::fs::read_to_string(&path)?;
    let bars = runs.iter().map(|run| run.stats.per_worker_busy.len()).sum::<usize>();
    assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"));
    assert_eq!(drawn.matches("fill=\"#2f6f9f\"").count(), bars, "one bar for each worker of each run");
    println!("{}", path.display());
    Ok(())
}

fn even(_n: u64) -> u64 {
    3_000
}

/// Most cost little. The last ones cost more than all the others.
fn skewed(n: u64) -> u64 {
    500 + (400_000.0 * (n as f64 / ITEMS as f64).powi(64)) as u64
}

fn spin(rounds: u64) -> u64 {
    (0..rounds).fold(rounds, |sum, n| black_box(sum.rotate_left(5) ^ n))
}

/// One block for each run, one bar for each worker.
fn picture(runs: &[Run]) -> Result<String, std::fmt::Error> {
    const WIDTH: f64 = 600.0;
    const BAR: usize = 12;
    const LEFT: usize = 150;
    let longest = runs.iter().map(|run| run.stats.makespan.as_secs_f64()).fold(0.0, f64::max);
    let bars = runs.iter().map(|run| run.stats.per_worker_busy.len() + 1).sum::<usize>();
    let mut svg = String::new();
    let (width, height) = (WIDTH as usize + LEFT + 10, bars * BAR + BAR);
    writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">"##
    )?;
    writeln!(svg, r##"<rect width="{width}" height="{height}" fill="#fff"/>"##)?;
    let mut top = BAR;
    for Run { title, stats } in runs {
        let (workers, span) = (stats.per_worker_busy.len(), stats.makespan.as_secs_f64() / longest * WIDTH);
        writeln!(svg, r##"<text x="4" y="{}">{title}</text>"##, top + BAR)?;
        writeln!(svg, r##"<rect x="{LEFT}" y="{top}" width="{span:.1}" height="{}" fill="#e4e4e4"/>"##, workers * BAR)?;
        for busy in &stats.per_worker_busy {
            let busy = busy.as_secs_f64() / longest * WIDTH;
            writeln!(
                svg,
                r##"<rect x="{LEFT}" y="{}" width="{busy:.1}" height="{}" fill="#2f6f9f"/>"##,
                top + 1,
                BAR - 2
            )?;
            top += BAR;
        }
        top += BAR;
    }
    writeln!(svg, "</svg>")?;
    Ok(svg)
}
