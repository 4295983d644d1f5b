//! The producers: walkers that share the directories out among themselves and put what they find into a queue.

use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryFutureExt;
use regatta::BoxError;
use regatta::queue::{self, Consumer, Producer};
use regatta::task::{TaskGroup, TaskHandle};

use crate::disk::Disk;
use crate::entry::Entry;
use crate::findings::Findings;
use crate::list::{Dir, Listing, Rules, Skip, list};
use crate::roots::{Roots, Round};
use crate::search::Tools;

/// What all walkers use.
pub(crate) struct Walk {
    rules: Arc<Rules>,
    disk: Disk,
    findings: Findings,
    /// Where the files go. The queue is bounded: when the pipeline falls behind, the walkers wait.
    found: Producer<Vec<Entry>>,
}

/// A walk that has started.
pub(crate) struct Walking {
    /// The tasks, and how they end.
    pub(crate) walkers: Vec<TaskHandle<Result<(), BoxError>>>,
    /// Keeps the row of the queue in the table.
    pub(crate) dirs: Consumer<Share>,
}

/// Directories that one walker hands to another.
pub(crate) struct Share {
    dirs: Vec<Dir>,
    skip: Arc<Skip>,
}

/// What walkers leave for the next round.
type Links = Arc<Mutex<Vec<PathBuf>>>;

/// Starts the walk. It ends by itself, and with it the last producer of `walk.found`.
pub(crate) fn start(
    group: &TaskGroup,
    count: usize,
    walk: Walk,
    roots: Roots,
    first: Round,
) -> Result<Walking, BoxError> {
    let (walk, links) = (Arc::new(walk), Links::default());
    let (share, dirs) = queue::Builder::new(count).name("directories").build();
    let mut walkers = Vec::new();
    for number in 0..count {
        let walker = run_walker(walk.clone(), share.clone(), dirs.clone(), links.clone());
        let all = dirs.clone();
        // One that fails ends all: nobody may be left to finish its share, and the rounds would wait for it.
        let walker = walker.inspect_err(move |_| drop(all.close_now()));
        walkers.push(group.spawn(format!("walker[{number}]"), walker).map_err(|closed| closed.to_string())?);
    }
    let rounds = run_rounds(walk, roots, first, share, links);
    walkers.push(group.spawn("rounds", rounds).map_err(|closed| closed.to_string())?);
    Ok(Walking { walkers, dirs })
}

/// Walks what the command line asks for, then what the links found there lead to, and so on.
///
/// Links wait for the round to end because only then is it known what is walked anyway.
async fn run_rounds(
    walk: Arc<Walk>,
    mut roots: Roots,
    mut round: Round,
    share: Producer<Share>,
    links: Links,
) -> Result<(), BoxError> {
    loop {
        walk.findings.add_problems(round.problems).await?;
        walk.found.send(round.files).await.map_err(|closed| closed.to_string())?;
        for dir in round.dirs {
            let work = Share { dirs: vec![dir], skip: round.skip.clone() };
            share.send(work).await.map_err(|closed| closed.to_string())?;
        }
        // A share is finished when everything below its directories is, also what was handed on.
        share.join().await;
        let found = mem::take(&mut *links.lock().unwrap_or_else(PoisonError::into_inner));
        if found.is_empty() {
            break;
        }
        let next = walk.disk.run("links", move || (roots.after_links(found), roots));
        (round, roots) = next.await?;
    }
    share.close();
    Ok(())
}

async fn run_walker(
    walk: Arc<Walk>,
    share: Producer<Share>,
    dirs: Consumer<Share>,
    links: Links,
) -> Result<(), BoxError> {
    while let Some(mut work) = dirs.recv().await {
        let mut open = mem::take(&mut work.dirs);
        while !open.is_empty() {
            let Listing { files, links: found, problems, rest, .. } = walk.list(open, work.skip.clone()).await?;
            open = rest;
            hand_out(&mut open, &work.skip, &share);
            links.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
            walk.findings.add_problems(problems).await?;
            if !files.is_empty() {
                walk.found.send(files).await.map_err(|closed| closed.to_string())?;
            }
        }
        work.done();
    }
    Ok(())
}

/// Gives half of the directories to whoever is idle, and half of the rest, while the queue has room. With none it costs
/// one look: nobody is idle then.
fn hand_out(open: &mut Vec<Dir>, skip: &Arc<Skip>, share: &Producer<Share>) {
    while open.len() > 1 {
        // The front holds the directories nearest to the root: those with the most below them.
        let rest = open.split_off(open.len() / 2);
        let work = Share { dirs: mem::replace(open, rest), skip: skip.clone() };
        if let Err(refused) = share.try_send(work) {
            let mut work = refused.into_inner();
            work.dirs.append(open);
            *open = work.dirs;
            return;
        }
    }
}

impl Walk {
    pub(crate) fn new(rules: Rules, tools: &Tools, found: Producer<Vec<Entry>>) -> Self {
        Self { rules: Arc::new(rules), disk: tools.disk.clone(), findings: tools.findings.clone(), found }
    }

    async fn list(&self, dirs: Vec<Dir>, skip: Arc<Skip>) -> Result<Listing, BoxError> {
        let rules = self.rules.clone();
        self.disk.run("list", move || list(dirs, &skip, &rules)).await
    }
}
