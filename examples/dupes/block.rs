//! Reading many files in one go, and hashing them in another.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;

use blake3::Hash;
use regatta::CancellationToken;

use crate::cached::{Hashes, Look, Place};
use crate::entry::{Entry, Problem};

/// The beginnings of many files in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    files: Vec<(Entry, Range<usize>, Place)>,
    /// Files of which nothing was read, because their hash is known.
    known: Vec<(Entry, Hash)>,
    pub(crate) problems: Vec<Problem>,
}

impl Block {
    /// Reads the first `limit` bytes of each file that `hashes` does not know; blocks. After `stop` the rest of the files
    /// is left out.
    pub(crate) fn read(entries: Vec<Entry>, limit: u64, hashes: &Hashes, stop: &CancellationToken) -> Self {
        let room: u64 = entries.iter().map(|entry| entry.size.min(limit) + 1).sum();
        let mut block = Self { bytes: Vec::with_capacity(room as usize), ..Self::default() };
        for entry in entries {
            if stop.is_cancelled() {
                break;
            }
            if let Err(problem) = block.add(entry, limit, hashes) {
                block.problems.push(problem);
            }
        }
        block
    }

    /// How many bytes were read.
    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// How many bytes need not be read.
    pub(crate) fn known_len(&self) -> u64 {
        self.known.iter().map(|(entry, _)| entry.size).sum()
    }

    /// Computes the hash of what was read of each file, and gives those that are known.
    pub(crate) fn hash(self) -> Vec<(Entry, Hash)> {
        let Self { bytes, files, known: mut hashed, .. } = self;
        hashed.extend(files.into_iter().map(|(entry, range, place)| {
            let hash = blake3::hash(&bytes[range]);
            place.keep(hash);
            (entry, hash)
        }));
        hashed
    }

    fn add(&mut self, entry: Entry, limit: u64, hashes: &Hashes) -> Result<(), Problem> {
        let mut file = entry.open().map_err(|error| entry.unreadable(&error))?;
        match hashes.look(&file, &entry) {
            Look::Known(hash) => self.known.push((entry, hash)),
            Look::Unknown(mut place) => {
                let range = self.append(&mut file, &entry, limit)?;
                place.confirm(&file);
                self.files.push((entry, range, place));
            }
        }
        Ok(())
    }

    fn append(&mut self, file: &mut File, entry: &Entry, limit: u64) -> Result<Range<usize>, Problem> {
        let start = self.bytes.len();
        let wanted = entry.size.min(limit) as usize;
        // Where the file should end there is room for one byte more: it shows at no cost whether the file has grown.
        let room = wanted + usize::from(entry.size <= limit);
        self.bytes.resize(start + room, 0);
        let read = read_up_to(file, &mut self.bytes[start..], wanted);
        let is_whole = matches!(read, Ok(filled) if filled == wanted);
        self.bytes.truncate(start + if is_whole { wanted } else { 0 });
        match read {
            Ok(_) if is_whole => Ok(start..start + wanted),
            Ok(filled) => Err(entry.changed(filled as u64)),
            Err(error) => Err(entry.unreadable(&error)),
        }
    }
}

/// Reads until `wanted` bytes are there or the file ends, and says how many came: more than wanted, if there was room
/// and the file has them.
pub(crate) fn read_up_to(file: &mut File, buffer: &mut [u8], wanted: usize) -> io::Result<usize> {
    let mut filled = 0;
    loop {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => return Ok(filled),
            Ok(more) => filled += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if filled >= wanted {
            return Ok(filled);
        }
    }
}
