//! Whether another process has a worker's `--instance-id`.
//!
//! Being fenced does not tell: a producer is also fenced when its transaction outlived its timeout (the broker was away, or
//! the process was stopped), and librdkafka fences itself when a static member's session times out and it joins again while
//! a heartbeat in its former name is still under way. But a fenced consumer keeps no member alive. If the member with its
//! instance's name outlives a session, somebody else does.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;

use super::SESSION_TIMEOUT;
use super::patience::{Patience, pause};

/// How long a successor may take from fencing our producer to joining the group.
const JOINING: Duration = Duration::from_secs(3);
/// How long the broker may take to notice the end of a session.
const EXPIRY: Duration = Duration::from_secs(1);
/// Distance of looks at the group.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Kafka adds a dash and a UUID to an instance's name.
const SUFFIX_LENGTH: usize = 37;

/// A static member of a group.
#[derive(Debug, Clone)]
pub struct StaticMember {
    group: String,
    instance: String,
    session: Duration,
}

impl StaticMember {
    /// The member that a consumer of this configuration is, if it is a static one.
    pub fn of(config: &ClientConfig) -> Option<Self> {
        let session_ms = config.get("session.timeout.ms").and_then(|ms| ms.parse().ok());
        Some(StaticMember {
            group: config.get("group.id")?.to_owned(),
            instance: config.get("group.instance.id")?.to_owned(),
            session: session_ms.map_or(SESSION_TIMEOUT, Duration::from_millis),
        })
    }

    /// Whether the member outlives the session of a consumer that is fenced.
    pub fn is_kept_alive<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>, patience: &Patience) -> bool {
        let asked = Instant::now();
        let mut seen = false;
        while !patience.is_stopping() {
            match consumer.client().fetch_group_list(Some(&self.group), patience.attempt()) {
                Ok(list) => {
                    let groups = list.groups();
                    let mut members = groups.iter().flat_map(rdkafka::groups::GroupInfo::members);
                    seen = members.any(|member| self.is_place_of(member.id()));
                    if !seen {
                        return false;
                    }
                }
                Err(error) => tracing::debug!(%error, "the broker does not describe the group"),
            }
            if asked.elapsed() > self.session + EXPIRY {
                return seen;
            }
            pause(LOOK_AGAIN_AFTER);
        }
        false
    }

    fn is_place_of(&self, member_id: &str) -> bool {
        member_id.strip_prefix(&self.instance).is_some_and(|suffix| suffix.len() == SUFFIX_LENGTH)
    }
}

/// Whether the consumer's static member is another's now, or was for a moment.
pub fn is_fenced<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> bool {
    consumer.client().fatal_error().is_some_and(|(code, _)| code == RDKafkaErrorCode::FencedInstanceId)
}

/// Waits whether a process that has fenced a static member's producer joins in its place, which fences its consumer too.
pub fn is_fenced_soon<C: ConsumerContext>(consumer: &BaseConsumer<C>, patience: &Patience) -> bool {
    let asked = Instant::now();
    while asked.elapsed() < JOINING && !patience.is_stopping() {
        consumer.poll(LOOK_AGAIN_AFTER);
        if is_fenced(consumer) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_members_place_is_told_by_its_whole_name() {
        let member = StaticMember { group: "g".into(), instance: "shop.a-0".into(), session: SESSION_TIMEOUT };
        let uuid = "4d64d8a4-9f2a-4a1b-8f9a-1f2b3c4d5e6f";
        assert!(member.is_place_of(&format!("shop.a-0-{uuid}")));
        assert!(!member.is_place_of(&format!("shop.a-0-1-{uuid}")));
        assert!(!member.is_place_of(&format!("shop.b-0-{uuid}")));
        assert!(!member.is_place_of("shop.a-0"));
    }
}
