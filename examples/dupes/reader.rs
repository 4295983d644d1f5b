//! Reading one large file, block by block, unless its hash is known.

use std::fs::File;
use std::io;

use blake3::{Hash, Hasher};

use crate::block::read_up_to;
use crate::cached::{Hashes, Look, Place};
use crate::entry::{Entry, Problem};
use crate::progress::Tally;
use crate::whole::BLOCK;

/// A large file, and how far it has been read.
pub(crate) struct Reader {
    entry: Entry,
    hashes: Hashes,
    /// Opened by the first read.
    file: Option<File>,
    /// How much is still to be read.
    left: u64,
    look: Look,
}

impl Reader {
    pub(crate) fn new(entry: Entry, hashes: Hashes) -> Self {
        Self { entry, hashes, file: None, left: 0, look: Look::Unknown(Place::default()) }
    }

    /// Reads the next block into `buffer`; gives none at the end of the file, or if its hash is known. Blocks.
    pub(crate) fn next(mut self, mut buffer: Vec<u8>) -> Result<(Self, Option<Vec<u8>>), Problem> {
        if self.file.is_none() {
            self.open().map_err(|error| self.entry.unreadable(&error))?;
        }
        if self.left == 0 {
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
        if let (0, Look::Unknown(place)) = (self.left, &mut self.look) {
            place.confirm(file);
        }
        Ok((self, Some(buffer)))
    }

    /// Gives the hash: the one that is known, or that of all that was read.
    pub(crate) fn end(self, hasher: &Hasher, tally: &Tally) -> (Entry, Hash) {
        let hash = match self.look {
            Look::Known(hash) => {
                tally.add_known(self.entry.size);
                hash
            }
            Look::Unknown(place) => {
                let hash = hasher.finalize();
                place.keep(hash);
                hash
            }
        };
        (self.entry, hash)
    }

    /// If the hash is known, nothing is left to be read.
    fn open(&mut self) -> io::Result<()> {
        let file = self.entry.open()?;
        self.look = self.hashes.look(&file, &self.entry);
        self.left = if matches!(self.look, Look::Known(_)) { 0 } else { self.entry.size };
        self.file = Some(file);
        Ok(())
    }
}
