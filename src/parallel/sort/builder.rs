//! The calls.

use std::cmp::Ordering;
use std::fmt;
use std::future::IntoFuture;

use futures::future::{BoxFuture, FutureExt};

use super::keyed::{ByKey, Keyed};
use super::machine::run;
use super::order::ByComparison;
use super::partition::{Board, Partition, Task};
use super::{Sorted, special};
use crate::error::drop_quietly;
use crate::pool::{CpuPool, Quiet, Workers};

/// Sorts elements, stably.
///
/// Equal elements keep their order. Numbers, `char`, `bool`, `String`, `&'static str`, `Box<str>`, `Arc<str>` and `Vec<u8>`
/// are sorted in faster ways of their own. Elements that are in order already, or in the opposite order, are only looked at.
///
/// # Which one?
/// - [`sort_by`] where the elements' own order is not the wanted one, [`sort_by_key`] where a part of them has it.
/// - [`sort_by_cached_key`] where a key costs more than a field access, or an element is large.
/// - [`slice::sort`] up to some thousands of elements: that takes as long as a hand-over. Where it is known what a comparison
///   costs, so few are sorted in the calling task, also here: 4096 numbers, or 64 texts of 64 KiB in all.
///
/// # Cancel safety
/// Dropping the future stops the work when the workers are done with what they have in hand, which may be the comparisons of
/// one worker's share of the elements. The elements are dropped then, each once; with the future, if no worker has any.
///
/// # Errors
/// [`SortError`](super::SortError) with all elements: when a comparison panics, when the pool is closed before the work is let in, or stopped
/// before its end, or when jobs of others push it out of the queue. A comparison that contradicts itself gives either some
/// order, or a panic of the standard library's that says so: no element is lost in either case.
///
/// So few elements as are sorted in the calling task need no pool: a closed one sorts them, too.
///
/// # Panics
/// When it is awaited outside a tokio runtime, unless a pool is [given](Sort::on).
///
/// # Complexity
/// O(n log n) comparisons in all, O(n) where the elements are in order. They are dealt out to a segment for each worker by a
/// sample of them, as in [sample sort](https://doi.org/10.1145/321592.321600), and each segment is sorted by the standard
/// library; below some 16,000 elements there is one. The first of the workers deals out to the others: so two take 0.6 of the time
/// of one for numbers, 0.75 for elements of 16 bytes by a key, and it takes dear comparisons to keep many busy.
///
/// Memory: two workers need as much again as the elements take, many half as much more; for numbers two need half as much again,
/// many as much. Of texts, this does not count what they own.
///
/// # Examples
/// ```
/// use regatta::parallel::sort;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// assert_eq!(sort(vec![3, 1, 2]).await?, [1, 2, 3]);
///
/// let pool = regatta::pool::CpuPool::new(2);
/// pool.close();
/// let words: Vec<String> = (0..1_000).map(|n| format!("{}", n % 7)).collect();
/// let error = sort(words).on(&pool).await.unwrap_err();
/// assert!(error.is_closed());
/// assert_eq!(error.into_inner().len(), 1_000);
/// # Ok(()) }
/// ```
#[doc(alias("merge_sort", "par_sort"))]
pub fn sort<T: Ord + Send + 'static>(items: Vec<T>) -> Sort<T> {
    Sort::new("sort", items, |items, workers| match special::sort(items, &workers, "sort") {
        Ok(sorting) => sorting,
        Err(items) => by_comparison(items, workers, "sort", T::cmp),
    })
}

/// Sorts elements by a comparison, stably.
///
/// # Which one?
/// As for [`sort`].
///
/// # Cancel safety
/// As for [`sort`].
///
/// # Errors
/// As for [`sort`].
///
/// # Panics
/// As for [`sort`].
///
/// # Complexity
/// As for [`sort`].
///
/// # Examples
/// ```
/// use regatta::parallel::sort_by;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sorted = sort_by(vec![0.5, 2.5, 1.5], |left: &f64, right: &f64| right.total_cmp(left)).await?;
/// assert_eq!(sorted, [2.5, 1.5, 0.5]);
///
/// let failed = sort_by(vec![0.5, f64::NAN], |left, right| left.partial_cmp(right).expect("a number")).await;
/// assert!(failed.unwrap_err().is_panicked());
/// # Ok(()) }
/// ```
pub fn sort_by<T, C>(items: Vec<T>, compare: C) -> Sort<T>
where
    T: Send + 'static,
    C: Fn(&T, &T) -> Ordering + Send + Sync + 'static,
{
    Sort::new("sort_by", items, |items, workers| by_comparison(items, workers, "sort_by", compare))
}

