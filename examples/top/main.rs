//! What runs in another program, in a terminal: what is wrong with it, and a line for each queue, stage, pool and actor.
//!
//! ```text
//! cargo run --example top -- http://127.0.0.1:7979/
//! ```
//!
//! The URL is what the other program prints: one with a `regatta_observer`, such as `dupes --observe`. The screen is drawn
//! anew each second until Ctrl-C. With `--once`, or where the output is no terminal, it is printed once, after five seconds:
//! rates and findings take so long. Without a URL the program looks at itself, where a mailer hangs, and ends. You will see:
//!
//! ```text
//! up 5.0 s · 2 workers 2 % busy · 94 done/s · 7 components · 11 tasks
//!
//! critical: actor `mailer` has been handling `Send` for 4.0 s, and 8 messages wait behind it; look for
//!     a blocking call or an await without a timeout in it.
//! warning: pipeline `pictures` is limited by stage `scale` at 94/s: its 2 workers are busy 100 % of
//!     the time, 16 of 17 results of `load` wait for it, which is blocked 68 % of the time. Without
//!     that limit it would run at about 298/s, as far as its source gives so much, and be limited by
//!     `load`. Give it more workers, or less to do.
//!
//! name           kind      state    depth  done/s   busy  p99  restarts  doing
//! pictures       pipeline  running     20      94
//!   from_iter#0  stage     running      0      94
//!   load         stage     running  16/17      94   32 %
//!   scale        stage     running   0/18      94  100 %
//!   store        stage     running   0/17      93   31 %
//!   for_each#4   stage     running   0/17      93    0 %
//! mailer         actor     running    8/8       0                        `Send`
//! ```
//!
//! What to watch in the code: what comes over the wire are the types of `regatta::observe`, which the feature `serde` reads
//! and writes; and a program that ends meanwhile is waited for, as it may be starting again.

mod demo;
mod look;
mod screen;
mod site;
mod table;
mod words;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use regatta::task::shutdown_signal;
use tokio::time::sleep;

use look::Look;
use screen::Screen;
use site::Site;

/// So many rows are asked for where no screen says how many there is room for.
const ROWS: usize = 200;
/// So often an observer has something new to say.
const SECOND: Duration = Duration::from_secs(1);

/// Shows what runs in another program, and what is wrong with it.
#[derive(Debug, Parser)]
#[command(name = "top", version)]
struct Args {
    /// What the program says where its observer is; without, this program shows itself for five seconds
    #[arg(value_name = "URL")]
    url: Option<String>,

    /// Prints one look instead of a new one every second; it takes five
    #[arg(long)]
    once: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let Some(url) = args.url else { return code(demo::run().await) };
    let site = match Site::parse(&url) {
        Ok(site) => site,
        Err(wrong) => {
            eprintln!("top: {wrong}");
            return ExitCode::from(2);
        }
    };
    let looking = async {
        match Screen::find().filter(|_| !args.once) {
            Some(screen) => watch(&site, screen).await,
            None => settled(&site).await.map(|look| screen::print(&look)),
        }
    };
    tokio::select! {
        biased;
        () = shutdown_signal() => ExitCode::SUCCESS,
        ended = looking => code(ended),
    }
}

fn code(ended: Result<(), String>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("top: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Draws one look after the other. Fails only if there is nothing to see at first.
async fn watch(site: &Site, mut screen: Screen) -> Result<(), String> {
    let mut look = site.look(screen.rows()).await?;
    let mut trouble = None;
    screen.open();
    loop {
        screen.draw(&look, trouble.as_deref());
        sleep(SECOND).await;
        match site.look(screen.rows()).await {
            Ok(next) => (look, trouble) = (next, None),
            Err(failure) => trouble = Some(failure),
        }
    }
}

/// The look at which everything is known: the observer begins to measure when it is first asked.
async fn settled(site: &Site) -> Result<Look, String> {
    for _ in 0..5 {
        site.look(ROWS).await?;
        sleep(SECOND).await;
    }
    site.look(ROWS).await
}
