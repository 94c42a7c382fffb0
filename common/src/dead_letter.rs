//! Header names of a refused record: those of Kafka Streams' own dead-letter handler
//! ([KIP-1034](https://cwiki.apache.org/confluence/display/KAFKA/KIP-1034%3A+Dead+letter+queue+in+Kafka+Streams)).

/// [`LATE`] or [`MALFORMED`].
pub const EXCEPTION: &str = "__streams.errors.exception";
/// For people.
pub const MESSAGE: &str = "__streams.errors.message";
/// The topic that the record came from, as named on the broker.
pub const TOPIC: &str = "__streams.errors.topic";
/// Its partition there.
pub const PARTITION: &str = "__streams.errors.partition";
/// Its offset there.
pub const OFFSET: &str = "__streams.errors.offset";
/// Its record timestamp there, in milliseconds since the epoch.
pub const SOURCE_TIMESTAMP: &str = "source.timestamp";

/// Every window of the record was closed when it came.
pub const LATE: &str = "late";
/// The value is not a receipt.
pub const MALFORMED: &str = "malformed";
