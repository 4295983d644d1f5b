//! A registry, the server that shows it, and what the browser sees of that.

use std::net::SocketAddr;
use std::time::Duration;

use regatta::observe::Registry;
use regatta_observer::{Observer, Server};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::driver::Tab;
use crate::support::eventually;

pub(crate) struct Page {
    pub(crate) tab: Tab,
    address: SocketAddr,
    server: Option<Server>,
}

/// A pipeline as the page shows it.
#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct Piped {
    pub(crate) name: String,
    /// The stages that are marked.
    pub(crate) limiting: Vec<String>,
    pub(crate) verdict: String,
}

impl Page {
    /// Serves a registry, and opens its page.
    pub(crate) async fn open(tab: Tab, registry: &Registry) -> Self {
        let server = serve(registry, ([127, 0, 0, 1], 0).into()).await;
        let page = Self { tab, address: server.address(), server: Some(server) };
        page.open_with("").await;
        page
    }

    /// Opens the page again; `query` is what its address ends in.
    pub(crate) async fn open_with(&self, query: &str) {
        self.tab.open(&format!("http://{}/{query}", self.address)).await;
    }

    /// Opens the page by another name of this machine.
    pub(crate) async fn open_as(&self, host: &str) {
        self.tab.open(&format!("http://{host}:{}/", self.address.port())).await;
    }

    /// Stops the server.
    pub(crate) async fn abandon(&mut self) {
        let server = self.server.take().expect("it is served");
        assert!(server.shutdown(Duration::from_secs(1)).await.is_clean(), "the server stops at once");
    }

    /// Serves a registry where the last one was served.
    pub(crate) async fn serve_again(&mut self, registry: &Registry) {
        self.server = Some(serve(registry, self.address).await);
    }

    /// What a script returns.
    pub(crate) async fn read<T: DeserializeOwned>(&self, script: &str) -> T {
        serde_json::from_value(self.tab.run(script).await).expect("the script returns what is read")
    }

    pub(crate) async fn connection(&self) -> String {
        self.read("return document.body.dataset.connection").await
    }

    pub(crate) async fn pipelines(&self) -> Vec<Piped> {
        let script = r#"return [...document.querySelectorAll('#pipelines > [data-row]')].map(whole => ({
            name: whole.querySelector('h3').textContent,
            limiting: [...whole.querySelectorAll('[data-bottleneck="true"] button')].map(name => name.textContent),
            verdict: whole.querySelector('p').textContent,
        }))"#;
        self.read(script).await
    }

    pub(crate) async fn findings(&self) -> Vec<String> {
        self.read("return [...document.querySelectorAll('li[data-finding]')].map(one => one.textContent)").await
    }

    /// The names in the table, from the top.
    pub(crate) async fn names(&self) -> Vec<String> {
        let script = "return [...document.querySelectorAll('#body tr[data-row] [data-col=name] .name')]
            .map(name => name.textContent)";
        self.read(script).await
    }

    /// What is wrong with the page itself: messages on the console, and requests to anybody but its server.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for entry in self.tab.log("browser").await {
            if matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING")) {
                complaints.push(entry["message"].to_string());
            }
        }
        for entry in self.tab.log("performance").await {
            let event = entry["message"].as_str().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
            let event = &event.expect("an event is JSON")["message"];
            let url = event["params"]["request"]["url"].as_str().unwrap_or_default();
            let is_ours = url.starts_with(&format!("http://{}/", self.address)) || url.starts_with("data:");
            if event["method"] == "Network.requestWillBeSent" && !is_ours {
                complaints.push(format!("a request to {url}"));
            }
        }
        complaints
    }

    pub(crate) async fn is_live_within(&self, deadline: Duration) {
        let look = async || match self.connection().await.as_str() {
            "live" => Ok(()),
            other => Err(other.to_owned()),
        };
        eventually(deadline, "the page is live", look).await;
    }
}

async fn serve(registry: &Registry, address: SocketAddr) -> Server {
    Observer::new().registry(registry.clone()).serve(address).await.expect("the address is free")
}
