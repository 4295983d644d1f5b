//! Types that are sorted in a way of their own, found out at run time: the compiler cannot choose by type yet.

use std::any::Any;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};

use super::keyed::Keyed;
use super::machine::run;
use super::numbers::Numbers;
use super::text::{self, ByText, Text};
use super::{Sorted, here};
use crate::pool::Workers;

/// Up to how many numbers are sorted in the calling task: about 50 µs.
const NUMBERS_HERE: usize = 4096;

/// Sorts them if there is a faster way for their type; else gives them back.
pub(super) fn sort<T: Send + 'static>(
    mut items: Vec<T>,
    workers: &Workers,
    what: &'static str,
) -> Result<BoxFuture<'static, Sorted<T>>, Vec<T>> {
    macro_rules! try_types {
        ($sort:ident: $($Type:ty),*) => {
            $(items = match same::<Vec<T>, Vec<$Type>>(items) {
                Ok(items) => {
                    let sorted = $sort(items, workers.clone(), what);
                    return same(sorted).map_err(|_| unreachable!("the types are the same"));
                }
                Err(items) => items,
            };)*
        };
    }
    try_types!(numbers: u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, char, bool);
    try_types!(texts: String, &'static str, Vec<u8>, Box<str>, Arc<str>);
    Err(items)
}

/// The value as one of another type, if that is the same.
fn same<A: 'static, B: 'static>(value: A) -> Result<B, A> {
    let mut value = Some(value);
    let is_same = (&mut value as &mut dyn Any).downcast_mut::<Option<B>>().and_then(Option::take);
    match (is_same, value) {
        (Some(value), _) => Ok(value),
        (None, Some(value)) => Err(value),
        (None, None) => unreachable!("the value is taken by one of both"),
    }
}

fn numbers<T: Ord + Send + Sync + 'static>(
    mut items: Vec<T>,
    workers: Workers,
    what: &'static str,
) -> BoxFuture<'static, Sorted<T>> {
    if items.len() <= NUMBERS_HERE {
        let sort = async move {
            items.sort_unstable();
            Ok(items)
        };
        return sort.boxed();
    }
    let (engine, board, tasks) = Numbers::new(items, workers.limit());
    run(workers, what, engine, board, tasks).boxed()
}

fn texts<S: Text>(items: Vec<S>, workers: Workers, what: &'static str) -> BoxFuture<'static, Sorted<S>> {
    let is_short = || items.iter().map(|text| text.bytes().len()).sum::<usize>() <= here::BYTES_MAX;
    if items.len() <= here::MAX && is_short() {
        return async move { here::sort_by(items, &workers, what, S::cmp) }.boxed();
    }
    let key = text::keys(&items);
    let (engine, board, first) = Keyed::new(items, workers.limit(), key, ByText::new());
    run(workers, what, engine, board, vec![first]).boxed()
}
