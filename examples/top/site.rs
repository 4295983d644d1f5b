//! Asks an observer, by hand: one request, one answer, and the connection is closed.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::look::Look;

/// Who takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(5);
/// No look is that long.
const LONGEST: u64 = 64 << 20;

/// Where an observer is.
#[derive(Debug)]
pub(crate) struct Site {
    /// Host and port.
    authority: String,
    /// Of the page; what is asked for lies beside it.
    folder: String,
    /// The token, if there is one, and what else the page is asked for.
    query: String,
}

impl Site {
    /// Reads a URL as the observer prints it. Says what is wrong with it.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("`{url}`: {why}"));
        if url.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return wrong("a URL has no blanks in it");
        }
        let rest = match url.split_once("://") {
            Some(("http", rest)) => rest,
            Some((scheme, _)) => return wrong(&format!("only http is spoken here, not {scheme}")),
            None => url,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let authority = match authority.rsplit_once(':') {
            // What is in brackets is an address with colons of its own.
            Some((host, port)) if !port.ends_with(']') && !host.is_empty() && port.parse::<u16>().is_ok() => {
                authority.to_owned()
            }
            Some((_, port)) if !port.ends_with(']') => return wrong("host and port are missing or wrong"),
            _ if authority.is_empty() => return wrong("the host is missing"),
            _ => format!("{authority}:80"),
        };
        let folder = path.trim_end_matches("snapshot.json").trim_matches('/');
        let folder = if folder.is_empty() { String::new() } else { format!("/{folder}") };
        Ok(Self { authority, folder, query: query.to_owned() })
    }

    /// Asks for at most about so many rows.
    pub(crate) async fn look(&self, rows: usize) -> Result<Look, String> {
        let answer = match timeout(PATIENCE, self.ask(rows)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                return Err(self.failure("nobody listens there; does the program run, and serve an observer?"));
            }
            Ok(Err(error)) => return Err(self.failure(&error.to_string())),
            Err(_) => return Err(self.failure(&format!("no answer within {} s", PATIENCE.as_secs()))),
        };
        read(&answer).map_err(|why| self.failure(&why))
    }

    async fn ask(&self, rows: usize) -> io::Result<Vec<u8>> {
        let Self { authority, folder, query } = self;
        let and = if query.is_empty() { "" } else { "&" };
        // An answer to this version is never in chunks.
        let request = format!(
            "GET {folder}/snapshot.json?{query}{and}top={rows} HTTP/1.0\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(authority).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(LONGEST).read_to_end(&mut answer).await?;
        Ok(answer)
    }

    /// The token is not for the screen.
    fn failure(&self, why: &str) -> String {
        format!("http://{}{}/: {why}", self.authority, self.folder)
    }
}

/// Takes the look out of the answer, or says why there is none.
fn read(answer: &[u8]) -> Result<Look, String> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or("what answers speaks no HTTP")?;
    let (head, body) = (String::from_utf8_lossy(&answer[..end]), &answer[end + 4..]);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    if length.is_some_and(|length: usize| body.len() < length) {
        return Err("the answer breaks off".to_owned());
    }
    match status {
        "200" => serde_json::from_slice(body).map_err(|error| format!("no observer of this version answers: {error}")),
        // It says what to do.
        "401" | "403" => Err(String::from_utf8_lossy(body).trim().to_owned()),
        "404" => Err("there is no observer at this path".to_owned()),
        other => Err(format!("the observer answers with status {other}")),
    }
}
