//! Many values become one.
