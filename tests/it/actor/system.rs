//! Actors by name.

use std::time::Duration;

use regatta::actor::{self, Actor, ActorRef, ActorSystem, Builder, DeadReason, GetError, Reply, StopReason};

use super::kit::{In, Log, Msg, Probe};
use crate::support::DropCounter;

#[tokio::test]
async fn a_name_belongs_to_one_actor_and_is_free_after_its_end() {
    let system = ActorSystem::new("app").await;
    let first = system.create("a", Probe::new()).await.expect("a free name");
    let error = system.create("a", Probe::new()).await.expect_err("a taken name");
    let expected = "the name `a` is taken in `app` by an actor of type `it::actor::kit::Probe`";
    assert_eq!((error.to_string().as_str(), error.is_taken()), (expected, true));
    assert!(error.into_inner().is_some());
    for verb in 0..3 {
        let actor = system.get::<Probe>("a").expect("it lives");
        let _ = match verb {
            0 => actor.stop().await,
            1 => actor.drain().await,
            _ => actor.kill().await,
        };
        assert!(system.names().is_empty() && system.get::<Probe>("a").is_none());
        system.create("a", Probe::new()).await.expect("a free name");
    }
    assert!(first.is_stopped());
}

#[tokio::test]
async fn a_name_is_free_after_a_failure() {
    let system = ActorSystem::new("app").await;
    let actor = system.create("a", Probe::new()).await.expect("a free name");
    actor.ask(Msg::CrashAsked).await.expect_err("it crashes");
    assert!(matches!(actor.wait_stopped().await, StopReason::Panicked(_)));
    let again = system.create("a", Probe::new()).await;
    assert!(again.is_ok());
}

#[tokio::test]
async fn an_actor_is_found_by_name_and_type() {
    let system = ActorSystem::new("app").await;
    let actor = system.create("a", Probe::new()).await.expect("a free name");
    assert_eq!(system.get::<Probe>("a"), Some(actor));
    let other = actor::from_fn((), |(), _msg: u8| {});
    fn kind<A: Actor>(system: &ActorSystem, _like: &A) -> Result<A::Handle, GetError> {
        assert!(system.get::<A>("a").is_none());
        system.try_get::<A>("a")
    }
    assert!(matches!(kind(&system, &other), Err(GetError::OtherType { .. })));
    let error = system.try_get::<Probe>("b").expect_err("nobody");
    assert_eq!(error.to_string(), "there is no actor `b` in `app`");
}

#[tokio::test]
async fn a_message_to_nobody_comes_back_and_is_a_dead_letter() {
    let system = ActorSystem::new("app").await;
    let mut letters = system.dead_letters();
    let error = system.tell_named::<Probe>("a", Msg::Add(1)).await.expect_err("nobody");
    assert_eq!(error.to_string(), "there is no actor `a` in `app`");
    assert!(matches!(error.into_inner(), Msg::Add(1)));
    let letter = letters.recv().await.expect("a letter");
    assert_eq!((&*letter.to, letter.why), ("a", DeadReason::Nobody));
    system.create("a", Probe::new()).await.expect("a free name");
    system.tell_named::<Probe>("a", Msg::Add(1)).await.expect("it is there");
    let actor = system.get::<Probe>("a").expect("it lives");
    assert_eq!(actor.ask(Msg::Get).await.expect("an answer"), 1);
}

#[tokio::test]
async fn what_waits_at_the_end_is_a_dead_letter() {
    let system = ActorSystem::new("app").await;
    let mut letters = system.dead_letters();
    let actor = system.create("a", Probe::new()).await.expect("a free name");
    let gate = crate::support::Gate::new();
    actor.tell(Msg::Hold(gate.clone())).await.expect("room");
    actor.tell(Msg::Add(1)).await.expect("room");
    while actor.len() > 1 {
        tokio::task::yield_now().await;
    }
    let stopped = actor.stop();
    gate.open();
    assert!(matches!(stopped.await, StopReason::Stopped));
    let letter = letters.recv().await.expect("a letter");
    assert_eq!((&*letter.to, letter.why), ("a", DeadReason::Undelivered));
}

#[tokio::test]
async fn a_start_that_fails_frees_the_name() {
    let system = ActorSystem::new("app").await;
    let mut fails = Probe::new();
    fails.starting = In::Fail;
    let error = system.create("a", fails).await.expect_err("it fails");
    assert!(error.to_string().starts_with("actor `a` was not created in `app`: "), "{error}");
    system.create("a", Probe::new()).await.expect("a free name");
}

#[tokio::test]
async fn a_supervised_actor_is_made_anew_and_ends_alone() {
    let system = ActorSystem::new("app").await;
    let other = system.create("other", Probe::new()).await.expect("a free name");
    let builder = Builder::new().intensity(2, Duration::from_secs(60));
    let actor = system.create_supervised("a", builder, Probe::new).await.expect("a free name");
    for life in 1..=3 {
        assert_eq!(actor.ask(Msg::Incarnation).await.expect("an answer"), life);
        actor.ask(Msg::CrashAsked).await.expect_err("it crashes");
    }
    assert!(matches!(actor.wait_stopped().await, StopReason::Panicked(_)));
    assert_eq!(other.ask(Msg::Get).await.expect("an answer"), 0);
    let again = system.create_supervised("a", Builder::new(), Probe::new).await.expect("a free name");
    let _ = again.stop().await;
    while system.supervisor().which_children().len() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(system.names(), ["other".into()]);
}

