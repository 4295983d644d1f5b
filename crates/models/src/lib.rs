//! Nothing. What needs a build of `regatta` of its own is here, so that it is not compiled with what the library's tests and
//! examples need: the model checks in `tests/loom`, and an example as optimised code. See `cargo xtask test`.
