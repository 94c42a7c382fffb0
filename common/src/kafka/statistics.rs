//! librdkafka's own statistics as metrics: what a client's connections and queues are like, which nobody else can tell.
//!
//! librdkafka writes a JSON document every [`STATISTICS_INTERVAL_MS`] and hands it over in a poll; of its thousands of
//! fields, those are read that say whether the brokers, the network or the queues are the trouble.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use serde::Deserialize;

use super::complaints;
use crate::telemetry::{GaugeVec, IntCounter, IntCounterVec, Metrics};

/// For `statistics.interval.ms`.
pub const STATISTICS_INTERVAL_MS: &str = "5000";
/// A consumer's fetches are answered many times a second, with or without records: a broker that says nothing for so long,
/// microseconds, cannot be reached.
const SILENT_FOR_US: i64 = 2_000_000;

const MICROS_PER_SECOND: f64 = 1e6;

/// The metrics of all clients of a service.
#[derive(Debug, Clone)]
pub struct ClientMetrics {
    broker_up: GaugeVec,
    round_trip_mean: GaugeVec,
    round_trip_p99: GaugeVec,
    send_queue_records: GaugeVec,
    send_queue_bytes: GaugeVec,
    read_ahead_records: GaugeVec,
    read_ahead_bytes: GaugeVec,
    sent_bytes: IntCounterVec,
    received_bytes: IntCounterVec,
    send_errors: IntCounterVec,
    receive_errors: IntCounterVec,
    request_retries: IntCounterVec,
    request_timeouts: IntCounterVec,
    disconnects: IntCounterVec,
}

impl ClientMetrics {
    /// Registers them.
    pub fn new(metrics: &Metrics) -> Self {
        let (client, broker) = (["client"], ["client", "broker"]);
        let gauge = |name: &str, help: &str| metrics.gauges(name, help, &client);
        let broker_gauge = |name: &str, help: &str| metrics.gauges(name, help, &broker);
        let counter = |name: &str, help: &str| metrics.counters(name, help, &client);
        ClientMetrics {
            broker_up: broker_gauge(
                "retail_kafka_client_broker_up",
                "1 if the client has a connection to the broker, 0 if it needs one and has none.",
            ),
            round_trip_mean: broker_gauge(
                "retail_kafka_client_round_trip_mean_seconds",
                "Mean time from a request to the broker's answer, over the statistics' interval.",
            ),
            round_trip_p99: broker_gauge(
                "retail_kafka_client_round_trip_p99_seconds",
                "99th percentile of the time from a request to the broker's answer, over the statistics' interval.",
            ),
            send_queue_records: gauge(
                "retail_kafka_client_send_queue_records",
                "Records that wait to be sent or acknowledged.",
            ),
            send_queue_bytes: gauge(
                "retail_kafka_client_send_queue_bytes",
                "Size of the records that wait to be sent or acknowledged.",
            ),
            read_ahead_records: gauge(
                "retail_kafka_client_read_ahead_records",
                "Records that were fetched and not yet taken.",
            ),
            read_ahead_bytes: gauge(
                "retail_kafka_client_read_ahead_bytes",
                "Size of the records that were fetched and not yet taken.",
            ),
            sent_bytes: counter("retail_kafka_client_sent_bytes_total", "Bytes sent to brokers."),
            received_bytes: counter("retail_kafka_client_received_bytes_total", "Bytes received from brokers."),
            send_errors: counter("retail_kafka_client_send_errors_total", "Requests that could not be sent."),
            receive_errors: counter("retail_kafka_client_receive_errors_total", "Answers that could not be received."),
            request_retries: counter("retail_kafka_client_request_retries_total", "Requests that were sent again."),
            request_timeouts: counter(
                "retail_kafka_client_request_timeouts_total",
                "Requests that no broker answered in time.",
            ),
            disconnects: counter("retail_kafka_client_disconnects_total", "Connections to brokers that were lost."),
        }
    }