#[tokio::test]
async fn a_shutdown_stops_in_reverse_and_reports() {
    let log = Log::default();
    let drops = DropCounter::new();
    let system = ActorSystem::new("app").await;
    for name in ["a", "b", "c"] {
        let (log, name_of) = (log.clone(), name);
        let ends = Ends { log, name: name_of, _guard: drops.guard() };
        system.create(name, ends).await.expect("a free name");
    }
    let report = system.shutdown(Duration::from_secs(5)).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((log.lines(), drops.alive()), (vec!["c".into(), "b".into(), "a".into()], 0));
    assert!(system.names().is_empty());
    let late = system.create("late", Probe::new()).await.expect_err("it is over");
    assert!(late.is_closed() && !late.is_taken());
}

struct Ends {
    log: Log,
    name: &'static str,
    _guard: crate::support::DropGuard,
}

impl Actor for Ends {
    type Msg = Reply<()>;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, reply: Reply<()>, _: &mut actor::Context<Self>) {
        let _ = reply.send(());
    }

    async fn stopped(self, _: &StopReason) {
        self.log.write(self.name);
    }
}

#[tokio::test]
async fn closed_it_accepts_nobody() {
    let system = ActorSystem::new("app").await;
    let actor = system.create("a", Probe::new()).await.expect("a free name");
    system.close();
    assert!(system.create("b", Probe::new()).await.expect_err("it is closed").is_closed());
    assert_eq!(actor.ask(Msg::Get).await.expect("an answer"), 0);
}

#[tokio::test]
async fn dropping_the_system_ends_its_actors() {
    let drops = DropCounter::new();
    let system = ActorSystem::new("app").await;
    let actor = system.create("a", Probe::with(Log::default(), &drops)).await.expect("a free name");
    drop(system);
    let reason = actor.wait_stopped().await;
    assert!(!reason.is_failure(), "{reason}");
    assert_eq!(drops.alive(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_want_one_name_get_it_one_at_a_time() {
    let system = std::sync::Arc::new(ActorSystem::new("app").await);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let system = system.clone();
            tokio::spawn(async move {
                let mut had = 0;
                while had < 50 {
                    match system.create("a", Probe::new()).await {
                        Ok(actor) => {
                            had += 1;
                            let _ = actor.stop().await;
                        }
                        Err(error) => {
                            assert!(error.is_taken(), "{error}");
                            tokio::task::yield_now().await;
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    assert!(system.names().is_empty());
}

#[tokio::test]
async fn a_child_that_was_put_there_by_hand_is_left_alone() {
    let system = ActorSystem::new("app").await;
    let (byhand, child) = Builder::new().name("a").child(Probe::new);
    system.supervisor().start_child(child).await.expect("a free name");
    let error = system.create("a", Probe::new()).await.expect_err("a taken name");
    assert!(error.to_string().contains("child `app/a`"), "{error}");
    assert_eq!(byhand.ask(Msg::Get).await.expect("an answer"), 0);
    assert!(system.names().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_killed_in_its_first_start_leaves_nothing() {
    let system = std::sync::Arc::new(ActorSystem::new("app").await);
    let creating = tokio::spawn({
        let system = system.clone();
        async move {
            let hanging = || {
                let mut probe = Probe::new();
                probe.starting = In::Hang;
                probe
            };
            system.create_supervised("a", Builder::new(), hanging).await
        }
    });
    while system.get::<Probe>("a").is_none() {
        tokio::task::yield_now().await;
    }
    let _ = system.get::<Probe>("a").expect("it begins").kill().await;
    creating.await.expect("no panic").expect_err("it was killed");
    assert!(system.supervisor().which_children().is_empty() && system.names().is_empty());
}

#[tokio::test]
async fn a_type_that_looks_into_the_system_for_its_name_holds_nobody_up() {
    struct Named;
    impl Actor for Named {
        type Msg = ();
        type Handle = ActorRef<Self>;
        async fn handle(&mut self, (): (), _: &mut actor::Context<Self>) {}
        fn name() -> &'static str {
            unreachable!("the system knows the name")
        }
    }
    let system = ActorSystem::new("app").await;
    assert_eq!(system.create("a", Named).await.expect("a free name").name(), "a");
}

#[tokio::test]
async fn actors_that_know_their_system_do_not_keep_it_alive() {
    struct Knows(actor::SystemRef, #[allow(dead_code)] crate::support::DropGuard);
    impl Actor for Knows {
        type Msg = Reply<Vec<std::sync::Arc<str>>>;
        type Handle = actor::ActorRef<Self>;
        async fn handle(&mut self, reply: Self::Msg, _: &mut actor::Context<Self>) {
            let _ = reply.send(self.0.names());
        }
    }
    let drops = DropCounter::new();
    let system = ActorSystem::new("app").await;
    let knows = system.create("knows", Knows(system.handle(), drops.guard())).await.expect("a free name");
    assert_eq!(knows.ask(|reply| reply).await.expect("an answer"), ["knows".into()]);
    let handle = system.handle();
    drop(system);
    assert!(matches!(knows.wait_stopped().await, StopReason::Killed));
    assert_eq!(drops.alive(), 0);
    let error = handle.create("late", Probe::new()).await.expect_err("it is over");
    assert_eq!(error.to_string(), "actor `late` was not created: system `app` accepts no more actors");
}
