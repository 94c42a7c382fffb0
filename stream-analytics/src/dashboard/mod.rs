//! The live dashboard: what the pipeline has found, on one page, for a shop analyst and for the engineer on duty.
//!
//! It reads the result topics and nothing of the engine, so every replica shows the same. Data goes one way:
//!
//! * [`feed`] reads Kafka on two threads of its own: results become records, the cluster's answers become health;
//! * [`state`] is pure: records fold into a bounded history, filters select from it, changes become numbered events;
//! * [`hub`] holds the one shared state and wakes the browsers' streams;
//! * [`http`] answers with the page, `/events` and `/api`.
//!
//! [`run`] serves it without the engine. The page itself is in `assets/`: plain modules, no build step.

mod alone;
mod args;
mod feed;
mod http;
mod hub;
mod state;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

pub use alone::run;
pub use args::DashboardArgs;
use axum::Router;
use common::Topics;
use common::http::BindError;
use common::kafka::{KafkaSettings, SettingsError};
use common::shutdown::Shutdown;
use common::telemetry::Pulses;
use hub::Hub;
use rdkafka::error::KafkaError;

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
    /// The address.
    #[error(transparent)]
    Http(#[from] BindError),
    /// The client refuses its settings taken together.
    #[error("the dashboard's Kafka client cannot be made: {0}")]
    Client(#[from] KafkaError),
    /// The operating system gives no thread.
    #[error("cannot start the dashboard's threads: {0}")]
    Thread(std::io::Error),
}

impl common::exit::ExitStatus for DashboardError {
    fn exit_status(&self) -> u8 {
        match self {
            DashboardError::Settings(_) | DashboardError::Client(_) => 2,
            DashboardError::Http(_) | DashboardError::Thread(_) => 1,
        }
    }
}

/// The threads that read for the page.
#[derive(Debug)]
pub struct Dashboard {
    hub: Arc<Hub>,
    threads: Vec<JoinHandle<()>>,
}

impl Dashboard {
    /// Starts the reading threads, which end with `shutdown` and show that they move by `pulses`, and gives the page's
    /// routes.
    ///
    /// # Errors
    /// A client or a thread cannot be made.
    pub fn start(
        config: DashboardConfig,
        pulses: &Pulses,
        shutdown: &Shutdown,
    ) -> Result<(Self, Router), DashboardError> {
        let hub = Hub::new(state::Timing::from(&config));
        let threads = feed::start(config, &hub, pulses, shutdown)?;
        let routes = http::router(Arc::clone(&hub), shutdown.clone());
        Ok((Dashboard { hub, threads }, routes))
    }

    /// Waits until the threads have ended and their clients are closed.
    pub async fn ended(self) {
        let joining = tokio::task::spawn_blocking(|| self.threads.into_iter().try_for_each(JoinHandle::join));
        if !matches!(joining.await, Ok(Ok(()))) {
            tracing::warn!("a thread of the dashboard panicked");
        }
    }
}