/// Sorts elements by a key, stably. The key is made for each comparison.
///
/// # Which one?
/// As for [`sort`].
///
/// # Cancel safety
/// As for [`sort`].
///
/// # Errors
/// As for [`sort`], also when the key function panics.
///
/// # Panics
/// As for [`sort`].
///
/// # Complexity
/// As for [`sort`].
///
/// # Which one?
/// For a key that is borrowed from the element use [`sort_by`]: `sort_by(people, |a, b| a.name.cmp(&b.name))`.
///
/// # Examples
/// ```
/// use regatta::parallel::sort_by_key;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sorted = sort_by_key(vec![(2, "b"), (1, "z"), (2, "a")], |pair| pair.0).await?;
/// assert_eq!(sorted, [(1, "z"), (2, "b"), (2, "a")]);
///
/// let failed = sort_by_key(vec![1, 0], |n| 10 / n).await;
/// assert_eq!(failed.unwrap_err().into_inner().len(), 2);
/// # Ok(()) }
/// ```
pub fn sort_by_key<T, K, F>(items: Vec<T>, key: F) -> Sort<T>
where
    T: Send + 'static,
    K: Ord,
    F: Fn(&T) -> K + Send + Sync + 'static,
{
    Sort::new("sort_by_key", items, |items, workers| {
        let compare = move |left: &T, right: &T| {
            let (left, right) = (Made(Some(key(left))), Made(Some(key(right))));
            left.0.cmp(&right.0)
        };
        by_comparison(items, workers, "sort_by_key", compare)
    })
}

/// Sorts elements by a key, stably. Each key is made once, and the elements are moved once.
///
/// # Which one?
/// As for [`sort`].
///
/// # Cancel safety
/// As for [`sort`].
///
/// # Errors
/// As for [`sort`], also when the key function panics.
///
/// # Panics
/// As for [`sort`].
///
/// # Complexity
/// As for [`sort`], and n keys. Memory: while keys are made, up to as much again as the elements take; then the keys and as
/// many positions, one and a half times to twice.
///
/// # Examples
/// ```
/// use regatta::parallel::sort_by_cached_key;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sorted = sort_by_cached_key(vec!["B", "a", "C"], |name| name.to_lowercase()).await?;
/// assert_eq!(sorted, ["a", "B", "C"]);
///
/// let failed = sort_by_cached_key(vec!["1", "one"], |text| text.parse::<u32>().expect("a number")).await;
/// assert!(failed.unwrap_err().is_panicked());
/// # Ok(()) }
/// ```
pub fn sort_by_cached_key<T, K, F>(items: Vec<T>, key: F) -> Sort<T>
where
    T: Send + 'static,
    K: Ord + Send + 'static,
    F: Fn(&T) -> K + Send + Sync + 'static,
{
    const WHAT: &str = "sort_by_cached_key";
    Sort::new(WHAT, items, |items, workers| {
        if items.len() <= 1 {
            return async move { Ok(items) }.boxed();
        }
        let (engine, board, first) = Keyed::new(items, workers.limit(), key, ByKey::new());
        run(workers, WHAT, engine, board, vec![first]).boxed()
    })
}

fn by_comparison<T, C>(items: Vec<T>, workers: Workers, what: &'static str, compare: C) -> BoxFuture<'static, Sorted<T>>
where
    T: Send + 'static,
    C: Fn(&T, &T) -> Ordering + Send + Sync + 'static,
{
    // Nobody knows what a comparison costs: none is made in the calling task.
    if items.len() <= 1 {
        return async move { Ok(items) }.boxed();
    }
    let first = Task::whole(Quiet(items), workers.limit());
    run(workers, what, Partition(ByComparison::new(compare)), Board::new(), vec![first]).boxed()
}

type Begin<T> = Box<dyn FnOnce(Vec<T>, Workers) -> BoxFuture<'static, Sorted<T>> + Send + Sync>;

/// What [`sort`], [`sort_by`], [`sort_by_key`] and [`sort_by_cached_key`] are about to do; await it.
#[must_use = "nothing is sorted unless it is awaited"]
pub struct Sort<T> {
    what: &'static str,
    items: Vec<T>,
    begin: Begin<T>,
    workers: Option<Workers>,
}

impl<T: Send + 'static> Sort<T> {
    fn new(
        what: &'static str,
        items: Vec<T>,
        begin: impl FnOnce(Vec<T>, Workers) -> BoxFuture<'static, Sorted<T>> + Send + Sync + 'static,
    ) -> Self {
        Self { what, items, begin: Box::new(begin), workers: None }
    }

    /// Works on this pool, instead of the [default one](CpuPool::current) of the runtime.
    pub fn on<S>(mut self, pool: &CpuPool<S>) -> Self {
        self.workers = Some(pool.into());
        self
    }
}

impl<T: Send + 'static> IntoFuture for Sort<T> {
    type Output = Sorted<T>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let workers = self.workers.unwrap_or_else(|| Workers::current(self.what));
        (self.begin)(self.items, workers)
    }
}

impl<T> fmt::Debug for Sort<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sort").field("what", &self.what).field("items", &self.items.len()).finish_non_exhaustive()
    }
}

/// A key that is dropped quietly: two may be dropped because a comparison panics, and a second panic would end the process.
struct Made<K>(Option<K>);

impl<K> Drop for Made<K> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<K>() {
            drop_quietly(self.0.take());
        }
    }
}
