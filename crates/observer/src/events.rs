//! What the page reads.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as Asked, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use tokio::time::timeout;

use crate::observer::Site;
use crate::sampler::{Tick, Viewer};
use crate::view::{Query, View};

/// So often something is sent, even if there is nothing to say: else nobody notices that the other end is gone.
const ALIVE: Duration = Duration::from_secs(10);

/// A question, or what is wrong with it.
type Question = Result<Asked<Query>, QueryRejection>;

/// One frame a second, and before the first the curves so far.
pub(crate) async fn events(State(site): State<Arc<Site>>, question: Question) -> Response {
    let view = match question {
        Ok(Asked(query)) => query.for_page(),
        Err(wrong) => return refused(&wrong),
    };
    let stream = frames(site.clone(), site.sampler.view(), view);
    // What stands in between is not to wait until it has more.
    let unbuffered = (HeaderName::from_static("x-accel-buffering"), "no");
    ([(header::CONTENT_TYPE, "text/event-stream"), unbuffered], Body::from_stream(stream)).into_response()
}

/// Every component once.
pub(crate) async fn snapshot(State(site): State<Arc<Site>>, question: Question) -> Response {
    let view = match question {
        Ok(Asked(query)) => query.for_file(),
        Err(wrong) => return refused(&wrong),
    };
    let tick = site.sampler.ask().await;
    let text = site.sampler.frame(&tick, &view).await.to_string();
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn refused(wrong: &QueryRejection) -> Response {
    let why = wrong.source().map_or_else(|| wrong.body_text(), ToString::to_string);
    (StatusCode::BAD_REQUEST, format!("the observer does not understand what is behind the `?`: {why}\n"))
        .into_response()
}

struct Reader {
    site: Arc<Site>,
    viewer: Viewer,
    view: View,
    has_curves: bool,
}

/// A reader that is slow misses frames: there is never more than the latest.
fn frames(site: Arc<Site>, mut viewer: Viewer, view: View) -> impl Stream<Item = Result<Bytes, Infallible>> {
    // A page that comes second need not wait for a second.
    viewer.ticks.mark_changed();
    let reader = Reader { site, viewer, view, has_curves: false };
    futures::stream::unfold(reader, |mut reader| async move {
        let text = loop {
            match timeout(ALIVE, reader.viewer.ticks.changed()).await {
                Err(_) => {
                    // The runtime that sampled for all may be gone.
                    reader.site.sampler.start();
                    break ": still here\n\n".to_owned();
                }
                Ok(Err(_)) => return None,
                Ok(Ok(())) => {
                    let tick = reader.viewer.ticks.borrow_and_update().clone();
                    if let Some(tick) = tick {
                        break reader.text(&tick).await;
                    }
                }
            }
        };
        Some((Ok(Bytes::from(text)), reader))
    })
}

impl Reader {
    async fn text(&mut self, tick: &Arc<Tick>) -> String {
        let mut text = String::new();
        if !self.has_curves {
            self.has_curves = true;
            let curves = self.site.sampler.curves(tick, &self.view).await;
            let curves = serde_json::to_string(&curves).unwrap_or_else(|_| "[]".to_owned());
            text = format!("event: history\ndata: {{\"rows\":{curves}}}\n\n");
        }
        text.push_str("event: frame\ndata: ");
        text.push_str(&self.site.sampler.frame(tick, &self.view).await);
        text.push_str("\n\n");
        text
    }
}
