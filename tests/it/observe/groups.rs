//! Many in one row, those that have ended, and what a million of them leaves behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use regatta::actor::{Actor, ActorRef, Builder, Context};
use regatta::observe::{Registry, Row};

/// Takes everything but zero.
struct Picky;

impl Actor for Picky {
    type Msg = u64;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, n: u64, _: &mut Context<Self>) {
        assert!(n > 0, "in a group");
    }
}

fn member(group: &str) -> Builder<u64> {
    Builder::new().name("session").observed_as(group)
}

#[track_caller]
fn group<'a>(rows: &'a [Row], name: &str) -> &'a Row {
    let found: Vec<&Row> = rows.iter().filter(|row| &*row.name == name).collect();
    assert_eq!(found.len(), 1, "{rows:?}");
    found[0]
}

#[tokio::test]
async fn a_group_is_one_row_that_adds_up_the_living_and_the_dead() {
    let mine = Registry::new();
    let sessions: Vec<_> = (0..5).map(|_| mine.enter(|| member("sessions").spawn(Picky))).collect();
    for session in &sessions {
        for n in 1..=10 {
            session.tell(n).await.unwrap();
        }
        session.drain().await;
    }
    let last = mine.enter(|| member("sessions").spawn(Picky));
    last.tell(1).await.unwrap();
    let snapshot = mine.snapshot();
    let row = group(&snapshot.rows, "sessions");
    assert_eq!((&*row.kind, &*row.state), ("actor", "group"));
    assert_eq!(row.gauge_of("members").map(|members| members.value), Some(1));
    assert_eq!(row.flow.accepted, 51);
    assert!(row.flow.is_conserved());
    assert!(snapshot.gone.is_empty(), "nobody wants the end of each told");
    last.stop().await;
    drop(last);
    assert_eq!(group(&mine.snapshot().rows, "sessions").gauge_of("members").map(|members| members.value), Some(0));
}

#[tokio::test]
async fn one_of_a_group_that_fails_is_told() {
    let mine = Registry::new();
    let fails = mine.enter(|| member("sessions").spawn(Picky));
    fails.tell(0).await.unwrap();
    fails.wait_stopped().await;
    let snapshot = mine.snapshot();
    assert_eq!((snapshot.gone.len(), snapshot.gone_total, snapshot.gone[0].is_failure), (1, 1, true));
    assert!(snapshot.gone[0].reason.contains("in a group"), "{:?}", snapshot.gone);
}

#[tokio::test]
async fn unobserved_actors_are_nowhere() {
    let mine = Registry::new();
    let hidden = mine.enter(|| Builder::new().unobserved().spawn(Picky));
    hidden.stop().await;
    let snapshot = mine.snapshot();
    assert!(snapshot.rows.is_empty() && snapshot.gone.is_empty(), "{snapshot}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sums_of_a_group_never_fall_while_members_come_and_go() {
    let mine = Registry::new();
    let (is_over, looker) = (std::sync::Arc::new(AtomicBool::new(false)), mine.clone());
    let stop = is_over.clone();
    let looking = thread::spawn(move || {
        let (mut last, mut looks) = (0, 0);
        while !stop.load(Ordering::Relaxed) {
            let snapshot = looker.snapshot();
            if let Some(row) = snapshot.named("sessions") {
                assert!(row.flow.done >= last, "{} after {last}", row.flow.done);
                (last, looks) = (row.flow.done, looks + 1);
            }
        }
        (last, looks)
    });
    for _ in 0..300 {
        let session = mine.enter(|| member("sessions").spawn(Picky));
        for n in 1..=10 {
            session.tell(n).await.unwrap();
        }
        session.drain().await;
    }
    is_over.store(true, Ordering::Relaxed);
    let (_, looks) = looking.join().unwrap();
    assert!(looks > 0);
    assert_eq!(mine.snapshot().named("sessions").unwrap().flow.done, 3000);
}

#[tokio::test]
async fn groups_without_end_are_one() {
    let mine = Registry::new();
    let members: Vec<_> = (0..1100).map(|n| mine.enter(|| member(&format!("group {n}")).spawn(Picky))).collect();
    for session in &members {
        session.tell(1).await.unwrap();
        session.drain().await;
    }
    let snapshot = mine.snapshot();
    assert_eq!(snapshot.rows.len(), 1001);
    assert_eq!(group(&snapshot.rows, "other").flow.done, 100);
    assert_eq!(group(&snapshot.rows, "group 999").flow.done, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_actor_has_accepted_never_falls_while_messages_are_taken() {
    let mine = Registry::new();
    let (is_over, looker) = (std::sync::Arc::new(AtomicBool::new(false)), mine.clone());
    let busy = mine.enter(|| Builder::new().name("busy").spawn(Picky));
    let look = || {
        let (stop, looker) = (is_over.clone(), looker.clone());
        thread::spawn(move || {
            let mut last = 0;
            while !stop.load(Ordering::Relaxed) {
                let flow = looker.snapshot().named("busy").unwrap().flow;
                assert!(flow.is_conserved() && flow.accepted >= last, "{flow} after {last}");
                last = flow.accepted;
            }
        })
    };
    let looking = [look(), look()];
    for n in 1..=100_000 {
        busy.tell(n).await.unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    looking.into_iter().for_each(|looking| looking.join().unwrap());
    let flow = || mine.snapshot().named("busy").unwrap().flow;
    while flow().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((flow().accepted, flow().done), (100_000, 100_000));
}

#[tokio::test]
async fn room_that_was_given_to_one_who_goes_away_was_never_accepted() {
    let mine = Registry::new();
    let full = mine.enter(|| Builder::new().name("full").mailbox(4).spawn(Picky));
    for n in 1..=4 {
        full.try_tell(n).unwrap();
    }
    // The actor takes all four when it runs, and room is given to these, who do not run.
    let mut waiting: Vec<_> = (5..=8).map(|n| tokio_test::task::spawn(full.tell(n))).collect();
    for tell in &mut waiting {
        assert!(tell.poll().is_pending());
    }
    let flow = || mine.snapshot().named("full").unwrap().flow;
    let mut last = flow().accepted;
    while flow().done < 4 {
        tokio::task::yield_now().await;
        assert!(flow().accepted >= last && flow().accepted <= 4, "{}", flow());
        last = flow().accepted;
    }
    drop(waiting);
    assert_eq!((flow().accepted, flow().in_flight), (4, 0));
    full.tell(5).await.unwrap();
    assert_eq!(flow().accepted, 5);
}

#[tokio::test]
async fn the_dead_are_kept_with_their_reasons_and_only_the_last() {
    let mine = Registry::new();
    for n in 0..300_u64 {
        let name = format!("actor {n}");
        let short = mine.enter(|| Builder::new().name(name).spawn(Picky));
        short.stop().await;
    }
    let snapshot = mine.snapshot();
    assert_eq!((snapshot.gone.len(), snapshot.gone_total), (256, 300));
    assert_eq!((&*snapshot.gone[0].name, &*snapshot.gone[255].name), ("actor 44", "actor 299"));
    let last = &snapshot.gone[255];
    assert_eq!((&*last.kind, &*last.reason, last.is_failure), ("actor", "stopped", false));
    assert!(last.ended_at <= snapshot.uptime && last.age <= last.ended_at);
}
