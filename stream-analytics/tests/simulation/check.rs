//! Holds what was published to the brute force.

use std::collections::{BTreeMap, BTreeSet};

use common::{TopicKind, dead_letter};
use serde_json::Value;
use stream_analytics::outbox::OutputRecord;

use crate::broker::LogId;
use crate::oracle::{self, Counted, Judged, Place, Refusals};
use crate::sales::{Sale, time};
use crate::scenario::Scenario;
use crate::worker::ensure;
use crate::world::World;

/// Topic and key of a result.
type ResultKey = (&'static str, String);
/// Result (`top-stores`, or the category) and window end of what `partials.dead-letter` names.
type NamedKey = (Option<String>, i64);

/// What was published.
#[derive(Default)]
struct Published {
    finals: BTreeMap<ResultKey, Vec<String>>,
    early: u64,
    expensive: BTreeMap<String, Vec<String>>,
    refusals: Refusals,
    named: Vec<Value>,
}

/// Checks every promise; the error says which is broken.
pub fn check(world: &World) -> Result<(), String> {
    let scenario = &world.scenario;
    let published = read(world)?;
    let mut logs: BTreeMap<i32, Vec<(i64, Option<Sale>)>> = BTreeMap::new();
    for partition in 0..world.broker.input_partitions() {
        let log = world.broker.log(LogId::Input(partition));
        let sales = log.read().map(|(offset, _)| (offset, world.sent[&(partition, offset)].sale.clone()));
        logs.insert(partition, sales.collect());
    }
    let written_ms = |place: Place| world.sent[&place].wall_ms;
    let judged = oracle::judge(scenario, &logs, &published.refusals, written_ms)?;
    check_refusals(world, &judged.refusals, &published.refusals)?;
    check_expensive(scenario, &judged, &published)?;

    let named = named(scenario, &judged, &published)?;
    if scenario.is_pure() && !scenario.until_end && scenario.exactly_once {
        ensure(named.is_empty(), || format!("partials.dead-letter is not empty: {:?}", published.named))?;
    }
    let complete_until_ms = if scenario.until_end || !scenario.is_pure() {
        Some(i64::MAX)
    } else {
        judged.watermarks.values().copied().min().flatten()
    };
    match (scenario.exactly_once, scenario.window_ms == scenario.slide_ms || named.is_empty() && scenario.is_pure()) {
        (true, true) => {
            let expected = expected(scenario, &judged, &named, complete_until_ms);
            compare(&expected, &published.finals)
        }
        (true, false) => check_bounds(scenario, &judged, &published),
        (false, _) => check_nothing_missing(scenario, &judged, &published, complete_until_ms),
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

fn read(world: &World) -> Result<Published, String> {
    let mut published = Published::default();
    for (_, record) in world.broker.log(LogId::Results).read() {
        let (key, value) = (text(record.key.as_deref()), text(record.value.as_deref()));
        match record.topic {
            TopicKind::TopStores | TopicKind::SalesTotals | TopicKind::PopularItems => {
                let finals = published.finals.entry((record.topic.base_name(), key.clone()));
                if value.contains(r#""final":true"#) {
                    finals.or_default().push(value);
                } else {
                    let follows = matches!(finals, std::collections::btree_map::Entry::Occupied(_));
                    ensure(!follows, || format!("an early result of {key} follows the final one"))?;
                    published.early += 1;
                }
            }
            TopicKind::ExpensiveReceipts => published.expensive.entry(key).or_default().push(value),
            TopicKind::ReceiptsDeadLetter => {
                let (place, late) = dead_letter(world, record)?;
                let list = if late { &mut published.refusals.late } else { &mut published.refusals.malformed };
                let once = list.insert(place);
                ensure(once || !world.scenario.exactly_once, || format!("{place:?} is a dead letter twice"))?;
            }
            TopicKind::PartialsDeadLetter => {
                published.named.push(serde_json::from_str(&value).map_err(|error| error.to_string())?);
            }
            other => return Err(format!("a record of {other:?} among the results")),
        }
    }
    Ok(published)
}

/// Where a refused receipt came from, and whether it is late. It must be as it was.
fn dead_letter(world: &World, record: &OutputRecord) -> Result<(Place, bool), String> {
    let header = |name: &str| {
        let found = record.headers.iter().rfind(|(other, _)| other == name);
        found.map(|(_, value)| text(value.as_deref())).ok_or_else(|| format!("no header {name}"))
    };
    let number = |name: &str| header(name)?.parse::<i64>().map_err(|error| error.to_string());
    let partition = i32::try_from(number(dead_letter::PARTITION)?).map_err(|error| error.to_string())?;
    let place = (partition, number(dead_letter::OFFSET)?);
    let source = &world.sent.get(&place).ok_or_else(|| format!("no record at {place:?}"))?.record;
    let same = source.key == record.key && source.value == record.value && record.headers.starts_with(&source.headers);
    ensure(same, || format!("the dead letter of {place:?} is not as it was"))?;
    match header(dead_letter::EXCEPTION)?.as_str() {
        dead_letter::LATE => Ok((place, true)),
        dead_letter::MALFORMED => Ok((place, false)),
        other => Err(format!("{place:?} is refused as {other}")),
    }
}

fn check_refusals(world: &World, judged: &Refusals, published: &Refusals) -> Result<(), String> {
    let differing: Vec<_> = judged.late.symmetric_difference(&published.late).collect();
    ensure(differing.is_empty(), || format!("late by one account only: {differing:?}"))?;
    let differing: Vec<_> = judged.malformed.symmetric_difference(&published.malformed).collect();
    ensure(differing.is_empty(), || format!("malformed by one account only: {differing:?}"))?;
    let Some(max_ahead_ms) = world.scenario.max_ahead_ms else { return Ok(()) };
    for (place, sent) in &world.sent {
        let Some(sale) = &sent.sale else { continue };
        let refused = published.malformed.contains(place);
        ensure(!refused || sale.event_ms > sent.wall_ms + max_ahead_ms, || {
            format!("{place:?} is refused, though it was not far ahead when it was sent")
        })?;
    }
    Ok(())
}

fn check_expensive(scenario: &Scenario, judged: &Judged<'_>, published: &Published) -> Result<(), String> {
    let mut left = published.expensive.clone();
    for (place, sale) in &judged.expensive {
        let values = left.remove(&sale.id).unwrap_or_default();
        let once = values.len() == 1 || (values.len() > 1 && !scenario.exactly_once);
        ensure(once, || format!("expensive receipt {place:?} was published {} times", values.len()))?;
        let expected = oracle::expensive(sale);
        ensure(values.iter().all(|value| *value == expected), || format!("{values:?} is not {expected}"))?;
    }
    ensure(left.is_empty() || !scenario.exactly_once, || format!("not expensive: {left:?}"))
}

/// The receipts that `partials.dead-letter` names, by result and window.
fn named(
    scenario: &Scenario,
    judged: &Judged<'_>,
    published: &Published,
) -> Result<BTreeMap<NamedKey, BTreeSet<Place>>, String> {
    let mut all: BTreeMap<NamedKey, BTreeSet<Place>> = BTreeMap::new();
    for letter in &published.named {
        let category = letter["category"].as_str().map(str::to_owned);
        let number = |name: &str| letter[name].as_i64().ok_or_else(|| format!("no {name} in {letter}"));
        let (partition, first, last) = (number("input_partition")?, number("first_offset")?, number("last_offset")?);
        let ends = judged.counted.iter().flat_map(|counted| &counted.ends);
        let of_letter = |end: &&i64| letter["window"]["end"] == time(**end).as_str();
        let end = *ends.clone().find(of_letter).ok_or_else(|| format!("{letter} names no receipts"))?;
        let places: Vec<Place> = judged
            .counted
            .iter()
            .filter(|counted| i64::from(counted.place.0) == partition)
            .filter(|counted| (first..=last).contains(&counted.place.1) && counted.ends.contains(&end))
            .filter(|counted| category.as_deref().is_none_or(|category| has_category(counted.sale, category)))
            .map(|counted| counted.place)
            .collect();
        let known = all.entry((category, end)).or_default();
        if scenario.exactly_once && scenario.window_ms == scenario.slide_ms {
            let count = i64::try_from(places.len()).expect("few");
            ensure(number("receipts")? == count, || format!("{letter} names {places:?}"))?;
            ensure(places.iter().all(|place| known.insert(*place)), || format!("{letter} names receipts again"))?;
        } else {
            known.extend(places);
        }
    }
    Ok(all)
}

fn has_category(sale: &Sale, category: &str) -> bool {
    sale.lines.iter().any(|line| line.category == category)
}

/// The receipts of each window.
fn windows<'j, 's>(judged: &'j Judged<'s>, until_ms: Option<i64>) -> BTreeMap<i64, Vec<&'j Counted<'s>>> {
    let mut windows: BTreeMap<i64, Vec<&Counted<'_>>> = BTreeMap::new();
    for counted in &judged.counted {
        for end_ms in counted.ends.iter().filter(|end_ms| Some(**end_ms) <= until_ms) {
            windows.entry(*end_ms).or_default().push(counted);
        }
    }
    windows
}

fn categories<'s>(window: &[&Counted<'s>]) -> BTreeSet<&'s str> {
    window.iter().flat_map(|counted| &counted.sale.lines).map(|line| line.category).collect()
}

