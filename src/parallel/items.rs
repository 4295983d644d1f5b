//! Elements that all workers read where they are.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::pool::Quiet;

/// Elements that workers read where they are: a `Vec`, without a copy of it, or a shared slice or `Vec`.
///
/// # Examples
/// ```
/// use regatta::parallel::Items;
/// use std::sync::Arc;
///
/// let owned: Items<u32> = vec![1, 2, 3].into();
/// let shared: Items<u32> = Arc::<[u32]>::from([1, 2, 3]).into();
/// assert_eq!(owned[..], shared[..]);
/// ```
pub struct Items<T>(Held<T>);

enum Held<T> {
    Vec(Arc<Quiet<T>>),
    SharedVec(Arc<Vec<T>>),
    Slice(Arc<[T]>),
}

impl<T> From<Vec<T>> for Items<T> {
    fn from(items: Vec<T>) -> Self {
        Self(Held::Vec(Arc::new(Quiet(items))))
    }
}

impl<T> From<Arc<Vec<T>>> for Items<T> {
    fn from(items: Arc<Vec<T>>) -> Self {
        Self(Held::SharedVec(items))
    }
}

impl<T> From<Arc<[T]>> for Items<T> {
    fn from(items: Arc<[T]>) -> Self {
        Self(Held::Slice(items))
    }
}

impl<T, const N: usize> From<[T; N]> for Items<T> {
    fn from(items: [T; N]) -> Self {
        Vec::from(items).into()
    }
}

impl<T> Deref for Items<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Held::Vec(items) => &items.0,
            Held::SharedVec(items) => items,
            Held::Slice(items) => items,
        }
    }
}

impl<T> Clone for Items<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Held::Vec(items) => Held::Vec(items.clone()),
            Held::SharedVec(items) => Held::SharedVec(items.clone()),
            Held::Slice(items) => Held::Slice(items.clone()),
        })
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("len", &self.len()).finish()
    }
}
