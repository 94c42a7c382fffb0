//! Asks services over HTTP, as a scraper or a probe does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP's status.
    pub status: u16,
    /// The head's lines after the first.
    pub headers: String,
    /// The body.
    pub body: String,
}

/// An address that nobody listens on.
///
/// # Panics
/// The machine has none.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Asks for a path; `None` if nobody answers.
pub fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let (first, headers) = head.split_once("\r\n")?;
    let status = first.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, headers: headers.to_lowercase(), body: body.to_owned() })
}

/// Asks until the answer is as wanted.
///
/// # Panics
/// It does not become so in time.
#[track_caller]
pub fn get_until(address: SocketAddr, path: &str, patience: Duration, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let started = Instant::now();
    loop {
        let answer = get(address, path);
        if let Some(answer) = answer.as_ref().filter(|answer| wanted(answer)) {
            return answer.clone();
        }
        assert!(started.elapsed() < patience, "{path} not as wanted within {patience:?}, but {answer:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until a replica shows a metric so.
///
/// # Panics
/// It does not in time.
pub fn wait_for_metric(replica: SocketAddr, patience: Duration, name: &str, wanted: impl Fn(u64) -> bool) -> u64 {
    let value = |answer: &Answer| -> Option<u64> {
        answer.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    };
    let answer = get_until(replica, "/metrics", patience, |answer| value(answer).is_some_and(&wanted));
    value(&answer).expect("as wanted")
}
