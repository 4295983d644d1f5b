//! The file behind `--cache`: a header, the entries, and a checksum over both.

use std::array;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use blake3::{Hash, OUT_LEN};
use tempfile::NamedTempFile;

use crate::cached::Stamp;

/// What every such file begins with.
const MAGIC: &[u8; 8] = b"dupes b3";

/// Of the format. A file of any other is not read: it costs one slow run, and guessing could cost a wrong group.
const VERSION: u32 = 1;

const HEADER: usize = MAGIC.len() + size_of::<u32>();

/// Four numbers and a hash.
const ENTRY: usize = 4 * size_of::<u64>() + OUT_LEN;

/// No file of ours is longer than this, and of somebody else's we read no more.
const LENGTH_MAX: u64 = 1 << 30;

/// Why nothing in the file is known.
#[derive(Debug)]
pub(crate) enum Unread {
    /// In words, what is wrong with it: nothing in it can be trusted.
    Damaged(String),
    /// It is something else, which nobody wants to lose to a slip of the pen.
    Foreign,
}

/// Reads what an earlier run has kept: nothing if there was none, or the file is empty. Blocks.
///
/// # Errors
/// What keeps it from being believed.
pub(crate) fn read(path: &Path) -> Result<Vec<(Stamp, Hash)>, Unread> {
    match read_bytes(path) {
        Ok(bytes) if bytes.is_empty() => Ok(Vec::new()),
        Ok(bytes) if is_foreign(&bytes) => Err(Unread::Foreign),
        Ok(bytes) => decode(&bytes).map_err(|reason| Unread::Damaged(reason.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Unread::Damaged(format!("cannot be read: {error}"))),
    }
}

/// Tells whether it begins so unlike one of ours that no damage explains it.
fn is_foreign(bytes: &[u8]) -> bool {
    bytes.iter().zip(MAGIC).filter(|(byte, ours)| byte == ours).count() < MAGIC.len() / 2
}

/// Puts a new file in the place of the old one. Blocks.
pub(crate) fn write<'a>(path: &Path, known: impl Iterator<Item = (&'a Stamp, &'a Hash)>) -> io::Result<()> {
    let mut bytes = [&MAGIC[..], &VERSION.to_le_bytes()].concat();
    for (&Stamp { id: (device, inode), modified, size }, hash) in known {
        bytes.extend([device, inode, modified, size].map(u64::to_le_bytes).as_flattened());
        bytes.extend(hash.as_bytes());
    }
    let sum = blake3::hash(&bytes);
    bytes.extend(sum.as_bytes());
    replace(path, &bytes)
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    refuse_special(path)?;
    let mut bytes = Vec::new();
    File::open(path)?.take(LENGTH_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes beside the old file and takes its place by one step, so that after a crash one of the two is there, whole.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Of a link, the target is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match refuse_special(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Of a mere name it is empty, and means here.
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    // The name must not reach the disk before the content does.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// A FIFO would be waited for, and in the place of a device such as /dev/null others would find our file.
fn refuse_special(path: &Path) -> io::Result<()> {
    match fs::metadata(path)?.is_file() {
        true => Ok(()),
        false => Err(io::Error::other("not a regular file")),
    }
}

fn decode(bytes: &[u8]) -> Result<Vec<(Stamp, Hash)>, &'static str> {
    let damaged = "a cache that is damaged or cut short";
    let after_magic = bytes.strip_prefix(MAGIC).ok_or(damaged)?;
    if !after_magic.starts_with(&VERSION.to_le_bytes()) {
        return Err("a cache of another version of this program");
    }
    let (content, sum) = bytes.split_last_chunk().ok_or(damaged)?;
    let entries = content.get(HEADER..).ok_or(damaged)?;
    match entries.as_chunks() {
        (entries, []) if blake3::hash(content) == *sum => Ok(entries.iter().map(decode_entry).collect()),
        _ => Err(damaged),
    }
}

fn decode_entry(entry: &[u8; ENTRY]) -> (Stamp, Hash) {
    let number = |nth: usize| u64::from_le_bytes(array::from_fn(|at| entry[nth * size_of::<u64>() + at]));
    let stamp = Stamp { id: (number(0), number(1)), modified: number(2), size: number(3) };
    (stamp, Hash::from_bytes(array::from_fn(|at| entry[ENTRY - OUT_LEN + at])))
}