    /// For one client; `name` is the label.
    pub fn client(&self, name: impl Into<String>) -> ClientStatistics {
        let name = name.into();
        let counter = |family: &IntCounterVec| Absolute::new(family.with_label_values(&[&name]));
        let last = Last {
            brokers: BTreeSet::new(),
            sent_bytes: counter(&self.sent_bytes),
            received_bytes: counter(&self.received_bytes),
            send_errors: counter(&self.send_errors),
            receive_errors: counter(&self.receive_errors),
            request_retries: counter(&self.request_retries),
            request_timeouts: counter(&self.request_timeouts),
            disconnects: counter(&self.disconnects),
        };
        ClientStatistics {
            metrics: self.clone(),
            name,
            last: Mutex::new(last),
            connected: AtomicBool::new(false),
            stranded: AtomicBool::new(false),
            unreached: Mutex::default(),
        }
    }
}

/// Turns one client's documents into metrics. Its gauges go with it.
#[derive(Debug)]
pub struct ClientStatistics {
    metrics: ClientMetrics,
    name: String,
    last: Mutex<Last>,
    connected: AtomicBool,
    stranded: AtomicBool,
    unreached: Mutex<Unreached>,
}

/// Partitions by topic.
type Partitions = HashMap<String, HashSet<i32>>;

/// Partitions whose end the client does not know.
#[derive(Debug, Default)]
struct Unreached {
    /// It knows of no leader.
    leaderless: Partitions,
    /// These, and those whose leader does not answer.
    out_of_reach: Partitions,
}

/// What is remembered from document to document.
#[derive(Debug)]
struct Last {
    brokers: BTreeSet<String>,
    sent_bytes: Absolute,
    received_bytes: Absolute,
    send_errors: Absolute,
    receive_errors: Absolute,
    request_retries: Absolute,
    request_timeouts: Absolute,
    disconnects: Absolute,
}

/// A counter that is fed with totals. The next client of the name counts on from there.
#[derive(Debug)]
struct Absolute {
    counter: IntCounter,
    total: u64,
}

impl Absolute {
    fn new(counter: IntCounter) -> Self {
        Absolute { counter, total: 0 }
    }

    fn reach(&mut self, total: u64) {
        self.counter.inc_by(total.saturating_sub(self.total));
        self.total = self.total.max(total);
    }
}

/// The fields that are read.
#[derive(Debug, Deserialize)]
struct Document {
    /// Seconds since 1970.
    time: u64,
    msg_cnt: u64,
    msg_size: u64,
    brokers: BTreeMap<String, Broker>,
    topics: BTreeMap<String, Topic>,
    tx_bytes: u64,
    rx_bytes: u64,
}

#[derive(Debug, Deserialize)]
struct Broker {
    nodeid: i32,
    source: String,
    state: String,
    txerrs: u64,
    txretries: u64,
    req_timeouts: u64,
    rxerrs: u64,
    disconnects: u64,
    /// Microseconds since the connection brought anything; negative without one.
    rxidle: i64,
    rtt: Window,
}

/// Microseconds, over the last interval.
#[derive(Debug, Deserialize)]
struct Window {
    avg: f64,
    p99: f64,
    cnt: u64,
}

#[derive(Debug, Deserialize)]
struct Topic {
    partitions: BTreeMap<String, Partition>,
}

#[derive(Debug, Deserialize)]
struct Partition {
    #[serde(rename = "partition")]
    id: i32,
    /// That it is read from.
    broker: i32,
    fetchq_cnt: u64,
    fetchq_size: u64,
}

impl Document {
    fn unreached(&self) -> Unreached {
        let answering = self.brokers.values().filter(|broker| broker.is_of_the_cluster() && broker.answers());
        let answering: HashSet<i32> = answering.map(|broker| broker.nodeid).collect();
        Unreached {
            leaderless: self.partitions(|one| one.broker < 0),
            out_of_reach: self.partitions(|one| !answering.contains(&one.broker)),
        }
    }

