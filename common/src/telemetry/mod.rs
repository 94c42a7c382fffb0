//! What a running service shows of itself: `/metrics` (Prometheus), `/healthz` (alive) and `/readyz` (at work).
//!
//! [`Metrics`] holds what is counted, [`Pulses`] tells whether the threads still move, and a service says by
//! [`Probes`] what it takes for it to be ready. [`router`] serves the three.

mod metrics;
mod pulse;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;

pub use metrics::Metrics;
pub use prometheus::{Gauge, GaugeVec, Histogram, IntCounter, IntCounterVec};
pub use pulse::{Pulse, Pulses};

/// How a service is. What is wrong is one line for people.
pub trait Probes: Send + Sync + 'static {
    /// Its threads make progress: if not, only a restart helps. A broker that is away is no reason.
    fn alive(&self) -> Result<(), String>;

    /// It is at work: connected, assigned, caught up within its bounds.
    fn ready(&self) -> Result<(), String>;
}

/// `/metrics`, `/healthz` and `/readyz`.
pub fn router(metrics: Metrics, probes: Arc<dyn Probes>) -> Router {
    let (alive, ready) = (Arc::clone(&probes), Arc::clone(&probes));
    let exposition = move || async move {
        metrics.set_ready(probes.ready().is_ok());
        ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT), (header::CACHE_CONTROL, "no-store")], metrics.render())
    };
    Router::new()
        .route("/metrics", get(exposition))
        .route("/healthz", get(|| async move { answer("alive", alive.alive()) }))
        .route("/readyz", get(|| async move { answer("ready", ready.ready()) }))
}

type Answer = (StatusCode, [(header::HeaderName, &'static str); 1], String);

fn answer(state: &str, outcome: Result<(), String>) -> Answer {
    let (status, line) = match outcome {
        Ok(()) => (StatusCode::OK, format!("{state}\n")),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not {state}: {reason}\n")),
    };
    (status, [(header::CACHE_CONTROL, "no-store")], line)
}
