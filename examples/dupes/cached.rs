//! Hashes of whole files, known from earlier runs as long as the files are what they were.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use blake3::Hash;
use regatta::cache::Cache;

use crate::cache_file::{self, Unread};
use crate::entry::{Entry, FileId, identity};
use crate::paths;
use crate::report::Reuse;

/// How many hashes are kept; those that nobody asks for go first. A million take 64 MB on the disk, and at the start 300 MB
/// of memory and two seconds, less than it takes to open so many files. Beyond that a database is the right tool.
const CAPACITY: u64 = 1_000_000;

/// How long a file must have rested before its hash is kept. Some file systems count time in steps of 2 s: what is written
/// in the same step, but after we have read, leaves the time as it is, and the hash would stand for a content that is gone.
const REST: Duration = Duration::from_secs(2);

/// The hashes of `--cache`. Without the flag nothing is known, and nothing kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hashes(Option<Arc<Kept>>);

#[derive(Debug)]
struct Kept {
    path: PathBuf,
    cache: Cache<Stamp, Hash>,
    /// Not where the file is somebody else's.
    is_saved: bool,
}

/// One state of one file. Whoever writes to the file changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    pub(crate) id: FileId,
    /// When the content last changed, in nanoseconds since 1970.
    pub(crate) modified: u64,
    pub(crate) size: u64,
}

/// What is known of a file that has just been opened.
#[derive(Debug)]
pub(crate) enum Look {
    Known(Hash),
    /// It has to be read, and its hash belongs there.
    Unknown(Place),
}

/// Where the hash of a file is to be kept, or nowhere.
#[derive(Debug, Default)]
pub(crate) struct Place(Option<(Arc<Kept>, Stamp)>);

impl Hashes {
    /// Takes in what the last run has left at `path`. Blocks.
    pub(crate) fn open(path: PathBuf) -> Self {
        let cache = Cache::builder(CAPACITY).name("hashes").build();
        match cache_file::read(&path) {
            Ok(known) => known.into_iter().for_each(|(stamp, hash)| cache.insert(stamp, hash)),
            Err(Unread::Damaged(reason)) => eprintln!("dupes: {}: {reason}; the cache is rebuilt", paths::plain(&path)),
            Err(Unread::Foreign) => {
                eprintln!("dupes: {}: not a cache of this program; it is left as it is", paths::plain(&path));
                return Self(Some(Arc::new(Kept { path, cache, is_saved: false })));
            }
        }
        Self(Some(Arc::new(Kept { path, cache, is_saved: true })))
    }

    /// Looks an open file up, before anything of it is read. Blocks.
    pub(crate) fn look(&self, file: &File, entry: &Entry) -> Look {
        let stamped = self.0.as_ref().and_then(|kept| Some((kept, Stamp::of(file)?)));
        // A file that has another length than it was found with is read all the same: that shows how it has changed.
        let Some((kept, stamp)) = stamped.filter(|(_, stamp)| stamp.size == entry.size) else {
            return Look::Unknown(Place::default());
        };
        match kept.cache.get(&stamp) {
            Some(hash) => Look::Known(hash),
            None => Look::Unknown(Place(stamp.has_rested().then(|| (kept.clone(), stamp)))),
        }
    }

    /// How much of what was asked for was known, if there is a cache.
    pub(crate) fn reuse(&self) -> Option<Reuse> {
        self.0.as_ref().map(|kept| Reuse { file: kept.path.clone(), stats: kept.cache.stats() })
    }

    /// Leaves everything to the next run, if there is a cache. That this fails is no reason to fail: all it costs is time.
    /// Blocks.
    pub(crate) fn save(&self) {
        let Some(kept) = self.0.as_ref().filter(|kept| kept.is_saved) else { return };
        if let Err(error) = cache_file::write(&kept.path, kept.cache.snapshot().iter()) {
            eprintln!("dupes: {}: the cache cannot be written: {error}", paths::plain(&kept.path));
        }
    }
}

impl Stamp {
    /// Asks the open file, not the path, where another may lie by now. Nothing where files cannot be told apart, or when
    /// the time is none that a clock has given.
    fn of(file: &File) -> Option<Self> {
        let metadata = file.metadata().ok()?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self { id: identity(&metadata)?, modified: modified.as_nanos().try_into().ok()?, size: metadata.len() })
    }

    /// Tells whether whatever is written from now on gets a later time. Of a time in the future nobody knows.
    fn has_rested(&self) -> bool {
        let modified = UNIX_EPOCH + Duration::from_nanos(self.modified);
        SystemTime::now().duration_since(modified).is_ok_and(|age| age >= REST)
    }
}

impl Place {
    /// Gives the place up if the file has changed while it was read. Blocks.
    pub(crate) fn confirm(&mut self, file: &File) {
        self.0.take_if(|(_, before)| Stamp::of(file) != Some(*before));
    }

    /// Keeps the hash of all that was read.
    pub(crate) fn keep(self, hash: Hash) {
        if let Some((kept, stamp)) = self.0 {
            kept.cache.insert(stamp, hash);
        }
    }
}
