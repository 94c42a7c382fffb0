//! HTTP, the same in every service: what it serves is read-only, and what a client may take is bounded.
//!
//! [`bind`] takes the port at start, [`serve`] accepts connections within limits and puts the security headers on every
//! answer.

mod address;
mod limits;
mod server;

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

pub use address::HttpAddress;
pub use limits::guard;

use crate::shutdown::Shutdown;

/// The address is taken or not this machine's.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({source}): free the port or choose another with --http (or off)")]
pub struct BindError {
    address: SocketAddr,
    source: std::io::Error,
}

/// Binds `address`: a taken port is an error at start, not later.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
}

/// Serves the routes, [guarded](guard), until shutdown; then open answers are ended within three seconds.
pub async fn serve(listener: TcpListener, routes: Router, shutdown: Shutdown) {
    server::serve(listener, guard(routes), shutdown).await;
}
