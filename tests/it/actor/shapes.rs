//! What `#[regatta::actor]` has to see, and cannot: names that mean something else outside of the block, aliases, what comes
//! out of another macro; and where mocks do as actors do.

use std::cell::RefCell;
use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use regatta::actor::{ActorRef, AskError, Builder, Call, Context, Group, Outcome, Recipient, Reply, WeakActorRef};
use regatta::testing;
use tokio::time::Instant;

struct Page([u8; 4]);

impl Page {
    const LEN: usize = 4;
}

struct Wiped;

trait Sized4 {
    const FOUR: usize;
}

impl Sized4 for Page {
    const FOUR: usize = 4;
}

#[regatta::actor]
impl Page
where
    Self: Sized4,
{
    pub fn fill(&mut self, with: [u8; Self::LEN]) -> [u8; Self::FOUR] {
        std::mem::replace(&mut self.0, with)
    }

    #[msg(from = Wiped)]
    pub fn wipe(&mut self, _event: Wiped) {
        self.0 = Default::default();
    }

    pub fn show(&self) -> fmt::Result {
        Err(fmt::Error)
    }

    #[expect(clippy::unused_unit, reason = "it is what is tested")]
    pub fn answer(&self, reply: Reply<u8>) -> () {
        let _ = reply.send(self.0[0]);
    }

    #[cfg(not(any()))]
    pub fn add_1(&mut self) -> u8 {
        self.0[0] += 1;
        self.0[0]
    }

    #[cfg(any())]
    pub fn add1(&mut self) -> u8 {
        0
    }
}

#[tokio::test]
async fn names_and_aliases_mean_outside_what_they_mean_in_the_block() {
    let page = Page([1; 4]).spawn();
    assert_eq!(page.fill([2; 4]).await.unwrap(), [1; 4]);
    assert_eq!(page.answer().await.unwrap(), 2);
    assert_eq!(page.add_1().await.unwrap(), 3);
    assert!(matches!(page.show().await, Err(AskError::Handler(fmt::Error))));
    let wiped: Recipient<Wiped> = page.actor().recipient();
    wiped.tell(Wiped).await.unwrap();
    assert_eq!(page.fill([9; 4]).await.unwrap(), [0; 4]);
}

macro_rules! cell {
    ($name:ident, $value:ty, $reply:ty) => {
        struct $name($value);

        #[regatta::actor]
        impl $name {
            pub fn swap(&mut self, value: $value) -> $value {
                std::mem::replace(&mut self.0, value)
            }

            pub fn peek(&mut self, reply: $reply) {
                let _ = reply.send(self.0.clone());
            }
        }
    };
}

cell!(Words, String, Reply<String>);
cell!(Bytes, Vec<u8>, Reply<Vec<u8>>);

#[tokio::test]
async fn types_may_come_out_of_another_macro() {
    let words = Words("a".into()).spawn();
    assert_eq!(words.swap("b".into()).await.unwrap(), "a");
    assert_eq!(words.peek().await.unwrap(), "b");
    assert_eq!(Bytes(vec![1]).spawn().peek().await.unwrap(), [1]);
}

#[derive(Default)]
struct Peer {
    peers: Vec<PeerHandle>,
    asked: u32,
}

/// Something of the user's that a handle is in.
struct Introduction(PeerHandle);

trait Borrows<'a> {}

trait AnyTick<T>: Send {
    #[expect(dead_code, reason = "only the type matters")]
    fn take(&self, tick: T);
}

/// Messages whose types are of the actor itself.
#[regatta::actor]
impl Peer {
    pub fn meet(&mut self, other: PeerHandle) {
        self.peers.push(other);
    }

    pub fn introduce(&mut self, by: Introduction) {
        self.peers.push(by.0);
    }

    #[msg(boxed)]
    pub fn meet_all(&mut self, others: Vec<ActorRef<Self>>, _group: Option<Group<Self>>) {
        self.peers.extend(others.into_iter().map(PeerHandle::from));
    }

    pub fn first(&self) -> Option<PeerHandle> {
        self.peers.first().cloned()
    }

    pub fn me(&self, reply: Reply<WeakActorRef<Self>>, cx: &mut Context<Self>) {
        let _ = reply.send(cx.weak());
    }

    pub fn other(&self, _other: CellHandle<u8>) {}

