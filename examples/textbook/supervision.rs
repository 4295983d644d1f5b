//! One supervision tree over everything that has to keep running: a server, a queue's consumer and a pipeline.
//!
//! Run: `cargo run --example textbook_supervision`
//!
//! You will see the tree start from the bottom, the consumer panic at a poisoned item and come back for the rest, a client
//! that is served meanwhile, and the tree stop in reverse. In the end a branch that cannot be mended is given up.

use std::error::Error;
use std::time::Duration;

use regatta::pipeline::Pipeline;
use regatta::queue::{self, Consumer, Producer};
use regatta::supervise::{ChildSpec, Exit, Intensity, Strategy, Supervisor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Counts words. What is poisoned panics; the item has had its chance, the others wait in the queue for the next life.
fn consumer(words: Consumer<String>, counted: watch::Sender<usize>) -> ChildSpec {
    ChildSpec::new("consumer", move |cx| {
        let (words, counted) = (words.clone(), counted.clone());
        async move {
            while let Some(Some(word)) = cx.token().run_until_cancelled(words.recv()).await {
                let word = word.into_inner();
                assert!(word != "poison", "a poisoned word");
                counted.send_modify(|count| *count += 1);
            }
            Ok(())
        }
    })
}

/// Puts the words of some lines into the queue, and has then done what it is for.
fn pipeline(words: Producer<String>) -> ChildSpec {
    ChildSpec::new("pipeline", move |_cx| {
        let words = words.clone();
        async move {
            let lines = ["one two three", "four poison five", "six"];
            let split = Pipeline::from_iter(lines).map(|line| line.split(' ').map(String::from).collect::<Vec<_>>());
            split
                .for_each(1, move |line| {
                    let words = words.clone();
                    async move {
                        for word in line {
                            words.send(word).await.expect("the consumer keeps the queue open");
                        }
                    }
                })
                .await?;
            Ok(())
        }
    })
    .restart(regatta::supervise::Restart::Transient)
}

/// Tells every client how many words there are. Its port is bound before the next child is started.
fn server(counted: watch::Receiver<usize>, port: watch::Sender<u16>) -> ChildSpec {
    ChildSpec::starting("server", move |cx| {
        let (counted, port) = (counted.clone(), port.clone());
        async move {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            port.send_replace(listener.local_addr()?.port());
            Ok(async move {
                while let Some(client) = cx.token().run_until_cancelled(listener.accept()).await {
                    let count = *counted.borrow();
                    client?.0.write_all(format!("{count} words").as_bytes()).await?;
                }
                Ok(())
            })
        }
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (producer, words) = queue::bounded(2);
    let (counted, mut count) = watch::channel(0);
    let (port, bound) = watch::channel(0);

    let tree = Supervisor::builder()
        .strategy(Strategy::RestForOne) // whoever comes later needs those before
        .child(server(count.clone(), port))
        .child(ChildSpec::supervisor(
            "work",
            Supervisor::builder().child(consumer(words, counted)).child(pipeline(producer)),
        ))
        .start("app")
        .await?;

    count.wait_for(|count| *count == 6).await?;
    println!("{}\n", tree.tree());

    let mut answer = String::new();
    TcpStream::connect(("127.0.0.1", *bound.borrow())).await?.read_to_string(&mut answer).await?;
    println!("a client is told: {answer}");
    assert_eq!(answer, "6 words"); // all but the poisoned one, though the consumer panicked in between

    let report = tree.shutdown(Duration::from_secs(5)).await;
    println!("{report}\n");
    assert!(report.still_running.is_empty() && report.aborted == 0);

    // What fails again and again is not restarted for ever: the root says why.
    let hopeless = ChildSpec::new("hopeless", |_cx| async { Err("no such host".into()) });
    let tree = Supervisor::builder().intensity(Intensity::new(3, Duration::from_secs(5))).child(hopeless);
    let exit = tree.start("app").await?.wait_stopped().await;
    println!("{exit}");
    assert!(matches!(exit, Exit::GaveUp(_)));
    Ok(())
}
