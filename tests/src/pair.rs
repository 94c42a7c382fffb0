//! Two embedded brokers, of which the second leads one partition alone and can be taken away.

use common::{TopicKind, Topics};
use rdkafka::mocking::{MockCluster, MockCoordinator};
use rdkafka::producer::DefaultProducerContext;

use crate::broker::PARTITIONS;

const NEAR: i32 = 1;
const FAR: i32 = 2;

/// The brokers; they end when dropped.
pub struct Pair {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Pair {
    /// With every topic of the pipeline; one partition of the receipts is the far broker's, all else is the near one's.
    ///
    /// # Panics
    /// The brokers do not start.
    pub fn start(topics: &Topics, group: &str, far_partition: i32) -> Self {
        let cluster = MockCluster::new(FAR).expect("the brokers start");
        for kind in TopicKind::ALL {
            let topic = topics.name(kind);
            cluster.create_topic(&topic, PARTITIONS, 1).expect("a topic");
            for partition in 0..PARTITIONS {
                let is_far = kind == TopicKind::Receipts && partition == far_partition;
                let leader = if is_far { FAR } else { NEAR };
                cluster.partition_leader(&topic, partition, Some(leader)).expect("a leader");
            }
        }
        cluster.coordinator(MockCoordinator::Group(topics.prefixed(group)), NEAR).expect("a coordinator");
        Pair { cluster }
    }

    /// HOST:PORT of both.
    pub fn address(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// The far broker cannot be reached from now on.
    ///
    /// # Panics
    /// It cannot be stopped.
    pub fn take_away(&self) {
        self.cluster.broker_down(FAR).expect("it goes");
    }

    /// It can again.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn bring_back(&self) {
        self.cluster.broker_up(FAR).expect("it comes back");
    }
}
