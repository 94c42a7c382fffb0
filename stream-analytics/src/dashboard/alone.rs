//! `stream-analytics dashboard`: the page without the engine.

use common::shutdown::Shutdown;
use common::telemetry::{self, Readiness};

use super::{DashboardArgs, DashboardConfig, DashboardError};

/// Serves the dashboard until shutdown. A broker that does not answer is shown on the page, and is no reason to end.
///
/// # Errors
/// The flags, the address, or the listener breaks.
pub async fn run(args: DashboardArgs, shutdown: Shutdown) -> Result<(), DashboardError> {
    let config = DashboardConfig::try_from(&args)?;
    let listener = telemetry::bind(args.http).await?;
    let readiness = Readiness::default();
    let probes = telemetry::router(telemetry::install_recorder()?, readiness.clone());
    tracing::info!(address = %args.http, "serving the dashboard");
    readiness.set(true);
    super::serve(listener, config, probes, shutdown).await
}
