//! The classical actor system: actors by name, a name that is taken, a message to nobody, a stop of all.
//!
//! Run: `cargo run --example textbook_actor_system`
//!
//! You will see a second actor of one name refused, a message to nobody come back and reported as a dead letter, a name
//! that is free again, and everybody stopped in reverse.

use std::error::Error;
use std::time::Duration;

use regatta::actor::{ActorSystem, Builder, Context, Reply, StopReason};

struct Greeter {
    greeting: &'static str,
}

#[regatta::actor]
impl Greeter {
    pub fn greet(&mut self, whom: &'static str, cx: &mut Context<Self>) -> String {
        assert!(!whom.is_empty(), "nobody to greet");
        println!("{} greets {whom}", cx.name());
        format!("{}, {whom}", self.greeting)
    }

    fn stopped(self, reason: &StopReason) {
        println!("“{}” is not said any more: {reason}", self.greeting);
    }
}

/// Writes down what it is told.
struct Log;

#[regatta::actor]
impl Log {
    pub fn write(&mut self, line: &'static str) {
        println!("log: {line}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let system = ActorSystem::new("hall").await;
    let mut dead_letters = system.dead_letters();

    let english = system.create("english", Greeter { greeting: "hello" }).await?;
    assert_eq!(english.greet("world").await?, "hello, world");

    let error = system.create("english", Greeter { greeting: "hi" }).await.unwrap_err();
    println!("refused: {error}");
    assert_eq!(error.into_inner().map(|greeter| greeter.greeting), Some("hi")); // nothing is lost

    // One that is made anew when it panics: the same name, the same handle.
    let french = system.create_supervised("french", Builder::new(), || Greeter { greeting: "bonjour" }).await?;
    println!("crashed: {}", french.greet("").await.unwrap_err());
    assert_eq!(french.greet("monde").await?, "bonjour, monde");

    // A message to nobody is an error with the message in it, and a dead letter.
    let note = |line| LogMsg::Write { line, reply: Reply::nobody() };
    let nobody = system.tell_named::<Log>("log", note("too early")).await.unwrap_err();
    println!("lost: {nobody}");
    assert!(matches!(nobody.into_inner(), LogMsg::Write { line: "too early", .. }));
    println!("a dead letter: {}", dead_letters.recv().await?);
    system.create("log", Log).await?;
    system.tell_named::<Log>("log", note("in time")).await?;
    assert!(system.get::<Greeter>("log").is_none(), "a log is no greeter");

    let stopped = english.actor().stop().await;
    assert!(matches!(stopped, StopReason::Stopped));
    system.create("english", Greeter { greeting: "good day" }).await?; // the name is free
    println!("names: {:?}", system.names());

    let report = system.shutdown(Duration::from_secs(5)).await;
    println!("{report}");
    assert!(report.still_running.is_empty() && system.names().is_empty());
    Ok(())
}