    pub fn in_cells(&self, _one: RefCell<Vec<PeerHandle>>, _two: Result<PeerHandle, Box<dyn AnyTick<u8>>>) {}

    pub fn for_any(&self, _one: Box<dyn for<'a> Borrows<'a> + Send>, _two: Box<dyn for<'a> AnyTick<&'a str>>) {}

    #[expect(clippy::boxed_local, reason = "a message cannot be part of itself")]
    pub fn again(&mut self, msg: Box<PeerMsg>) -> u32 {
        self.asked += u32::from(matches!(*msg, PeerMsg::First { .. }));
        self.asked
    }
}

#[tokio::test]
async fn messages_may_carry_the_handle_of_the_actor_itself() {
    let (one, two) = (Peer::default().spawn(), Peer::default().spawn());
    one.meet(two.clone()).await.unwrap();
    one.introduce(Introduction(two.clone())).await.unwrap();
    one.meet_all(vec![two.actor().clone()], None).await.unwrap();
    assert_eq!(one.first().await.unwrap(), Some(two.clone()));
    assert!(two.me().await.unwrap().upgrade().is_some());
    assert_eq!(two.again(Box::new(PeerMsg::First { reply: Reply::nobody() })).await.unwrap(), 1);
}

struct Cell<T>(T);

/// `Send + 'static` goes without saying.
#[regatta::actor]
impl<T: Clone> Cell<T> {
    pub fn get(&mut self) -> T {
        self.0.clone()
    }

    pub fn peer(&mut self, _peer: Option<PeerHandle>) {}
}

#[tokio::test]
async fn parameters_need_no_bounds_that_every_message_has() {
    let cell = Cell("text".to_owned()).spawn();
    cell.peer(None).await.unwrap();
    assert_eq!(cell.get().await.unwrap(), "text");
}

struct Shared<T: ?Sized>(Arc<T>);

#[regatta::actor]
impl<T: fmt::Debug + Send + Sync + ?Sized + 'static> Shared<T> {
    pub fn shown(&self) -> String {
        format!("{:?}", &self.0)
    }

    pub fn get(&self) -> Arc<T> {
        self.0.clone()
    }
}

#[tokio::test]
async fn an_actor_may_be_of_an_unsized_type() {
    let text = Shared::<str>(Arc::from("text")).spawn();
    assert_eq!(text.shown().await.unwrap(), "\"text\"");
    assert_eq!(&*text.get().await.unwrap(), "text");
}

#[tokio::test]
async fn actors_of_one_name_in_other_scopes_are_others() {
    {
        struct Lamp;

        #[regatta::actor]
        impl Lamp {
            pub fn one(&self) -> u8 {
                1
            }
        }

        assert_eq!(Lamp.spawn().one().await.unwrap(), 1);
    }
    struct Lamp;

    #[regatta::actor]
    impl Lamp {
        pub fn two(&self) -> u8 {
            self.three() - 1
        }
    }

    impl Lamp {
        fn three(&self) -> u8 {
            3
        }
    }

    assert_eq!(Lamp.spawn().two().await.unwrap(), 2);
}

/// Names that what is made has as well, beside lints that are denied.
#[deny(warnings, clippy::pedantic)]
#[expect(
    non_upper_case_globals,
    dead_code,
    clippy::unused_self,
    reason = "names and methods that only have to be there"
)]
mod crowded {
    static msg: u8 = 1;
    const port: u8 = 2;
    static event: u8 = 3;
    const f: u8 = 4;

    #[deprecated]
    pub(crate) struct Old;

    pub(crate) struct Lamp;

    #[allow(non_snake_case)]
    #[regatta::actor(pub(crate))]
    impl Lamp {
        pub fn isLit(&self, forSure: bool) -> bool {
            forSure
        }

        #[allow(deprecated)]
        pub fn old(&self, _old: Old) -> Option<Old> {
            None
        }

        #[msg(from = u8)]
        pub fn tick(&self, _at: u8) {}
    }
}

#[tokio::test]
async fn neither_names_nor_lints_nearby_are_in_the_way() {
    use crowded::LampApi;

    let lamp = crowded::Lamp.spawn();
    assert!(LampApi::isLit(&lamp, true).await.unwrap());
}

/// Its destructor panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("an answer that nobody wants");
    }
}

struct Arsenal;

#[regatta::actor]
impl Arsenal {
    pub fn bomb(&self) -> Bomb {
        Bomb
    }

