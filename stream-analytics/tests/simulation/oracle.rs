//! The brute force: what the contract says must come of the receipts, told from the input logs alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::sales::{Sale, money, time};
use crate::scenario::Scenario;
use crate::worker::ensure;

/// Partition and offset of an input record.
pub type Place = (i32, i64);

/// What became of the records that the service decides about by its clock: taken from what it published.
#[derive(Debug, Default)]
pub struct Refusals {
    pub late: BTreeSet<Place>,
    pub malformed: BTreeSet<Place>,
}

/// A receipt with the windows it counts in.
pub struct Counted<'s> {
    pub place: Place,
    pub sale: &'s Sale,
    pub ends: Vec<i64>,
}

/// The verdict on a log.
#[derive(Default)]
pub struct Judged<'s> {
    pub counted: Vec<Counted<'s>>,
    pub refusals: Refusals,
    pub expensive: BTreeMap<Place, &'s Sale>,
    /// Each partition's watermark at its end, if it had a receipt.
    pub watermarks: BTreeMap<i32, Option<i64>>,
}

/// All windows that cover a time, by their ends.
pub fn covering(scenario: &Scenario, event_ms: i64) -> Vec<i64> {
    let Scenario { window_ms, slide_ms, .. } = scenario;
    let mut start = event_ms.div_euclid(*slide_ms) * slide_ms;
    let mut ends = Vec::new();
    while start + window_ms > event_ms {
        ends.push(start + window_ms);
        start -= slide_ms;
    }
    ends.reverse();
    ends
}

/// The furthest that a partition's watermark may stand when a record is read: where its receipts moved it to, and on with
/// the clock while it was silent. Once the record was written the partition was silent no more. Its owner may look at the
/// clock twice until it finds out: with what it fetched before, and while its next fetch is under way. A look that comes
/// `idle_after` or more behind the last one proves no silence.
#[derive(Default)]
struct Furthest(Option<i64>);

impl Furthest {
    /// A receipt that counts, and the wall clock when it was written.
    fn observe(&mut self, watermark_ms: i64, written_ms: i64) {
        self.0 = self.0.max(Some(watermark_ms - written_ms));
    }

    fn when_written(&self, written_ms: i64, idle_after_ms: i64) -> Option<i64> {
        self.0.map(|ahead_ms| ahead_ms + written_ms + 2 * idle_after_ms)
    }
}

/// Judges each partition's records in order. With a look at the clock (idle partitions, far-future guard) the published
/// refusals are believed as far as they go beyond what the log says; the check bounds them otherwise, and a receipt that no
/// clock can have called late is an error.
pub fn judge<'s>(
    scenario: &Scenario,
    logs: &'s BTreeMap<i32, Vec<(i64, Option<Sale>)>>,
    published: &Refusals,
    written_ms: impl Fn(Place) -> i64,
) -> Result<Judged<'s>, String> {
    let mut judged = Judged::default();
    for (partition, records) in logs {
        let mut watermark: Option<i64> = None;
        let mut furthest = Furthest::default();
        for (offset, sale) in records {
            let place = (*partition, *offset);
            let by_clock = scenario.max_ahead_ms.is_some() && published.malformed.contains(&place);
            let Some(sale) = sale.as_ref().filter(|_| !by_clock) else {
                judged.refusals.malformed.insert(place);
                continue;
            };
            if sale.total_minor() > scenario.expensive_over_minor {
                judged.expensive.insert(place, sale);
            }
            let mut ends = covering(scenario, sale.event_ms);
            ends.retain(|end| watermark.is_none_or(|watermark| watermark < *end));
            let by_clock = !ends.is_empty() && !scenario.is_pure() && published.late.contains(&place);
            if let Some(idle_after_ms) = scenario.idle_after_ms.filter(|_| by_clock) {
                let furthest_ms = furthest.when_written(written_ms(place), idle_after_ms);
                ensure(ends.last().copied() <= furthest_ms, || {
                    format!(
                        "{place:?} is late for {ends:?}, though no silence can have moved the watermark past {furthest_ms:?}"
                    )
                })?;
            }
            if ends.is_empty() || by_clock {
                judged.refusals.late.insert(place);
                continue;
            }
            judged.counted.push(Counted { place, sale, ends });
            watermark = watermark.max(Some(sale.event_ms - scenario.delay_ms));
            furthest.observe(sale.event_ms - scenario.delay_ms, written_ms(place));
        }
        judged.watermarks.insert(*partition, watermark);
    }
    Ok(judged)
}

fn window(scenario: &Scenario, end_ms: i64) -> String {
    format!(r#"{{"start":"{}","end":"{}"}}"#, time(end_ms - scenario.window_ms), time(end_ms))
}

/// The values of `top-stores` and `sales-totals`.
pub fn stores(scenario: &Scenario, end_ms: i64, sales: &[&Sale]) -> (String, String) {
    let mut stores: BTreeMap<i64, (i64, u64, &str)> = BTreeMap::new();
    for sale in sales {
        let store = stores.entry(sale.store_id).or_insert((0, 0, &sale.store_name));
        store.0 += sale.total_minor();
        store.1 += 1;
        store.2 = store.2.min(&sale.store_name);
    }
    let mut ranked: Vec<_> = stores.iter().collect();
    ranked.sort_by_key(|(id, (revenue, ..))| (-revenue, **id));
    let lines: Vec<String> = (1..)
        .zip(ranked.iter().take(scenario.top))
        .map(|(rank, (id, (revenue, receipts, name)))| {
            let revenue = money(i128::from(*revenue));
            format!(
                r#"{{"rank":{rank},"store_id":{id},"store_name":"{name}","revenue":{revenue},"receipts":{receipts}}}"#
            )
        })
        .collect();
    let window = window(scenario, end_ms);
    let revenue = money(sales.iter().map(|sale| i128::from(sale.total_minor())).sum());
    let units: i64 = sales.iter().map(|sale| sale.units()).sum();
    (
        format!(r#"{{"window":{window},"final":true,"stores":[{}]}}"#, lines.join(",")),
        format!(
            r#"{{"window":{window},"final":true,"revenue":{revenue},"receipts":{},"units":{units},"stores":{}}}"#,
            sales.len(),
            stores.len()
        ),
    )
}

/// The value of `popular-items` for a category.
pub fn items(scenario: &Scenario, end_ms: i64, category: &str, sales: &[&Sale]) -> String {
    let mut items: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for line in sales.iter().flat_map(|sale| &sale.lines).filter(|line| line.category == category) {
        let item = items.entry(&line.name).or_default();
        item.0 += line.quantity;
        item.1 += line.revenue_minor();
    }
    let mut ranked: Vec<_> = items.into_iter().collect();
    ranked.sort_by_key(|(name, (units, revenue))| (-units, -revenue, *name));
    let lines: Vec<String> = (1..)
        .zip(ranked.iter().take(scenario.top))
        .map(|(rank, (name, (units, revenue)))| {
            let revenue = money(i128::from(*revenue));
            format!(r#"{{"rank":{rank},"name":"{name}","quantity":{units},"revenue":{revenue}}}"#)
        })
        .collect();
    let window = window(scenario, end_ms);
    format!(r#"{{"window":{window},"final":true,"category":"{category}","items":[{}]}}"#, lines.join(","))
}

/// The value of `expensive-receipts`.
pub fn expensive(sale: &Sale) -> String {
    let json = sale.json();
    let members = json.strip_suffix('}').expect("an object");
    format!("{members},\"total\":{}}}", money(i128::from(sale.total_minor())))
}
