//! A mailer: password resets overtake the newsletter, and what cannot be delivered goes to a postmaster, who mends what
//! can be mended and sends it again.
//!
//! Run it with `cargo run --example dead_letters`. You see the mails in the order they leave, two letters that were given
//! up after their second attempt, and the books of both queues.
//!
//! Watch how it ends. The postmaster holds a producer, so neither queue ends by itself. `join` tells when all is finished:
//! the mails, whose letters are in their queue by then; the letters, each done after its mail was sent again; and the mails
//! once more.

use std::sync::{Arc, Mutex};

use regatta::policy::Priority;
use regatta::queue::{self, Consumer, DeadLetter, Producer};

type Mail = (&'static str, &'static str);

const NEWSLETTER: [Mail; 4] = [
    ("ada@example.org", "newsletter"),
    ("bob at example.org", "newsletter"),
    ("nobody", "newsletter"),
    ("eve@example.org", "newsletter"),
];

/// Delivers a mail, if it has an address.
async fn deliver((to, _): Mail) -> Result<(), &'static str> {
    if to.contains('@') { Ok(()) } else { Err("no such address") }
}

async fn mailer(mails: Consumer<Mail>, sent: Arc<Mutex<Vec<Mail>>>) {
    while let Some(mail) = mails.recv().await {
        match deliver(*mail).await {
            Ok(()) => {
                println!("{:10} to {}", mail.1, mail.0);
                sent.lock().expect("nobody panics with the lock").push(*mail);
                mail.done();
            }
            Err(_) => mail.nack(),
        }
    }
}

/// Sends again what can be mended; gives the rest.
async fn postmaster(letters: Consumer<DeadLetter<Mail>>, mails: Producer<Mail>) -> Vec<Mail> {
    let mut undeliverable = Vec::new();
    while let Some(letter) = letters.recv().await {
        println!("{}: {:?}", *letter, letter.item);
        match letter.item {
            ("bob at example.org", subject) => mails.send(("bob@example.org", subject)).await.expect("open"),
            mail => undeliverable.push(mail),
        }
        letter.done();
    }
    undeliverable
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (letters, failed) = queue::Builder::new(100).name("failed").build();
    let (mails, outbox) = queue::Builder::new(8).name("mails").attempts(2).dead_letters(letters).build();

    // Code that is not async: it would block this thread, and no worker of the runtime, if the queue were full.
    let bulk = mails.with_priority(Priority::Low);
    tokio::task::spawn_blocking(move || bulk.send_many_blocking(NEWSLETTER)).await??;
    mails.with_priority(Priority::High).send_many([("bob@example.org", "reset"), ("eve@example.org", "reset")]).await?;

    let sent = Arc::new(Mutex::new(Vec::new()));
    let mailer = tokio::spawn(mailer(outbox, sent.clone()));
    let postmaster = tokio::spawn(postmaster(failed.clone(), mails.clone()));
    mails.join().await;
    failed.join().await;
    mails.join().await;
    mails.close();
    failed.close();
    mailer.await?;

    println!("{}", regatta::observe::snapshot());
    assert_eq!(postmaster.await?, [("nobody", "newsletter")]);
    let stats = mails.stats();
    assert_eq!((stats.flow.done, stats.flow.failed, stats.letters_sent), (5, 2, 2));
    let order: Vec<_> = sent.lock().expect("nobody panics with the lock").iter().map(|(_, subject)| *subject).collect();
    assert_eq!(order, ["reset", "reset", "newsletter", "newsletter", "newsletter"]);
    Ok(())
}
