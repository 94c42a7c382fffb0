//! What a running service shows of itself over HTTP: `/metrics` (Prometheus), `/healthz` (alive) and `/readyz` (at work).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use crate::shutdown::Shutdown;

/// An address to listen on, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpAddress(pub Option<SocketAddr>);

impl FromStr for HttpAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(HttpAddress(None));
        }
        let refuse = |_| format!("{text:?} is not IP:PORT (e.g. 127.0.0.1:8080) or off");
        text.parse().map(|address| HttpAddress(Some(address))).map_err(refuse)
    }
}

impl HttpAddress {
    /// Not served.
    pub const OFF: HttpAddress = HttpAddress(None);

    /// Seen from this machine alone.
    pub const fn loopback(port: u16) -> Self {
        HttpAddress(Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)))
    }
}

impl fmt::Display for HttpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("off"),
        }
    }
}

/// Whether the service is at work: assigned, connected, caught up within its bounds. Starts as not ready.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Sets what `/readyz` answers.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }

    /// What `/readyz` answers.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why the service cannot be looked at over HTTP.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The address is taken or not this machine's.
    #[error("cannot listen on {address} ({source}): free the port or choose another with --http (or off)")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The histogram buckets are unusable.
    #[error("cannot set up metrics: {0}")]
    Recorder(#[from] BuildError),
    /// The server ended.
    #[error("the HTTP server failed: {0}")]
    Serve(std::io::Error),
}

/// Upper bounds of the histograms' buckets, seconds.
const SECONDS_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Installs the process-wide metrics recorder; the handle renders what was recorded. In a process with several
/// services the first call wins, and the others get a handle to the same.
pub fn install_recorder() -> Result<PrometheusHandle, TelemetryError> {
    static HANDLE: std::sync::OnceLock<PrometheusHandle> = std::sync::OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let recorder = PrometheusBuilder::new().set_buckets(&SECONDS_BUCKETS)?.build_recorder();
    let handle = recorder.handle();
    let installed = metrics::set_global_recorder(recorder).is_ok();
    Ok(if installed { HANDLE.get_or_init(|| handle).clone() } else { HANDLE.get().cloned().unwrap_or(handle) })
}

/// `/metrics`, `/healthz` and `/readyz`.
pub fn router(metrics: PrometheusHandle, readiness: Readiness) -> Router {
    let ready = move || async move {
        if readiness.get() { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
    };
    let exposition = move || async move {
        metrics.run_upkeep();
        ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
    };
    Router::new()
        .route("/metrics", get(exposition))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
}

/// Binds `address`: a taken port is an error at start, not later.
pub async fn bind(address: SocketAddr) -> Result<tokio::net::TcpListener, TelemetryError> {
    tokio::net::TcpListener::bind(address).await.map_err(|source| TelemetryError::Bind { address, source })
}

/// Serves until shutdown.
pub async fn serve(
    listener: tokio::net::TcpListener,
    router: Router,
    shutdown: Shutdown,
) -> Result<(), TelemetryError> {
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
        .map_err(TelemetryError::Serve)
}
