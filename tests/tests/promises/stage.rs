//! A broker with receipts on it, and the service as a program.

use std::process::Output;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::{Money, TopicKind};
use tests::agreement::assert_published_equals_brute_force;
use tests::broker::{TestBroker, real_brokers};
use tests::growth::Growth;
use tests::oracle::Rules;
use tests::process::{self, Service};
use tests::topic::{ReadRecord, read};

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_mins(2);
/// Longest wait for a service that was asked to stop: several times what it allows itself.
const STOPS_WITHIN: Duration = Duration::from_secs(30);
/// Length of the windows, which do not overlap.
pub const WINDOW_MS: i64 = 2_000;

/// Topics that the service writes.
pub const WRITTEN: [TopicKind; 7] = [
    TopicKind::Partials,
    TopicKind::TopStores,
    TopicKind::SalesTotals,
    TopicKind::PopularItems,
    TopicKind::ExpensiveReceipts,
    TopicKind::ReceiptsDeadLetter,
    TopicKind::PartialsDeadLetter,
];

/// How the service is started, but for what a test says.
const DEFAULTS: [[&str; 2]; 6] = [
    ["--window", "2s"],
    ["--slide", "2s"],
    ["--watermark-delay", "0ms"],
    ["--idle-after", "off"],
    ["--max-ahead", "off"],
    ["--http", "off"],
];
/// What comes of it.
pub const RULES: Rules =
    Rules { window_ms: WINDOW_MS, slide_ms: WINDOW_MS, delay_ms: 0, top: 5, expensive_over: Money::from_minor(50_000) };

/// A broker with nothing on it yet.
pub struct Stage {
    pub broker: TestBroker,
}

impl Stage {
    /// On the embedded broker, or the real one if there is one.
    pub fn any(test: &str) -> Self {
        Stage { broker: TestBroker::start(&format!("promises-{test}")) }
    }

    /// On a real broker; without one, says that nothing is tested.
    pub fn real(test: &str) -> Option<Self> {
        if real_brokers().is_none() {
            println!("{test}: not tested, for KAFKA_BROKERS names no real Kafka");
            return None;
        }
        Some(Self::any(test))
    }

    /// The flags: what a test says instead of the defaults.
    pub fn flags(&self, said: &[&str]) -> Vec<String> {
        let defaults = DEFAULTS.iter().filter(|[flag, _]| !said.contains(flag)).flatten();
        self.broker.flags().into_iter().chain(defaults.chain(said).map(|&flag| flag.to_owned())).collect()
    }

    /// Runs the service to its end.
    pub fn run(&self, said: &[&str]) -> Output {
        process::run("stream-analytics", &self.flags(said), PATIENCE)
    }

    /// As [`Self::run`], while the test goes on.
    pub fn run_beside(&self, said: &[&str]) -> JoinHandle<Output> {
        let flags = self.flags(said);
        std::thread::spawn(move || process::run("stream-analytics", &flags, PATIENCE))
    }

    /// Runs the service until the end, which must succeed.
    pub fn until_end(&self, said: &[&str]) {
        let output = self.run(&[&["--until-end"], said].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs the service, which must end by itself with this status and a last line that says so much.
    pub fn fails(&self, said: &[&str], status: i32, hints: &[&str]) {
        assert_failed(&self.run(said), status, hints);
    }

    /// Starts the service.
    pub fn start(&self, said: &[&str]) -> Service {
        Service::start("stream-analytics", &self.flags(said))
    }

    /// Waits until a topic has at least so many committed offsets.
    pub fn wait_for(&self, kind: TopicKind, offsets: i64) {
        Growth::of(&self.broker).wait_until(kind, offsets, PATIENCE);
    }

    /// Waits until a topic's committed records are so.
    #[track_caller]
    pub fn wait_until(&self, kind: TopicKind, wanted: impl Fn(&[ReadRecord]) -> bool) {
        let started = Instant::now();
        loop {
            let records = self.read(kind);
            if wanted(&records) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {records:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until so many windows are published.
    #[track_caller]
    pub fn wait_for_windows(&self, windows: usize) {
        self.wait_until(TopicKind::TopStores, |records| records.len() >= windows);
    }

    /// Full name of a topic.
    pub fn name(&self, kind: TopicKind) -> String {
        self.broker.topics().name(kind)
    }

    /// All committed records of a topic.
    pub fn read(&self, kind: TopicKind) -> Vec<ReadRecord> {
        read(&self.broker, kind)
    }

    /// Keys of a topic's records, sorted.
    pub fn keys(&self, kind: TopicKind) -> Vec<String> {
        let mut keys: Vec<String> = self.read(kind).into_iter().map(|record| record.key).collect();
        keys.sort();
        keys
    }

    /// Everything is published once and right.
    #[track_caller]
    pub fn agrees(&self) {
        assert_published_equals_brute_force(&self.broker, RULES);
        assert_eq!(self.read(TopicKind::PartialsDeadLetter), []);
    }
}

/// It ended by itself with this status and a last line that says so much.
#[track_caller]
pub fn assert_failed(output: &Output, status: i32, hints: &[&str]) {
    let line = process::last_error_line(output);
    assert_eq!(output.status.code(), Some(status), "{line}");
    assert!(line.starts_with("error: "), "{line}");
    for hint in hints {
        assert!(line.contains(hint), "{line:?} does not say {hint:?}");
    }
}

/// Asks a service to stop, and demands that it does so as it should.
#[track_caller]
pub fn stop(service: Service) {
    service.signal("TERM");
    assert_eq!(service.ended(STOPS_WITHIN), Some(0), "within {STOPS_WITHIN:?}, with status 0");
}
