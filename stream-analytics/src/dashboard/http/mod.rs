//! The page over HTTP: files, `/events`, `/api`. All of it is read-only; what a client may take is bounded.

mod api;
mod assets;
mod events;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use common::shutdown::Shutdown;

use super::hub::Hub;

/// All routes of the dashboard.
pub(super) fn router(hub: Arc<Hub>, shutdown: Shutdown) -> Router {
    let events = events::Streams::new(Arc::clone(&hub), shutdown);
    assets::router().route("/events", get(events::stream).with_state(events)).merge(api::router(hub))
}

#[cfg(test)]
mod tests;