    pub fn maybe(&self) -> Result<Bomb, String> {
        Ok(Bomb)
    }

    pub fn is_there(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn an_answer_that_nobody_wants_does_no_harm() {
    let arsenal = Arsenal.spawn();
    arsenal.bomb().tell().await.unwrap();
    arsenal.maybe().tell().await.unwrap();
    assert!(arsenal.is_there().await.unwrap());
}

type MockCall = Call<'static, PageMsg, u8, String>;

#[tokio::test(start_paused = true)]
async fn a_mock_is_waited_for_as_long_as_the_caller_says() {
    let (begin, second) = (Instant::now(), Duration::from_secs(1));
    let error = MockCall::from_future(pending()).timeout(second).await.unwrap_err();
    assert!(error.is_elapsed());
    assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    assert_eq!(begin.elapsed().as_secs(), 1);
    let error = MockCall::from_future(pending()).after(second).timeout(second).owned().await.unwrap_err();
    assert!(error.is_elapsed());
    assert_eq!(begin.elapsed().as_secs(), 3);
    assert_eq!(MockCall::ready(1).timeout(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(begin.elapsed().as_secs(), 3);
    assert_eq!(MockCall::ready(1).after(second).await.unwrap(), 1);
    assert_eq!(begin.elapsed().as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_mock_is_told_when_it_is_time() {
    let (begin, second) = (Instant::now(), Duration::from_secs(1));
    MockCall::ready(1).after(second).tell().await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 1);
    MockCall::failed(AskError::Handler("no".into())).reply_to(Reply::nobody()).await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tell_that_is_limited_waits_so_long_for_room_and_gives_the_message_back() {
    let (page, mut probe) = testing::probe::<Page>();
    let (full, second) = (page.actor().stats().capacity, Duration::from_secs(1));
    for _ in 0..full {
        page.add_1().timeout(second).tell().await.unwrap();
    }
    let begin = Instant::now();
    let error = page.fill([7; 4]).timeout(second).tell().await.unwrap_err();
    assert_eq!(begin.elapsed().as_secs(), 1);
    assert!(error.is_elapsed());
    assert!(format!("{error:?}").contains("no room for 1s"), "{error:?}");
    assert!(matches!(error.into_inner(), PageMsg::Fill { with: [7, 7, 7, 7], .. }));
    let told = page.fill([8; 4]).timeout(second).after(second).reply_to(Reply::nobody());
    let (told, _) = tokio::join!(told, async {
        assert!(probe.next().await.is_some());
    });
    told.unwrap();
}

#[tokio::test]
async fn a_mock_that_panics_ends_as_an_actor_does() {
    let page = testing::mock::<Page>(|msg| panic!("unexpected {msg:?}"));
    let error = page.add_1().await.unwrap_err();
    assert!(error.to_string().contains("unexpected add_1"), "{error}");
    assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    let error = page.add_1().await.unwrap_err();
    assert!(error.is_closed() && error.to_string().contains("unexpected add_1"), "{error}");
}

#[tokio::test]
async fn mocks_fail_in_every_way() {
    let of = |error| async move { MockCall::failed(error).await.unwrap_err() };
    let limit = Duration::from_secs(3);
    assert!(of(testing::elapsed(limit)).await.to_string().contains("`mock` did not answer a message within 3s"));
    assert!(of(testing::closed()).await.is_closed());
    assert!(of(testing::full(8)).await.to_string().contains("full, 8 of 8 taken"));
    assert_eq!(of(testing::no_reply()).await.outcome(), Outcome::Executed);
}

#[tokio::test]
async fn errors_of_methods_with_and_without_results_meet() {
    async fn both(page: &PageHandle) -> Result<u8, AskError<fmt::Error>> {
        let first = page.answer().await.map_err(AskError::widen)?;
        page.show().await?;
        Ok(first)
    }
    let page = Builder::new().spawn(Page([3; 4]));
    assert!(matches!(both(&page).await, Err(AskError::Handler(fmt::Error))));
    let in_words = both(&page).await.map_err(|error| error.map_handler(|error| error.to_string()));
    assert!(matches!(in_words, Err(AskError::Handler(text)) if !text.is_empty()));
    page.actor().stop().await;
    assert!(both(&page).await.unwrap_err().map_handler(|_| ()).is_closed());
}
