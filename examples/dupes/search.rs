//! The whole search: walkers, a queue, a pipeline, and the operator's wish to stop.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use blake3::Hash;
use regatta::pipeline::{Concurrency, Pipeline, PipelineHandle, PipelineStats};
use regatta::pool::CpuPool;
use regatta::queue::{self, Consumer, Delivery};
use regatta::task::{TaskGroup, shutdown_signal};
use regatta::{BoxError, CancellationToken};

use crate::args::Args;
use crate::block::Block;
use crate::cached::Hashes;
use crate::disk::Disk;
use crate::entry::Entry;
use crate::extensions::{Extensions, Kind};
use crate::findings::{Findings, Index};
use crate::group::Partners;
use crate::known::Known;
use crate::list::Rules;
use crate::progress::{Bar, Tally};
use crate::report::{Partial, Report};
use crate::roots::{Roots, Round};
use crate::sizes::{Admitted, Sizes};
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
    pub(crate) findings: Findings,
    pub(crate) tally: Arc<Tally>,
    /// Of whole files. The beginnings are not worth it: to open a file takes as long as to read so little of it.
    pub(crate) hashes: Hashes,
    extensions: Arc<Extensions>,
}

/// Searches until everything is known or the operator wants an end.
pub(crate) async fn search(args: &Args, roots: Roots, first: Round, hashes: Hashes) -> Result<Report, BoxError> {
    let start = Instant::now();
    let group = TaskGroup::new("walk");
    let tools = Tools::new(args.threads(), hashes, &group.token());
    show_progress(&group, args, &tools)?;
    let (found, entries) = queue::Builder::new(FOUND).name("found").build();
    let rules = Rules { follow_links: args.follow_links, stop: group.token() };
    let walk = Walk::new(rules, &tools, found);
    let walking = walk::start(&group, args.threads(), walk, roots, first)?;
    let mut run = steps(entries.clone(), args, &tools);

    let is_interrupted = tokio::select! {
        biased;
        ended = &mut run => ended.map(|()| false)?,
        () = shutdown_signal() => true,
    };
    let table = format!("{}\n{}\n", regatta::observe::snapshot(), limit(&run.stats()));
    // Kept until here for their rows in the table.
    drop((entries, walking.dirs));
    if is_interrupted {
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
    let Index { known, crash } = tools.findings.take().await?;
    let partial = crash.map(Partial::Crash).or(is_interrupted.then_some(Partial::Interrupted));
    let kinds = tools.extensions.take(&tools.pool).await?;
    Ok(tools.report(start.elapsed(), known, kinds, partial, table))
}

/// Which step holds up the others.
fn limit(stats: &PipelineStats) -> String {
    let with_times = stats.stages.iter().filter_map(|stage| Some((stage.times?.percent()[0], &stage.name)));
    let (busy, slowest) = with_times.max().expect("steps with tasks have times");
    format!("`{slowest}` limits the pipeline: busy {busy} % of the time")
}

/// From the files found to the groups: by size, by the hash of the head, by the hash of the whole.
fn steps(entries: Consumer<Vec<Entry>>, args: &Args, tools: &Tools) -> PipelineHandle<()> {
    let at_once = Concurrency::unordered(args.threads());
    let mut sizes = Sizes::new(args.min_size, tools.tally.clone(), tools.extensions.clone());
    let mut heads = Heads { partners: Partners::default(), tally: tools.tally.clone() };
    let [reading, hashing] = [tools.clone(), tools.clone()];
    let [small_ones, large_ones] = [tools.findings.clone(), tools.findings.clone()];
    Pipeline::from_queue(entries)
        .named("found")
        .flat_map(move |entries: Delivery<Vec<Entry>>| sizes.admit(entries.into_inner()))
        .named("same size")
        .try_map_async(at_once, move |Admitted { files, paths }| {
            let tools = reading.clone();
            async move {
                tools.findings.add_paths(paths).await?;
                tools.read(files, HEAD, Hashes::default()).await
            }
        })
        .named("read head")
        .map_cpu_on(&tools.pool, at_once, |block| block.hash())
        .named("hash head")
        .try_map_async(1, move |hashed| {
            let findings = small_ones.clone();
            async move { leave_small(hashed, &findings).await }
        })
        .named("small files")
        .flat_map(move |hashed| whole::portions(heads.admit(hashed)))
        .named("same head")
        .try_map_async(at_once, move |portion| {
            let tools = hashing.clone();
            async move { whole::hash(portion, &tools).await }
        })
        .named("hash whole")
        .try_for_each(1, move |hashed| {
            let findings = large_ones.clone();
            async move { findings.add(hashed).await }
        })
        .named("same content")
        .titled("dupes")
        .spawn()
}

/// Tells of the small files, whose head is the whole, and gives the others. In a step of its own, because behind the
/// hashing of large files they would be missing in an interrupted report.
async fn leave_small(hashed: Vec<(Entry, Hash)>, findings: &Findings) -> Result<Vec<(Entry, Hash)>, BoxError> {
    let (small, large) = hashed.into_iter().partition(|(entry, _)| entry.size <= HEAD);
    findings.add(small).await?;
    Ok(large)
}

/// The second step: which files share their head with another of the same size.
struct Heads {
    partners: Partners<(u64, Hash), Entry>,
    tally: Arc<Tally>,
}

impl Heads {
    fn admit(&mut self, hashed: Vec<(Entry, Hash)>) -> Vec<Entry> {
        let mut out = Vec::new();
        for (entry, hash) in hashed {
            self.partners.admit((entry.size, hash), entry, &mut out);
        }
        self.tally.add_due(out.iter().map(|entry| entry.size).sum());
        out
    }
}

impl Tools {
    fn new(threads: usize, hashes: Hashes, stop: &CancellationToken) -> Self {
        Self {
            disk: Disk::new(threads, stop),
            pool: CpuPool::builder().limit(threads).name("hash").build(),
            findings: Findings::start(),
            tally: Arc::default(),
            hashes,
            extensions: Arc::default(),
        }
    }

    fn report(
        &self,
        elapsed: Duration,
        known: Known,
        kinds: Vec<Kind>,
        partial: Option<Partial>,
        table: String,
    ) -> Report {
        let (groups, problems) = known.into_order();
        let Tally { files, bytes, bytes_read, .. } = &*self.tally;
        let [scanned, bytes, read] = [files, bytes, bytes_read].map(|count| count.load(Relaxed));
        let reuse = self.hashes.reuse();
        Report { groups, kinds, problems, scanned, bytes, read, elapsed, partial, reuse, table }
    }

    /// Reads the first `limit` bytes of each file that `hashes` does not know. What cannot be read is noted and left out.
    pub(crate) async fn read(&self, entries: Vec<Entry>, limit: u64, hashes: Hashes) -> Result<Block, BoxError> {
        let stop = self.disk.stop();
        let mut block = self.disk.run("read", move || Block::read(entries, limit, &hashes, &stop)).await?;
        self.findings.add_problems(std::mem::take(&mut block.problems)).await?;
        self.tally.add_read(block.len());
        self.tally.add_known(block.known_len());
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
