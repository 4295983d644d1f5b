//! The page itself.

use std::hash::{BuildHasher, RandomState};

use axum::http::{HeaderName, header};
use axum::response::IntoResponse;

const PAGE: &str = include_str!("page.html");

/// The page, with a word that nobody can foresee: only what has it runs.
pub(crate) async fn page() -> impl IntoResponse {
    let [one, two] = [0, 1].map(|half| RandomState::new().hash_one(half));
    let nonce = format!("{one:016x}{two:016x}");
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers: [(HeaderName, String); 2] =
        [(header::CONTENT_SECURITY_POLICY, policy), (header::CONTENT_TYPE, "text/html; charset=utf-8".into())];
    (headers, PAGE.replace("__NONCE__", &nonce))
}
