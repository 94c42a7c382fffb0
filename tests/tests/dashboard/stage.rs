//! A broker, its topics, and a dashboard that reads them.

use std::net::SocketAddr;
use std::time::Duration;

use common::kafka::{Cluster, KafkaSettings, TopicSettings};
use common::results::ExpensiveReceipt;
use common::shutdown::Shutdown;
use common::telemetry::Pulses;
use common::{Receipt, TopicKind, Topics, dead_letter, http};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use serde_json::Value;
use stream_analytics::dashboard::{Dashboard, DashboardConfig};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::browser::chromium;
use super::results::{Sales, now_ms};

const PARTITIONS: i32 = 2;

pub(crate) struct Stage {
    settings: KafkaSettings,
    topics: Topics,
    producer: FutureProducer,
    address: SocketAddr,
    server: Option<(Shutdown, JoinHandle<()>)>,
    // Last: it goes when all its clients have gone.
    _embedded: Option<MockCluster<'static, DefaultProducerContext>>,
}

impl Stage {
    /// Topics of their own on the broker, and a dashboard. Without a browser there is nobody to look at it.
    pub(crate) async fn set() -> Option<Stage> {
        if chromium().is_none() {
            println!("not tested: Chromium is not installed (apt-get install chromium, or name it in CHROMIUM)");
            return None;
        }
        let named = std::env::var("KAFKA_BROKERS").ok();
        let embedded = named.is_none().then(|| MockCluster::new(1).unwrap());
        let brokers = named.or_else(|| embedded.as_ref().map(MockCluster::bootstrap_servers)).unwrap();
        let settings = KafkaSettings::new(brokers);
        let topics = Topics::with_prefix(format!("dashboard-test-{}-{}-", std::process::id(), unique()));
        if let Some(embedded) = &embedded {
            // Without an admin API, topics are made through the mock cluster's own call.
            for kind in TopicKind::ALL {
                embedded.create_topic(&topics.name(kind), PARTITIONS, 1).unwrap();
            }
        } else {
            let to_connect = settings.clone();
            let connected = tokio::task::spawn_blocking(move || Cluster::connect(&to_connect));
            let with = TopicSettings { partitions: PARTITIONS, replication_factor: None };
            connected.await.unwrap().unwrap().create_missing(&topics, TopicKind::ALL, with).await.unwrap();
        }
        let producer = settings.producer().create().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let mut stage = Stage { settings, topics, producer, address, server: None, _embedded: embedded };
        stage.start_server().await;
        Some(stage)
    }

    /// At the address that it had before.
    pub(crate) async fn start_server(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let config = DashboardConfig {
            kafka: self.settings.clone(),
            group_id: self.topics.prefixed("stream-analytics"),
            receipts_topic: self.topics.name(TopicKind::Receipts),
            topics: self.topics.clone(),
            window: Duration::from_secs(10),
            slide: Duration::from_secs(10),
            watermark_delay: Duration::from_secs(10),
        };
        let shutdown = Shutdown::new();
        let until = shutdown.clone();
        let served = tokio::spawn(async move {
            let (dashboard, page) = Dashboard::start(config, &Pulses::new(), &until).unwrap();
            http::serve(listener, page, until).await;
            dashboard.ended().await;
        });
        self.server = Some((shutdown, served));
    }

    pub(crate) async fn stop_server(&mut self) {
        let (shutdown, served) = self.server.take().unwrap();
        shutdown.cancel();
        served.await.unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Reads a path of the API.
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = tokio::task::block_in_place(|| tests::http::get(self.address, path)).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// All results of a window, each on its topic.
    pub(crate) async fn publish_window(&self, sales: &Sales) {
        let kinds = [TopicKind::TopStores, TopicKind::PopularItems, TopicKind::SalesTotals];
        for (kind, value) in kinds.into_iter().zip(sales.values()) {
            self.publish_text(kind, &value).await;
        }
    }

    /// A receipt, with its total where the topic wants it.
    pub(crate) async fn publish(&self, kind: TopicKind, receipt: &Receipt) {
        let value = match kind {
            TopicKind::ExpensiveReceipts => ExpensiveReceipt { receipt, total: receipt.total().unwrap() }.to_json(),
            _ => receipt.to_json(),
        };
        self.publish_text(kind, std::str::from_utf8(&value).unwrap()).await;
    }

    pub(crate) async fn publish_text(&self, kind: TopicKind, value: &str) {
        self.send(kind, value, OwnedHeaders::new()).await;
    }

    /// The refused receipt of this offset, with what is said of it.
    pub(crate) async fn publish_dead_letter(&self, offset: usize, exception: &str, message: &str) {
        let offset = offset.to_string();
        let header = |key, value| Header { key, value: Some(value) };
        let headers = OwnedHeaders::new()
            .insert(header(dead_letter::EXCEPTION, exception))
            .insert(header(dead_letter::MESSAGE, message))
            .insert(header(dead_letter::TOPIC, "receipts"))
            .insert(header(dead_letter::PARTITION, "0"))
            .insert(header(dead_letter::OFFSET, &offset));
        self.send(TopicKind::ReceiptsDeadLetter, "?", headers).await;
    }

    async fn send(&self, kind: TopicKind, value: &str, headers: OwnedHeaders) {
        let topic = self.topics.name(kind);
        let record = FutureRecord::to(&topic).key("k").payload(value).headers(headers).timestamp(now_ms());
        self.producer.send(record, Duration::from_secs(10)).await.unwrap();
    }
}

/// Tells apart the stages of one process.
fn unique() -> usize {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
