//! `/events`: server-sent events. A new browser gets a snapshot, one that comes back gets what it missed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use common::shutdown::Shutdown;
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::dashboard::hub::Hub;
use crate::dashboard::state::Cursor;

/// More browsers are turned away and try again.
const MAX_STREAMS: usize = 512;
/// When nothing happens, a comment keeps the connection from looking dead to what is between.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What the streams share.
#[derive(Clone)]
pub(super) struct Streams {
    hub: Arc<Hub>,
    shutdown: Shutdown,
    permits: Arc<Semaphore>,
}

impl Streams {
    pub(super) fn new(hub: Arc<Hub>, shutdown: Shutdown) -> Self {
        Streams { hub, shutdown, permits: Arc::new(Semaphore::new(MAX_STREAMS)) }
    }
}

/// A browser sends the header when it reconnects by itself; a page that makes a new connection can only ask in the query.
#[derive(Deserialize)]
pub(super) struct From {
    last_event_id: Option<String>,
}

/// One browser's stream.
struct Stream {
    hub: Arc<Hub>,
    shutdown: Shutdown,
    wakes: watch::Receiver<u64>,
    cursor: Option<Cursor>,
    started: bool,
    _permit: OwnedSemaphorePermit,
}

pub(super) async fn stream(State(streams): State<Streams>, query: Query<From>, headers: HeaderMap) -> Response {
    let Ok(permit) = Arc::clone(&streams.permits).try_acquire_owned() else {
        let retry = [(header::RETRY_AFTER, "5")];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, "too many open dashboards here, try again\n").into_response();
    };
    let last_seen =
        headers.get("last-event-id").and_then(|value| value.to_str().ok()).or(query.last_event_id.as_deref());
    let stream = Stream {
        wakes: streams.hub.subscribe(),
        hub: streams.hub,
        shutdown: streams.shutdown,
        cursor: last_seen.and_then(Cursor::parse),
        started: false,
        _permit: permit,
    };
    let body = Body::from_stream(stream::unfold(stream, |mut stream| async move {
        let chunk = stream.next().await?;
        Some((Ok::<_, Infallible>(chunk), stream))
    }));
    let head = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that gathers the answer before it passes it on would show nothing.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (head, body).into_response()
}

impl Stream {
    /// The next bytes; `None` at shutdown, on which the browser turns to another replica.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.started {
            self.started = true;
            return Some(Bytes::from_static(b"retry: 1000\n\n"));
        }
        loop {
            self.wakes.mark_unchanged();
            if let Some((event, cursor)) = self.hub.after(self.cursor) {
                self.cursor = Some(cursor);
                return Some(event);
            }
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return None,
                woken = self.wakes.changed() => woken.ok()?,
                () = tokio::time::sleep(KEEP_ALIVE) => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }
}
