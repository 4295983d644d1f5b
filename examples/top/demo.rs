//! A program to look at: a pipeline, and an actor that hangs.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use regatta::actor::{self, Actor, ActorRef, Context};
use regatta::observe::{Registry, Topic};
use regatta::pipeline::Pipeline;
use regatta::task::TaskGroup;
use regatta_observer::Observer;
use tokio::time::sleep;

use crate::site::Site;
use crate::{screen, settled};

/// Prints one look at it.
pub(crate) async fn run() -> Result<(), String> {
    let program = Registry::new();
    let observer = Observer::new().registry(program.clone()).token("not for everybody").serve("127.0.0.1:0").await;
    let observer = observer.map_err(|error| error.to_string())?;
    println!("looks at itself; elsewhere: top {}\n", observer.url());
    let group = TaskGroup::new("demo");
    group.spawn("shop", shop(program)).map_err(|closed| closed.to_string())?;
    let look = settled(&Site::parse(&observer.url())?).await?;
    screen::print(&look);
    let is_named = look.findings.iter().any(|finding| finding.topic == Topic::Stuck && &*finding.name == "mailer");
    assert!(is_named, "{:?}", look.findings);
    Ok(())
}

async fn shop(program: Registry) {
    program.scope(async { tokio::join!(mails(), pictures()) }).await;
}

/// The third mail is never taken by the other side.
struct Mailer;

impl Actor for Mailer {
    type Msg = u32;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, mail: u32, _: &mut Context<Self>) {
        if mail == 3 {
            pending::<Infallible>().await;
        }
    }

    fn message_name(_: &u32) -> &'static str {
        "Send"
    }
}

async fn mails() {
    let mailer = actor::Builder::new().name("mailer").mailbox(8).spawn(Mailer);
    for mail in 1.. {
        let _ = mailer.tell(mail).await;
        sleep(Duration::from_millis(200)).await;
    }
}

async fn pictures() {
    let load = |n: u32, millis| async move {
        sleep(Duration::from_millis(millis)).await;
        n
    };
    let pictures = Pipeline::from_iter(0..)
        .map_async(1, move |n| load(n, 2))
        .named("load")
        .map_async(2, move |n| load(n, 20))
        .named("scale")
        .map_async(1, move |n| load(n, 2))
        .named("store");
    let _ = pictures.for_each(1, |_| async {}).titled("pictures").spawn().await;
}
