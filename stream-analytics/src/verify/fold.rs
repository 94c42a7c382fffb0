//! What must have been published: the receipts, folded window by window, one receipt at a time.
//!
//! Nothing of it is the engine's: no panes, no spans, no partial sums.

use std::collections::{BTreeMap, HashMap};

use common::results::{PopularItems, RankedItem, RankedStore, Revenue, SalesTotals, TopStores, Window};
use common::{EventTime, Money, Receipt, StoreId, TopicKind};

use super::cuts::Cuts;
use super::dead_letters::{Lacks, Reason, Refusals};
use super::expensive::Expensive;
use super::published::ResultKey;
use super::report::{Fault, Report};
use super::rules::{Place, Rules};

const DEAD_LETTER: &str = TopicKind::ReceiptsDeadLetter.base_name();

/// Folds the input topic; the records of one partition come in its order.
pub struct Fold {
    rules: Rules,
    refusals: Refusals,
    lacks: Lacks,
    cuts: Cuts,
    expensive: Expensive,
    /// Whether retention has left all dead letters, so that none may be missing.
    dead_letters_are_whole: bool,
    watermarks: BTreeMap<i32, i64>,
    windows: BTreeMap<i64, WindowSums>,
    receipts: u64,
}

/// What the topics beside the input say about it.
#[derive(Debug, Default)]
pub struct Beside {
    /// Records that were refused.
    pub refusals: Refusals,
    /// Receipts that published windows lack.
    pub lacks: Lacks,
    /// Windows that the clock closed.
    pub cuts: Cuts,
    /// Expensive receipts, as far as they were published.
    pub expensive: Expensive,
}

/// Every result, by key.
#[derive(Debug, Default)]
pub struct Expected {
    /// `top-stores`.
    pub top_stores: BTreeMap<ResultKey, TopStores>,
    /// `sales-totals`.
    pub sales_totals: BTreeMap<ResultKey, SalesTotals>,
    /// `popular-items`.
    pub popular_items: BTreeMap<ResultKey, PopularItems>,
    /// By partition, the watermark that its log comes to.
    pub watermarks: BTreeMap<i32, i64>,
    /// Records that are receipts.
    pub receipts: u64,
}

#[derive(Debug, Default)]
struct WindowSums {
    stores: HashMap<StoreId, StoreSum>,
    categories: HashMap<String, HashMap<String, ItemSum>>,
}

#[derive(Debug)]
struct StoreSum {
    name: String,
    revenue: i128,
    receipts: u64,
    units: u128,
}

#[derive(Debug, Default)]
struct ItemSum {
    units: u128,
    revenue: i128,
}

impl Fold {
    /// Nothing read yet.
    pub fn new(rules: Rules, beside: Beside, dead_letters_are_whole: bool) -> Self {
        let Beside { refusals, lacks, cuts, expensive } = beside;
        Fold {
            rules,
            refusals,
            lacks,
            cuts,
            expensive,
            dead_letters_are_whole,
            watermarks: BTreeMap::new(),
            windows: BTreeMap::new(),
            receipts: 0,
        }
    }

    /// Takes in a record. `due`: what came of it was committed before the results were looked at.
    pub fn record(&mut self, place: Place, value: &[u8], due: bool, report: &mut Report) {
        let rules = self.rules;
        let refused = self.refusals.meet(place);
        let receipt = match Receipt::from_json(value) {
            Ok(receipt) if rules.is_on_the_calendar(receipt.timestamp.ms()) => receipt,
            Ok(_) => return self.refusal(place, refused, Reason::Malformed, report),
            Err(_) if rules.range.is_everything() => return self.refusal(place, refused, Reason::Malformed, report),
            Err(_) => return,
        };
        let event_ms = receipt.timestamp.ms();
        if refused == Some(Reason::Malformed) {
            if !rules.ahead_by_clock {
                report.fault(DEAD_LETTER, Fault::Wrong, &name(place), "named malformed, but it is a receipt");
            }
            return;
        }
        self.receipts += 1;
        let in_range = rules.range.holds(event_ms);
        if in_range && receipt.total() > Some(rules.expensive_over) {
            self.expensive.expected(&receipt, due);
        }

        let watermark_ms = self.watermarks.get(&place.partition).copied().unwrap_or(i64::MIN);
        let last_end_ms = event_ms - event_ms.rem_euclid(rules.slide_ms) + rules.window_ms;
        if last_end_ms <= watermark_ms {
            if in_range {
                self.refusal(place, refused, Reason::Late, report);
            }
            return;
        }
        // A refusal as late proves how far the watermark had come, also where the clock moved it.
        let proven_ms = if refused == Some(Reason::Late) {
            if !rules.idle_by_clock {
                report.fault(DEAD_LETTER, Fault::Wrong, &name(place), "named late, but a window of it was open");
            }
            last_end_ms
        } else {
            self.add_to_windows(place, &receipt, watermark_ms, last_end_ms);
            event_ms - rules.delay_ms
        };
        self.watermarks.insert(place.partition, watermark_ms.max(proven_ms));
    }

