//! What `#[regatta::actor]` leaves to the compiler, since an attribute sees names and no types.

use std::marker::PhantomData;

/// A `Result`, under whatever alias.
#[doc(hidden)]
pub trait AnyResult {
    type Ok;
    type Err;
}

impl<T, E> AnyResult for Result<T, E> {
    type Ok = T;
    type Err = E;
}

/// A type by its name and a check: where the constant that is the parameter panics, that is the only error, since the
/// compiler knows no type then, and has nothing to say wherever it is mentioned.
#[doc(hidden)]
pub trait Checked<const IS_FINE: bool> {
    type Type;
}

impl<T> Checked<true> for T {
    type Type = T;
}

/// Whether a type is `Send`: if so, its own constant goes before that of the trait.
#[doc(hidden)]
#[derive(Debug)]
pub struct IsSend<T>(PhantomData<T>);

impl<T: Send> IsSend<T> {
    pub const SAID: bool = true;
}

#[doc(hidden)]
pub trait IsNotSend {
    const SAID: bool = false;
}

impl<T> IsNotSend for IsSend<T> {}
