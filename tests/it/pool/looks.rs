//! What a pool shows of itself.

use regatta::observe::Registry;
use regatta::pool::CpuPool;

use super::kit::Held;

#[tokio::test]
async fn a_pool_is_seen_in_snapshots_while_it_lives() {
    let registry = Registry::new();
    let pool = registry.enter(|| CpuPool::builder().limit(2).capacity(8).name("seen").build());
    let held = Held::submit(&pool).await;
    let snapshot = registry.snapshot();
    let row = snapshot.named("seen").expect("it lives");
    assert_eq!((row.kind, row.state), ("pool", "open"));
    assert_eq!((row.flow.accepted, row.flow.in_flight), (1, 1));
    let gauges: Vec<String> = row.gauges.iter().map(ToString::to_string).collect();
    assert_eq!(gauges, ["queued 0/8", "active 1/2"]);
    drop(pool);
    assert!(registry.snapshot().rows.is_empty());
    held.finish().await;
}

#[tokio::test]
async fn a_pool_without_a_name_is_numbered() {
    let registry = Registry::new();
    let pool = registry.enter(|| CpuPool::new(1));
    assert_eq!(pool.name(), "pool#1");
}
