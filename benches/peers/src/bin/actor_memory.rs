//! What an actor costs in memory, ours and the rivals'. A program of its own, because the allocator that counts would slow
//! every other scenario down. The rows `actor/idle_bytes`, `actor/tell_allocs` and `actor/ask_allocs` run it.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::io;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> io::Result<()> {
    regatta_peers::actor_memory(COUNTING)
}
