//! Looking inside: who is listed, for how long, and how it prints.

#[cfg(feature = "metrics")]
mod bridge;
mod findings;
#[cfg(feature = "serde")]
mod forms;
mod groups;

use regatta::observe::{Flow, Registry};
use regatta::pipeline::Pipeline;
use regatta::pool::CpuPool;
use regatta::queue;
use regatta::task::TaskGroup;

#[test]
fn what_is_created_in_a_scope_is_listed_there_while_it_lives() {
    let registry = Registry::new();
    let group = registry.enter(|| TaskGroup::new("mine"));
    assert_eq!(registry.snapshot().named("mine").unwrap().kind, "tasks");
    assert!(Registry::global().snapshot().named("mine").is_none());
    drop(group);
    assert!(registry.snapshot().rows.is_empty());
}

#[tokio::test]
async fn tasks_of_a_scope_create_in_it() {
    let registry = Registry::new();
    let group = registry.enter(|| TaskGroup::new("outer"));
    let spawned = registry.enter(|| group.spawn("inner", async { queue::Builder::new(1).name("deep").build::<u8>() }));
    let ends = spawned.unwrap().await.unwrap();
    assert!(registry.snapshot().named("deep").is_some());
    drop(ends);
}

#[tokio::test]
async fn blocking_closures_and_jobs_of_a_scope_create_in_it() {
    let registry = Registry::new();
    let build = |name: &'static str| move || queue::Builder::new(1).name(name).build::<u8>();
    let (group, pool) = (TaskGroup::new("outer"), CpuPool::new(1));
    let ends = registry.scope(async {
        let blocking = group.spawn_blocking("inner", build("in a closure")).unwrap().await.unwrap();
        (blocking, pool.submit(build("in a job")).await.unwrap().await.unwrap())
    });
    let ends = ends.await;
    let other = pool.submit(build("elsewhere")).await.unwrap().await.unwrap();
    let names: Vec<_> = registry.snapshot().rows.iter().map(|row| row.name.clone()).collect();
    assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), ["in a closure", "in a job"]);
    drop((ends, other));
}

#[tokio::test]
async fn a_snapshot_is_taken_while_things_come_and_go() {
    let registry = Registry::new();
    let stop = regatta::CancellationToken::new();
    let (looker, stopped) = (registry.clone(), stop.clone());
    let looking = std::thread::spawn(move || {
        while !stopped.is_cancelled() {
            let _ = looker.snapshot().to_string();
        }
    });
    for _ in 0..1_000 {
        registry.enter(|| drop(queue::bounded::<u8>(1)));
    }
    stop.cancel();
    looking.join().unwrap();
    assert!(registry.snapshot().rows.is_empty());
}

#[tokio::test]
async fn a_queue_is_a_line_and_a_pipeline_a_tree() {
    let registry = Registry::new();
    let (ends, mut running) = registry.enter(|| {
        let ends = queue::Builder::new(8).name("mails").build::<u8>();
        let running =
            Pipeline::from_iter(0..3).map_async(2, |n| async move { n }).named("fetch").fold(0, |sum, n| sum + n);
        (ends, running.titled("import").spawn())
    });
    ends.0.send(1).await.unwrap();
    assert_eq!((&mut running).await.unwrap(), 3);
    let snapshot = registry.snapshot();
    assert!(snapshot.rows.iter().all(|row| row.flow.is_conserved()), "{snapshot}");
    let table = snapshot.to_string();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("name "), "{table}");
    assert!(lines[1].starts_with("mails ") && lines[1].contains("queued 1/8"), "{table}");
    assert!(lines[2].starts_with("import ") && lines[2].contains("ended"), "{table}");
    assert!(lines[4].starts_with("  fetch "), "{table}");
    assert_eq!(snapshot.of_kind("stage").count(), 3);
}

#[tokio::test]
async fn the_rows_of_one_whole_stay_together_and_in_order() {
    let registry = Registry::new();
    let mut running = registry.enter(|| {
        ["first", "second", "third"].map(|name| {
            let stages = Pipeline::from_iter(0..3).map_async(2, |n| async move { n }).named("fetch");
            stages.fold(0, |sum, n| sum + n).titled(name).spawn()
        })
    });
    for running in &mut running {
        running.await.unwrap();
    }
    let table = registry.snapshot().to_string();
    let names: Vec<&str> =
        table.lines().skip(1).filter_map(|line| line.split("  ").find(|cell| !cell.is_empty())).collect();
    assert_eq!(names.iter().filter(|name| **name == "fetch").count(), 3, "{table}");
    let wholes: Vec<usize> = (0..names.len()).filter(|index| index % 4 == 0).collect();
    assert_eq!(wholes.iter().map(|index| names[*index]).collect::<Vec<_>>(), ["first", "second", "third"], "{table}");
}

#[test]
fn sequence_numbers_count_snapshots() {
    let registry = Registry::new();
    assert_eq!((registry.snapshot().sequence, registry.snapshot().sequence), (0, 1));
}

#[test]
fn a_flow_that_does_not_add_up_says_so() {
    assert!(Flow::default().is_conserved());
    let mut flow = Flow::default();
    flow.accepted = 1;
    assert!(!flow.is_conserved());
    assert_eq!(flow.to_string(), "1 accepted = 0 done + 0 failed + 0 dropped + 0 discarded + 0 in flight");
}
