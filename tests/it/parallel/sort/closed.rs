//! Pools that do not let the work in, or stop it.
