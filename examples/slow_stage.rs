//! What is wrong, in a sentence: an `Inspector` looks at a program in which everything goes wrong at once.
//!
//! ```text
//! cargo run --example slow_stage
//! ```
//!
//! You will see eight small programs, most of them ill, and what is said of each; a pipeline that is well, of which nothing
//! is said; then the slow stage with ten workers, to compare what it does now with what was predicted. It takes ten seconds,
//! because what is to count has to hold for three:
//!
//! ```text
//! One stage is ten times slower than the others:
//!     warning: pipeline `pictures` is limited by stage `resize` at 47/s: its one worker is busy 100 % of
//!     the time, 17 of 17 results of `download` wait for it, which is blocked 83 % of the time. Without
//!     that limit it would run at about 276/s, as far as its source gives so much, and be limited by
//!     `download`. Give it more workers, or less to do.
//!
//! A query never ends, and a queue waits for it:
//!     critical: actor `database` has been handling `Insert` for 4.0 s, and 5 messages wait behind it; look
//!     for a blocking call or an await without a timeout in it.
//! …
//! Two actors ask each other:
//!     critical: deadlock: `prices` → `stock` → `prices` ask each other in a circle; 10 asks of
//!     `prices` were refused in 3 s. Let one of them tell instead, or hand its reply on to a task.
//! …
//! The slow stage with ten workers:
//!     45/s with one worker, predicted about 276/s, measured 300/s
//! ```
//!
//! In a program of your own the inspector is behind a page in the browser, `regatta_observer`, and the example `top`.

use std::convert::Infallible;
use std::error::Error;
use std::future::pending;
use std::time::Duration;

use regatta::actor::{self, Actor, ActorRef, Context, Reply};
use regatta::cache::Cache;
use regatta::observe::{Diagnosis, Inspector, Limit, Rates, Registry, Topic, Verdict};
use regatta::pipeline::Pipeline;
use regatta::policy::Overflow;
use regatta::pool::TaskPool;
use regatta::queue::{self, Delivery};
use regatta::task::TaskGroup;
use tokio::time::sleep;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let programs = Registry::new();
    let group = TaskGroup::new("programs");
    programs.enter(|| -> Result<(), Box<dyn Error>> {
        group.spawn("slow stage", slow_stage(1))?;
        group.spawn("stuck", stuck())?;
        group.spawn("crashing", crashing())?;
        group.spawn("circle", circle())?;
        group.spawn("busy pool", busy_pool())?;
        group.spawn("dropping", dropping())?;
        group.spawn("useless cache", useless_cache())?;
        group.spawn("healthy", healthy())?;
        Ok(())
    })?;
    let (diagnosis, rate) = watch(&programs).await;
    let said = say(&diagnosis, "One stage is ten times slower than the others", "pictures", Topic::Bottleneck);
    assert!(said.contains("`resize`"), "{said}");
    let of_stage = |verdict: &&Verdict| verdict.limit == Limit::Stage && verdict.text.contains("`pictures`");
    let predicted =
        diagnosis.verdicts.iter().find(of_stage).and_then(|verdict| verdict.expected).expect("a prediction");
    say(&diagnosis, "A query never ends, and a queue waits for it", "database", Topic::Stuck);
    say(&diagnosis, "Bad messages come again and again", "parser", Topic::Restarts);
    say(&diagnosis, "Two actors ask each other", "prices", Topic::Circle);
    say(&diagnosis, "More is to be done than there are workers", "thumbnails", Topic::Pool);
    say(&diagnosis, "Nobody reads so fast", "telemetry", Topic::Drops);
    say(&diagnosis, "Everything is asked for once", "sessions", Topic::Cache);
    println!("A pipeline that is well:");
    assert!(diagnosis.findings.iter().all(|finding| &*finding.name != "letters"), "{diagnosis}");
    wrap("nothing to report");
    drop(group);

    let programs = Registry::new();
    let group = TaskGroup::new("programs");
    programs.enter(|| -> Result<(), Box<dyn Error>> {
        group.spawn("slow stage", slow_stage(10))?;
        Ok(())
    })?;
    let (diagnosis, helped) = watch(&programs).await;
    println!("\nThe slow stage with ten workers:");
    wrap(&format!("{rate:.0}/s with one worker, predicted about {predicted:.0}/s, measured {helped:.0}/s"));
    diagnosis.verdicts.iter().for_each(|verdict| wrap(&verdict.text));
    assert!(helped > 2.0 * rate, "{helped} after {rate}");
    Ok(())
}

/// Looks once a second; gives what was said at last, and how many pictures a second came out.
async fn watch(programs: &Registry) -> (Diagnosis, f64) {
    let (mut inspector, mut looks, mut diagnosis) = (Inspector::new(), Vec::new(), Diagnosis::default());
    for _ in 0..5 {
        sleep(Duration::from_secs(1)).await;
        looks.push(programs.snapshot());
        diagnosis = inspector.look(looks[looks.len() - 1].clone());
    }
    let [first, .., last] = &looks[..] else { unreachable!("five looks") };
    let rates = Rates::between(first, last).expect("one registry, one after the other");
    let upload = last.named("upload").and_then(|row| rates.row(row.id));
    (diagnosis, upload.expect("it runs since the first look").done)
}

