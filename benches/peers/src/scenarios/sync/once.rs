//! A value that is made, read by two threads.

use std::hint::black_box;

use regatta::sync::OnceCell;

use super::threads::{contest, read};
use crate::measure::{Contest, Side};

const READS: u64 = 20_000_000;

pub(super) fn contests() -> Vec<Contest> {
    vec![contest("once/read", "tokio OnceCell", ours(), tokio()).bar(0.9)]
}

fn ours() -> Side {
    let cell = OnceCell::new();
    cell.set(1_u64).expect("it is empty");
    Box::new(move || read(READS, || |_| black_box(&cell).get().copied().unwrap_or(0)))
}

fn tokio() -> Side {
    let cell = tokio::sync::OnceCell::new_with(Some(1_u64));
    Box::new(move || read(READS, || |_| black_box(&cell).get().copied().unwrap_or(0)))
}
