//! In an app of somebody's own, at a path of theirs.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use regatta::observe::Registry;
use regatta_observer::Observer;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::{eventually, queue_of, request, taken_within};

/// Serves an app as its owner would.
async fn served(app: Router) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, mut tasks) = (listener.local_addr().unwrap(), JoinSet::new());
    tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, tasks)
}

async fn ask(address: SocketAddr, path: &str) -> crate::support::Answer {
    request(address, "GET", path, "Host: localhost\r\n").await
}

/// Where the page at this path finds what it asks for; as a browser does it.
async fn below(address: SocketAddr, path: &str) -> String {
    let page = ask(address, path).await;
    assert_eq!(page.status, 200, "{path}");
    let folder = &path[..=path.rfind('/').unwrap()];
    let policy = page.header("content-security-policy");
    match page.body.split_once("<base href=\"./") {
        Some((_, base)) => {
            assert!(policy.contains("base-uri 'self'"), "{policy}");
            format!("{folder}{}", base.split('"').next().unwrap())
        }
        None => {
            assert!(policy.contains("base-uri 'none'"), "{policy}");
            folder.to_owned()
        }
    }
}

async fn assert_served_below(address: SocketAddr, folder: &str) {
    assert_eq!(ask(address, &format!("{folder}snapshot.json")).await.snapshot().rows.len(), 1);
    assert!(ask(address, &format!("{folder}metrics")).await.body.contains("regatta_components{"));
    let refused = ask(address, &format!("{folder}events?sort=x")).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn nested_at_a_path_the_page_is_there_and_finds_the_rest() {
    let registry = Registry::new();
    let _ends = queue_of(&registry, "work", 1);
    let observer = || Observer::new().registry(registry.clone()).router();
    let app = Router::new()
        .route("/", get(|| async { "mine" }))
        .nest("/observer", observer())
        .nest("/deep/er", observer())
        .nest("/slash/", observer())
        .nest("/{tenant}/look", observer());
    let (address, _tasks) = served(app).await;
    assert_eq!(ask(address, "/").await.body, "mine");
    for (page, folder) in [
        ("/observer", "/observer/"),
        ("/deep/er", "/deep/er/"),
        ("/slash/", "/slash/"),
        ("/x%22%3E%20y/look", "/x%22%3E%20y/look/"),
    ] {
        assert_eq!(below(address, page).await, folder);
        assert_served_below(address, folder).await;
    }
}

#[tokio::test]
async fn nested_as_a_service_a_slash_at_the_end_is_all_the_same() {
    let registry = Registry::new();
    let _ends = queue_of(&registry, "work", 1);
    let app: Router = Router::new().nest_service("/observer", Observer::new().registry(registry).router());
    let (address, _tasks) = served(app).await;
    for page in ["/observer", "/observer/"] {
        assert_eq!(below(address, page).await, "/observer/");
    }
    assert_served_below(address, "/observer/").await;
    let nothing = ask(address, "/observer/nothing").await;
    assert_eq!((nothing.status, nothing.header("x-frame-options")), (404, "DENY"));
}

#[tokio::test]
async fn nested_it_is_as_careful_about_who_looks() {
    let observer = Observer::new().registry(Registry::new());
    let app = Router::new()
        .nest("/plain", observer.clone().router())
        .nest("/token", observer.token("secret").router())
        .route("/mine", get(|| async { "mine" }));
    let (address, _tasks) = served(app).await;
    let foreign = "Host: evil.example\r\n";
    assert_eq!(request(address, "GET", "/plain/metrics", foreign).await.status, 403);
    assert_eq!(request(address, "GET", "/token/metrics", foreign).await.status, 401);
    assert_eq!(request(address, "GET", "/token/metrics?token=secret", foreign).await.status, 200);
    assert_eq!(request(address, "GET", "/token?token=secret", foreign).await.status, 200);
    let mine = request(address, "GET", "/mine", foreign).await;
    assert_eq!((mine.status, mine.header("x-frame-options")), (200, ""));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_router_ends_its_sampler() {
    let registry = Registry::new();
    let (address, mut tasks) = served(Observer::new().registry(registry.clone()).router()).await;
    ask(address, "/snapshot.json").await;
    tasks.shutdown().await;
    eventually("sampling ends", async || taken_within(&registry, Duration::from_secs(2)).await == 0).await;
    assert!(registry.snapshot().uptime < Duration::from_secs(8), "sooner than by itself");
}

#[test]
fn a_router_can_be_made_before_there_is_a_runtime() {
    let registry = Registry::new();
    let router = Observer::new().registry(registry.clone()).router();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (address, _tasks) = served(router).await;
        assert_eq!(ask(address, "/snapshot.json").await.snapshot().registry, registry.snapshot().registry);
    });
}
