//! Reads records in batches from librdkafka's queues: the one place of this crate with `unsafe` code.
//!
//! A poll a message costs about half as much again as `rd_kafka_consume_batch_queue` (measured on 2 million receipts of
//! 400 bytes: 2.0 against 1.3 CPU-seconds), and draining is the largest part of a receipt's cost. Partitions are forwarded
//! to a queue of our own *before* they are assigned: librdkafka keeps a forwarding that the application has set, and
//! clears it when the partition is revoked. The consumer's own queue keeps rebalances and errors, and is polled as usual.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as rd;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::combine::SourceRecord;
use crate::outbox::Header;

/// Records of one call, at most.
const BATCH: usize = 2_000;
/// How long a call goes on once something has come, milliseconds: the partitions of one fetch come one after the other.
const SETTLE_MS: i32 = 2;

/// What a queue delivers; `topic` is the index among the names that the queue was made with.
pub enum Delivery<'a> {
    /// A record.
    Record {
        /// Index of its topic.
        topic: usize,
        /// Its partition.
        partition: i32,
        /// The record.
        record: Record<'a>,
    },
    /// Everything before `offset` was delivered.
    End {
        /// Index of the topic.
        topic: usize,
        /// The partition.
        partition: i32,
        /// The position: transaction markers count.
        offset: i64,
    },
    /// The partition cannot be read on.
    Error {
        /// Index of the topic.
        topic: usize,
        /// The partition.
        partition: i32,
        /// Why.
        code: RDKafkaErrorCode,
    },
}

/// A record that librdkafka holds; lives as long as the call that delivers it.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    message: &'a rd::rd_kafka_message_t,
}

/// A queue that the partitions of two topics are forwarded to.
pub struct RecordQueue<C: ConsumerContext + 'static> {
    queue: NonNull<rd::rd_kafka_queue_t>,
    buffer: Vec<*mut rd::rd_kafka_message_t>,
    topics: [CString; 2],
    /// The queue must go before its client.
    consumer: Arc<BaseConsumer<C>>,
}

/// Destroys a batch's messages, also if a delivery panics.
struct Messages<'a>(&'a [*mut rd::rd_kafka_message_t]);

impl Drop for Messages<'_> {
    fn drop(&mut self) {
        for &message in self.0 {
            // SAFETY: the batch call gave us these messages, and each is destroyed once, here.
            unsafe { rd::rd_kafka_message_destroy(message) };
        }
    }
}

