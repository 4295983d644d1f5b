//! Reading many files in one go, and hashing them in another.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;

use blake3::Hash;
use regatta::CancellationToken;

use crate::entry::{Entry, Problem};

/// The beginnings of many files in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    files: Vec<(Entry, Range<usize>)>,
    pub(crate) problems: Vec<Problem>,
}

impl Block {
    /// Reads the first `limit` bytes of each file; blocks. After `stop` the rest of the files is left out.
    pub(crate) fn read(entries: Vec<Entry>, limit: u64, stop: &CancellationToken) -> Self {
        let room: u64 = entries.iter().map(|entry| entry.size.min(limit) + 1).sum();
        let mut block = Self { bytes: Vec::with_capacity(room as usize), ..Self::default() };
        for entry in entries {
            if stop.is_cancelled() {
                break;
            }
            match block.append(&entry, limit) {
                Ok(range) => block.files.push((entry, range)),
                Err(problem) => block.problems.push(problem),
            }
        }
        block
    }

    /// How many bytes were read.
    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Computes the hash of what was read of each file.
    pub(crate) fn hash(self) -> Vec<(Entry, Hash)> {
        let Self { bytes, files, .. } = self;
        files.into_iter().map(|(entry, range)| (entry, blake3::hash(&bytes[range]))).collect()
    }

    fn append(&mut self, entry: &Entry, limit: u64) -> Result<Range<usize>, Problem> {
        let start = self.bytes.len();
        let wanted = entry.size.min(limit) as usize;
        // Where the file should end there is room for one byte more: it shows at no cost whether the file has grown.
        let room = wanted + usize::from(entry.size <= limit);
        self.bytes.resize(start + room, 0);
        let read = entry.open().and_then(|mut file| read_up_to(&mut file, &mut self.bytes[start..], wanted));
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
