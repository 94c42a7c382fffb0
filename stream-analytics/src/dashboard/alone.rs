//! `stream-analytics dashboard`: the page without the engine.

use std::sync::Arc;

use common::http;
use common::shutdown::Shutdown;
use common::telemetry::{self, Metrics, Probes, Pulses};

use super::hub::Hub;
use super::{Dashboard, DashboardArgs, DashboardConfig, DashboardError};

/// Serves the dashboard until shutdown. A broker that does not answer is shown on the page, and is no reason to end.
///
/// # Errors
/// The flags, the address, or the listener breaks.
pub async fn run(args: DashboardArgs, shutdown: Shutdown) -> Result<(), DashboardError> {
    let config = DashboardConfig::try_from(&args)?;
    let listener = http::bind(args.http).await?;
    let pulses = Pulses::new();
    let (dashboard, page) = Dashboard::start(config, &pulses, &shutdown)?;
    let health = Health { pulses, hub: Arc::clone(&dashboard.hub) };
    let metrics = Metrics::new("dashboard", env!("CARGO_PKG_VERSION"));
    tracing::info!(address = %args.http, "serving the dashboard");
    http::serve(listener, page.merge(telemetry::router(metrics, Arc::new(health))), shutdown).await;
    dashboard.ended().await;
    Ok(())
}

struct Health {
    pulses: Pulses,
    hub: Arc<Hub>,
}

impl Probes for Health {
    fn alive(&self) -> Result<(), String> {
        self.pulses.check()
    }

    fn ready(&self) -> Result<(), String> {
        if self.hub.sees_a_broker() { Ok(()) } else { Err("no broker answers".to_owned()) }
    }
}
