//! The question that a container's health check asks: `SERVICE health`. The binary asks its own running service, so that
//! an image needs no HTTP client beside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::exit::ExitStatus;
use crate::http::HttpAddress;
use crate::parse_duration;

/// What is read of an answer; a probe's is one line.
const MAX_ANSWER_BYTES: usize = 4 << 10;

/// Flags of `SERVICE health`.
#[derive(Debug, Clone, clap::Args)]
pub struct HealthArgs {
    /// Where the running service listens: what its own --http says; 0.0.0.0 is asked on loopback [default: the service's]
    #[arg(long, env = "RETAIL_HTTP", value_name = "IP:PORT")]
    pub http: Option<HttpAddress>,
    /// Ask whether it is ready (at work and caught up), not only whether it is alive
    #[arg(long)]
    pub ready: bool,
    /// How long to wait for the answer
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = parse_duration)]
    pub timeout: Duration,
}

/// Why the service is not known to be healthy.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// There is no address to ask.
    #[error("the service's --http is off, so nothing can be asked: give the address that it listens on with --http")]
    Off,
    /// Nothing listens, or something else does.
    #[error("{url} cannot be asked ({reason}): check that the service runs and listens there")]
    Unreachable {
        /// What was asked.
        url: String,
        /// In the system's words.
        reason: String,
    },
    /// No answer in time.
    #[error("{url} has not answered within {} ms", waited.as_millis())]
    TimedOut {
        /// What was asked.
        url: String,
        /// So long.
        waited: Duration,
    },
    /// It answers that something is wrong.
    #[error("{url} answers {}: {reason}", status.as_u16())]
    Unhealthy {
        /// What was asked.
        url: String,
        /// HTTP's.
        status: StatusCode,
        /// In the service's words.
        reason: String,
    },
}

impl ExitStatus for HealthError {
    fn exit_status(&self) -> u8 {
        1
    }
}

/// Asks the service and prints its answer; `default` is where it listens unless it is told otherwise.
///
/// # Errors
/// Anything but the answer that all is well.
pub async fn ask(args: HealthArgs, default: HttpAddress) -> Result<(), HealthError> {
    let address = reachable(args.http.unwrap_or(default).0.ok_or(HealthError::Off)?);
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let url = format!("http://{address}{path}");
    let answer = tokio::time::timeout(args.timeout, get(address, path))
        .await
        .map_err(|_| HealthError::TimedOut { url: url.clone(), waited: args.timeout })?;
    let (status, answer) =
        answer.map_err(|error| HealthError::Unreachable { url: url.clone(), reason: error.to_string() })?;
    let answer = answer.trim();
    if status != StatusCode::OK {
        return Err(HealthError::Unhealthy { url, status, reason: answer.to_owned() });
    }
    println!("{answer}");
    Ok(())
}

/// Where to ask a service that listens on all addresses.
fn reachable(mut listening: SocketAddr) -> SocketAddr {
    if listening.ip().is_unspecified() {
        listening.set_ip(match listening.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listening
}

async fn get(address: SocketAddr, path: &str) -> Result<(StatusCode, String), axum::BoxError> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake::<_, Body>(TokioIo::new(stream)).await?;
    // It carries the request and ends with the sender.
    tokio::spawn(connection);
    let request = Request::get(path).header(header::HOST, address.to_string()).body(Body::empty())?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let answer = to_bytes(Body::new(body), MAX_ANSWER_BYTES).await?;
    Ok((head.status, String::from_utf8_lossy(&answer).into_owned()))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;

    use super::*;

    const OFF: HttpAddress = HttpAddress::OFF;

    fn args(http: &str, ready: bool) -> HealthArgs {
        HealthArgs { http: Some(http.parse().unwrap()), ready, timeout: Duration::from_secs(3) }
    }

    /// A service that is alive and not ready, on all addresses.
    async fn serve() -> u16 {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let routes = Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, "not ready: no partitions yet\n") }));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        port
    }

    #[tokio::test]
    async fn a_service_on_all_addresses_is_asked_on_loopback() {
        let port = serve().await;
        ask(args(&format!("0.0.0.0:{port}"), false), OFF).await.unwrap();
        assert_eq!(reachable("[::]:80".parse().unwrap()).to_string(), "[::1]:80");
        assert_eq!(reachable("10.0.0.7:80".parse().unwrap()).to_string(), "10.0.0.7:80");
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_in_one_line() {
        let port = serve().await;
        let line = ask(args(&format!("127.0.0.1:{port}"), true), OFF).await.unwrap_err().to_string();
        assert_eq!(line, format!("http://127.0.0.1:{port}/readyz answers 503: not ready: no partitions yet"));
        let nobody = ask(args("127.0.0.1:1", false), OFF).await.unwrap_err();
        assert!(matches!(nobody, HealthError::Unreachable { .. }), "{nobody}");
        let off = ask(args("off", false), OFF).await.unwrap_err();
        assert!(matches!(off, HealthError::Off), "{off}");
    }

    #[tokio::test]
    async fn a_service_that_accepts_and_says_nothing_is_not_waited_for() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut args = args(&silent.local_addr().unwrap().to_string(), false);
        args.timeout = Duration::from_millis(50);
        let error = ask(args, OFF).await.unwrap_err();
        assert!(matches!(error, HealthError::TimedOut { .. }), "{error}");
    }
}
