//! The page itself.

use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};

use axum::extract::OriginalUri;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;

const PAGE: &str = include_str!("page.html");

/// The page, with a word that nobody can foresee: only what has it runs.
pub(crate) async fn page(OriginalUri(uri): OriginalUri) -> impl IntoResponse {
    let [one, two] = [0, 1].map(|half| RandomState::new().hash_one(half));
    let nonce = format!("{one:016x}{two:016x}");
    let base = base(uri.path());
    let base_uri = if base.is_some() { "'self'" } else { "'none'" };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri {base_uri}; form-action 'none'; frame-ancestors 'none'"
    );
    let headers: [(HeaderName, String); 2] =
        [(header::CONTENT_SECURITY_POLICY, policy), (header::CONTENT_TYPE, "text/html; charset=utf-8".into())];
    let mut text = PAGE.replace("__NONCE__", &nonce);
    if let Some(base) = base {
        text = text.replacen("<head>", &format!("<head><base href=\"{base}\">"), 1);
    }
    (headers, text)
}

/// What the page asks for is below its own path. A browser looks beside a path that does not end in `/`, as that of a
/// router that is nested does not: there it has to be told.
fn base(path: &str) -> Option<String> {
    let (_, last) = path.rsplit_once('/')?;
    if last.is_empty() {
        return None;
    }
    // The dot in front: else a colon would make a scheme of it.
    let mut base = "./".to_owned();
    for byte in last.bytes() {
        match byte {
            b'%' | b'-' | b'.' | b'_' | b'~' => base.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => base.push(char::from(byte)),
            // A string takes everything.
            _ => drop(write!(base, "%{byte:02X}")),
        }
    }
    base.push('/');
    Some(base)
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn what_is_asked_for_is_below_the_path_of_the_page() {
        assert_eq!([base("/"), base("/observer/"), base("")], [None, None, None]);
        assert_eq!(base("/observer").as_deref(), Some("./observer/"));
        assert_eq!(base("/a/b").as_deref(), Some("./b/"));
    }

    #[test]
    fn a_path_cannot_get_out_of_the_address() {
        assert_eq!(base("/x\"><script>").as_deref(), Some("./x%22%3E%3Cscript%3E/"));
        assert_eq!(base("/javascript:x%20&").as_deref(), Some("./javascript%3Ax%20%26/"));
    }
}
