//! What `#[regatta::actor]` has to see, and cannot: names that mean something else outside of the block, aliases, what comes
//! out of another macro; and where mocks do as actors do.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use regatta::actor::{AskError, Call, Outcome, Recipient, Reply};
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