    /// A record that must be named in the dead-letter topic.
    fn refusal(&self, place: Place, refused: Option<Reason>, should_be: Reason, report: &mut Report) {
        report.judged(DEAD_LETTER, 1);
        match refused {
            Some(reason) if reason == should_be => {}
            Some(reason) => {
                let detail = format!("named {reason:?}, should be {should_be:?}").to_lowercase();
                report.fault(DEAD_LETTER, Fault::Wrong, &name(place), &detail);
            }
            None if self.dead_letters_are_whole => {
                let detail = format!("{should_be:?}, but not named").to_lowercase();
                report.fault(DEAD_LETTER, Fault::Missing, &name(place), &detail);
            }
            None => {}
        }
    }

    fn add_to_windows(&mut self, place: Place, receipt: &Receipt, watermark_ms: i64, last_end_ms: i64) {
        let rules = self.rules;
        let stated_end_ms = self.cuts.first_end_ms(place, last_end_ms).unwrap_or(i64::MIN);
        for start_ms in rules.starts_covering(receipt.timestamp.ms()) {
            let end_ms = start_ms + rules.window_ms;
            // The windows come latest first: once one is closed, so are the others.
            if end_ms <= watermark_ms || end_ms < stated_end_ms {
                break;
            }
            if rules.range.holds(start_ms) {
                let sums = self.windows.entry(start_ms).or_default();
                if self.lacks.concern(start_ms) {
                    sums.add_what_is_not_lacking(receipt, |category| self.lacks.meet(start_ms, category, place));
                } else {
                    sums.add_what_is_not_lacking(receipt, |_| false);
                }
            }
        }
    }

    /// What must have been published. `ends`: by partition, first offset and end of what was read.
    pub fn finish(self, ends: &BTreeMap<i32, (i64, i64)>, report: &mut Report) -> Expected {
        self.refusals.finish(ends, report);
        self.lacks.finish(report);
        self.expensive.finish(report);
        let mut expected = Expected { watermarks: self.watermarks, receipts: self.receipts, ..Expected::default() };
        for (start_ms, sums) in self.windows {
            let time = |ms| EventTime::from_ms(ms).expect("receipts off the calendar were refused");
            let window = Window { start: time(start_ms), end: time(start_ms + self.rules.window_ms) };
            sums.publish(window, self.rules.top, &mut expected);
        }
        expected
    }
}

fn name(place: Place) -> String {
    format!("{}/{}", place.partition, place.offset)
}

impl WindowSums {
    /// Adds the receipt to the stores and to each category, but for those that lack it.
    fn add_what_is_not_lacking(&mut self, receipt: &Receipt, mut lacks: impl FnMut(Option<&str>) -> bool) {
        if !lacks(None) {
            self.add_to_store(receipt);
        }
        let mut met: Vec<(&str, bool)> = Vec::new();
        for line in &receipt.items {
            let known = met.iter().find(|(category, _)| *category == line.category).map(|(_, lacking)| *lacking);
            let lacking = known.unwrap_or_else(|| {
                let lacking = lacks(Some(&line.category));
                met.push((&line.category, lacking));
                lacking
            });
            if lacking {
                continue;
            }
            let items = match self.categories.get_mut(&line.category) {
                Some(items) => items,
                None => self.categories.entry(line.category.clone()).or_default(),
            };
            let item = match items.get_mut(&line.name) {
                Some(item) => item,
                None => items.entry(line.name.clone()).or_default(),
            };
            item.units += u128::from(line.quantity.unsigned_abs());
            item.revenue += i128::from(line.revenue().map_or(0, Money::minor));
        }
    }

    fn add_to_store(&mut self, receipt: &Receipt) {
        let store = self.stores.entry(receipt.store_id).or_insert_with(|| StoreSum {
            name: receipt.store_name.clone(),
            revenue: 0,
            receipts: 0,
            units: 0,
        });
        if receipt.store_name < store.name {
            store.name.clone_from(&receipt.store_name);
        }
        store.revenue += i128::from(receipt.total().map_or(0, Money::minor));
        store.receipts += 1;
        store.units += receipt.items.iter().map(|line| u128::from(line.quantity.unsigned_abs())).sum::<u128>();
    }

