//! The live dashboard: what the pipeline has found, on one page, for a shop analyst and for the engineer on duty.
//!
//! It reads the result topics and nothing of the engine, so every replica shows the same. Data goes one way:
//!
//! * [`feed`] reads Kafka on two threads of its own: results become records, the cluster's answers become health;
//! * [`state`] is pure: records fold into a bounded history, filters select from it, changes become numbered events;
//! * [`hub`] holds the one shared state and wakes the browsers' streams;
//! * [`http`] serves the page, `/events` and `/api`, with limits.
//!
//! [`run`] serves it without the engine. The page itself is in `assets/`: plain modules, no build step.

mod alone;
mod args;
mod feed;
mod http;
mod hub;
mod state;

use std::time::Duration;

pub use alone::run;
pub use args::DashboardArgs;
use axum::Router;
use common::Topics;
use common::kafka::{KafkaSettings, SettingsError};
use common::shutdown::Shutdown;
use common::telemetry::TelemetryError;
use rdkafka::error::KafkaError;
use tokio::net::TcpListener;

/// What the dashboard has to know of the service that it is part of.
#[derive(Debug, Clone)]
pub struct DashboardConfig {
    /// How to reach the brokers.
    pub kafka: KafkaSettings,
    /// Names of the result topics.
    pub topics: Topics,
    /// The analytics' consumer group, full name: lag and replicas are read from it. It is never joined nor committed to.
    pub group_id: String,
    /// The input topic, full name: its growth is the rate of receipts.
    pub receipts_topic: String,
    /// Length of a window.
    pub window: Duration,
    /// From one window's start to the next one's.
    pub slide: Duration,
    /// How long a window stays open after its end.
    pub watermark_delay: Duration,
}

/// Why the dashboard ended.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// The Kafka flags.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The address, or the metrics.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The client refuses its settings taken together.
    #[error("the dashboard's Kafka client cannot be made: {0}")]
    Client(#[from] KafkaError),
    /// The operating system gives no thread.
    #[error("cannot start the dashboard's threads: {0}")]
    Thread(std::io::Error),
    /// The listener broke.
    #[error("the HTTP server failed: {0}")]
    Serve(std::io::Error),
}

impl common::exit::ExitStatus for DashboardError {
    fn exit_status(&self) -> u8 {
        match self {
            DashboardError::Settings(_) | DashboardError::Client(_) => 2,
            DashboardError::Telemetry(_) | DashboardError::Thread(_) | DashboardError::Serve(_) => 1,
        }
    }
}

/// Starts the reading threads and answers with the page's routes. The threads end with `shutdown`.
///
/// # Errors
/// A client or a thread cannot be made.
pub fn router(config: DashboardConfig, shutdown: &Shutdown) -> Result<Router, DashboardError> {
    let hub = hub::Hub::new(state::Timing::from(&config));
    feed::start(config, &hub, shutdown)?;
    Ok(http::router(hub, shutdown.clone()))
}

/// Serves the dashboard and the `extra` routes (`/metrics` and the health probes) until shutdown, within bounds: so many
/// connections, so long for a request's head, no bodies.
///
/// # Errors
/// As [`router`], or the listener breaks.
pub async fn serve(
    listener: TcpListener,
    config: DashboardConfig,
    extra: Router,
    shutdown: Shutdown,
) -> Result<(), DashboardError> {
    let routes = http::guard(router(config, &shutdown)?.merge(extra));
    http::serve(listener, routes, shutdown).await.map_err(DashboardError::Serve)
}
