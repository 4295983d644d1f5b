//! A value of the user's that is in hand while other code of the user's runs.

use std::mem;

use crate::error::drop_quietly;

/// A value whose destructor may panic while a panic passes by: it is caught, or it would end the process.
pub(super) struct Kept<V>(Option<V>);

impl<V> Kept<V> {
    #[inline(always)]
    pub(super) fn new(value: V) -> Self {
        Self(Some(value))
    }

    #[inline(always)]
    pub(super) fn as_ref(&self) -> &V {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("it is there until it is taken out"),
        }
    }

    #[inline(always)]
    pub(super) fn into_inner(mut self) -> V {
        match self.0.take() {
            Some(value) => value,
            None => unreachable!("it is there until it is taken out"),
        }
    }
}

impl<V> Drop for Kept<V> {
    #[inline(always)]
    fn drop(&mut self) {
        if mem::needs_drop::<V>()
            && let Some(value) = self.0.take()
        {
            drop_quietly(value);
        }
    }
}
