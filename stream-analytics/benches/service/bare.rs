//! What the same work costs at least with the usual means: poll, parse with `serde_json`, add up in hash maps. No output,
//! no commits, and no window ever closes.

use std::borrow::Cow;
use std::time::Duration;

use common::EventTime;
use common::kafka::KafkaSettings;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::Deserialize;

#[derive(Deserialize)]
struct Receipt<'a> {
    store_id: u32,
    #[serde(borrow)]
    timestamp: &'a str,
    #[serde(borrow)]
    items: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    category: Cow<'a, str>,
    price: f64,
    quantity: u32,
}

type Map<K, V> = HashMap<K, V, RandomState>;

#[derive(Default)]
struct Window {
    stores: Map<u32, f64>,
    items: Map<String, Map<String, f64>>,
}

/// Reads the topic to its end.
pub fn drain(brokers: &str, topic: &str) {
    let mut config = KafkaSettings::new(brokers).consumer("service-bench-bare");
    let consumer: BaseConsumer = config.set("queued.min.messages", "200000").create().expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).expect("metadata");
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("an offset");
    }
    let mut partitions_left = list.count();
    consumer.assign(&list).expect("assigned");
    let mut windows: Map<i64, Window> = Map::default();
    while partitions_left > 0 {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => add(&mut windows, message.payload().unwrap_or_default()),
            Some(Err(KafkaError::PartitionEOF(_))) => partitions_left -= 1,
            Some(Err(error)) => panic!("{error}"),
            None => {}
        }
    }
    let taken: f64 = windows.values().flat_map(|window| window.stores.values()).sum();
    println!("{} windows, {taken}", windows.len());
}

fn add(windows: &mut Map<i64, Window>, value: &[u8]) {
    let Ok(receipt) = serde_json::from_slice::<Receipt<'_>>(value) else { return };
    let Ok(time) = EventTime::parse(receipt.timestamp) else { return };
    let window = windows.entry(time.ms().div_euclid(10_000)).or_default();
    for item in &receipt.items {
        let revenue = item.price * f64::from(item.quantity);
        *window.stores.entry(receipt.store_id).or_default() += revenue;
        let category = window.items.entry_ref(item.category.as_ref()).or_default();
        *category.entry_ref(item.name.as_ref()).or_default() += revenue;
    }
}
