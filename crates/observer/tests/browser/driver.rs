//! A browser without a screen, driven by the [WebDriver protocol](https://www.w3.org/TR/webdriver2/): JSON over HTTP to
//! `chromedriver`, which starts Chromium.
//!
//! Invariants:
//! 1. Whoever has started a process ends it, also when a test panics: the driver is told to end its browser, and is ended.
//! 2. One test at a time looks at the page. Tests that wait for their turn hold the browser, so that it is started once.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Once, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

/// What Chromium is started with.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--window-size=1400,1000",
];
/// A command that takes longer is one that hangs.
const COMMAND: Duration = Duration::from_secs(20);
/// How the protocol names the reference of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

const LACK: &str = "chromium or chromedriver is not installed (Debian: apt-get install chromium chromium-driver)";

static TELL: Once = Once::new();
static RUNNING: Mutex<Weak<Browser>> = Mutex::const_new(Weak::new());
static TURN: Mutex<()> = Mutex::const_new(());

/// The one page of the browser, for one test at a time.
pub(crate) struct Tab {
    browser: Arc<Browser>,
    _turn: MutexGuard<'static, ()>,
}

struct Browser {
    driver: Driver,
    session: String,
}

struct Driver {
    process: Child,
    address: SocketAddr,
    /// Closed, it would end the driver when that has something to say.
    _out: BufReader<ChildStdout>,
}

impl Tab {
    /// Waits for its turn. `None`, and a line that says so, where there is no browser.
    ///
    /// # Panics
    /// In CI, where nothing may be skipped; and when a browser that is there does not start.
    pub(crate) async fn take() -> Option<Self> {
        let [Some(chromium), Some(chromedriver)] = ["chromium", "chromedriver"].map(program) else {
            assert!(env::var_os("CI").is_none_or(|value| value.is_empty()), "{LACK}: in CI nothing is skipped");
            // What a test prints is shown when it fails; this is to be seen.
            TELL.call_once(|| drop(writeln!(io::stderr(), "SKIPPED, nothing is looked at in a browser: {LACK}")));
            return None;
        };
        let browser = {
            let mut running = RUNNING.lock().await;
            match running.upgrade() {
                Some(browser) => browser,
                None => {
                    let started = Arc::new(Browser::start(chromium, chromedriver).await);
                    *running = Arc::downgrade(&started);
                    started
                }
            }
        };
        let tab = Self { browser, _turn: TURN.lock().await };
        tab.open("about:blank").await;
        // What the test before has left is not this one's.
        for kind in ["browser", "performance"] {
            tab.log(kind).await;
        }
        Some(tab)
    }

    pub(crate) async fn open(&self, url: &str) {
        self.browser.command("POST", "/url", &json!({ "url": url })).await;
    }

    /// What a script returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.browser.command("POST", "/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// Clicks at what people would have to find there.
    pub(crate) async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.browser.command("POST", &format!("/element/{element}/click"), &json!({})).await;
    }

    pub(crate) async fn write(&self, selector: &str, text: &str) {
        let element = self.find(selector).await;
        self.browser.command("POST", &format!("/element/{element}/value"), &json!({ "text": text })).await;
    }

    /// In pixels, with the frame.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        self.browser.command("POST", "/window/rect", &json!({ "width": width, "height": height })).await;
    }

    /// What is seen, as a PNG.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        let picture = self.browser.command("GET", "/screenshot", &Value::Null).await;
        from_base64(picture.as_str().expect("a picture is a text"))
    }

    /// What was logged since one has asked: `browser` is what its console shows, `performance` what it did.
    pub(crate) async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.browser.command("POST", "/se/log", &json!({ "type": kind })).await;
        entries.as_array().expect("a log is a list").clone()
    }

    async fn find(&self, selector: &str) -> String {
        let query = json!({ "using": "css selector", "value": selector });
        let found = self.browser.command("POST", "/element", &query).await;
        found[ELEMENT].as_str().expect("what is found has a reference").to_owned()
    }
}

