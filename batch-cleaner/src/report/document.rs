//! A JSON document whose members keep their order and whose amounts keep their two decimals.

use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A value of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Null,
    Truth(bool),
    Count(u64),
    /// A whole number that may be wider than 64 bits.
    Units(i128),
    /// Minor units.
    Amount(i128),
    Text(String),
    List(Vec<Node>),
    Members(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn members<K: Into<String>>(members: impl IntoIterator<Item = (K, Node)>) -> Node {
        Node::Members(members.into_iter().map(|(name, node)| (name.into(), node)).collect())
    }

    pub(crate) fn text(text: Option<&str>) -> Node {
        text.map_or(Node::Null, |text| Node::Text(text.to_owned()))
    }
}

/// Minor units as a decimal with two places; `minor` ≥ 0.
pub(crate) fn amount(minor: i128) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Null => serializer.serialize_unit(),
            Node::Truth(truth) => serializer.serialize_bool(*truth),
            Node::Count(count) => serializer.serialize_u64(*count),
            Node::Units(units) => serializer.serialize_i128(*units),
            Node::Amount(minor) => {
                RawValue::from_string(amount(*minor)).map_err(S::Error::custom)?.serialize(serializer)
            }
            Node::Text(text) => serializer.serialize_str(text),
            Node::List(nodes) => {
                let mut list = serializer.serialize_seq(Some(nodes.len()))?;
                for node in nodes {
                    list.serialize_element(node)?;
                }
                list.end()
            }
            Node::Members(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, node) in members {
                    map.serialize_entry(name, node)?;
                }
                map.end()
            }
        }
    }
}
