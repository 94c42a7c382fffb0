//! Clients that know no broker any more.
//!
//! A broker that has just come back may tell a client that the cluster has no brokers, for it is not in its own list yet.
//! librdkafka forgets all brokers then, and begins again with the addresses that it was given. If a second such answer arrives
//! meanwhile, it never does (<https://github.com/confluentinc/librdkafka/issues/5301>, open in 2.14): it stands still for good.
//! Whoever serves the client gives it the addresses once more. Nothing is lost or repeated by that: its queues stay.
#![allow(unsafe_code)]

use std::ffi::CString;

use rdkafka::bindings::rd_kafka_brokers_add;
use rdkafka::client::{Client, ClientContext};

use super::settings::KafkaSettings;
use super::statistics::ClientStatistics;

/// Helps a client that knew no broker when its statistics were last taken.
pub fn rescue<C: ClientContext>(client: &Client<C>, statistics: &ClientStatistics, settings: &KafkaSettings) {
    if statistics.take_stranded() {
        tracing::info!("the Kafka client had lost all its brokers: it looks for them from --brokers again");
        add_brokers(client, settings.brokers());
    }
}

fn add_brokers<C: ClientContext>(client: &Client<C>, brokers: &str) {
    let brokers = CString::new(brokers).expect("the client was made with these brokers, as a C string");
    // SAFETY: the handle is valid while the client is borrowed, may be used by any thread, and the string outlives the call,
    // which copies it.
    unsafe { rd_kafka_brokers_add(client.native_ptr(), brokers.as_ptr()) };
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rdkafka::ClientConfig;
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::mocking::MockCluster;

    use super::*;
    use crate::kafka::ClientMetrics;
    use crate::telemetry::Metrics;

    #[test]
    fn a_client_without_brokers_finds_the_cluster_once_it_is_told_where_to_start() {
        let cluster = MockCluster::new(1).unwrap();
        let settings = KafkaSettings::new(cluster.bootstrap_servers());
        let stranded: BaseConsumer = ClientConfig::new().create().unwrap();
        let statistics = ClientMetrics::new(&Metrics::new("test", "0")).client("c");
        let brokers = |within: Duration| stranded.fetch_metadata(None, within).map(|found| found.brokers().len());

        rescue(stranded.client(), &statistics, &settings);
        assert!(brokers(Duration::from_millis(50)).is_err(), "nothing is known of it yet");
        statistics
            .observe(br#"{"time":0,"msg_cnt":0,"msg_size":0,"brokers":{},"topics":{},"tx_bytes":0,"rx_bytes":0}"#);
        rescue(stranded.client(), &statistics, &settings);
        assert_eq!(brokers(Duration::from_secs(30)), Ok(1));
    }
}