    fn publish(self, window: Window, top: usize, expected: &mut Expected) {
        let start_ms = window.start.ms();
        if !self.stores.is_empty() {
            let totals = SalesTotals {
                window,
                r#final: true,
                revenue: Revenue(self.stores.values().map(|store| store.revenue).sum()),
                receipts: self.stores.values().map(|store| store.receipts).sum(),
                units: self.stores.values().map(|store| store.units).sum(),
                stores: self.stores.len() as u64,
            };
            expected.sales_totals.insert((start_ms, None), totals);

            let mut stores: Vec<_> = self.stores.into_iter().collect();
            stores.sort_unstable_by_key(|(store_id, store)| (-store.revenue, *store_id));
            let ranked = (1..).zip(stores).take(top).map(|(rank, (store_id, store))| RankedStore {
                rank,
                store_id,
                store_name: store.name,
                revenue: Revenue(store.revenue),
                receipts: store.receipts,
            });
            expected.top_stores.insert((start_ms, None), TopStores { window, r#final: true, stores: ranked.collect() });
        }
        for (category, items) in self.categories {
            let mut items: Vec<_> = items.into_iter().collect();
            items.sort_unstable_by(|(name, item), (other_name, other)| {
                (other.units, other.revenue, name).cmp(&(item.units, item.revenue, other_name))
            });
            let ranked = (1..).zip(items).take(top).map(|(rank, (name, item))| RankedItem {
                rank,
                name,
                quantity: item.units,
                revenue: Revenue(item.revenue),
            });
            let key = (start_ms, Some(category.clone().into_boxed_str()));
            let popular = PopularItems { window, r#final: true, category, items: ranked.collect() };
            expected.popular_items.insert(key, popular);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cuts::StatedSum;
    use super::super::dead_letters::DeadLetter;
    use super::super::rules::Range;
    use super::*;

    const STRICT: Rules = Rules {
        window_ms: 10_000,
        slide_ms: 10_000,
        delay_ms: 0,
        top: 5,
        expensive_over: Money::from_minor(50_000),
        idle_by_clock: false,
        ahead_by_clock: false,
        range: Range { from_ms: i64::MIN, to_ms: i64::MAX },
    };
    const SLIDING: Rules = Rules { window_ms: 30_000, idle_by_clock: true, ..STRICT };

    fn receipt(store: u8, second: u8) -> Vec<u8> {
        format!(
            r#"{{"receipt_id":"r","store_id":{store},"store_name":"S","cashier_id":1,"timestamp":"1970-01-01T00:00:{second:02}Z","items":[{{"name":"a","category":"c","price":1.00,"quantity":2}}]}}"#
        )
        .into_bytes()
    }

    fn refused(beside: &mut Beside, rules: Rules, offset: i64, exception: &str, value: &[u8]) {
        let offset = offset.to_string();
        let headers = [
            (common::dead_letter::EXCEPTION, exception),
            (common::dead_letter::TOPIC, "receipts"),
            (common::dead_letter::PARTITION, "0"),
            (common::dead_letter::OFFSET, &*offset),
        ];
        let record = DeadLetter { value, headers: BTreeMap::from(headers) };
        beside.refusals.take(&record, "receipts", rules, &mut Report::default());
    }

    /// Folds partition 0; gives receipts by window start (seconds), and what was found.
    fn folded(rules: Rules, beside: Beside, values: &[Vec<u8>]) -> (BTreeMap<i64, u64>, Report) {
        let mut report = Report::default();
        let mut fold = Fold::new(rules, beside, true);
        for (offset, value) in (0..).zip(values) {
            fold.record(Place { partition: 0, offset }, value, true, &mut report);
        }
        let expected = fold.finish(&BTreeMap::from([(0, (0, 100))]), &mut report);
        let counts = expected.sales_totals.iter().map(|((start, _), totals)| (start / 1000, totals.receipts));
        (counts.collect(), report)
    }

    #[test]
    fn a_receipt_counts_in_the_windows_that_its_partitions_watermark_has_not_closed() {
        let mut beside = Beside::default();
        refused(&mut beside, STRICT, 2, "late", &receipt(1, 9));
        let values = [receipt(1, 5), receipt(1, 15), receipt(1, 9), receipt(2, 12)];
        let (counts, report) = folded(STRICT, beside, &values);
        assert_eq!(counts, BTreeMap::from([(0, 1), (10, 2)]));
        assert_eq!(report.faults(), 0, "{report}");
    }

    #[test]
    fn a_late_receipt_that_is_not_named_is_missing_and_one_named_twice_repeated() {
        let values = [receipt(1, 15), receipt(1, 9), receipt(1, 8)];
        let mut beside = Beside::default();
        refused(&mut beside, STRICT, 2, "late", &values[2]);
        refused(&mut beside, STRICT, 2, "late", &values[2]);
        let (_, report) = folded(STRICT, beside, &values);
        let verdict = report.verdict(DEAD_LETTER);
        assert_eq!((verdict.judged, verdict.missing, verdict.repeated, verdict.wrong), (2, 1, 1, 0), "{report}");
    }

    #[test]
    fn an_open_receipt_that_is_named_late_is_wrong_unless_the_clock_may_have_closed_its_windows() {
        let values = [receipt(1, 5), receipt(1, 6)];
        for (idle_by_clock, wrong) in [(false, 1), (true, 0)] {
            let mut beside = Beside::default();
            refused(&mut beside, STRICT, 1, "late", &values[1]);
            let (counts, report) = folded(Rules { idle_by_clock, ..STRICT }, beside, &values);
            assert_eq!(counts, BTreeMap::from([(0, 1)]), "it counts in no window");
            assert_eq!(report.verdict(DEAD_LETTER).wrong, wrong, "{report}");
        }
    }

    #[test]
    fn a_receipt_refused_by_the_clock_moves_no_watermark() {
        let values = [receipt(1, 59), receipt(1, 5)];
        let mut beside = Beside::default();
        refused(&mut beside, STRICT, 0, "malformed", &values[0]);
        let (counts, report) = folded(Rules { ahead_by_clock: true, ..STRICT }, beside, &values);
        assert_eq!(counts, BTreeMap::from([(0, 1)]));
        assert_eq!(report.faults(), 0, "{report}");
    }

    #[test]
    fn malformed_records_must_be_named_and_dead_letters_must_name_records() {
        let mut beside = Beside::default();
        refused(&mut beside, STRICT, 7, "malformed", b"x");
        let (_, report) = folded(STRICT, beside, &[b"{}".to_vec()]);
        let verdict = report.verdict(DEAD_LETTER);
        assert_eq!((verdict.missing, verdict.wrong), (1, 1), "{report}");
    }

    #[test]
    fn a_receipt_may_count_in_later_sliding_windows_only() {
        // The second comes when the watermark (25 s) has closed the windows that end at 10 s and 20 s.
        let (counts, report) = folded(SLIDING, Beside::default(), &[receipt(1, 25), receipt(1, 5)]);
        assert_eq!(counts, BTreeMap::from([(0, 2), (10, 1), (20, 1)]));
        assert_eq!(report.faults(), 0, "{report}");
    }

    #[test]
    fn where_the_clock_closed_windows_the_stated_spans_tell() {
        let mut beside = Beside::default();
        let second = 1_000;
        let sum = |first_offset, first_end_ms| StatedSum {
            partition: 0,
            first_offset,
            last_offset: first_offset,
            first_end_ms,
            last_end_ms: 30 * second,
        };
        beside.cuts.take(sum(0, 10 * second), SLIDING);
        beside.cuts.take(sum(1, 20 * second), SLIDING);
        let (counts, _) = folded(SLIDING, beside, &[receipt(1, 5), receipt(1, 6)]);
        assert_eq!(counts, BTreeMap::from([(-20, 1), (-10, 2), (0, 2)]));
    }

    #[test]
    fn windows_lack_what_the_internal_dead_letter_topic_says_and_no_more() {
        for (stated, wrong) in [(1, 0), (2, 1)] {
            let mut beside = Beside::default();
            let mut report = Report::default();
            let value = format!(
                r#"{{"result":"top-stores","window":{{"start":"1970-01-01T00:00:00.000Z","end":"1970-01-01T00:00:10.000Z"}},"input_partition":0,"first_offset":1,"last_offset":1,"receipts":{stated}}}"#
            );
            beside.lacks.take(value.as_bytes(), STRICT, &mut report);
            let (counts, report) = folded(STRICT, beside, &[receipt(1, 5), receipt(1, 6)]);
            assert_eq!(counts, BTreeMap::from([(0, 1)]));
            assert_eq!(report.verdict("partials.dead-letter").wrong, wrong, "{report}");
        }
    }

    #[test]
    fn only_windows_of_the_range_are_folded() {
        let range = Range { from_ms: 10_000, to_ms: 20_000 };
        let values = [receipt(1, 5), receipt(1, 15), receipt(1, 25)];
        let (counts, _) = folded(Rules { range, ..STRICT }, Beside::default(), &values);
        assert_eq!(counts, BTreeMap::from([(10, 1)]));
    }

    #[test]
    fn a_late_receipt_after_the_range_counts_in_no_window_of_it() {
        let rules = Rules { range: Range { from_ms: 0, to_ms: 10_000 }, ..SLIDING };
        let values = [receipt(1, 5), receipt(1, 12)];
        let mut beside = Beside::default();
        refused(&mut beside, rules, 1, "late", &values[1]);
        let (counts, report) = folded(rules, beside, &values);
        assert_eq!(counts, BTreeMap::from([(0, 1)]), "the clock had closed all its windows");
        assert_eq!(report.faults(), 0, "{report}");
    }
}
