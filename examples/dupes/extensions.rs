//! How many bytes there are of each kind of file, by map-reduce.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use regatta::BoxError;
use regatta::parallel::{Emit, MapReduce, sort_by_key};
use regatta::pool::CpuPool;

use crate::entry::Entry;

/// Files found so far: what they end in, and their length. Each extension is kept once.
#[derive(Debug, Default)]
pub(crate) struct Extensions(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    known: HashSet<Arc<OsStr>>,
    files: Vec<(Arc<OsStr>, u64)>,
}

/// Files with the same extension.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Empty for those without.
    pub(crate) extension: Arc<OsStr>,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl Extensions {
    pub(crate) fn add<'a>(&self, entries: impl IntoIterator<Item = &'a Entry>) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Found { known, files } = &mut *found;
        for entry in entries {
            let extension = Path::new(entry.name()).extension().unwrap_or_default();
            let extension = known.get(extension).cloned().unwrap_or_else(|| {
                let new: Arc<OsStr> = extension.into();
                known.insert(new.clone());
                new
            });
            files.push((extension, entry.size));
        }
    }

    /// Adds up, the most bytes first.
    pub(crate) async fn take(&self, pool: &CpuPool) -> Result<Vec<Kind>, BoxError> {
        let files = std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).files);
        let kinds = MapReduce::new()
            .map_emit(|(extension, bytes): &(Arc<OsStr>, u64), emit: &mut Emit<'_, Arc<OsStr>, (u64, u64)>| {
                emit.one(extension.clone(), (1, *bytes));
            })
            .combine(|(files, bytes): &mut (u64, u64), more| {
                *files += more.0;
                *bytes += more.1;
            })
            .on(pool)
            .run(files)
            .await?;
        let kind = |(extension, (files, bytes))| Kind { extension, files, bytes };
        let kinds = kinds.into_iter().map(kind).collect();
        Ok(sort_by_key(kinds, |kind: &Kind| (Reverse(kind.bytes), kind.extension.clone())).on(pool).await?)
    }
}
