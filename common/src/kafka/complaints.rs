//! What of librdkafka's complaints is news. A broker that is away is complained of by each client, each thread of it, and
//! twice a second: it is one failure, and is told once, with its end.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A failure that lasts is complained of at least every thirty seconds. What was quiet for longer is over.
const OVER_AFTER: Duration = Duration::from_mins(1);
/// Failures that are remembered; more at once than any cluster has brokers.
const MOST: usize = 256;

/// Failures that last, of all clients of the process.
static LASTING: Mutex<Option<Complaints>> = Mutex::new(None);

/// What a complaint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A broker that cannot be reached.
    Connection,
    /// Anything else.
    Other,
}

/// Whether the complaint is to be told: nobody in this process has made it in the last minute.
pub(super) fn is_news(kind: Kind, subject: &str) -> bool {
    let mut lasting = LASTING.lock().unwrap_or_else(PoisonError::into_inner);
    lasting.get_or_insert_default().is_news(kind, subject, Instant::now())
}

/// A client saw at `seen` that all brokers it needs are connected. Gives how long that was not so, if it was complained of.
pub(super) fn connected(seen: SystemTime) -> Option<Duration> {
    let age = seen.elapsed().unwrap_or_default();
    let now = Instant::now();
    let mut lasting = LASTING.lock().unwrap_or_else(PoisonError::into_inner);
    lasting.as_mut()?.connected(now.checked_sub(age)?, now)
}

#[derive(Debug, Default)]
struct Complaints(HashMap<String, Lasting>);

#[derive(Debug)]
struct Lasting {
    kind: Kind,
    since: Instant,
    last: Instant,
}

impl Complaints {
    fn is_news(&mut self, kind: Kind, subject: &str, now: Instant) -> bool {
        if let Some(lasting) = self.0.get_mut(subject) {
            let over = now.saturating_duration_since(lasting.last) > OVER_AFTER;
            lasting.last = now;
            if over {
                lasting.since = now;
            }
            return over;
        }
        if self.0.len() >= MOST {
            self.0.retain(|_, lasting| now.saturating_duration_since(lasting.last) <= OVER_AFTER);
        }
        if self.0.len() < MOST {
            self.0.insert(subject.to_owned(), Lasting { kind, since: now, last: now });
        }
        true
    }

    /// What was seen before the last complaint says nothing about it.
    fn connected(&mut self, seen: Instant, now: Instant) -> Option<Duration> {
        let of_connection = |lasting: &Lasting| lasting.kind == Kind::Connection;
        if self.0.values().any(|lasting| of_connection(lasting) && lasting.last >= seen) {
            return None;
        }
        let over = self.0.extract_if(|_, lasting| of_connection(lasting)).map(|(_, lasting)| lasting);
        let lately = over.filter(|lasting| now.saturating_duration_since(lasting.last) <= OVER_AFTER);
        lately.map(|lasting| now.saturating_duration_since(lasting.since)).max()
    }
}

#[cfg(test)]
mod tests {
    use super::Kind::{Connection, Other};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_failure_that_lasts_is_news_once_and_again_when_it_comes_back() {
        let (mut complaints, began) = (Complaints::default(), Instant::now());
        assert!(complaints.is_news(Connection, "a:1", began));
        for second in 1..200 {
            assert!(!complaints.is_news(Connection, "a:1", began + second * SECOND), "after {second} s");
        }
        assert!(complaints.is_news(Connection, "b:1", began + 200 * SECOND));
        assert!(complaints.is_news(Connection, "a:1", began + 300 * SECOND));
    }

    #[test]
    fn its_end_is_told_once_with_how_long_it_lasted() {
        let (mut complaints, began) = (Complaints::default(), Instant::now());
        assert!(complaints.is_news(Connection, "a:1", began));
        assert!(!complaints.is_news(Connection, "a:1", began + 40 * SECOND));
        let seen = |seconds: u32| began + seconds * SECOND;
        assert_eq!(complaints.connected(seen(39), seen(41)), None, "seen before the last complaint");
        assert_eq!(complaints.connected(seen(42), seen(43)), Some(43 * SECOND));
        assert_eq!(complaints.connected(seen(47), seen(48)), None);
        assert!(complaints.is_news(Connection, "a:1", seen(50)), "the next time it is a new failure");
    }

    #[test]
    fn a_connection_ends_no_other_complaint() {
        let (mut complaints, began) = (Complaints::default(), Instant::now());
        assert!(complaints.is_news(Other, "GETPID", began));
        assert_eq!(complaints.connected(began + SECOND, began + SECOND), None);
        assert!(!complaints.is_news(Other, "GETPID", began + 2 * SECOND));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut complaints, began) = (Complaints::default(), Instant::now());
        for number in 0..10 * MOST {
            assert!(complaints.is_news(Other, &number.to_string(), began));
        }
        assert_eq!(complaints.0.len(), MOST);
        assert!(complaints.is_news(Other, "later", began + 2 * OVER_AFTER));
        assert_eq!(complaints.0.len(), 1);
    }
}