/// What must have been published, without the receipts that were named instead.
fn expected(
    scenario: &Scenario,
    judged: &Judged<'_>,
    named: &BTreeMap<NamedKey, BTreeSet<Place>>,
    until_ms: Option<i64>,
) -> BTreeMap<ResultKey, String> {
    let mut expected = BTreeMap::new();
    for (end_ms, window) in windows(judged, until_ms) {
        let key = time(end_ms - scenario.window_ms);
        let left = |category: Option<&str>| -> Vec<&Sale> {
            let named = named.get(&(category.map(str::to_owned), end_ms));
            let stays = |counted: &&&Counted<'_>| named.is_none_or(|named| !named.contains(&counted.place));
            window.iter().filter(stays).map(|counted| counted.sale).collect()
        };
        let sales = left(None);
        if !sales.is_empty() {
            let (top, totals) = oracle::stores(scenario, end_ms, &sales);
            expected.insert((TopicKind::TopStores.base_name(), key.clone()), top);
            expected.insert((TopicKind::SalesTotals.base_name(), key.clone()), totals);
        }
        for category in categories(&window) {
            let mut sales = left(Some(category));
            sales.retain(|sale| has_category(sale, category));
            if !sales.is_empty() {
                let items = oracle::items(scenario, end_ms, category, &sales);
                expected.insert((TopicKind::PopularItems.base_name(), format!("{key}/{category}")), items);
            }
        }
    }
    expected
}

