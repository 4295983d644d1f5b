//! A value of the user's that is dropped quietly, wherever that happens: two destructors that panic in one unwinding would
//! abort the process.

use crate::error::drop_quietly;

#[derive(Debug)]
pub(super) struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    pub(super) fn new(value: Option<T>) -> Self {
        Self(value)
    }

    pub(super) fn set(&mut self, value: Option<T>) {
        if let Some(before) = std::mem::replace(&mut self.0, value) {
            drop_quietly(before);
        }
    }

    pub(super) fn take(&mut self) -> Option<T> {
        self.0.take()
    }
}

impl<T> Drop for Quiet<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            drop_quietly(value);
        }
    }
}
