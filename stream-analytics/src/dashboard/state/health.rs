//! The figures of the health strip, from what the cluster answered.

use std::collections::VecDeque;

use common::EventTime;
use serde::Serialize;

use super::board::Board;
use super::refusals::Counts;

/// What one look at the cluster found. What could not be found out is `None`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    pub(crate) brokers: Brokers,
    /// Sum of the input topic's ends over its partitions.
    pub(crate) receipts_end: Option<i64>,
    /// How far the group's commits are behind those ends.
    pub(crate) receipts_lag: Option<i64>,
    /// The same for the internal topic.
    pub(crate) partials_lag: Option<i64>,
    pub(crate) group: Option<Group>,
}

/// The brokers that metadata names.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Brokers {
    pub(crate) reachable: bool,
    pub(crate) count: usize,
    /// Partitions of the input topic with a replica out of sync.
    pub(crate) under_replicated: usize,
    /// In the client's words.
    pub(crate) error: Option<String>,
}

/// The analytics' consumer group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    /// Processes: members with different client ids or addresses.
    pub(crate) replicas: usize,
    /// Members: every worker thread is one.
    pub(crate) workers: usize,
}

/// How a figure is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// As it should be.
    Ok,
    /// Look at it.
    Warn,
    /// Act.
    Bad,
    /// Not known.
    Unknown,
}

/// A figure and how to take it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure<T> {
    pub(crate) value: Option<T>,
    pub(crate) status: Status,
}

impl<T> Figure<T> {
    fn new(value: Option<T>, judge: impl FnOnce(&T) -> Status) -> Self {
        let status = value.as_ref().map_or(Status::Unknown, judge);
        Figure { value, status }
    }
}

/// The strip.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Health {
    now: EventTime,
    /// Growth of the input topic.
    receipts_per_second: Figure<f64>,
    /// Now less the end of the newest final window.
    window_delay_ms: Figure<i64>,
    /// That end: a page that knows the time can let the delay tick.
    newest_final_end: Option<EventTime>,
    /// Receipts not yet counted.
    lag: Figure<i64>,
    /// Sums not yet merged.
    merge_lag: Figure<i64>,
    /// Over the last hour; warns at one receipt in a hundred.
    late: Figure<u64>,
    /// Over the last hour; warns if there was one in the last five minutes.
    dead_letters: Figure<u64>,
    refused: Counts,
    replicas: Figure<usize>,
    workers: Option<usize>,
    brokers: Figure<Brokers>,
}

/// Over how long the rate of receipts is taken.
const RATE_SPAN_MS: i64 = 10_000;
/// A lag of less than this, or than ten seconds of receipts, is a batch on its way.
const LAG_ALLOWED: i64 = 1_000;
/// "Just now", for dead letters.
const RECENT_MINUTES: i64 = 5;
const HOUR_MINUTES: i64 = 60;

/// Follows the end of the input topic to tell its rate.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    // (monotonic milliseconds, end), the oldest first.
    ends: VecDeque<(i64, i64)>,
}

impl Rate {
    /// Takes an end in; records a second since about [`RATE_SPAN_MS`] ago, `None` with one end alone.
    pub(crate) fn observe(&mut self, at_ms: i64, end: i64) -> Option<f64> {
        // A topic made anew starts over.
        if self.ends.back().is_some_and(|(_, last)| end < *last) {
            self.ends.clear();
        }
        self.ends.push_back((at_ms, end));
        while self.ends.get(1).is_some_and(|(next_ms, _)| at_ms - next_ms >= RATE_SPAN_MS) {
            self.ends.pop_front();
        }
        let (first_ms, first) = *self.ends.front()?;
        #[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
        (at_ms > first_ms).then(|| (end - first) as f64 * 1000.0 / (at_ms - first_ms) as f64)
    }
}

