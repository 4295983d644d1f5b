//! The whole search: walkers, a queue, a pipeline, and the operator's wish to stop.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use blake3::Hash;
use regatta::pipeline::{Concurrency, Pipeline, PipelineHandle};
use regatta::pool::CpuPool;
use regatta::queue::{self, Consumer, Delivery};
use regatta::task::{TaskGroup, shutdown_signal};
use regatta::{BoxError, CancellationToken};

use crate::args::Args;
use crate::block::Block;
use crate::disk::Disk;
use crate::entry::Entry;
use crate::findings::Findings;
use crate::group::Partners;
use crate::list::Rules;
use crate::progress::{Bar, Tally};
use crate::report::Report;
use crate::roots::{Roots, Round};
use crate::sizes::Sizes;
use crate::walk::{self, Walk};
use crate::whole;

/// How much of each file is looked at before all of it is.
pub(crate) const HEAD: u64 = 4096;

/// How many batches of found files may wait for the pipeline.
const FOUND: usize = 16;

/// What the steps work with.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    pub(crate) disk: Disk,
    pub(crate) pool: CpuPool,
    pub(crate) findings: Arc<Findings>,
    pub(crate) tally: Arc<Tally>,
}

/// Searches until everything is known or the operator wants an end.
pub(crate) async fn search(args: &Args, roots: Roots, first: Round) -> Result<Report, BoxError> {
    let start = Instant::now();
    let group = TaskGroup::new("walk");
    let tools = Tools::new(args.threads(), &group.token());
    show_progress(&group, args, &tools)?;
    let (found, entries) = queue::Builder::new(FOUND).name("found").build();
    let rules = Rules { follow_links: args.follow_links, stop: group.token() };
    let walk = Walk::new(rules, &tools, found);
    let walking = walk::start(&group, args.threads(), walk, roots, first)?;
    let mut run = steps(entries.clone(), args, &tools);

    let partial = tokio::select! {
        biased;
        ended = &mut run => ended.map(|()| false)?,
        () = shutdown_signal() => true,
    };
    let table = regatta::observe::snapshot().to_string();
    // Kept until here for their rows in the table.
    drop((entries, walking.dirs));
    if partial {
        run.abort();
    } else {
        for walker in walking.walkers {
            walker.await??;
        }
    }
    // Asks the reads in hand to be cut short, and clears the bar before the report is printed.
    if let Some(panicked) = group.aborted().await.panicked.pop() {
        return Err(panicked.into());
    }
    Ok(tools.report(start.elapsed(), partial, table))
}

/// From the files found to the groups: by size, by the hash of the head, by the hash of the whole.
fn steps(entries: Consumer<Vec<Entry>>, args: &Args, tools: &Tools) -> PipelineHandle<()> {
    let at_once = Concurrency::unordered(args.threads());
    let mut sizes = Sizes::new(args.min_size, tools.findings.clone(), tools.tally.clone());
    let mut heads = Heads { partners: Partners::default(), tools: tools.clone() };
    let [reading, hashing, ending] = [tools.clone(), tools.clone(), tools.clone()];
    Pipeline::from_queue(entries)
        .named("found")
        .flat_map(move |entries: Delivery<Vec<Entry>>| sizes.admit(entries.into_inner()))
        .named("same size")
        .try_map_async(at_once, move |entries| {
            let tools = reading.clone();
            async move { tools.read(entries, HEAD).await }
        })
        .named("read head")
        .map_cpu_on(&tools.pool, at_once, |block| block.hash())
        .named("hash head")
        .flat_map(move |hashed| whole::portions(heads.admit(hashed)))
        .named("same head")
        .try_map_async(at_once, move |portion| {
            let tools = hashing.clone();
            async move { whole::hash(portion, &tools).await }
        })
        .named("hash whole")
        .for_each(1, move |hashed| {
            ending.findings.add(hashed);
            std::future::ready(())
        })
        .named("same content")
        .titled("dupes")
        .spawn()
}

/// The second step: which files share their head with another of the same size.
struct Heads {
    partners: Partners<(u64, Hash), Entry>,
    tools: Tools,
}

impl Heads {
    fn admit(&mut self, hashed: Vec<(Entry, Hash)>) -> Vec<Entry> {
        let (small, large): (Vec<_>, Vec<_>) = hashed.into_iter().partition(|(entry, _)| entry.size <= HEAD);
        // Of a small file the head is the whole.
        self.tools.findings.add(small);
        let mut out = Vec::new();
        for (entry, hash) in large {
            self.partners.admit((entry.size, hash), entry, &mut out);
        }
        self.tools.tally.add_due(out.iter().map(|entry| entry.size).sum());
        out
    }
}

impl Tools {
    fn new(threads: usize, stop: &CancellationToken) -> Self {
        Self {
            disk: Disk::new(threads, stop),
            pool: CpuPool::builder().limit(threads).name("hash").build(),
            findings: Arc::default(),
            tally: Arc::default(),
        }
    }

    fn report(&self, elapsed: Duration, partial: bool, table: String) -> Report {
        let (groups, problems) = self.findings.take();
        let Tally { files, bytes, bytes_read, .. } = &*self.tally;
        let [scanned, bytes, read] = [files, bytes, bytes_read].map(|count| count.load(Relaxed));
        Report { groups, problems, scanned, bytes, read, elapsed, partial, table }
    }

    /// Reads the first `limit` bytes of each file. What cannot be read is noted and left out.
    pub(crate) async fn read(&self, entries: Vec<Entry>, limit: u64) -> Result<Block, BoxError> {
        let stop = self.disk.stop();
        let mut block = self.disk.run("read", move || Block::read(entries, limit, &stop)).await?;
        self.findings.add_problems(std::mem::take(&mut block.problems));
        self.tally.add_read(block.len());
        Ok(block)
    }
}

/// Keeps the bar up to date until the group stops.
fn show_progress(group: &TaskGroup, args: &Args, tools: &Tools) -> Result<(), BoxError> {
    let bar = Bar::new(args.quiet);
    if bar.is_shown() {
        let tally = tools.tally.clone();
        let showing = async move {
            let mut period = tokio::time::interval(Bar::PERIOD);
            loop {
                period.tick().await;
                bar.show(&tally);
            }
        };
        group.spawn("progress", showing).map_err(|closed| closed.to_string())?;
    }
    Ok(())
}
