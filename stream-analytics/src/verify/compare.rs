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

#[cfg(test)]
mod tests {
    use common::results::{Revenue, SalesTotals, Window};
    use common::{EventTime, TopicKind};

    use super::super::report::Verdict;
    use super::super::rules::Range;
    use super::*;

    fn totals(start_s: i64, receipts: u64, is_final: bool) -> SalesTotals {
        let time = |second: i64| EventTime::from_ms(second * 1000).unwrap();
        let window = Window { start: time(start_s), end: time(start_s + 10) };
        SalesTotals { window, r#final: is_final, revenue: Revenue(100), receipts, units: 1, stores: 1 }
    }

    /// Window starts and counts that should be there, and what is; up to 20 s all must be.
    fn compared(should: &[(i64, u64)], is: &[(i64, u64, bool)]) -> (Verdict, u64, String) {
        let mut report = Report::default();
        let mut published: Published<SalesTotals> = Published::new();
        for &(start_s, receipts, is_final) in is {
            let value = totals(start_s, receipts, is_final);
            let record_key = value.window.start.to_string();
            published.take(record_key.as_bytes(), &value.to_json(), Range::default(), &mut report);
        }
        let expected = should.iter().map(|&(start_s, n)| ((start_s * 1000, None), totals(start_s, n, true)));
        let floor = Floor { published_ms: Some(20_000), everything: false };
        let waiting = compare(expected.collect(), published, floor, &mut report);
        (report.verdict(TopicKind::SalesTotals.base_name()), waiting, report.to_string())
    }

    fn verdict(judged: u64, missing: u64, repeated: u64, wrong: u64) -> Verdict {
        Verdict { judged, missing, repeated, wrong }
    }

    #[test]
    fn equal_results_agree_and_early_ones_before_the_final_do_no_harm() {
        let (found, waiting, _) = compared(&[(0, 3), (10, 4)], &[(0, 1, false), (0, 3, true), (10, 4, true)]);
        assert_eq!((found, waiting), (verdict(2, 0, 0, 0), 0));
    }

    #[test]
    fn a_closed_window_that_is_not_there_is_missing_and_an_open_one_waits() {
        let (found, waiting, _) = compared(&[(0, 3), (10, 4), (20, 5)], &[(0, 3, true), (20, 1, false)]);
        assert_eq!((found, waiting), (verdict(2, 1, 0, 0), 1));
    }

    #[test]
    fn a_window_before_a_published_one_cannot_wait() {
        let (found, waiting, _) = compared(&[(20, 3), (30, 4)], &[(30, 4, true)]);
        assert_eq!((found, waiting), (verdict(2, 1, 0, 0), 0));
    }

    #[test]
    fn a_second_final_is_repeated_and_an_early_result_after_it_wrong() {
        let (found, ..) = compared(&[(0, 3)], &[(0, 3, true), (0, 3, true), (0, 3, false)]);
        assert_eq!(found, verdict(1, 0, 1, 1));
    }

    #[test]
    fn a_wrong_result_says_by_how_much() {
        let (found, _, text) = compared(&[(0, 3)], &[(0, 5, true), (10, 1, true)]);
        assert_eq!(found, verdict(2, 0, 0, 2));
        assert!(text.contains("receipts 5, should be 3 (+2)"), "{text}");
        assert!(text.contains("no receipt counts in it"), "{text}");
    }
}
