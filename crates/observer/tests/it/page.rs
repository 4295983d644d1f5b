//! The page itself, and what is no page.

use regatta::observe::Registry;
use tokio::io::AsyncWriteExt;

use crate::support::{Connection, get, request, serve};

#[tokio::test]
async fn nothing_runs_on_the_page_but_what_it_came_with() {
    let server = serve(&Registry::new()).await;
    let nonces: Vec<String> = [get(&server, "/").await, get(&server, "/").await]
        .iter()
        .map(|page| {
            assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
            let policy = page.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'nonce-"), "{policy}");
            for part in ["connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
                assert!(policy.contains(part), "{policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
            assert!(page.body.contains(&format!("<script nonce=\"{nonce}\">")));
            assert!(page.body.contains(&format!("<style nonce=\"{nonce}\">")));
            assert!(!page.body.contains("__NONCE__") && nonce.len() == 32);
            nonce.to_owned()
        })
        .collect();
    assert_ne!(nonces[0], nonces[1]);
}

#[tokio::test]
async fn the_page_is_small_and_needs_nothing_from_elsewhere() {
    let server = serve(&Registry::new()).await;
    let page = get(&server, "/").await.body;
    assert!(page.len() <= 64 * 1024, "{} bytes", page.len());
    // A name of a namespace is no address that anything is loaded from.
    let text = page.replace("http://www.w3.org/2000/svg", "");
    for outside in ["http://", "https://", "//cdn", "@import", "src=\"", "url(http"] {
        assert!(!text.contains(outside), "{outside}");
    }
}

#[tokio::test]
async fn every_answer_says_that_nobody_else_may_keep_frame_or_sniff_it() {
    let server = serve(&Registry::new()).await;
    for path in ["/", "/snapshot.json", "/metrics", "/nowhere", "/snapshot.json?top=x"] {
        let answer = get(&server, path).await;
        let facts = ["x-content-type-options", "referrer-policy", "x-frame-options", "cache-control"]
            .map(|name| answer.header(name));
        assert_eq!(facts, ["nosniff", "no-referrer", "DENY", "no-store"], "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn a_request_can_only_ask() {
    let server = serve(&Registry::new()).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        for path in ["/", "/events", "/snapshot.json", "/metrics"] {
            let answer = request(server.address(), method, path, "Host: localhost\r\n").await;
            assert_eq!((answer.status, answer.header("allow")), (405, "GET,HEAD"), "{method} {path}");
            assert!(answer.body.contains("use GET"), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn head_gives_the_headers_and_leaves_no_viewer() {
    let registry = Registry::new();
    let server = serve(&registry).await;
    let page = request(server.address(), "HEAD", "/", "Host: localhost\r\n").await;
    assert_eq!((page.status, page.body.len()), (200, 0));
    assert!(page.header("content-length").parse::<usize>().unwrap() > 1000);
    let events = request(server.address(), "HEAD", "/events", "Host: localhost\r\n").await;
    assert_eq!((events.status, events.header("content-type")), (200, "text/event-stream"));
    assert!(format!("{server:?}").contains(&server.address().to_string()));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = serve(&Registry::new()).await;
    for path in ["/index.html", "/page.html", "/events/", "/../etc/passwd", "//", "/%2e%2e/x", "/snapshot"] {
        let answer = get(&server, path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains("/snapshot.json"), "{}", answer.body);
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_server_lives() {
    let server = serve(&Registry::new()).await;
    let long = "x".repeat(300_000);
    for (request, status) in [
        (format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), "HTTP/1.1 4"),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n"), "HTTP/1.1 431 "),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(1_000)), "HTTP/1.1 431 "),
    ] {
        // It is cut before it was heard out, so that the answer may be lost on the way.
        let mut connection = Connection::open(server.address()).await;
        let _ = connection.stream.write_all(request.as_bytes()).await;
        let answer = connection.rest().await.unwrap_or_default();
        assert!(answer.is_empty() || answer.starts_with(status.as_bytes()), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(request(server.address(), "G\u{1}T", "/", "Host: localhost\r\n").await.status, 400);
    assert_eq!(get(&server, "/").await.status, 200);
}
