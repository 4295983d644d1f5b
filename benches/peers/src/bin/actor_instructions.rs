//! The same counter by hand and by `#[regatta::actor]`, for counting instructions: the machine's noise is not in them.
//!
//! ```console
//! $ cargo build --release --manifest-path benches/peers/Cargo.toml --bin actor_instructions
//! $ for n in 10000 20000; do valgrind --tool=callgrind --callgrind-out-file=/dev/null \
//!     benches/peers/target/release/actor_instructions macro ask $n 2>&1 | grep Collected; done
//! ```
//!
//! The difference of the two counts, divided by that of the numbers, is what one message costs. `hand` or `macro`, `tell` or
//! `ask`.

use regatta::actor::{Actor, ActorRef, Builder, Context, Reply};

/// As many tells as fit, before an ask takes them away.
const BURST: u64 = 512;

struct ByHand(u64);

enum Msg {
    Add(u64, Reply<()>),
    Get(Reply<u64>),
}

impl Actor for ByHand {
    type Msg = Msg;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: Msg, _: &mut Context<Self>) {
        match msg {
            Msg::Add(by, reply) => {
                self.0 += by;
                let _ = reply.send(());
            }
            Msg::Get(reply) => drop(reply.send(self.0)),
        }
    }
}

struct ByMacro(u64);

// Not `async`: the one by hand waits for nothing either.
#[regatta::actor]
impl ByMacro {
    pub fn add(&mut self, by: u64) {
        self.0 += by;
    }

    pub fn get(&mut self) -> u64 {
        self.0
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [side, what, number] = &args[..] else { panic!("hand|macro tell|ask NUMBER") };
    let number: u64 = number.parse().expect("a number");
    let is_tell = what == "tell";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        // In a task: what `block_on` runs is polled in another way.
        let side = side.clone();
        tokio::spawn(async move {
            if side == "hand" { by_hand(is_tell, number).await } else { by_macro(is_tell, number).await }
        })
        .await
        .expect("no panic");
    });
}

async fn by_hand(is_tell: bool, number: u64) {
    let counter = Builder::new().mailbox(1024).spawn(ByHand(0));
    for n in 0..number {
        if is_tell {
            assert!(counter.tell(Msg::Add(1, Reply::nobody())).await.is_ok());
        }
        if !is_tell || n % BURST == 0 {
            counter.ask(Msg::Get).await.expect("an answer");
        }
    }
}

async fn by_macro(is_tell: bool, number: u64) {
    let counter = Builder::new().mailbox(1024).spawn(ByMacro(0));
    for n in 0..number {
        if is_tell {
            assert!(counter.add(1).tell().await.is_ok());
        }
        if !is_tell || n % BURST == 0 {
            counter.get().await.expect("an answer");
        }
    }
}