async fn slow_stage(resizers: usize) {
    let pictures = Pipeline::from_iter(0u32..)
        .map_async(1, |n| work(n, 2))
        .named("download")
        .map_async(resizers, |n| work(n, 20))
        .named("resize")
        .map_async(1, |n| work(n, 1))
        .named("upload")
        .for_each(1, |_| async {});
    let _ = pictures.titled("pictures").spawn().await;
}

async fn work(item: u32, millis: u64) -> u32 {
    sleep(Duration::from_millis(millis)).await;
    item
}

/// The third query never ends: the mailbox fills up, then the queue.
async fn stuck() {
    let database = actor::Builder::new().name("database").mailbox(4).spawn(Database);
    let (producer, consumer) = queue::Builder::new(8).name("orders").build::<u32>();
    let reading = async {
        while let Some(order) = consumer.recv().await {
            let _ = database.tell(order.into_inner()).await;
        }
    };
    let writing = async {
        for order in 1u32.. {
            let _ = producer.send(order).await;
        }
    };
    tokio::join!(reading, writing);
}

struct Database;

impl Actor for Database {
    type Msg = u32;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, order: u32, _: &mut Context<Self>) {
        if order == 3 {
            pending::<Infallible>().await;
        }
    }

    fn message_name(_: &u32) -> &'static str {
        "Insert"
    }
}

/// Three of the first four messages are bad, and a fourth bad one within a minute would be its end.
async fn crashing() {
    let parser = actor::Builder::new().name("parser").intensity(3, Duration::from_secs(60)).supervised(|| Parser);
    for text in ["1", "two", "three", "four"] {
        let _ = parser.tell(text).await;
    }
    pending().await
}

struct Parser;

impl Actor for Parser {
    type Msg = &'static str;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, text: &'static str, cx: &mut Context<Self>) {
        if let Err(error) = text.parse::<u32>() {
            cx.fail(error);
        }
    }
}

/// Each asks the other before it answers: so neither ever would.
async fn circle() {
    let [stock, prices] = ["stock", "prices"].map(|name| actor::Builder::new().name(name).spawn(Shop));
    loop {
        let _ = stock.ask(|reply| (vec![prices.clone(), stock.clone()], reply)).await;
        sleep(Duration::from_millis(300)).await;
    }
}

struct Shop;

impl Actor for Shop {
    type Msg = (Vec<ActorRef<Shop>>, Reply<()>);
    type Handle = ActorRef<Self>;

    /// Asks the first of the others to ask the rest.
    async fn handle(&mut self, (mut others, reply): Self::Msg, _: &mut Context<Self>) {
        if !others.is_empty() {
            let _ = others.remove(0).ask(|reply| (others, reply)).await;
        }
        let _ = reply.send(());
    }
}

async fn busy_pool() {
    let pool = TaskPool::builder().limit(2).capacity(16).name("thumbnails").build();
    for n in 0.. {
        if let Ok(job) = pool.submit(work(n, 150)).await {
            job.detach();
        }
    }
}

async fn dropping() {
    let (producer, consumer) = queue::Builder::new(32).name("telemetry").overflow(Overflow::DropOldest).build::<u32>();
    let reading = async {
        while let Some(measured) = consumer.recv().await {
            sleep(Duration::from_millis(20)).await;
            measured.done();
        }
    };
    let writing = async {
        for measured in 0u32.. {
            let _ = producer.send(measured).await;
            sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::join!(reading, writing);
}

async fn useless_cache() {
    let sessions = Cache::builder(50).name("sessions").build();
    for id in 0u32.. {
        if sessions.get(&id).is_none() {
            sessions.insert(id, "somebody");
        }
        sleep(Duration::from_millis(2)).await;
    }
}

/// Every stage waits for letters, and never a letter for a stage.
async fn healthy() {
    let (producer, consumer) = queue::Builder::new(8).name("post").build();
    let letters = Pipeline::from_queue(consumer)
        .map_async(1, |letter: Delivery<u32>| work(letter.into_inner(), 2))
        .named("open")
        .map_async(2, |n| work(n, 10))
        .named("read");
    let _running = letters.for_each(1, |_| async {}).titled("letters").spawn();
    for n in 0u32.. {
        let _ = producer.send(n).await;
        sleep(Duration::from_millis(20)).await;
    }
}

/// Prints what is said of one component, the worst first, which has to be about this.
fn say<'a>(diagnosis: &'a Diagnosis, scene: &str, name: &str, topic: Topic) -> &'a str {
    println!("{scene}:");
    let said: Vec<_> = diagnosis.findings.iter().filter(|finding| &*finding.name == name).collect();
    assert_eq!(said.first().map(|finding| finding.topic), Some(topic), "`{name}`: {diagnosis}");
    said.iter().for_each(|finding| wrap(&format!("{}: {finding}", finding.severity)));
    println!();
    &said[0].text
}

/// Prints in lines that fit on a page.
fn wrap(text: &str) {
    let mut line = String::new();
    for word in text.split(' ') {
        if line.len() + word.len() > 100 {
            println!("   {line}");
            line.clear();
        }
        line = format!("{line} {word}");
    }
    println!("   {line}");
}
