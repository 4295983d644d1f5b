//! The harnesses for users' own tests.

mod probes;
mod verify;

use std::time::Duration;

use regatta::BoxError;
use regatta::actor::{Builder, Context, StopReason};
use regatta::testing::{Stepper, mock, probe};

struct Lamp {
    is_on: bool,
    flashes: u32,
}

#[regatta::actor]
impl Lamp {
    pub fn switch(&mut self, on: bool) -> bool {
        std::mem::replace(&mut self.is_on, on)
    }

    pub fn flash(&mut self) {
        self.flashes += 1;
    }

    pub fn smash(&mut self) {
        panic!("glass");
    }

    async fn started(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
        let flash = || LampMsg::Flash { reply: regatta::actor::Reply::nobody() };
        cx.every(Duration::from_secs(1), flash);
        Ok(())
    }
}

fn lamp() -> Lamp {
    Lamp { is_on: false, flashes: 0 }
}

#[tokio::test]
async fn a_probe_gets_and_answers_messages() {
    let (lamp, mut probe) = probe::<Lamp>();
    probe.expect_nothing();
    let asking = tokio::spawn(lamp.switch(true).owned().into_future());
    match probe.expect().await {
        LampMsg::Switch { on, reply } => {
            assert!(on);
            reply.send(true).expect("somebody waits");
        }
        other => panic!("{other:?}"),
    }
    assert!(asking.await.expect("no panic").expect("an answer"));
    lamp.flash().try_tell().expect("room");
    assert!(matches!(probe.try_next(), Some(LampMsg::Flash { .. })));
    assert!(lamp.actor().stats().flow.is_conserved());
    drop(probe);
    assert!(lamp.switch(true).await.expect_err("it is gone").is_closed());
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "the probe of `Lamp` expected a message, and got none within 5s")]
async fn a_probe_is_patient_but_not_for_ever() {
    let (_lamp, mut probe) = probe::<Lamp>();
    let _ = probe.expect().await;
}

#[tokio::test]
#[should_panic(expected = "the probe of `Lamp` expected a message, but its last handle is gone")]
async fn a_probe_whom_nobody_can_reach_does_not_wait() {
    let (lamp, mut probe) = probe::<Lamp>();
    drop(lamp);
    let _ = probe.expect().await;
}

#[tokio::test]
#[should_panic(expected = "the probe of `Lamp` expected nothing, and got `flash`")]
async fn a_probe_tells_what_it_did_not_expect() {
    let (lamp, mut probe) = probe::<Lamp>();
    lamp.flash().tell().await.expect("room");
    probe.expect_nothing();
}

#[tokio::test]
async fn a_mock_answers_until_nobody_has_it() {
    let lamp = mock::<Lamp>(|msg| {
        if let LampMsg::Switch { on, reply } = msg {
            let _ = reply.send(!on);
        }
    });
    assert!(lamp.switch(false).await.expect("an answer"));
    lamp.flash().await.expect_err("the mock has no answer");
    let stopped = lamp.actor().wait_stopped();
    drop(lamp);
    stopped.await;
}

#[tokio::test(start_paused = true)]
async fn a_stepper_handles_one_message_at_a_time() {
    let (handle, mut stepper) = Stepper::new(lamp());
    assert_eq!(stepper.step().await, None); // it has started
    let switching = tokio::spawn(handle.switch(true).owned().into_future());
    tokio::task::yield_now().await;
    assert!(!stepper.state().is_on);
    assert_eq!(stepper.step().await, Some("switch"));
    assert!(stepper.state().is_on);
    assert!(!switching.await.expect("no panic").expect("an answer"));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!((stepper.step().await, stepper.step().await), (Some("flash"), None));
    for _ in 0..3 {
        handle.flash().try_tell().expect("room");
    }
    assert_eq!((stepper.run().await, stepper.state().flashes), (3, 4));
    assert!(handle.actor().stats().flow.is_conserved());
}

#[tokio::test(start_paused = true)]
async fn a_stepper_tells_of_the_end() {
    let (handle, mut stepper) = Stepper::with(Builder::new().name("desk"), lamp());
    let smashing = tokio::spawn(handle.smash().owned().into_future());
    tokio::task::yield_now().await;
    assert_eq!(stepper.step().await, None);
    assert!(matches!(stepper.reason(), Some(StopReason::Panicked(_))));
    let error = smashing.await.expect("no panic").expect_err("it panics");
    assert_eq!(error.to_string(), "no answer to smash: actor `desk`, smash, panicked: glass");
    assert!(handle.actor().is_stopped());
    assert_eq!((stepper.step().await, stepper.run().await), (None, 0));

    let (handle, stepper) = Stepper::new(lamp());
    handle.flash().try_tell().expect("room");
    drop(stepper);
    assert!(matches!(handle.actor().wait_stopped().await, StopReason::Killed));
}

#[tokio::test]
async fn however_many_messages_there_are_none_is_overlooked() {
    let (handle, mut stepper) = Stepper::with(Builder::new().mailbox(1000), lamp());
    for _ in 0..500 {
        handle.flash().try_tell().expect("room");
    }
    assert_eq!((stepper.run().await, stepper.state().flashes), (500, 500));

    let (handle, mut probe) = probe::<Lamp>();
    for _ in 0..20 {
        for _ in 0..50 {
            handle.flash().try_tell().expect("room");
        }
        for _ in 0..50 {
            assert!(probe.try_next().is_some());
        }
        probe.expect_nothing();
    }
    let topic = regatta::actor::Topic::new("news", 512);
    let mut subscription = topic.subscribe();
    for number in 0..500 {
        topic.publish(number);
    }
    for number in 0..500 {
        assert_eq!(subscription.try_next(), Ok(Some(number)));
    }
}

#[tokio::test]
async fn a_step_that_is_dropped_is_the_end() {
    struct Hangs;
    #[regatta::actor]
    impl Hangs {
        pub async fn hang(&mut self) {
            std::future::pending::<()>().await;
        }
    }
    let (handle, mut stepper) = Stepper::new(Hangs);
    handle.hang().tell().await.expect("room");
    assert!(futures::FutureExt::now_or_never(stepper.step()).is_none());
    assert_eq!(stepper.step().await, None);
    assert!(matches!(handle.actor().wait_stopped().await, StopReason::Killed));
}