    fn partitions(&self, are: impl Fn(&Partition) -> bool) -> Partitions {
        let of = |topic: &Topic| topic.partitions.values().filter(|one| are(one)).map(|one| one.id).collect();
        self.topics.iter().map(|(name, topic)| (name.clone(), of(topic))).collect()
    }
}

impl Broker {
    fn is_up(&self) -> bool {
        self.state == "UP" || self.state == "UPDATE"
    }

    fn answers(&self) -> bool {
        self.is_up() && (0..SILENT_FOR_US).contains(&self.rxidle)
    }

    /// librdkafka connects to a broker when it first has to.
    fn is_unneeded(&self) -> bool {
        self.state == "INIT"
    }

    /// The connection to a coordinator has the address of one of these.
    fn leads_to_the_cluster(&self) -> bool {
        self.source == "learned" || self.source == "configured"
    }

    /// Not an address to start from, nor the connection to whichever broker coordinates the group.
    fn is_of_the_cluster(&self) -> bool {
        self.source == "learned" && self.nodeid >= 0
    }
}

impl ClientStatistics {
    /// Whether the client had a connection to any broker when it last looked.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Whether the client knew no broker when it last looked, nor an address to start from. Gives it once for each look.
    pub(super) fn take_stranded(&self) -> bool {
        self.stranded.swap(false, Ordering::Relaxed)
    }

    /// Whether the broker that a consumer reads the partition from did not answer when the client last looked: what the
    /// partition's end is, nobody knows.
    pub fn is_out_of_reach(&self, topic: &str, partition: i32) -> bool {
        self.is_among(topic, partition, |unreached| &unreached.out_of_reach)
    }

    /// Whether the consumer knew of no leader of the partition when it last looked.
    pub fn has_no_leader(&self, topic: &str, partition: i32) -> bool {
        self.is_among(topic, partition, |unreached| &unreached.leaderless)
    }

    fn is_among(&self, topic: &str, partition: i32, these: impl Fn(&Unreached) -> &Partitions) -> bool {
        let unreached = self.unreached.lock().unwrap_or_else(PoisonError::into_inner);
        these(&unreached).get(topic).is_some_and(|partitions| partitions.contains(&partition))
    }

    /// Takes in a document, from `ClientContext::stats_raw`.
    pub fn observe(&self, json: &[u8]) {
        match serde_json::from_slice::<Document>(json) {
            Ok(document) => self.publish(&document),
            Err(error) => tracing::debug!(%error, client = self.name, "librdkafka's statistics cannot be read"),
        }
    }

    fn publish(&self, document: &Document) {
        let connected = document.brokers.values().any(Broker::is_up);
        self.connected.store(connected, Ordering::Relaxed);
        let stranded = !document.brokers.values().any(Broker::leads_to_the_cluster);
        self.stranded.store(stranded, Ordering::Relaxed);
        *self.unreached.lock().unwrap_or_else(PoisonError::into_inner) = document.unreached();
        let missed = |broker: &Broker| broker.is_of_the_cluster() && !broker.is_up() && !broker.is_unneeded();
        if connected
            && !document.brokers.values().any(missed)
            && let Some(away) = complaints::connected(UNIX_EPOCH + Duration::from_secs(document.time))
        {
            tracing::info!(away_s = away.as_secs(), "the brokers can be reached again");
        }
        let (metrics, client) = (&self.metrics, self.name.as_str());
        let set = |family: &GaugeVec, value: u64| family.with_label_values(&[client]).set(value as f64);
        set(&metrics.send_queue_records, document.msg_cnt);
        set(&metrics.send_queue_bytes, document.msg_size);
        // Partitions that are forwarded to one queue all show that queue.
        let partitions = || document.topics.values().flat_map(|topic| topic.partitions.values());
        set(&metrics.read_ahead_records, partitions().map(|one| one.fetchq_cnt).max().unwrap_or(0));
        set(&metrics.read_ahead_bytes, partitions().map(|one| one.fetchq_size).max().unwrap_or(0));

        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |field: fn(&Broker) -> u64| document.brokers.values().map(field).sum();
        last.sent_bytes.reach(document.tx_bytes);
        last.received_bytes.reach(document.rx_bytes);
        last.send_errors.reach(sum(|broker| broker.txerrs));
        last.receive_errors.reach(sum(|broker| broker.rxerrs));
        last.request_retries.reach(sum(|broker| broker.txretries));
        last.request_timeouts.reach(sum(|broker| broker.req_timeouts));
        last.disconnects.reach(sum(|broker| broker.disconnects));

        let mut brokers = BTreeSet::new();
        for broker in document.brokers.values().filter(|broker| broker.is_of_the_cluster()) {
            let id = broker.nodeid.to_string();
            let labels = [client, &id];
            if broker.is_unneeded() {
                let _ = metrics.broker_up.remove_label_values(&labels);
            } else {
                metrics.broker_up.with_label_values(&labels).set(f64::from(u8::from(broker.is_up())));
            }
            if broker.rtt.cnt > 0 {
                metrics.round_trip_mean.with_label_values(&labels).set(broker.rtt.avg / MICROS_PER_SECOND);
                metrics.round_trip_p99.with_label_values(&labels).set(broker.rtt.p99 / MICROS_PER_SECOND);
            }
            brokers.insert(id);
        }
        let gone = std::mem::replace(&mut last.brokers, brokers);
        self.forget_brokers(gone.difference(&last.brokers));
    }

