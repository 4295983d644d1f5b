//! A live page.
