//! The last step: the hash of everything in a file.

use std::fs::File;

use blake3::{Hash, Hasher};
use regatta::BoxError;
use tokio::try_join;

use crate::block::read_up_to;
use crate::entry::{Entry, Problem};
use crate::search::Tools;

/// How much is read at once: enough to be worth a trip to a blocking thread and one to the pool, and all that a reader
/// holds in memory, twice, however long the file.
const BLOCK: u64 = 1 << 20;

/// Splits files into portions for one trip each: many small ones, or a large one alone.
pub(crate) fn portions(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut portions: Vec<Vec<Entry>> = Vec::new();
    let mut room = 0;
    for entry in entries {
        match portions.last_mut() {
            Some(last) if entry.size <= room => {
                room -= entry.size;
                last.push(entry);
            }
            _ => {
                room = BLOCK.saturating_sub(entry.size);
                portions.push(vec![entry]);
            }
        }
    }
    portions
}

/// Hashes the files of one portion. Those that cannot be read are left out, and noted.
pub(crate) async fn hash(portion: Vec<Entry>, tools: &Tools) -> Result<Vec<(Entry, Hash)>, BoxError> {
    match <[Entry; 1]>::try_from(portion) {
        Ok([entry]) if entry.size > BLOCK => hash_large(entry, tools).await,
        Ok([entry]) => hash_small(vec![entry], tools).await,
        Err(entries) => hash_small(entries, tools).await,
    }
}

async fn hash_small(entries: Vec<Entry>, tools: &Tools) -> Result<Vec<(Entry, Hash)>, BoxError> {
    let block = tools.read(entries, BLOCK).await?;
    let hashing = tools.pool.submit(move || block.hash()).await.map_err(|closed| closed.to_string())?;
    Ok(hashing.await?)
}

/// Hashes block by block, each while the next is being read.
async fn hash_large(entry: Entry, tools: &Tools) -> Result<Vec<(Entry, Hash)>, BoxError> {
    let mut reader = Reader { entry, file: None, left: 0 };
    let (mut hasher, mut block, mut spare) = (Hasher::new(), Vec::new(), Vec::new());
    loop {
        let reading = tools.disk.run("read", move || reader.next(spare));
        let hashing = async {
            let job = move || {
                hasher.update(&block);
                (hasher, block)
            };
            Ok(tools.pool.submit(job).await.map_err(|closed| closed.to_string())?.await?)
        };
        let (read, hashed): (_, (Hasher, Vec<u8>)) = try_join!(reading, hashing)?;
        (hasher, spare) = hashed;
        match read {
            Ok((back, Some(next))) => {
                tools.tally.add_read(next.len() as u64);
                (reader, block) = (back, next);
            }
            Ok((back, None)) => return Ok(vec![(back.entry, hasher.finalize())]),
            Err(problem) => {
                tools.findings.add_problems(vec![problem]).await?;
                return Ok(Vec::new());
            }
        }
    }
}

/// A large file, and how far it has been read.
struct Reader {
    entry: Entry,
    /// Opened by the first read.
    file: Option<File>,
    left: u64,
}

impl Reader {
    /// Reads the next block into `buffer`; gives none at the end of the file. Blocks.
    fn next(mut self, mut buffer: Vec<u8>) -> Result<(Self, Option<Vec<u8>>), Problem> {
        if self.file.is_none() {
            self.file = Some(self.entry.open().map_err(|error| self.entry.unreadable(&error))?);
            self.left = self.entry.size;
        } else if self.left == 0 {
            return Ok((self, None));
        }
        let wanted = self.left.min(BLOCK) as usize;
        // Room for one byte more where the file should end, to see whether it has grown.
        buffer.resize(wanted + usize::from(self.left <= BLOCK), 0);
        let Some(file) = &mut self.file else { unreachable!("opened above") };
        let filled = read_up_to(file, &mut buffer, wanted).map_err(|error| self.entry.unreadable(&error))?;
        if filled != wanted {
            return Err(self.entry.changed(self.entry.size - self.left + filled as u64));
        }
        buffer.truncate(wanted);
        self.left -= wanted as u64;
        Ok((self, Some(buffer)))
    }
}
