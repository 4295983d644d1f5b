//! The pictures of the documentation.

use std::any::Any;
use std::env;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use regatta::actor::{self, Builder, Reply};
use regatta::cache::Cache;
use regatta::observe::Registry;
use regatta::pool::CpuPool;
use regatta::queue;
use regatta::supervise::Supervisor;
use regatta::task::TaskGroup;
use tokio::time::interval;

use crate::driver::Tab;
use crate::page::Page;
use crate::planted;
use crate::support::throughout;

/// Whether pictures are taken.
const WANTED: &str = "REGATTA_SCREENSHOTS";
/// They are in the repository.
const BYTES: usize = 400_000;

/// One of a page that has a great deal to show, if that is wanted.
pub(crate) async fn take_of_many(page: &Page) {
    if env::var_os(WANTED).is_some() {
        page.open_with("?theme=light").await;
        wait(10).await;
        take(page, "observer-10000").await;
    }
}

/// Writes what is seen to `docs`.
async fn take(page: &Page, name: &str) {
    let picture = page.tab.screenshot().await;
    assert!(picture.len() < BYTES, "{name} has {} bytes", picture.len());
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    fs::write(docs.join(name).with_extension("png"), picture).expect("the folder is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_of_a_program_with_a_bit_of_everything() {
    if env::var_os(WANTED).is_none() {
        return;
    }
    let Some(tab) = Tab::take().await else { return };
    let registry = Registry::new();
    let _shop = registry.scope(shop()).await;
    let page = Page::open(tab, &registry).await;
    page.tab.resize(1400, 1040).await;
    wait(40).await;
    for theme in ["light", "dark"] {
        page.open_with(&format!("?theme={theme}")).await;
        wait(2).await;
        take(&page, &format!("observer-{theme}")).await;
    }
    page.tab.resize(1400, 1000).await;
}

/// A picture is of something that has gone on for a while.
async fn wait(seconds: u64) {
    throughout(Duration::from_secs(seconds), "time goes by", async || Ok(())).await;
}

/// A program with a bit of everything, which runs as long as what is returned is kept.
async fn shop() -> Vec<Box<dyn Any>> {
    let group = TaskGroup::new("shop");
    let (prices, spec) = Builder::new().name("prices").child(|| {
        actor::from_fn(7, |price, reply: Reply<u32>| {
            // Whoever asked may have left.
            let _ = reply.send(*price);
        })
    });
    let (mailer, mails) = Builder::new().name("mailer").child(|| {
        actor::from_fn(0, |sent: &mut u32, (): ()| {
            *sent += 1;
            assert!(*sent < 100, "the mail server has hung up");
        })
    });
    let tree = Supervisor::builder().child(spec).child(mails).start("shop").await.expect("its children start");
    let pool = CpuPool::builder().limit(2).name("thumbnails").build();
    let users: Cache<u64, u64> = Cache::builder(1_000).time_to_live(Duration::from_millis(700)).name("users").build();
    let (orders, taker) = queue::Builder::new(64).name("orders").build::<u64>();

    let pooled = pool.clone();
    let visits = async move {
        let mut clock = interval(Duration::from_millis(20));
        for visit in 0.. {
            clock.tick().await;
            let _ = prices.ask(|reply| reply).await;
            let _ = users.get_or_load(&(visit % 17), async |id| id).await;
            let _ = orders.try_send(visit);
            if visit % 4 == 0 {
                let _ = mailer.tell(()).await;
                let job = pooled.submit(|| (0..200_000_u64).fold(1, |a, b| black_box(a ^ b))).await;
                let _ = job.expect("the pool is open").await;
            }
        }
    };
    group.spawn("visits", visits).expect("it is open");
    let handling = async move {
        let mut clock = interval(Duration::from_millis(18));
        while let Some(order) = taker.recv().await {
            clock.tick().await;
            order.done();
        }
    };
    group.spawn("orders", handling).expect("it is open");
    let pipelines = (planted::limited("pictures", "resize"), planted::healthy("feed"));
    vec![Box::new(group), Box::new(tree), Box::new(pool), Box::new(pipelines)]
}
