//! What tests of parallel computations share.

use std::collections::HashMap;
use std::convert::Infallible;

use regatta::parallel::{Emit, MapReduce, MapReduceError, Text};
use regatta::pool::CpuPool;
use tokio::runtime::{Builder, Runtime};

pub(super) fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("the runtime starts")
}

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
