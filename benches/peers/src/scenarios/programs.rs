//! `dupes` and the programs that find duplicates, over the same files, in wall time.
//!
//! Everybody runs with defaults, but for flags that make all see the same files: not the empty ones, hidden ones too,
//! and whatever a `.gitignore` says. The warm-up round fills the page cache.

mod build;
mod search;

use std::cell::LazyCell;
use std::env;
use std::path::PathBuf;
use std::rc::Rc;

use search::{Found, Search, Tool};

use crate::args::Args;
use crate::measure::{Contest, Sides};

/// With fewer files it is the start of the programs that is measured.
const FILES_MIN: u64 = 30_000;

const OURS: Tool = Tool {
    name: "dupes",
    version: "--version",
    flags: &["--quiet"],
    json: &["--json"],
    groups: "groups",
    files: "files",
};

const FCLONES: Tool = Tool {
    name: "fclones",
    version: "--version",
    flags: &["group", "--hidden", "--no-ignore"],
    json: &["--format", "json"],
    groups: "groups",
    files: "files",
};

const JDUPES: Tool =
    Tool { name: "jdupes", version: "-v", flags: &["-r", "-q"], json: &["-j"], groups: "matchSets", files: "fileList" };

/// What both rows share: ours, built, and what it found.
struct Ours {
    search: Search,
    found: Found,
    /// All files in the directory, the empty ones too.
    scanned: u64,
}

pub(crate) fn contests(args: &Args) -> Vec<Contest> {
    let dir = args.dupes_dir.clone();
    let ours = Rc::new(LazyCell::new(move || Ours::prepare(dir)));
    let beside = |peer, tool: Tool| {
        let (ours, rivals) = (ours.clone(), args.rivals.clone());
        Contest::new("dupes", peer, move || (*ours).as_ref().map_err(String::clone)?.beside(tool, rivals))
    };
    vec![beside("fclones group", FCLONES).bar(1.25), beside("jdupes -r", JDUPES).bar(0.8)]
}

impl Ours {
    fn prepare(dir: Option<PathBuf>) -> Result<Self, String> {
        let dir = dir.or_else(registry).ok_or("no home directory: name one with --dupes-dir")?;
        let search = Search { tool: OURS, program: build::dupes()?, dir };
        let (found, report) = search.look()?;
        let scanned = report["scanned"].as_u64().ok_or("dupes did not say how many files it scanned")?;
        eprintln!("dupes: {scanned} files in {}, {found}", search.dir.display());
        if scanned < FILES_MIN {
            let dir = search.dir.display();
            return Err(format!("{dir} has {scanned} files, fewer than {FILES_MIN}: name another with --dupes-dir"));
        }
        Ok(Self { search, found, scanned })
    }

    fn beside(&self, tool: Tool, rivals: Option<PathBuf>) -> Result<Sides, String> {
        let theirs = Search { tool, program: search::find(tool.name, rivals)?, dir: self.search.dir.clone() };
        let (found, _) = theirs.look()?;
        let agreement = if found == self.found {
            format!("both find {found}")
        } else {
            let warning = format!("THEY DISAGREE: {} by ours, {found} by theirs", self.found);
            eprintln!("{}: {warning}", tool.name);
            warning
        };
        let note = Some(format!("`dupes` beside {}: {} files, {agreement}", theirs.version(), self.scanned));
        let ours = self.search.clone();
        Ok(Sides { ours: Box::new(move || ours.time()), theirs: Box::new(move || theirs.time()), note })
    }
}

/// The sources that cargo has unpacked.
fn registry() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    Some(home?.join("registry/src"))
}
