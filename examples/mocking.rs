//! Code that calls an actor, tested without the actor: a mock by hand, one with a closure, and a probe.
//!
//! Run: `cargo run --example mocking`
//!
//! You will see the same function pay by three different banks, none of which has any money.

use std::sync::Arc;

use regatta::actor::{AskError, Call};
use regatta::testing::{self, Stepper};

/// The actor. The true one would ask a server.
struct Bank {
    cents: u64,
}

#[regatta::actor]
impl Bank {
    pub fn withdraw(&mut self, cents: u64) -> Result<u64, String> {
        self.cents = self.cents.checked_sub(cents).ok_or("not enough")?;
        Ok(self.cents)
    }
}

/// What is tested: it knows the trait, not who answers.
async fn pay(bank: &dyn BankApi, bill: u64) -> String {
    match bank.withdraw(bill).await {
        Ok(left) => format!("paid, {left} left"),
        Err(AskError::Handler(why)) => format!("refused: {why}"),
        Err(error) => format!("nobody knows: {error}"),
    }
}

/// A bank that never has enough.
struct Broke;

impl BankApi for Broke {
    fn withdraw(&self, cents: u64) -> Call<'_, BankMsg, u64, String> {
        Call::failed(AskError::Handler(format!("{cents} are {cents} too many")))
    }
}

#[tokio::main]
async fn main() {
    // By hand: the trait.
    let broke: Arc<dyn BankApi> = Arc::new(Broke);
    let refused = pay(&*broke, 5).await;
    println!("{refused}");
    assert_eq!(refused, "refused: 5 are 5 too many");

    // With a closure: the handle is the real one, so that whatever takes a `BankHandle` can be tested.
    let generous = testing::mock::<Bank>(|BankMsg::Withdraw { reply, .. }| {
        let _ = reply.send(1_000_000);
    });
    println!("{}", pay(&generous, 5).await);

    // With a probe: the test sees each message, and decides when it is answered.
    let (bank, mut probe) = testing::probe::<Bank>();
    let paying = tokio::spawn(async move { pay(&bank, 7).await });
    let BankMsg::Withdraw { cents, reply } = probe.expect().await;
    assert_eq!(cents, 7);
    drop(reply); // it forgets
    println!("{}", paying.await.expect("no panic"));

    // And the actor itself, step by step.
    let (bank, mut stepper) = Stepper::new(Bank { cents: 10 });
    bank.withdraw(4).tell().await.expect("room");
    assert_eq!(stepper.step().await, Some("withdraw"));
    assert_eq!(stepper.state().cents, 6);
}
