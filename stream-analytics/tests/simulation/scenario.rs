//! What a seed decides before anything happens: the settings of the service and the kind of trouble.

use std::time::Duration;

use common::Money;
use stream_analytics::combine::CombineConfig;
use stream_analytics::engine::alignment::Alignment;
use stream_analytics::engine::{EngineConfig, Limits};
use stream_analytics::merge::MergeConfig;
use stream_analytics::window::WindowSpec;

use crate::random::Random;

pub const GROUP: &str = "simulated";
pub const INPUT_TOPIC: &str = "receipts";

/// One world's settings.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // independent choices
pub struct Scenario {
    pub inputs: i32,
    pub merges: i32,
    pub workers: i64,
    pub window_ms: i64,
    pub slide_ms: i64,
    pub delay_ms: i64,
    pub idle_after_ms: Option<i64>,
    pub max_ahead_ms: Option<i64>,
    pub update_every_ms: Option<i64>,
    pub top: usize,
    pub expensive_over_minor: i64,
    pub exactly_once: bool,
    pub until_end: bool,
    /// Partitions may be added to the input.
    pub grows: bool,
    /// Members keep their names over a restart.
    pub static_members: bool,
    /// Processes may be stopped and wake as zombies.
    pub stalls: bool,
    /// Records of a poll while there is trouble, at most: one of these.
    pub reads_at_most: [i64; 3],
    /// Rounds of trouble.
    pub steps: i64,
}

impl Scenario {
    pub fn draw(random: &mut Random) -> Self {
        let slide_ms = *random.pick(&[500, 700, 1_000, 2_000]);
        let window_ms =
            if random.per_mille(500) { slide_ms } else { slide_ms * random.between(2, 5) / 2 }.max(slide_ms);
        let exactly_once = random.per_mille(850);
        let idle = random.per_mille(350);
        Scenario {
            inputs: i32::try_from(random.between(1, 4)).expect("small"),
            merges: i32::try_from(random.between(1, 4)).expect("small"),
            workers: random.between(1, 4),
            window_ms,
            slide_ms,
            delay_ms: *random.pick(&[0, 300, 1_000]),
            idle_after_ms: idle.then(|| *random.pick(&[1_000, 2_500, 5_000])),
            // Without transactions a receipt may be refused, and read again when it is no longer far ahead.
            max_ahead_ms: (random.per_mille(250) && exactly_once).then_some(3_000),
            update_every_ms: random.per_mille(300).then(|| *random.pick(&[100, 1_000])),
            top: usize::try_from(random.between(1, 4)).expect("small"),
            expensive_over_minor: 60_000,
            exactly_once,
            until_end: random.per_mille(300),
            grows: idle && random.per_mille(300),
            static_members: random.per_mille(400),
            // Without transactions nothing stops a zombie from writing.
            stalls: exactly_once,
            reads_at_most: [4, 20, 100],
            steps: random.between(100, 700),
        }
    }

    pub fn engine(&self, input_partitions: i32, until: Option<i64>) -> EngineConfig {
        let duration = |ms: i64| Duration::from_millis(ms.unsigned_abs());
        let windows = WindowSpec::new(duration(self.window_ms), duration(self.slide_ms)).expect("valid windows");
        EngineConfig {
            combine: CombineConfig {
                windows,
                delay_ms: self.delay_ms,
                idle_after_ms: self.idle_after_ms,
                max_ahead_ms: self.max_ahead_ms,
                expensive_over: Money::from_minor(self.expensive_over_minor),
                input_topic: INPUT_TOPIC.to_owned(),
            },
            merge: MergeConfig { windows, top: self.top },
            merge_partitions: self.merges,
            input_partitions,
            group: GROUP.to_owned(),
            update_every_ms: self.update_every_ms,
            alignment: Alignment { max_drift_ms: self.window_ms, backlog_records: 1, live_ms: 0 },
            until,
            limits: Limits { open_spans: 100_000, distinct_keys: 100_000 },
        }
    }

    /// Two input partitions, idle after a second, and nobody in trouble.
    pub fn quiet() -> Self {
        Scenario {
            inputs: 2,
            merges: 1,
            workers: 2,
            window_ms: 1_000,
            slide_ms: 1_000,
            delay_ms: 0,
            idle_after_ms: Some(1_000),
            max_ahead_ms: None,
            update_every_ms: None,
            top: 3,
            expensive_over_minor: 60_000,
            exactly_once: true,
            until_end: false,
            grows: false,
            static_members: false,
            stalls: false,
            reads_at_most: [4, 20, 100],
            steps: 0,
        }
    }

    /// Whether the log alone decides what counts where.
    pub fn is_pure(&self) -> bool {
        self.idle_after_ms.is_none()
    }
}
