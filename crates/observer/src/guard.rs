//! Who may look.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

#[derive(Clone, Default)]
pub(crate) struct Access {
    pub(crate) token: Option<String>,
    /// Everybody may look.
    pub(crate) is_open: bool,
    /// In lower case.
    pub(crate) hosts: Vec<String>,
}

/// Lets a request in, or not.
pub(crate) async fn check(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let refused = match &access.token {
        Some(token) if !has_token(token, request.uri(), request.headers()) => {
            Some((StatusCode::UNAUTHORIZED, "the observer's token is missing or wrong: add ?token=… to the address\n"))
        }
        Some(_) => None,
        None if !access.is_known(host(request.uri(), request.headers())) => Some((
            StatusCode::FORBIDDEN,
            "the observer is not known by that name: use its IP address, localhost, or allow_host in the program\n",
        )),
        None => None,
    };
    let mut response = match refused {
        Some(refused) => refused.into_response(),
        None => explained(next.run(request).await),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What is not there says what is.
fn explained(mut response: Response) -> Response {
    let text = match response.status() {
        StatusCode::NOT_FOUND => "the observer has /, /events, /snapshot.json and /metrics, and nothing else\n",
        StatusCode::METHOD_NOT_ALLOWED => "the observer only shows: use GET\n",
        _ => return response,
    };
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    *response.body_mut() = Body::from(text);
    response
}

impl Access {
    /// A name that somebody else's server may give out is how a page elsewhere gets to read along.
    fn is_known(&self, host: Option<&str>) -> bool {
        let Some(host) = host else { return false };
        let host = without_port(host).to_ascii_lowercase();
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        address.parse::<IpAddr>().is_ok() || host == "localhost" || self.hosts.contains(&host)
    }
}

fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    match headers.get(header::HOST) {
        Some(host) => host.to_str().ok(),
        None => uri.authority().map(|authority| authority.as_str()),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

fn has_token(token: &str, uri: &Uri, headers: &HeaderMap) -> bool {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, given) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(given)
    });
    let query = uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("token="));
    bearer.is_some_and(|given| is_same(token, given.as_bytes()))
        || query.is_some_and(|given| is_same(token, &decoded(given)))
}

/// In a time that does not tell how much of it was right.
fn is_same(token: &str, given: &[u8]) -> bool {
    let token = token.as_bytes();
    let differences = token.iter().zip(given).fold(0, |found, (ours, theirs)| found | (ours ^ theirs));
    token.len() == given.len() && differences == 0
}

/// Undoes the escapes of an address.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let escaped = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        match (first, after) {
            (b'%', [high, low, beyond @ ..]) if escaped(&[*high, *low]).is_some() => {
                bytes.extend(escaped(&[*high, *low]));
                rest = beyond;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Access, decoded, is_same, without_port};

    #[test]
    fn addresses_and_localhost_are_known_and_names_are_not() {
        let access = Access { hosts: vec!["box.internal".into()], ..Access::default() };
        for host in ["127.0.0.1:80", "[::1]:7979", "[::1]", "localhost", "LocalHost:1", "10.0.0.7", "Box.internal:3"] {
            assert!(access.is_known(Some(host)), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example", "", "box.internal.x"] {
            assert!(!access.is_known(Some(host)), "{host}");
        }
        assert!(!access.is_known(None));
    }

    #[test]
    fn ports_go_and_the_rest_stays() {
        assert_eq!(["a:80", "[::1]:80", "[::1]", "a"].map(without_port), ["a", "[::1]", "[::1]", "a"]);
    }

    #[test]
    fn tokens_are_compared_as_they_were_meant() {
        assert!(is_same("a b%", &decoded("a+b%25")) && is_same("ä", &decoded("%C3%a4")));
        assert!(!is_same("secret", b"secre") && !is_same("secret", b"secrets") && !is_same("secret", b"secreT"));
        assert_eq!(decoded("%zz%4"), b"%zz%4");
    }
}
