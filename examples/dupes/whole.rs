//! The last step: the hash of everything in a file.

use blake3::{Hash, Hasher};
use regatta::BoxError;
use tokio::try_join;

use crate::entry::Entry;
use crate::reader::Reader;
use crate::search::Tools;

/// How much is read at once: enough to be worth a trip to a blocking thread and one to the pool, and all that a reader
/// holds in memory, twice, however long the file.
pub(crate) const BLOCK: u64 = 1 << 20;

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
    let block = tools.read(entries, BLOCK, tools.hashes.clone()).await?;
    let hashing = tools.pool.submit(move || block.hash()).await.map_err(|closed| closed.to_string())?;
    Ok(hashing.await?)
}

/// Hashes block by block, each while the next is being read; not at all if the hash is known.
async fn hash_large(entry: Entry, tools: &Tools) -> Result<Vec<(Entry, Hash)>, BoxError> {
    let mut reader = Reader::new(entry, tools.hashes.clone());
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
            Ok((back, None)) => return Ok(vec![back.end(&hasher, &tools.tally)]),
            Err(problem) => {
                tools.findings.add_problems(vec![problem]).await?;
                return Ok(Vec::new());
            }
        }
    }
}
