//! The flagship example against an obvious search, and against everything a disk can hold.
//!
//! Only on Unix: hard links, FIFOs and names that are not UTF-8 are what can go wrong.
#![cfg(unix)]

mod bad_input;
mod cache;
mod interrupt;
mod links;
mod names;
mod observe;
mod oracle;
mod output;
mod run;
mod same_content;
mod tree;