impl Health {
    /// Judges a sample beside what the board knows.
    pub(crate) fn new(now: EventTime, sample: &Sample, rate: Option<f64>, board: &Board) -> Self {
        let newest_final_end = board.newest_final_end();
        let stale_after_ms = board.timing().stale_after_ms;
        let hour = board.refused(now, HOUR_MINUTES);
        let recent = board.refused(now, RECENT_MINUTES);
        let counted = board.receipts_counted();
        let judge_lag = |lag: &i64| if *lag > lag_allowed(rate) { Status::Warn } else { Status::Ok };
        let late = hour.late.saturating_add(hour.late_in_merge);
        let brokers = sample.brokers.clone();
        Health {
            now,
            receipts_per_second: Figure::new(rate, |_| Status::Ok),
            window_delay_ms: Figure::new(newest_final_end.map(|end| now.ms() - end.ms()), |delay_ms| {
                if *delay_ms > stale_after_ms { Status::Warn } else { Status::Ok }
            }),
            newest_final_end,
            lag: Figure::new(sample.receipts_lag, judge_lag),
            merge_lag: Figure::new(sample.partials_lag, judge_lag),
            late: Figure::new(Some(late), |late| {
                if *late > 0 && late.saturating_mul(100) >= counted { Status::Warn } else { Status::Ok }
            }),
            dead_letters: Figure::new(Some(hour.dead_letters), |_| {
                if recent.dead_letters > 0 { Status::Warn } else { Status::Ok }
            }),
            refused: hour,
            replicas: Figure::new(sample.group.map(|group| group.replicas), |replicas| {
                if *replicas == 0 { Status::Bad } else { Status::Ok }
            }),
            workers: sample.group.map(|group| group.workers),
            brokers: Figure::new(Some(brokers), |brokers| match (brokers.reachable, brokers.under_replicated) {
                (false, _) => Status::Bad,
                (true, 0) => Status::Ok,
                (true, _) => Status::Warn,
            }),
        }
    }

    /// As an event and as `/api/health`.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("figures have string keys and no fallible members")
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn lag_allowed(rate: Option<f64>) -> i64 {
    rate.map_or(LAG_ALLOWED, |rate| LAG_ALLOWED.max((rate * 10.0) as i64))
}

#[cfg(test)]
mod tests {
    use common::results::{Revenue, SalesTotals, Window};

    use super::super::record::{Reason, Record, Refused};
    use super::super::view::Timing;
    use super::*;

    fn at(second: i64) -> EventTime {
        EventTime::from_ms(second * 1000).unwrap()
    }

    fn board() -> Board {
        let mut board = Board::new(Timing::new(10_000, 10_000, 10_000));
        let window = Window { start: at(0), end: at(10) };
        board.apply(Record::SalesTotals(SalesTotals {
            window,
            r#final: true,
            revenue: Revenue(1),
            receipts: 1_000,
            units: 1,
            stores: 1,
        }));
        board
    }

    fn health(now_s: i64, sample: &Sample, board: &Board) -> Health {
        Health::new(at(now_s), sample, Some(100.0), board)
    }

    #[test]
    fn the_rate_is_the_growth_over_ten_seconds() {
        let mut rate = Rate::default();
        assert_eq!(rate.observe(0, 1_000), None);
        assert_eq!(rate.observe(2_000, 1_200), Some(100.0));
        for second in 2..=30 {
            rate.observe(second * 1_000, 1_200);
        }
        assert_eq!(rate.observe(31_000, 1_200), Some(0.0));
        assert!(rate.ends.len() < 15);
        assert_eq!(rate.observe(32_000, 5), None, "a topic made anew starts over");
    }

    #[test]
    fn a_delay_of_a_slide_or_two_is_usual_and_more_is_stale() {
        let delay = |now_s| health(now_s, &Sample::default(), &board()).window_delay_ms;
        assert_eq!((delay(30).value, delay(30).status), (Some(20_000), Status::Ok));
        assert_eq!(delay(51).status, Status::Warn);
    }

    #[test]
    fn ten_seconds_of_receipts_may_wait() {
        let lag = |lag| health(30, &Sample { receipts_lag: Some(lag), ..Sample::default() }, &board()).lag.status;
        assert_eq!((lag(1_000), lag(1_001)), (Status::Ok, Status::Warn));
        assert_eq!(lag_allowed(Some(1e9)), 10_000_000_000);
        assert_eq!(health(30, &Sample::default(), &board()).lag.status, Status::Unknown);
    }

    #[test]
    fn a_late_receipt_in_a_hundred_warns() {
        let mut board = board();
        let late = |receipts| {
            let message = String::new();
            Record::Refused(Refused {
                reason: Reason::Late,
                published_at: at(20),
                receipts,
                message: message.clone(),
                source: message,
            })
        };
        board.apply(late(9));
        assert_eq!(health(30, &Sample::default(), &board).late.status, Status::Ok);
        assert_eq!(health(30, &Sample::default(), &board).dead_letters.status, Status::Warn);
        assert_eq!(health(600, &Sample::default(), &board).dead_letters.status, Status::Ok);
        board.apply(late(1));
        assert_eq!(health(30, &Sample::default(), &board).late.status, Status::Warn);
    }

    #[test]
    fn no_broker_is_bad_and_so_is_no_replica() {
        let group = Some(Group { replicas: 0, workers: 0 });
        let health = health(30, &Sample { group, ..Sample::default() }, &board());
        assert_eq!((health.brokers.status, health.replicas.status), (Status::Bad, Status::Bad));
    }
}
