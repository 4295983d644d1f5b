//! An actor that panics at every third message, under a supervisor that has its limits.
//!
//! Run: `cargo run --example crash`
//!
//! You will see each panic reach the one who asked, with its text and the name of the message; the same handle served by the
//! next life; the supervisor give up when there are too many; and the tree before and after.

use std::error::Error;
use std::time::Duration;

use regatta::actor::{AskError, Builder, Outcome};
use regatta::supervise::{ChildSpec, Exit, Intensity, Supervisor};

/// Divides, badly: every third time it panics, whatever it is asked.
struct Divider {
    calls: u32,
}

#[regatta::actor]
impl Divider {
    pub fn divide(&mut self, a: u32, b: u32) -> u32 {
        self.calls += 1;
        assert!(self.calls < 3, "the third call");
        a / b
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The panics are the point here; their traces are not.
    std::panic::set_hook(Box::new(|_| {}));

    let (divider, child) = Builder::new().name("divider").child(|| Divider { calls: 0 });
    let steady = ChildSpec::new("steady", |cx| async move {
        cx.cancelled().await;
        Ok(())
    });
    let maths = Supervisor::builder().intensity(Intensity::new(2, Duration::from_secs(60))).child(child);
    let maths = ChildSpec::supervisor("maths", maths).restart(regatta::supervise::Restart::Transient);
    let tree = Supervisor::builder().child(steady).child(maths).start("app").await?;

    let (mut answers, mut panics) = (0, 0);
    loop {
        match divider.divide(84, 2).await {
            Ok(answer) => {
                assert_eq!(answer, 42);
                answers += 1;
            }
            Err(error @ AskError::Panicked { .. }) => {
                assert_eq!(error.outcome(), Outcome::MaybeExecuted);
                panics += 1;
                println!("{error}");
                if panics == 2 {
                    println!("\n{}\n", tree.tree());
                }
            }
            Err(error) => return Err(error.into()),
        }
        if panics == 3 {
            break; // one more than allowed
        }
    }
    println!("{answers} answers, {panics} panics");
    assert_eq!((answers, panics), (6, 3));

    // The branch has given up. It is transient, so what is above goes on without it; the handle waits for whoever restarts it.
    let error = divider.divide(84, 2).timeout(Duration::from_millis(50)).await.unwrap_err();
    assert!(error.is_elapsed());
    println!("{error}");
    let maths = loop {
        let maths = tree.which_children()[1].clone();
        if maths.last_exit.is_some() {
            break maths;
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(maths.last_exit, Some(Exit::GaveUp(_))));
    println!("\n{}", tree.tree());
    let report = tree.shutdown(Duration::from_secs(5)).await;
    assert!(report.still_running.is_empty());
    Ok(())
}
