//! One value, read by two threads and never written.

use std::hint::black_box;
use std::sync::{Arc, RwLock};

use arc_swap::ArcSwap;
use regatta::sync::Rcu;
use tokio::sync::watch;

use super::threads::{contest, read};
use crate::measure::{Contest, Side};

const READS: u64 = 5_000_000;

pub(super) fn contests() -> Vec<Contest> {
    vec![
        contest("rcu/load", "arc-swap", load(), arc_swap()).bar(0.9),
        contest("rcu/load", "RwLock<Arc>", load(), lock()).bar(2.0),
        contest("rcu/load", "tokio watch", load(), tokio_watch()).bar(2.0),
        contest("rcu/reader", "arc-swap", reader(), arc_swap()).bar(2.0),
    ]
}

fn load() -> Side {
    let cell = Rcu::new(1_u64);
    Box::new(move || read(READS, || |_| *black_box(&cell).load()))
}

fn reader() -> Side {
    let cell = Rcu::new(1_u64);
    Box::new(move || {
        read(READS, || {
            let mut reader = cell.reader();
            move |_| *black_box(&mut reader).get()
        })
    })
}

fn arc_swap() -> Side {
    let cell = ArcSwap::from_pointee(1_u64);
    Box::new(move || read(READS, || |_| **black_box(&cell).load()))
}

fn lock() -> Side {
    let cell = RwLock::new(Arc::new(1_u64));
    Box::new(move || {
        read(READS, || {
            |_| {
                let value = black_box(&cell).read().expect("no reader panics").clone();
                *value
            }
        })
    })
}

fn tokio_watch() -> Side {
    let (tx, rx) = watch::channel(1_u64);
    Box::new(move || {
        let _open = &tx;
        read(READS, || {
            let rx = rx.clone();
            move |_| *black_box(&rx).borrow()
        })
    })
}
