//! Holds what was published to what must have been, key by key.

use std::collections::BTreeMap;

use super::published::{Published, ResultKey, WindowResult, key};
use super::report::{Fault, Report};

/// Up to where windows must be published.
#[derive(Debug, Clone, Copy, Default)]
pub struct Floor {
    /// Windows that end at or before are published, as the group has committed, or have been due long enough.
    pub published_ms: Option<i64>,
    /// Whether every window is closed (`--until-end`).
    pub everything: bool,
}

/// Compares one topic; gives the number of results whose windows are not closed yet.
pub fn compare<V: WindowResult>(
    mut expected: BTreeMap<ResultKey, V>,
    published: Published<V>,
    floor: Floor,
    report: &mut Report,
) -> u64 {
    let topic = V::TOPIC.base_name();
    let mut waiting = 0;
    for ((start_ms, category), entry) in published.entries {
        let Some(is) = entry.first_final else { continue };
        let key = key(start_ms, category.as_deref());
        report.judged(topic, 1);
        match expected.remove(&(start_ms, category)) {
            None => report.fault(topic, Fault::Wrong, &key, &format!("no receipt counts in it: {}", is.summary())),
            Some(should) if should != is => report.fault(topic, Fault::Wrong, &key, &is.difference(&should)),
            Some(_) => {}
        }
        if entry.finals > 1 {
            let how = if entry.finals_differ { ", not all the same" } else { ", all the same" };
            report.fault(topic, Fault::Repeated, &key, &format!("{} final results{how}", entry.finals));
        }
        if entry.early_after_final > 0 {
            let detail = format!("{} early results after the final one", entry.early_after_final);
            report.fault(topic, Fault::Wrong, &key, &detail);
        }
    }
    for ((start_ms, category), should) in expected {
        // Windows of one stream close in the order of their ends.
        let last_ms = published.last_end_ms.get(&category).copied();
        let end_ms = should.window().end.ms();
        if floor.everything || last_ms.max(floor.published_ms) >= Some(end_ms) {
            report.judged(topic, 1);
            report.fault(topic, Fault::Missing, &key(start_ms, category.as_deref()), &should.summary());
        } else {
            waiting += 1;
        }
    }
    waiting
}
