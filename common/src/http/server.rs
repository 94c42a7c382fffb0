//! Accepts connections within bounds. `axum::serve` has none: neither on their number nor on the time for a request's
//! head nor on a peer that has stopped reading.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::shutdown::Shutdown;

/// More wait in the listener's queue.
const MAX_CONNECTIONS: usize = 1_024;
/// For the head of a request, and so also for a kept connection that asks nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// A peer that has not taken what was sent for so long is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest head of a request.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// How long answers that have begun may take after shutdown.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);
/// After the process has run out of file descriptors, say.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(200);

/// Serves until shutdown; then open answers are ended within [`DRAIN_TIMEOUT`].
pub(super) async fn serve(listener: TcpListener, routes: Router, shutdown: Shutdown) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD_BYTES);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            () = shutdown.cancelled() => break,
        };
        let (stream, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted for the moment");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(routes.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended badly");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::debug!("connections are cut that did not end in time");
    }
}

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    SockRef::from(&stream).set_tcp_user_timeout(Some(SEND_TIMEOUT))?;
    Ok((stream, permit))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::SocketAddr;

    use axum::routing::get;

    use super::*;

    /// The first line of the answer to a request with a head of this size and more.
    fn ask(address: SocketAddr, head_bytes: usize) -> String {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nhost: a\r\ncookie: {}\r\n\r\n", "x".repeat(head_bytes)).unwrap();
        let mut answer = [0; 1024];
        let length = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).lines().next().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn a_head_beyond_the_bound_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let routes = Router::new().route("/", get(|| async { "hello" }));
        let serving = tokio::spawn(serve(listener, routes, shutdown.clone()));
        let answers = tokio::task::spawn_blocking(move || [1_000, MAX_HEAD_BYTES].map(|bytes| ask(address, bytes)));
        assert_eq!(answers.await.unwrap(), ["HTTP/1.1 200 OK", "HTTP/1.1 431 Request Header Fields Too Large"]);
        shutdown.cancel();
        serving.await.unwrap();
    }
}
