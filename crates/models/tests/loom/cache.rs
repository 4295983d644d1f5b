//! The flights of one key under every interleaving of their locks: who loads, who waits, and what is put in. The tables are
//! arc-swap's affair and are not looked into.
//!
//! Each model ends only if nobody is left asleep.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;
use regatta::cache::Abandoned;
use regatta::cache::model::{Place, Role};

fn check(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Asks for the value, and loads it if nobody does.
fn ask(place: &Place, value: u32) -> Option<u32> {
    match place.join() {
        Role::Ready(value) => Some(value),
        Role::Waits(waits) => block_on(waits.end()),
        Role::Leads(waits, leads) => {
            place.land(&leads, value);
            block_on(waits.end())
        }
    }
}

#[test]
fn two_who_ask_make_one_load() {
    check(|| {
        let place = Arc::new(Place::new(Abandoned::Finish));
        let other = place.clone();
        let asking = thread::spawn(move || ask(&other, 1));
        let here = ask(&place, 2);
        let there = asking.join().expect("no panic");
        assert_eq!((here, place.loads()), (there, 1));
        assert_eq!(place.value(), here);
    });
}

/// What lands after an invalidation is not kept, and who asks after it gets nothing that was asked for before.
#[test]
fn nothing_comes_back_after_an_invalidation() {
    check(|| {
        let place = Arc::new(Place::new(Abandoned::Finish));
        let other = place.clone();
        let asking = thread::spawn(move || ask(&other, 1));
        let begun_before = place.invalidate();
        let here = ask(&place, 2);
        let there = asking.join().expect("no panic");
        if begun_before == 1 {
            assert_eq!((there, here), (Some(1), Some(2)));
        } else {
            assert_eq!((there, place.loads()), (here, 1));
        }
        assert_eq!(place.value(), here);
    });
}

#[test]
fn what_is_put_in_meanwhile_stays() {
    check(|| {
        let place = Arc::new(Place::new(Abandoned::Finish));
        let (asks, puts) = (place.clone(), place.clone());
        let asking = thread::spawn(move || ask(&asks, 1));
        let putting = thread::spawn(move || puts.insert(9));
        let told = asking.join().expect("no panic");
        putting.join().expect("no panic");
        assert_eq!(place.value(), Some(9));
        assert!(told == Some(1) || told == Some(9));
    });
}

#[test]
fn a_leader_that_is_lost_leaves_nobody_asleep() {
    check(|| {
        let place = Arc::new(Place::new(Abandoned::Finish));
        let Role::Leads(waits, leads) = place.join() else { panic!("nobody was here") };
        let (loses, joins) = (place.clone(), place.clone());
        let losing = thread::spawn(move || loses.lose(&leads));
        let joining = thread::spawn(move || ask(&joins, 2));
        assert_eq!(block_on(waits.end()), None);
        losing.join().expect("no panic");
        // It waited for the one that was lost, or loaded anew.
        let told = joining.join().expect("no panic");
        assert_eq!(told, place.value());
    });
}

/// The last guest takes the load along; somebody who comes meanwhile either keeps it, or loads anew.
#[test]
fn nobody_waits_for_a_load_that_was_given_up() {
    check(|| {
        let place = Arc::new(Place::new(Abandoned::Abort));
        let Role::Leads(waits, leads) = place.join() else { panic!("nobody was here") };
        let (joins, first) = (place.clone(), leads.clone());
        let joining = thread::spawn(move || match joins.join() {
            Role::Waits(waits) => {
                assert!(!first.is_given_up(), "somebody is there");
                joins.land(&first, 1);
                block_on(waits.end())
            }
            Role::Leads(waits, leads) => {
                assert!(first.is_given_up());
                joins.land(&leads, 2);
                block_on(waits.end())
            }
            Role::Ready(_) => panic!("nothing has landed"),
        });
        drop(waits);
        let told = joining.join().expect("no panic");
        // The abandoned one is stopped some time, which must not touch the new one.
        place.lose(&leads);
        assert_eq!(told, place.value());
        assert_eq!(place.loads(), u64::from(told == Some(2)) + 1);
    });
}
