//! Words, counted in a loop and as it is to be done.

use std::collections::HashMap;
use std::convert::Infallible;

use regatta::parallel::{Emit, MapReduce, MapReduceError, Text};
use regatta::pool::CpuPool;

pub(super) use super::super::kit::multi_thread;

/// The words of a text and how often they come, in a loop.
pub(super) fn words_of(text: &str) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    for word in text.split_ascii_whitespace() {
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}

/// The same, as it is to be done.
pub(super) async fn counted(text: Text, pool: &CpuPool) -> Result<HashMap<String, u64>, MapReduceError<Infallible>> {
    let words = |text: &str, emit: &mut Emit<'_, String, u64>| {
        text.split_ascii_whitespace().for_each(|word| emit.by_ref(word, 1));
    };
    MapReduce::new().map_emit(words).combine(|n: &mut u64, m| *n += m).on(pool).run(text).await
}