fn compare(expected: &BTreeMap<ResultKey, String>, finals: &BTreeMap<ResultKey, Vec<String>>) -> Result<(), String> {
    for (key, values) in finals {
        ensure(values.len() == 1, || format!("{key:?} was published {} times", values.len()))?;
        let expected = expected.get(key).ok_or_else(|| format!("{key:?} should not be published: {values:?}"))?;
        ensure(values[0] == *expected, || format!("published\n{}\nbut it is\n{expected}", values[0]))?;
    }
    let missing: Vec<_> = expected.keys().filter(|key| !finals.contains_key(*key)).collect();
    ensure(missing.is_empty(), || format!("never published: {missing:?}"))
}

fn receipts(value: &str) -> i64 {
    serde_json::from_str::<Value>(value).ok().and_then(|value| value["receipts"].as_i64()).unwrap_or(0)
}

/// Receipts that `partials.dead-letter` names for a window of `sales-totals`, by its own count.
fn named_receipts(published: &Published, end_ms: i64) -> i64 {
    let of_window = |letter: &&Value| letter["category"].is_null() && letter["window"]["end"] == time(end_ms).as_str();
    published.named.iter().filter(of_window).filter_map(|letter| letter["receipts"].as_i64()).sum()
}

/// Sliding windows of which a clock decided some: every receipt counts in its last window at least, and in no window twice.
fn check_bounds(scenario: &Scenario, judged: &Judged<'_>, published: &Published) -> Result<(), String> {
    for (key, values) in &published.finals {
        ensure(values.len() == 1, || format!("{key:?} was published {} times", values.len()))?;
    }
    for (end_ms, window) in windows(judged, Some(i64::MAX)) {
        let key = (TopicKind::SalesTotals.base_name(), time(end_ms - scenario.window_ms));
        let counted = published.finals.get(&key).map_or(0, |values| receipts(&values[0]));
        let accounted = counted + named_receipts(published, end_ms);
        let at_most = i64::try_from(window.len()).expect("few");
        let last = window.iter().filter(|counted| counted.ends.last() == Some(&end_ms)).count();
        let at_least = if scenario.is_pure() { at_most } else { i64::try_from(last).expect("few") };
        ensure((at_least..=at_most).contains(&accounted), || {
            format!("{key:?} accounts for {accounted} receipts, not for {at_least} to {at_most}")
        })?;
    }
    Ok(())
}

/// At least once: every window is published, and none with less than it has.
fn check_nothing_missing(
    scenario: &Scenario,
    judged: &Judged<'_>,
    published: &Published,
    until_ms: Option<i64>,
) -> Result<(), String> {
    for (end_ms, window) in windows(judged, until_ms) {
        if !scenario.is_pure() && scenario.window_ms != scenario.slide_ms {
            continue;
        }
        let key = (TopicKind::SalesTotals.base_name(), time(end_ms - scenario.window_ms));
        let finals = published.finals.get(&key).map(Vec::as_slice).unwrap_or_default();
        let named = named_receipts(published, end_ms);
        let at_least = i64::try_from(window.len()).expect("few");
        ensure(!finals.is_empty() || named >= at_least, || format!("{key:?} is missing"))?;
        // A run until the end knows further ends once the group changes. What it published by an earlier one, and was killed
        // before it could commit, is published again with all that there is: the last word counts.
        let first = if scenario.until_end { finals.len().saturating_sub(1) } else { 0 };
        for value in &finals[first..] {
            ensure(receipts(value) + named >= at_least, || {
                format!("{value} lacks receipts: there are {at_least}, and {named} are named; published: {finals:?}")
            })?;
        }
    }
    Ok(())
}
