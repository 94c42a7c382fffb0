//! Event-time windows over receipts, published exactly once, by any number of replicas.
//!
//! The route of a receipt: [`combine`] folds it into sums, which go through the internal topic ([`partials`]) to [`merge`],
//! which adds them up and publishes a window when all input partitions have passed its end ([`window`]). [`engine`] is a
//! worker without Kafka: both stages of the partitions in its care, and what it commits ([`progress`]). All of that is
//! pure: no I/O, no clock.
//!
//! Around it: [`config`] reads the flags, [`startup`] looks at the cluster, [`worker`] drives an engine from Kafka,
//! [`dashboard`] and [`console`] show results to people, and [`verify`] proves them right.
//! [`run`] puts the service together.

mod clock;
pub mod combine;
pub mod config;
pub mod console;
pub mod dashboard;
pub mod engine;
pub mod merge;
pub mod outbox;
pub mod partials;
pub mod progress;
pub mod startup;
pub mod tally;
pub mod verify;
pub mod window;
pub mod worker;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use common::exit::ExitStatus;
use common::http::{self, BindError};
use common::kafka::ClusterError;
use common::shutdown::Shutdown;
use common::telemetry::{self, Metrics};
use config::{AnalyticsArgs, Config, ConfigError};
use dashboard::{Dashboard, DashboardError};
use startup::StartupError;
use tally::{Summary, Tally};
use tokio::task::JoinHandle;
use worker::standing::Health;
use worker::{Identity, Job, WorkerError};

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The flags.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What was found at start.
    #[error(transparent)]
    Startup(#[from] StartupError),
    /// A worker.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// HTTP.
    #[error(transparent)]
    Http(#[from] BindError),
    /// The dashboard.
    #[error(transparent)]
    Dashboard(#[from] DashboardError),
}

impl ExitStatus for Error {
    fn exit_status(&self) -> u8 {
        match self {
            Error::Config(_) => 2,
            Error::Startup(error) => error.exit_status(),
            Error::Worker(error) => error.exit_status(),
            Error::Http(_) => 1,
            Error::Dashboard(error) => error.exit_status(),
        }
    }
}

/// Computes windows until shutdown (or until the end, with `--until-end`), and shows them and itself over HTTP.
pub async fn run(args: AnalyticsArgs, shutdown: Shutdown) -> Result<Summary, Error> {
    let config = Config::try_from(&args)?;
    let stop = shutdown.child_token();
    let metrics = Metrics::new("analytics", env!("CARGO_PKG_VERSION"));
    let health = Arc::new(Health::new(config.ready_lag));
    let server = match config.http.0 {
        Some(address) => Some(Server::start(address, &config, &metrics, &health, &stop).await?),
        None => None,
    };
    let outcome = analyse(&config, &metrics, health, &stop).await;
    stop.cancel();
    if let Some(server) = server {
        server.ended().await;
    }
    outcome
}

/// The page, `/metrics` and the probes.
struct Server {
    serving: JoinHandle<()>,
    dashboard: Dashboard,
}

impl Server {
    async fn start(
        address: SocketAddr,
        config: &Config,
        metrics: &Metrics,
        health: &Arc<Health>,
        stop: &Shutdown,
    ) -> Result<Self, Error> {
        let listener = http::bind(address).await?;
        let (dashboard, page) = Dashboard::start(config.dashboard(), health.pulses(), stop)?;
        let routes = page.merge(telemetry::router(metrics.clone(), health.clone()));
        Ok(Server { serving: tokio::spawn(http::serve(listener, routes, stop.clone())), dashboard })
    }

    async fn ended(self) {
        if let Err(error) = self.serving.await {
            tracing::warn!(%error, "the HTTP server ended early");
        }
        self.dashboard.ended().await;
    }
}

async fn analyse(config: &Config, metrics: &Metrics, health: Arc<Health>, stop: &Shutdown) -> Result<Summary, Error> {
    let (config, engine) = match startup::prepare(config, stop).await {
        Err(StartupError::Cluster(ClusterError::Stopped)) => return Ok(Tally::default().summary()),
        prepared => prepared?,
    };
    let console = config.console.then(|| tokio::spawn(show_on_console(config.clone(), stop.clone())));

    let job = Arc::new(Job::new(config, engine, health, metrics));
    let outcome = run_workers(&job, stop).await;
    stop.cancel();
    if let Some(console) = console
        && console.await.is_err()
    {
        tracing::warn!("the console sink panicked");
    }
    outcome?;
    let summary = job.tally.summary();
    tracing::info!("{summary}");
    Ok(summary)
}

/// The console sink, until `stop`. That it fails is no reason for windows not to be published.
async fn show_on_console(config: Config, stop: Shutdown) {
    let until = stop.clone();
    let follow = move || console::results::follow(&config.kafka, &config.topics, &config.surroundings(), &until);
    match console::on_its_thread(follow, &stop).await {
        Ok(Some(Err(error))) => tracing::warn!(%error, "the console sink ended early"),
        Err(error) => tracing::warn!(%error, "the console sink cannot be started"),
        Ok(Some(Ok(())) | None) => {}
    }
}

/// Runs the workers, each on a thread of its own. The first that fails stops the others.
async fn run_workers(job: &Arc<Job>, stop: &Shutdown) -> Result<(), WorkerError> {
    let process = process_name();
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..job.config.threads {
        let (job, stop) = (Arc::clone(job), stop.clone());
        let identity = Identity::new(&job.config, number, &process);
        workers.spawn_blocking(move || worker::work(&job, &identity, &stop));
    }
    let mut outcome = Ok(());
    while let Some(ended) = workers.join_next().await {
        let ended = ended.unwrap_or_else(|error| Err(WorkerError::Panicked(error.to_string())));
        if let Err(error) = ended {
            stop.cancel();
            if outcome.is_ok() {
                outcome = Err(error);
            } else {
                tracing::warn!(%error, "another worker failed too");
            }
        }
    }
    outcome
}

/// Tells this process from all others of the group, also on other machines.
fn process_name() -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Containers have it in their environment, other Linux processes seldom.
    let host = std::env::var("HOSTNAME").or_else(|_| std::fs::read_to_string("/proc/sys/kernel/hostname"));
    let host = host.as_deref().map_or("", str::trim);
    let host = if host.is_empty() { "replica" } else { host };
    format!("{host}-{}-{}", std::process::id(), since_epoch.as_nanos())
}
