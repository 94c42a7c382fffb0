//! The stage of a fault test: a broker, load, and replicas that can be killed.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::{Money, TopicKind};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tests::agreement::{assert_nothing_is_missing, assert_published_equals_brute_force};
use tests::broker::{TestBroker, real_brokers};
use tests::growth::Growth;
use tests::oracle::Rules;
use tests::process::{self, Service};

/// Longest wait for anything: several sessions and transaction timeouts.
pub const PATIENCE: Duration = Duration::from_mins(2);
/// Receipts a second.
const RATE: &str = "1500/s";

/// As the service is started.
const RULES: Rules =
    Rules { window_ms: 2_000, slide_ms: 1_000, delay_ms: 1_000, top: 5, expensive_over: Money::from_minor(50_000) };
const WINDOWS: [&str; 6] = ["--window", "2s", "--slide", "1s", "--watermark-delay", "1s"];
const BY_THE_LOG: [&str; 4] = ["--idle-after", "off", "--max-ahead", "off"];

/// How replicas are known to the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// By `--instance-id`.
    Static,
    /// By what the broker gives them.
    Dynamic,
}

/// A broker with nothing on it yet.
pub struct Stage {
    pub broker: TestBroker,
    pub random: StdRng,
    /// What all replicas are told besides.
    more: &'static [&'static str],
}

/// The real broker; without one, says why nothing is tested.
pub fn real_broker(test: &str) -> Option<Stage> {
    if real_brokers().is_none() {
        println!(
            "{test}: not tested, for KAFKA_BROKERS names no real Kafka, and the embedded broker has no transactions"
        );
        return None;
    }
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed =
        std::env::var("FAULTS_SEED").ok().map_or(u64::from(since_epoch.subsec_nanos()), |seed| seed.parse().unwrap());
    println!("{test}: FAULTS_SEED={seed}");
    Some(Stage { broker: TestBroker::start(&format!("faults-{test}")), random: StdRng::seed_from_u64(seed), more: &[] })
}

impl Stage {
    /// With flags that all replicas are given.
    pub fn with(self, more: &'static [&'static str]) -> Self {
        Stage { more, ..self }
    }

    fn flags(&self, more: &[&[&str]]) -> Vec<String> {
        let more = more.iter().copied().flatten().map(|&flag| flag.to_owned());
        self.broker.flags().into_iter().chain(more).collect()
    }

    pub fn growth(&self) -> Growth<'_> {
        Growth::of(&self.broker)
    }

    /// Receipts, disorderly, until the service is stopped.
    pub fn load(&mut self) -> Service {
        let seed: u32 = self.random.random();
        let seed = seed.to_string();
        let disorder = ["--jitter", "1s", "--late", "1%", "--malformed", "0.5%", "--duplicate", "1%", "--seed", &seed];
        let steady = ["--rate", RATE, "--catalogue", "builtin"];
        let arguments = ["receipts".to_owned()].into_iter().chain(self.flags(&[&steady, &disorder]));
        let load = Service::start("producer", &arguments.collect::<Vec<_>>());
        self.growth().wait_for(TopicKind::Receipts, 1, PATIENCE);
        load
    }

    /// A replica; `name` is its `--instance-id` if it is a static member.
    pub fn replica(&self, membership: Membership, name: &str) -> Service {
        let id = ["--instance-id", name];
        self.start(if membership == Membership::Static { &id } else { &[] }, "off")
    }

    /// A dynamic replica that shows its metrics.
    pub fn measured_replica(&self, http: SocketAddr) -> Service {
        self.start(&[], &http.to_string())
    }

    fn start(&self, id: &[&str], http: &str) -> Service {
        Service::start("stream-analytics", &self.flags(&[&WINDOWS, &BY_THE_LOG, &["--http", http], self.more, id]))
    }

    /// Waits for a moment that no one knows beforehand: until a random number of receipts more is there.
    pub fn random_moment(&mut self) {
        let receipts = self.random.random_range(1..3_000);
        self.growth().wait_for(TopicKind::Receipts, receipts, PATIENCE);
    }

    /// Waits until results are published again.
    pub fn results(&self, more: i64) {
        self.growth().wait_for(TopicKind::TopStores, more, PATIENCE);
    }

    /// Ends load and replicas gracefully, publishes what is left, and compares everything with both brute-force folds.
    pub fn agrees(self, load: Service, replicas: Vec<Service>) {
        Self::ends(load, replicas);
        self.ends_in_agreement();
    }

    /// As [`Self::agrees`], but receipts and windows may be there more than once.
    pub fn lacks_nothing(self, load: Service, replicas: Vec<Service>) {
        Self::ends(load, replicas);
        self.publish_the_rest();
        assert_nothing_is_missing(&self.broker, RULES);
    }

    fn ends(load: Service, replicas: Vec<Service>) {
        load.signal("TERM");
        assert_eq!(load.ended(PATIENCE), Some(0), "the load");
        for replica in replicas {
            replica.signal("TERM");
            assert_eq!(replica.ended(PATIENCE), Some(0), "a replica that is stopped");
        }
    }

    fn publish_the_rest(&self) {
        let last = self.flags(&[&WINDOWS, &BY_THE_LOG, &["--http", "off", "--until-end"], self.more]);
        let output = process::run("stream-analytics", &last, PATIENCE);
        assert!(output.status.success(), "{}", process::last_error_line(&output));
    }

    /// Publishes what is left, and compares everything.
    pub fn ends_in_agreement(self) {
        self.publish_the_rest();
        assert_published_equals_brute_force(&self.broker, RULES);

        let arguments = ["verify".to_owned()].into_iter().chain(self.flags(&[&BY_THE_LOG]));
        let output = process::run("stream-analytics", &arguments.collect::<Vec<_>>(), PATIENCE);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", process::last_error_line(&output));
        println!("{text}");
    }
}
