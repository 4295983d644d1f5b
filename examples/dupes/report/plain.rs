//! The report as text.

use std::io::{self, Write};
use std::path::Path;

use indicatif::{DecimalBytes, HumanCount};

use super::{Group, Report, Reuse};
use crate::extensions::Kind;
use crate::paths;

/// How many extensions are named.
const KINDS: usize = 8;

/// Writes the groups, what could be freed, and what it took; unless `quiet`, also what was passed over and the table.
pub(crate) fn write_plain(report: &Report, quiet: bool, out: &mut impl Write) -> io::Result<()> {
    for group in &report.groups {
        write_group(group, out)?;
    }
    if !quiet {
        write_problems(report, out)?;
    }
    write_summary(report, out)?;
    if let Some(reuse) = &report.reuse {
        write_reuse(reuse, out)?;
    }
    if !quiet {
        write_kinds(&report.kinds, out)?;
        write!(out, "\n{}", report.table)?;
    }
    Ok(())
}

fn write_group(group: &Group, out: &mut impl Write) -> io::Result<()> {
    let (files, size) = (count(group.paths.len() as u64, "file"), DecimalBytes(group.size));
    writeln!(out, "{files} of {size}, {} could be freed", DecimalBytes(group.freed()))?;
    for path in &group.paths {
        writeln!(out, "    {}", paths::plain(path))?;
    }
    writeln!(out)
}

/// Writes the extensions with the most bytes, and what the others come to.
fn write_kinds(kinds: &[Kind], out: &mut impl Write) -> io::Result<()> {
    let (top, others) = kinds.split_at(kinds.len().min(KINDS));
    writeln!(out)?;
    for Kind { extension, files, bytes } in top {
        let name =
            if extension.is_empty() { "(none)".to_owned() } else { paths::plain(Path::new(&**extension)).into_owned() };
        writeln!(out, "  {name:<12} {:>12}  {}", DecimalBytes(*bytes).to_string(), count(*files, "file"))?;
    }
    if !others.is_empty() {
        let (files, bytes) =
            others.iter().fold((0, 0), |(files, bytes), kind| (files + kind.files, bytes + kind.bytes));
        let name = format!("{} others", others.len());
        writeln!(out, "  {name:<12} {:>12}  {}", DecimalBytes(bytes).to_string(), count(files, "file"))?;
    }
    Ok(())
}

fn write_problems(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.problems.is_empty() {
        return Ok(());
    }
    writeln!(out, "errors:")?;
    for problem in &report.problems {
        writeln!(out, "    {}: {}", paths::plain(&problem.path), problem.reason)?;
    }
    writeln!(out)
}

fn write_summary(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if let Some(why) = &report.partial {
        writeln!(out, "{why}: this report is partial")?;
    }
    let spare = report.groups.iter().map(|group| group.paths.len() as u64 - 1).sum();
    let freed: u64 = report.groups.iter().map(Group::freed).sum();
    let (groups, spare) = (count(report.groups.len() as u64, "group"), count(spare, "redundant file"));
    let (scanned, errors) = (count(report.scanned, "file"), count(report.problems.len() as u64, "error"));
    let seconds = report.elapsed.as_secs_f64();
    let speed = report.read as f64 / 1e6 / seconds.max(1e-9);
    write!(out, "{groups}, {spare}, {} could be freed; ", DecimalBytes(freed))?;
    write!(out, "scanned {scanned}, {}; ", DecimalBytes(report.bytes))?;
    writeln!(out, "read {} in {seconds:.2} s ({speed:.0} MB/s), {errors}", DecimalBytes(report.read))
}

fn write_reuse(Reuse { file, stats }: &Reuse, out: &mut impl Write) -> io::Result<()> {
    let file = paths::plain(file);
    let Some(ratio) = stats.hit_ratio() else { return writeln!(out, "cache: no hash was needed ({file})") };
    let (percent, asked) = (ratio * 100.0, HumanCount(stats.hits + stats.misses));
    writeln!(out, "cache: {percent:.1} % of {asked} hashes were known ({file})")
}

fn count(number: u64, what: &str) -> String {
    format!("{} {what}{}", HumanCount(number), if number == 1 { "" } else { "s" })
}
