//! Asks that would wait for themselves.

use regatta::actor::{self, Actor, ActorRef, AskError, Context, Outcome, Reply};

/// Asks others when it is told to.
struct Node(&'static str);

enum Msg {
    Ping(Reply<&'static str>),
    /// Asks the others in turn, each with the rest of the list.
    Ask(Vec<ActorRef<Node>>, Reply<Result<(), AskError>>),
    /// Asks all at once.
    AskAll(Vec<ActorRef<Node>>, Reply<usize>),
    /// Answers, and asks the other one afterwards.
    AnswerThenAsk(ActorRef<Node>, Reply<()>, Reply<Result<&'static str, AskError>>),
    Forward(ActorRef<Node>, Vec<ActorRef<Node>>, Reply<Result<(), AskError>>),
}

impl Actor for Node {
    type Msg = Msg;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: Msg, _: &mut Context<Self>) {
        match msg {
            Msg::Ping(reply) => drop(reply.send(self.0)),
            Msg::Ask(mut others, reply) => {
                let result = match others.is_empty() {
                    true => Ok(()),
                    false => {
                        let next = others.remove(0);
                        next.ask(|reply| Msg::Ask(others, reply)).await.and_then(|result| result)
                    }
                };
                let _ = reply.send(result);
            }
            Msg::AskAll(others, reply) => {
                let all = futures::future::join_all(others.iter().map(|other| async { other.ask(Msg::Ping).await }));
                let _ = reply.send(all.await.into_iter().filter(Result::is_ok).count());
            }
            Msg::AnswerThenAsk(other, first, second) => {
                let _ = first.send(());
                let _ = second.send(other.ask(Msg::Ping).await);
            }
            Msg::Forward(to, others, reply) => drop(reply.forward_to(&to, |reply| Msg::Ask(others, reply)).await),
        }
    }
}

fn node(name: &'static str) -> ActorRef<Node> {
    actor::Builder::new().name(name).ask_timeout(None).spawn(Node(name))
}

#[tokio::test]
async fn an_actor_that_asks_itself_is_told_at_once() {
    let a = node("a");
    let error = a.ask(|reply| Msg::Ask(vec![a.clone()], reply)).await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert_eq!(error.to_string(), "asking (a message) would wait for itself: a → a; tell instead, or ask in a task");
}

#[tokio::test]
async fn a_circle_of_asks_is_told_at_once_with_its_path() {
    let (a, b, c) = (node("a"), node("b"), node("c"));
    let error = a.ask(|reply| Msg::Ask(vec![b.clone(), a.clone()], reply)).await.unwrap().unwrap_err();
    let AskError::Cycle { path, .. } = &error else { panic!("{error}") };
    assert_eq!(path.iter().map(|name| &**name).collect::<Vec<_>>(), ["b", "a", "b"]);
    let error = a.ask(|reply| Msg::Ask(vec![b.clone(), c.clone(), a.clone()], reply)).await.unwrap().unwrap_err();
    let AskError::Cycle { path, .. } = &error else { panic!("{error}") };
    assert_eq!(path.iter().map(|name| &**name).collect::<Vec<_>>(), ["c", "a", "b", "c"]);
    // Nobody hangs.
    for node in [&a, &b, &c] {
        node.ask(Msg::Ping).await.unwrap();
    }
}

#[tokio::test]
async fn parallel_asks_are_no_circle() {
    let (a, b, c) = (node("a"), node("b"), node("c"));
    let others = vec![b.clone(), c.clone(), b.clone(), c.clone()];
    let (both, line) = tokio::join!(
        a.ask(|reply| Msg::AskAll(others.clone(), reply)),
        b.ask(|reply| Msg::Ask(vec![c.clone()], reply)),
    );
    assert_eq!(both.unwrap(), 4);
    line.unwrap().unwrap();
    // And from both sides, without one waiting for the other.
    for _ in 0..100 {
        let (one, other) = tokio::join!(
            a.ask(|reply| Msg::AskAll(vec![b.clone()], reply)),
            c.ask(|reply| Msg::AskAll(vec![b.clone()], reply))
        );
        assert_eq!((one.unwrap(), other.unwrap()), (1, 1));
    }
}

#[tokio::test]
async fn whoever_has_answered_may_ask_back() {
    let (a, b) = (node("a"), node("b"));
    struct Starter(ActorRef<Node>);
    enum Start {
        Go(Reply<Result<&'static str, AskError>>),
    }
    impl Actor for Starter {
        type Msg = Start;
        type Handle = ActorRef<Self>;
        async fn handle(&mut self, Start::Go(second): Start, _: &mut Context<Self>) {
            let other = self.0.clone();
            self.0.ask(|first| Msg::AnswerThenAsk(other, first, second)).await.unwrap();
        }
    }
    let starter = actor::spawn(Starter(a.clone()));
    // `a` asks itself only for the test of the text; `b` is asked by nobody.
    assert!(matches!(starter.ask(Start::Go).await.unwrap(), Err(AskError::Cycle { .. })));
    assert_eq!(b.ask(Msg::Ping).await.unwrap(), "b");
}

#[tokio::test]
async fn a_forwarded_reply_is_no_edge_any_more() {
    let (a, b) = (node("a"), node("b"));
    struct Asker(ActorRef<Node>, ActorRef<Node>);
    impl Actor for Asker {
        type Msg = Reply<Result<(), AskError>>;
        type Handle = ActorRef<Self>;
        async fn handle(&mut self, reply: Self::Msg, _: &mut Context<Self>) {
            let (to, others) = (self.1.clone(), vec![self.0.clone()]);
            // The second one asks the first one, which has passed the question on and waits for nobody.
            let _ = reply.send(self.0.ask(|reply| Msg::Forward(to, others, reply)).await.and_then(|result| result));
        }
    }
    let asker = actor::spawn(Asker(a, b));
    asker.ask(|reply| reply).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_ask_that_is_given_up_is_no_edge_any_more() {
    struct Impatient(ActorRef<Node>, ActorRef<Node>);
    impl Actor for Impatient {
        type Msg = Reply<&'static str>;
        type Handle = ActorRef<Self>;
        async fn handle(&mut self, reply: Self::Msg, cx: &mut Context<Self>) {
            let _ = cx.name();
            for _ in 0..3 {
                let mut asking = Box::pin(std::future::IntoFuture::into_future(self.0.ask(Msg::Ping)));
                let _ = crate::support::poll_once(asking.as_mut());
            }
            let _ = reply.send(self.1.ask(Msg::Ping).await.unwrap());
        }
    }
    let (a, b) = (node("a"), node("b"));
    let impatient = actor::spawn(Impatient(a, b));
    assert_eq!(impatient.ask(|reply| reply).await.unwrap(), "b");
}

#[tokio::test]
async fn an_ask_in_a_task_of_its_own_is_no_circle() {
    struct Detached;
    enum Ask {
        Outer(Reply<u8>),
        Inner(Reply<u8>),
    }
    impl Actor for Detached {
        type Msg = Ask;
        type Handle = ActorRef<Self>;
        async fn handle(&mut self, msg: Ask, cx: &mut Context<Self>) {
            match msg {
                Ask::Outer(reply) => {
                    let me = cx.me();
                    cx.spawn("inner", async move {
                        let _ = reply.send(me.ask(Ask::Inner).await.unwrap());
                    });
                }
                Ask::Inner(reply) => drop(reply.send(7)),
            }
        }
    }
    let detached = actor::spawn(Detached);
    assert_eq!(detached.ask(Ask::Outer).await.unwrap(), 7);
}