impl Browser {
    async fn start(chromium: PathBuf, chromedriver: PathBuf) -> Self {
        let driver = Driver::start(chromedriver).expect("chromedriver starts");
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": chromium, "args": ARGUMENTS },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let session = driver.command("POST", "/session", &wanted).await;
        let session = session["sessionId"].as_str().expect("a session has an id").to_owned();
        Self { driver, session }
    }

    async fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.driver.command(method, &format!("/session/{}{path}", self.session), body).await
    }
}

impl Driver {
    fn start(chromedriver: PathBuf) -> io::Result<Self> {
        let mut process = Command::new(chromedriver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut out = BufReader::new(process.stdout.take().expect("it is piped"));
        let port = port_said(&mut out).inspect_err(|_| drop(process.kill()))?;
        Ok(Self { process, address: ([127, 0, 0, 1], port).into(), _out: out })
    }

    /// What the driver answers.
    ///
    /// # Panics
    /// When it refuses, or takes too long.
    async fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = timeout(COMMAND, exchange(self.address, method, path, body)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{method} {path}: no answer within {COMMAND:?}"));
        let mut answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let value = answer["value"].take();
        assert!(value["error"].is_null(), "{method} {path} {body}: {value}");
        value
    }
}

impl Drop for Browser {
    /// The browser ends, and its profile is deleted.
    fn drop(&mut self) {
        let _ = say(self.driver.address, &format!("DELETE /session/{}", self.session));
    }
}

impl Drop for Driver {
    /// Killed at once, it would leave a browser behind that it has just started.
    fn drop(&mut self) {
        let _ = say(self.address, "GET /shutdown");
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits for an answer where nothing can be awaited.
fn say(address: SocketAddr, request: &str) -> io::Result<()> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(COMMAND))?;
    stream.write_all(format!("{request} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n").as_bytes())?;
    let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
    while text_of(&answer).is_none() {
        match stream.read(&mut piece)? {
            0 => break,
            length => answer.extend_from_slice(&piece[..length]),
        }
    }
    Ok(())
}

/// One request, one connection.
async fn exchange(address: SocketAddr, method: &str, path: &str, body: &Value) -> io::Result<Value> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        if let Some(text) = text_of(&answer) {
            return serde_json::from_slice(text).map_err(io::Error::other);
        }
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// What an answer says, once all of it is there.
fn text_of(answer: &[u8]) -> Option<&[u8]> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length: usize = head.split("content-length:").nth(1)?.lines().next()?.trim().parse().ok()?;
    answer[end + 4..].get(..length)
}

/// The driver picks a port, and says which.
fn port_said(out: &mut impl BufRead) -> io::Result<u16> {
    for line in out.lines() {
        let line = line?;
        let port = line.split("started successfully on port ").nth(1);
        if let Some(port) = port.and_then(|port| port.trim_end_matches('.').parse().ok()) {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// Where a program is, looked for as a shell would.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn from_base64(text: &str) -> Vec<u8> {
    let sextets: Vec<u32> = text.bytes().filter_map(sextet).collect();
    let bytes_of = |four: &[u32]| {
        let bits = (0..4).fold(0, |bits, place| bits << 6 | four.get(place).copied().unwrap_or(0));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    sextets.chunks(4).flat_map(bytes_of).collect()
}

fn sextet(letter: u8) -> Option<u32> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    alphabet.iter().position(|known| *known == letter).map(|place| place as u32)
}

#[test]
fn base64_is_read_whatever_its_length() {
    let texts = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="].map(from_base64);
    assert_eq!(texts, ["", "f", "fo", "foo", "foob"].map(|text| text.as_bytes().to_vec()));
}

#[test]
fn an_answer_is_read_when_all_of_it_is_there() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX: y\r\n\r\nnull";
    assert_eq!(text_of(answer), Some(&b"null"[..]));
    assert!((0..answer.len()).all(|length| text_of(&answer[..length]).is_none()));
}
