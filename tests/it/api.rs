//! Tables that hold for the whole public API. A row that is wrong doesn't compile.
//!
//! Each module adds its rows when it lands: its types, the futures of its async functions, its
//! errors.

use std::error::Error;

use regatta::CancellationToken;

/// States which traits a type has and, with `!`, which it lacks:
/// `assert_traits!(Rc<u8>: !Send & !Sync & Unpin)`.
macro_rules! assert_traits {
    ($type:ty: $($traits:tt)+) => {
        const _: fn(&$type) = |value| check_traits!(value, $($traits)+);
    };
}

/// The same for the future that a call returns:
/// `assert_future!(|gate: &Gate| gate.wait() => Send & !Unpin)`.
/// The arguments only give types to the call, which is never made.
macro_rules! assert_future {
    (|| $($row:tt)+) => {
        assert_future!(| | $($row)+);
    };
    (|$($argument:ident: $type:ty),*| $call:expr => $($traits:tt)+) => {
        const _: fn($($type),*) = |$($argument),*| {
            let future = $call;
            check_traits!(&future, $($traits)+);
        };
    };
}

/// Checks one trait after the other on a reference to a value.
macro_rules! check_traits {
    ($value:expr, ! $trait:ident $(& $($rest:tt)+)?) => {{
        // `probe` is found twice where the trait is there, and the compiler asks for a type
        // ("annotations needed").
        trait Lacks<Which> {
            fn probe(&self) {}
        }
        struct Anyway;
        struct WithTrait;
        impl<T: ?Sized> Lacks<Anyway> for T {}
        impl<T: ?Sized + $trait> Lacks<WithTrait> for T {}
        Lacks::<_>::probe($value);
        $(check_traits!($value, $($rest)+);)?
    }};
    ($value:expr, $trait:ident $(& $($rest:tt)+)?) => {{
        fn has<T: ?Sized + $trait>(_: &T) {}
        has($value);
        $(check_traits!($value, $($rest)+);)?
    }};
}

/// Has a row for every error of the library: `is_error::<SendError<Rc<u8>>>()` wouldn't compile.
#[allow(dead_code, reason = "the first error lands with the first module")]
fn is_error<E: Error + Send + Sync + 'static>() {}

assert_traits!(CancellationToken: Send & Sync & Unpin);

assert_future!(|token: &CancellationToken| token.cancelled() => Send & Sync & !Unpin);
