//! Who may look.

use regatta::observe::Registry;
use regatta_observer::Observer;

use crate::support::{get, request};

fn observer() -> Observer {
    Observer::new().registry(Registry::new())
}

#[tokio::test]
async fn without_a_token_the_host_has_to_be_known() {
    let server = observer().allow_host("Box.Internal").serve("127.0.0.1:0").await.unwrap();
    let port = server.address().port();
    for host in ["127.0.0.1", "localhost", "LOCALHOST:80", "[::1]:1", "10.1.2.3", "box.internal:8080", "BOX.internal"] {
        for path in ["/", "/metrics"] {
            let answer = request(server.address(), "GET", path, &format!("Host: {host}\r\n")).await;
            assert_eq!(answer.status, 200, "{host}{path}");
        }
    }
    let own = format!("127.0.0.1:{port}");
    let strange =
        ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "box.internal.x", "", "ö", "a:b:c"];
    for host in strange {
        for path in ["/", "/events", "/snapshot.json", "/metrics", "/nowhere"] {
            let answer = request(server.address(), "GET", path, &format!("Host: {host}\r\n")).await;
            assert_eq!(answer.status, 403, "{host}{path}");
            assert!(answer.body.starts_with("the observer is not known by that name: use its IP address, localhost"));
        }
    }
    // What a proxy is told does not count, and nor does a second header.
    let forwarded = format!("Host: evil.example\r\nX-Forwarded-Host: {own}\r\nHost: {own}\r\n");
    assert_eq!(request(server.address(), "GET", "/", &forwarded).await.status, 403);
    assert_eq!(request(server.address(), "GET", "/", "").await.status, 403);
}

#[tokio::test]
async fn a_token_is_asked_for_everywhere() {
    let server = observer().token("a b&c=%ä").serve("127.0.0.1:0").await.unwrap();
    assert!(server.url().ends_with("/?token=a%20b%26c%3D%25%C3%A4"), "{}", server.url());
    let right = "token=a%20b%26c%3d%25%C3%A4";
    for path in ["/", "/snapshot.json", "/metrics"] {
        assert_eq!(get(&server, &format!("{path}?{right}")).await.status, 200, "{path}");
        assert_eq!(get(&server, &format!("{path}?top=3&{right}")).await.status, 200, "{path}");
        let header = "Host: anything.example\r\nAuthorization: Bearer secret\r\n";
        assert_eq!(request(server.address(), "GET", path, header).await.status, 401, "{path}");
    }
    for path in ["/", "/events", "/snapshot.json", "/metrics", "/nowhere"] {
        for query in ["", "?", "?token", "?token=", "?token=wrong", "?token=a%20b%26c%3d%25", "?Token=x", "?x=token=a"]
        {
            let answer = get(&server, &format!("{path}{query}")).await;
            assert_eq!(answer.status, 401, "{path}{query}");
            assert_eq!(answer.body, "the observer's token is missing or wrong: add ?token=… to the address\n");
        }
    }
}

#[tokio::test]
async fn a_bearer_is_as_good_as_an_address_with_the_token() {
    let server = observer().token("secret").serve("127.0.0.1:0").await.unwrap();
    for (header, status) in [
        ("Authorization: Bearer secret", 200),
        ("authorization: bearer secret", 200),
        ("Authorization: Bearer secret2", 401),
        ("Authorization: Bearer ", 401),
        ("Authorization: Basic secret", 401),
        ("Authorization: secret", 401),
        ("X-Token: secret", 401),
    ] {
        // With a token any name will do: who knows it was given it.
        let headers = format!("Host: any.example\r\n{header}\r\n");
        assert_eq!(request(server.address(), "GET", "/", &headers).await.status, status, "{header}");
    }
}