    fn forget_brokers<'a>(&self, gone: impl Iterator<Item = &'a String>) {
        for id in gone {
            for family in [&self.metrics.broker_up, &self.metrics.round_trip_mean, &self.metrics.round_trip_p99] {
                let _ = family.remove_label_values(&[&self.name, id]);
            }
        }
    }
}

impl Drop for ClientStatistics {
    fn drop(&mut self) {
        let brokers = std::mem::take(&mut self.last.get_mut().unwrap_or_else(PoisonError::into_inner).brokers);
        self.forget_brokers(brokers.iter());
        let ClientMetrics { send_queue_records, send_queue_bytes, read_ahead_records, read_ahead_bytes, .. } =
            &self.metrics;
        for family in [send_queue_records, send_queue_bytes, read_ahead_records, read_ahead_bytes] {
            let _ = family.remove_label_values(&[&self.name]);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(state: &str, bytes: u64) -> Vec<u8> {
        document_after(state, bytes, 40_000)
    }

    fn document_after(state: &str, bytes: u64, silence_us: i64) -> Vec<u8> {
        let broker = |nodeid: i32, source: &str| {
            json!({
                "nodeid": nodeid, "source": source, "state": state, "txerrs": 1, "txretries": 2, "req_timeouts": 3,
                "rxerrs": 0, "disconnects": 1, "rxidle": silence_us,
                "rtt": {"avg": 2_500, "p99": 9_000, "cnt": 4}, "unread": [1, 2],
            })
        };
        let queue = |partition: i32, broker: i32| json!({"partition": partition, "broker": broker, "fetchq_cnt": 7, "fetchq_size": 700});
        json!({
            "time": 0, "msg_cnt": 5, "msg_size": 500, "tx_bytes": bytes, "rx_bytes": 0, "name": "not read",
            "brokers": {"a:1/bootstrap": broker(-1, "configured"), "a:1/1": broker(1, "learned")},
            "topics": {"receipts": {"partitions": {"0": queue(0, 1), "1": queue(1, -1)}}},
        })
        .to_string()
        .into_bytes()
    }

    fn line(metrics: &Metrics, start: &str) -> Option<String> {
        metrics.render().lines().find(|line| line.starts_with(start)).map(str::to_owned)
    }

    #[test]
    fn what_matters_of_a_document_becomes_metrics() {
        let metrics = Metrics::new("test", "0");
        let client = ClientMetrics::new(&metrics).client("c");
        client.observe(&document("UP", 100));
        let value = |name: &str, labels: &str| {
            line(&metrics, &format!("retail_kafka_client_{name}{{{labels}}}"))
                .unwrap()
                .split(' ')
                .nth(1)
                .unwrap()
                .to_owned()
        };
        assert_eq!(value("broker_up", r#"broker="1",client="c""#), "1");
        assert_eq!(value("round_trip_mean_seconds", r#"broker="1",client="c""#), "0.0025");
        assert_eq!(value("round_trip_p99_seconds", r#"broker="1",client="c""#), "0.009");
        assert_eq!(value("send_queue_records", r#"client="c""#), "5");
        assert_eq!(value("read_ahead_records", r#"client="c""#), "7", "two partitions show one queue");
        assert_eq!(value("request_retries_total", r#"client="c""#), "4");
        assert!(client.is_connected());
        client.observe(&document("TRY_CONNECT", 100));
        assert!(!client.is_connected());
        assert_eq!(value("broker_up", r#"broker="1",client="c""#), "0");
        assert!(line(&metrics, r#"retail_kafka_client_broker_up{broker="-1""#).is_none());
    }

    #[test]
    fn a_partition_is_out_of_reach_while_its_broker_says_nothing() {
        let client = ClientMetrics::new(&Metrics::new("test", "0")).client("c");
        let out_of_reach = |document: &[u8]| {
            client.observe(document);
            [0, 1].map(|partition| client.is_out_of_reach("receipts", partition))
        };
        assert_eq!(out_of_reach(b"{}"), [false, false], "nothing is known yet");
        assert_eq!(out_of_reach(&document("UP", 0)), [false, true], "the second has no leader");
        assert_eq!(out_of_reach(&document_after("UP", 0, 2_500_000)), [true, true]);
        assert_eq!(out_of_reach(&document_after("TRY_CONNECT", 0, -1)), [true, true]);
        assert_eq!(out_of_reach(&document("UP", 0)), [false, true]);
        assert_eq!([0, 1].map(|partition| client.has_no_leader("receipts", partition)), [false, true]);
        assert!(!client.is_out_of_reach("another", 0));
    }

    #[test]
    fn counters_go_on_with_the_next_client_and_gauges_go_with_theirs() {
        let metrics = Metrics::new("test", "0");
        let families = ClientMetrics::new(&metrics);
        let bytes = r#"retail_kafka_client_sent_bytes_total{client="c"}"#;
        let first = families.client("c");
        first.observe(&document("UP", 100));
        first.observe(&document("UP", 150));
        drop(first);
        assert_eq!(line(&metrics, bytes), Some(format!("{bytes} 150")));
        assert_eq!(line(&metrics, "retail_kafka_client_broker_up{"), None);
        assert_eq!(line(&metrics, "retail_kafka_client_send_queue_records{"), None);
        families.client("c").observe(&document("UP", 30));
        assert_eq!(line(&metrics, bytes), Some(format!("{bytes} 180")));
    }

    #[test]
    fn a_client_whose_every_broker_is_forgotten_is_stranded_whatever_coordinator_it_has() {
        let client = ClientMetrics::new(&Metrics::new("test", "0")).client("c");
        client.observe(&document("TRY_CONNECT", 0));
        assert!(!client.take_stranded());
        let mut forgotten: serde_json::Value = serde_json::from_slice(&document("UP", 0)).unwrap();
        let mut coordinator = forgotten["brokers"]["a:1/1"].take();
        coordinator["source"] = json!("logical");
        forgotten["brokers"] = json!({ "GroupCoordinator": coordinator });
        client.observe(&serde_json::to_vec(&forgotten).unwrap());
        assert!(client.take_stranded());
        assert!(!client.take_stranded(), "told once");
    }

    #[test]
    fn a_document_that_cannot_be_read_changes_nothing() {
        let metrics = Metrics::new("test", "0");
        let client = ClientMetrics::new(&metrics).client("c");
        client.observe(b"{\"msg_cnt\":");
        assert!(!client.is_connected());
    }
}
