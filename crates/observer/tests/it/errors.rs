//! What cannot be served; and the types themselves.

use std::error::Error;

use regatta::observe::Registry;
use regatta_observer::{Observer, ServeError, Server};

use crate::support::{get, serve};

#[tokio::test]
async fn an_address_that_others_reach_needs_a_token_or_a_word() {
    let observer = || Observer::new().registry(Registry::new());
    for address in ["0.0.0.0:0", "[::]:0"] {
        let Err(error) = observer().serve(address).await else { panic!("{address} was served") };
        // A machine may be without IPv6.
        if let ServeError::Exposed(exposed) = &error {
            let text = format!(
                "the observer would be open to whoever reaches {exposed}: set a `token`, `allow_unauthenticated`, or \
                 serve a loopback address"
            );
            assert_eq!(error.to_string(), text);
            assert!(exposed.ip().is_unspecified() && error.source().is_none());
        } else {
            assert_ne!(address, "0.0.0.0:0", "{error}");
        }
    }
    let server = observer().token("secret").serve("0.0.0.0:0").await.unwrap();
    assert_eq!(server.url(), format!("http://127.0.0.1:{}/?token=secret", server.address().port()));
    let server = observer().allow_unauthenticated().serve("0.0.0.0:0").await.unwrap();
    assert_eq!(get(&server, "/metrics").await.status, 200);
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_so() {
    let server = serve(&Registry::new()).await;
    let Err(error) = Observer::new().serve(server.address()).await else { panic!("it was served twice") };
    assert!(matches!(error, ServeError::Bind(_)));
    assert_eq!(error.to_string(), "the observer's address is taken; port 0 picks a free one");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn an_address_that_is_none_is_said_so() {
    for address in ["127.0.0.1", "no address", "127.0.0.1:99999"] {
        let Err(error) = regatta_observer::serve(address).await else { panic!("{address} was served") };
        assert_eq!(
            error.to_string(),
            "the observer cannot listen at its address, which is one of this machine, and a port"
        );
        assert!(matches!(&error, ServeError::Bind(_)) && error.source().is_some());
    }
}

#[tokio::test]
async fn a_server_goes_anywhere_and_keeps_its_token_to_itself() {
    fn is_shared<T: Send + Sync + 'static>(_: &T) {}
    fn is_error<E: Error + Send + Sync + 'static>() {}
    is_error::<ServeError>();
    let observer = Observer::new().registry(Registry::new()).token("hush-hush");
    is_shared(&observer);
    assert!(format!("{observer:?}").contains("has_token: true"));
    let serving = observer.clone().serve("127.0.0.1:0");
    fn is_send<F: Future + Send>(future: F) -> F {
        future
    }
    let server: Server = is_send(serving).await.unwrap();
    is_shared(&server);
    for text in [format!("{observer:?}"), format!("{server:?}")] {
        assert!(!text.contains("hush") && text.len() > 8, "{text}");
    }
    let report = is_send(server.shutdown(std::time::Duration::from_secs(5))).await;
    assert!(report.is_clean());
}

#[test]
#[should_panic(expected = "the token must not be empty")]
fn an_empty_token_is_refused() {
    let _ = Observer::new().token("");
}
