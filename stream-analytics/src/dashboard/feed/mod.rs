//! Where the dashboard's data come from: a thread that reads the result topics, and one that asks how the cluster is.
//!
//! librdkafka's calls block, so neither is a task of the async runtime. Neither joins the group or commits.

mod past;
mod probe;
mod reader;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use common::shutdown::Shutdown;
use common::telemetry::Pulses;

use super::hub::Hub;
use super::{DashboardConfig, DashboardError};

/// How long the brokers may take to answer a question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Starts both threads; they end with `shutdown`, within [`ANSWER_TIMEOUT`].
pub(super) fn start(
    config: DashboardConfig,
    hub: &Arc<Hub>,
    pulses: &Pulses,
    shutdown: &Shutdown,
) -> Result<Vec<JoinHandle<()>>, DashboardError> {
    let reader = reader::Reader::new(&config, Arc::clone(hub))?;
    let probe = probe::Probe::new(config, Arc::clone(hub))?;
    let (until, also_until) = (shutdown.clone(), shutdown.clone());
    let (reads, asks) = (pulses.watch("dashboard-reader"), pulses.watch("dashboard-probe"));
    Ok(vec![
        spawn("dashboard-reader", move || reader.run(&reads, &until))?,
        spawn("dashboard-probe", move || probe.run(&asks, &also_until))?,
    ])
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, DashboardError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(DashboardError::Thread)
}
