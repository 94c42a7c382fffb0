//! Records on their way out: the pure core puts them here, the worker sends them in the open transaction.

use common::TopicKind;

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRecord {
    /// Where to.
    pub topic: TopicKind,
    /// To which partition; by the key if `None`.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is null.
    pub value: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<Header>,
}

/// A record header: name and value.
pub type Header = (String, Option<Vec<u8>>);

impl OutputRecord {
    /// A record with key and value, no headers, partitioned by its key.
    pub fn keyed(topic: TopicKind, key: impl Into<Vec<u8>>, value: Vec<u8>) -> Self {
        OutputRecord { topic, partition: None, key: Some(key.into()), value: Some(value), headers: Vec::new() }
    }
}