impl<C: ConsumerContext + 'static> RecordQueue<C> {
    /// An empty queue for partitions of the named topics.
    ///
    /// # Errors
    /// A name has a zero byte, or librdkafka gives no queue.
    pub fn new(consumer: Arc<BaseConsumer<C>>, topics: [&str; 2]) -> Result<Self, KafkaError> {
        let [first, second] = topics.map(CString::new);
        // SAFETY: the client lives as long as `consumer`, which this struct holds.
        let queue = unsafe { rd::rd_kafka_queue_new(consumer.client().native_ptr()) };
        let queue = NonNull::new(queue).ok_or_else(|| KafkaError::ClientCreation("no queue".to_owned()))?;
        let topics = [first.map_err(KafkaError::Nul)?, second.map_err(KafkaError::Nul)?];
        Ok(RecordQueue { queue, buffer: vec![ptr::null_mut(); BATCH], topics, consumer })
    }

    /// Sends the partition's records here once it is assigned. Call it before each `assign`, and to end a [`Self::hold`]:
    /// what has piled up comes then.
    pub fn forward(&self, topic: usize, partition: i32) {
        self.route(topic, partition, self.queue.as_ptr());
    }

    /// Leaves the partition's records, but for those that are here already, in its own queue, which the client fills up to
    /// the bounds of its read-ahead.
    pub fn hold(&self, topic: usize, partition: i32) {
        self.route(topic, partition, ptr::null_mut());
    }

    fn route(&self, topic: usize, partition: i32, to: *mut rd::rd_kafka_queue_t) {
        // SAFETY: the client and our queue live; the handle on the partition's queue is released after its last use, which
        // leaves the forwarding in place. Forwarding to null ends it.
        unsafe {
            let client = self.consumer.client().native_ptr();
            let queue = rd::rd_kafka_queue_get_partition(client, self.topics[topic].as_ptr(), partition);
            if !queue.is_null() {
                rd::rd_kafka_queue_forward(queue, to);
                rd::rd_kafka_queue_destroy(queue);
            }
        }
    }

    /// Waits for a record up to `timeout` and hands over what has come with it, at most a batch. Returns how many there
    /// were, and whether the batch was full.
    pub fn consume(&mut self, timeout: Duration, mut deliver: impl FnMut(Delivery<'_>)) -> (usize, bool) {
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // A call waits for a full batch as long as it may: so first for one record, then shortly for the others.
        let mut count = self.fill(0..1, timeout_ms);
        if count > 0 {
            count += self.fill(1..BATCH, SETTLE_MS);
        }
        let messages = Messages(&self.buffer[..count]);
        let mut known: Option<(*mut rd::rd_kafka_topic_t, usize)> = None;
        for &message in messages.0 {
            // SAFETY: the first `count` entries are messages, alive until `messages` is dropped.
            let message = unsafe { &*message };
            let topic = match known {
                Some((handle, topic)) if handle == message.rkt => topic,
                _ => {
                    let Some(topic) = self.topic_index(message) else { continue };
                    known = Some((message.rkt, topic));
                    topic
                }
            };
            let partition = message.partition;
            deliver(match message.err {
                rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {
                    Delivery::Record { topic, partition, record: Record { message } }
                }
                rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                    Delivery::End { topic, partition, offset: message.offset }
                }
                error => Delivery::Error { topic, partition, code: error.into() },
            });
        }
        (count, count == BATCH)
    }

    /// Puts messages into a part of the buffer, until it is full or the time is over. Returns how many.
    fn fill(&mut self, places: Range<usize>, timeout_ms: i32) -> usize {
        let places = &mut self.buffer[places];
        // SAFETY: the buffer has room for as many messages as we say.
        let count = unsafe {
            rd::rd_kafka_consume_batch_queue(self.queue.as_ptr(), timeout_ms, places.as_mut_ptr(), places.len())
        };
        usize::try_from(count).unwrap_or(0)
    }

    fn topic_index(&self, message: &rd::rd_kafka_message_t) -> Option<usize> {
        if message.rkt.is_null() {
            return None;
        }
        // SAFETY: the message holds a reference to its topic, whose name lives as long.
        let name = unsafe { CStr::from_ptr(rd::rd_kafka_topic_name(message.rkt)) };
        self.topics.iter().position(|topic| topic.as_c_str() == name)
    }

    /// The partition's high watermark, open transactions included, as of the last fetch; `None` before the first.
    pub fn high_watermark(&self, topic: usize, partition: i32) -> Option<i64> {
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the client lives, and the two offsets outlive the call.
        let error = unsafe {
            let client = self.consumer.client().native_ptr();
            rd::rd_kafka_get_watermark_offsets(
                client,
                self.topics[topic].as_ptr(),
                partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (error == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }
}

impl<C: ConsumerContext + 'static> Drop for RecordQueue<C> {
    fn drop(&mut self) {
        // SAFETY: made by `rd_kafka_queue_new`, destroyed once, before the client that `consumer` holds.
        unsafe { rd::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

/// The bytes at `start`; `None` if it is null.
///
/// # Safety
/// `start` is null or points to `length` bytes that live as long as `'a`.
unsafe fn bytes<'a>(start: *const std::ffi::c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: promised by the caller.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), length) })
}

impl SourceRecord for Record<'_> {
    fn offset(&self) -> i64 {
        self.message.offset
    }

    fn value(&self) -> Option<&[u8]> {
        // SAFETY: librdkafka gives a value's start and length, alive as long as the message.
        unsafe { bytes(self.message.payload, self.message.len) }
    }

    fn key(&self) -> Option<&[u8]> {
        // SAFETY: likewise for the key.
        unsafe { bytes(self.message.key, self.message.key_len) }
    }

    fn timestamp_ms(&self) -> Option<i64> {
        // SAFETY: the message lives; the kind of timestamp is not asked for.
        let ms = unsafe { rd::rd_kafka_message_timestamp(self.message, ptr::null_mut()) };
        (ms >= 0).then_some(ms)
    }

    fn headers(&self) -> Vec<Header> {
        let mut found = Vec::new();
        let mut headers = ptr::null_mut();
        // SAFETY: the message owns its headers; names and values live as long as it does and are copied here.
        unsafe {
            if rd::rd_kafka_message_headers(self.message, &raw mut headers)
                != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                return found;
            }
            loop {
                let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
                let index = found.len();
                let error = rd::rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut length);
                if error != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                    return found;
                }
                let name = CStr::from_ptr(name).to_string_lossy().into_owned();
                found.push((name, bytes(value, length).map(<[u8]>::to_vec)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use common::kafka::{KafkaSettings, LogContext};
    use rdkafka::Offset;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    use rdkafka::topic_partition_list::TopicPartitionList;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Reads until `enough` is said of what has come: partitions and offsets, in order.
    fn read(
        queue: &mut RecordQueue<LogContext>,
        enough: impl Fn(&[(i32, i64)], &RecordQueue<LogContext>) -> bool,
    ) -> Vec<(i32, i64)> {
        let (began, mut came) = (Instant::now(), Vec::new());
        while !enough(&came, queue) {
            assert!(began.elapsed() < PATIENCE, "only {came:?} came");
            queue.consume(Duration::from_millis(20), |delivery| {
                if let Delivery::Record { partition, record, .. } = delivery {
                    came.push((partition, record.offset()));
                }
            });
        }
        came
    }

    #[test]
    fn what_is_held_comes_in_order_once_it_is_forwarded_again() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 2, 1).unwrap();
        let settings = KafkaSettings::new(cluster.bootstrap_servers());
        let producer: BaseProducer = settings.producer().create().unwrap();
        let send = |partition| {
            producer.send(BaseRecord::<(), str>::to("t").partition(partition).payload("x")).unwrap();
            producer.flush(PATIENCE).unwrap();
        };
        let consumer: BaseConsumer<LogContext> = settings.consumer("g").create_with_context(LogContext).unwrap();
        let consumer = Arc::new(consumer);
        let mut queue = RecordQueue::new(Arc::clone(&consumer), ["t", "other"]).unwrap();
        let mut list = TopicPartitionList::new();
        for partition in [0, 1] {
            send(partition);
            queue.forward(0, partition);
            list.add_partition_offset("t", partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let mut came = read(&mut queue, |came, _| came.len() == 2);
        came.sort_unstable();
        assert_eq!(came, [(0, 0), (1, 0)]);

        queue.hold(0, 0);
        send(0);
        send(1);
        let was_fetched = |queue: &RecordQueue<LogContext>| queue.high_watermark(0, 0) == Some(2);
        assert_eq!(read(&mut queue, |came, queue| !came.is_empty() && was_fetched(queue)), [(1, 1)]);

        queue.forward(0, 0);
        send(0);
        assert_eq!(read(&mut queue, |came, _| came.len() == 2), [(0, 1), (0, 2)]);
    }
}
