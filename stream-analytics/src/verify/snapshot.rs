//! Which records are looked at, taken from a pipeline that may be at work meanwhile.
//!
//! The order makes the picture consistent: what the group had committed, then where the result topics end, then (once it
//! is known which of those results count) what it has committed by then, then where the dead-letter topics end. So every result that is looked at was made of receipts
//! that are looked at; every receipt before the first look has its results and dead letters within what is read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::{TopicKind, Topics};

use super::VerifyError;
use super::compare::Floor;
use super::observer::{End, Extent, Observer};
use crate::progress::{InputProgress, MergeProgress, Settings};

/// How long a running group may take to publish a window that all input partitions have passed: a replica that was killed
/// is missed for a session, and its transaction for longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A partition of the input topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputExtent {
    /// First offset that retention has left.
    pub low: i64,
    /// What came of the records before it was committed before the result topics were looked at.
    pub due_end: i64,
    /// Records before it may be in the results.
    pub end: i64,
}

/// What the group has committed.
#[derive(Debug)]
pub struct Group {
    /// What it has published, and what must be.
    pub floor: Floor,
    /// Milliseconds: all input partitions have passed it, but the stopped group has not published up to there.
    pub left_waiting_ms: Option<i64>,
}

/// Where to read.
#[derive(Debug)]
pub struct Snapshot {
    /// What the group has committed; `None` if it has not.
    pub group: Option<Group>,
    /// The input topic, by partition.
    pub inputs: BTreeMap<i32, InputExtent>,
    /// The result topics.
    pub results: BTreeMap<&'static str, Vec<Extent>>,
    /// `receipts.dead-letter`.
    pub receipts_dead_letter: Vec<Extent>,
    /// `partials.dead-letter`.
    pub partials_dead_letter: Vec<Extent>,
    /// The internal topic.
    pub partials: Vec<Extent>,
}

/// The result topics.
pub const RESULTS: [TopicKind; 4] =
    [TopicKind::TopStores, TopicKind::SalesTotals, TopicKind::PopularItems, TopicKind::ExpensiveReceipts];

/// The settings that the group has committed, if it has.
pub fn settings(observer: &Observer<'_>, partials: &str) -> Result<Option<Settings>, VerifyError> {
    Ok(merges(observer, partials)?.into_iter().flatten().next().map(|(_, progress)| progress.settings))
}

/// Takes the picture. `group_has_committed` is what [`settings`] found.
pub fn take(
    observer: &Observer<'_>,
    topics: &Topics,
    input_topic: &str,
    group_has_committed: bool,
) -> Result<Snapshot, VerifyError> {
    let name = |kind| topics.name(kind);
    let partials = name(TopicKind::Partials);
    let is_running = group_has_committed && observer.group_is_running();
    let group = group_has_committed
        .then(|| {
            let passed_ms = passed_by_all(&inputs(observer, input_topic)?);
            if is_running {
                wait_until(observer, || Ok(published_by_all(&merges(observer, &partials)?) >= passed_ms))?;
            }
            let merges = merges(observer, &partials)?;
            let published_ms = published_by_all(&merges);
            let floor = Floor {
                published_ms: if is_running { published_ms.max(passed_ms) } else { published_ms },
                everything: everything_is_closed(&merges, &inputs(observer, input_topic)?),
            };
            let waits = !is_running && !floor.everything && passed_ms > published_ms;
            Ok::<_, VerifyError>(Group { floor, left_waiting_ms: passed_ms.filter(|_| waits) })
        })
        .transpose()?;

    let input_ends = || -> Result<BTreeMap<i32, (i64, i64)>, VerifyError> {
        let extents = observer.extents(input_topic, End::Committed)?;
        let committed: BTreeMap<i32, i64> = inputs(observer, input_topic)?
            .into_iter()
            .filter_map(|(partition, progress)| Some((partition, progress?.0)))
            .collect();
        let end = |extent: &Extent| match group {
            None => extent.end,
            Some(_) => committed.get(&extent.partition).copied().unwrap_or(extent.low).max(extent.low),
        };
        Ok(extents.iter().map(|extent| (extent.partition, (extent.low, end(extent)))).collect())
    };
    let due = input_ends()?;
    let results = RESULTS
        .into_iter()
        .map(|kind| Ok((kind.base_name(), observer.extents(&name(kind), End::Written)?)))
        .collect::<Result<BTreeMap<_, _>, VerifyError>>()?;
    for kind in RESULTS {
        observer.wait_until_decided(&name(kind), &results[kind.base_name()])?;
    }
    let read = input_ends()?;
    let extents = read
        .iter()
        .map(|(partition, &(low, end))| {
            let due_end = due.get(partition).map_or(low, |(_, due_end)| *due_end);
            (*partition, InputExtent { low, due_end, end })
        })
        .collect();

    if is_running {
        // Sums leave a second after what else came of a receipt.
        wait_until(observer, || {
            let inputs = inputs(observer, input_topic)?;
            let is_summed = |(partition, progress): &(i32, Progress<InputProgress>)| {
                let end = read.get(partition).map_or(0, |(_, end)| *end);
                progress.as_ref().is_none_or(|(_, input)| input.summed_until >= end)
            };
            Ok(inputs.iter().all(is_summed))
        })?;
    }
    let internal = observer.extents(&partials, End::Written)?;
    if is_running {
        // What was read but not merged may yet be refused by a published window.
        wait_until(observer, || {
            let merged = merges(observer, &partials)?;
            let is_merged = |(extent, merge): (&Extent, &Option<(i64, MergeProgress)>)| {
                merge.as_ref().is_some_and(|(offset, _)| *offset >= extent.end)
            };
            Ok(internal.iter().zip(&merged).all(is_merged))
        })?;
    }
    Ok(Snapshot {
        group,
        inputs: extents,
        results,
        receipts_dead_letter: observer.extents(&name(TopicKind::ReceiptsDeadLetter), End::Written)?,
        partials_dead_letter: observer.extents(&name(TopicKind::PartialsDeadLetter), End::Written)?,
        partials: internal,
    })
}

/// Waits for a condition, up to [`PATIENCE`].
fn wait_until(
    observer: &Observer<'_>,
    mut holds: impl FnMut() -> Result<bool, VerifyError>,
) -> Result<(), VerifyError> {
    let started = Instant::now();
    while !holds()? && started.elapsed() < PATIENCE {
        observer.rest()?;
    }
    Ok(())
}

/// A partition's committed offset and what is committed with it.
type Progress<P> = Option<(i64, P)>;

fn merges(observer: &Observer<'_>, partials: &str) -> Result<Vec<Progress<MergeProgress>>, VerifyError> {
    let parse = |(offset, metadata): (i64, String)| Ok((offset, metadata.parse()?));
    observer.committed(partials)?.into_iter().map(|one| one.progress.map(parse).transpose()).collect()
}

fn inputs(observer: &Observer<'_>, input_topic: &str) -> Result<Vec<(i32, Progress<InputProgress>)>, VerifyError> {
    let parse = |(offset, metadata): (i64, String)| Ok::<_, VerifyError>((offset, metadata.parse()?));
    let committed = observer.committed(input_topic)?;
    committed.into_iter().map(|one| Ok((one.partition, one.progress.map(parse).transpose()?))).collect()
}

/// The smallest watermark of all input partitions.
fn passed_by_all(inputs: &[(i32, Progress<InputProgress>)]) -> Option<i64> {
    inputs.iter().map(|(_, progress)| progress.as_ref()?.1.watermark_ms).min().flatten()
}

/// Up to where every merge partition has published.
fn published_by_all(merges: &[Progress<MergeProgress>]) -> Option<i64> {
    merges.iter().map(|progress| progress.as_ref()?.1.published_ms).min().flatten()
}

/// Whether a run with `--until-end` closed every window, and no receipt was read since.
fn everything_is_closed(merges: &[Progress<MergeProgress>], inputs: &[(i32, Progress<InputProgress>)]) -> bool {
    let read: Option<i64> = inputs.iter().map(|(_, progress)| progress.as_ref().map(|(offset, _)| *offset)).sum();
    let ended = |progress: &Progress<MergeProgress>| progress.as_ref().and_then(|(_, merge)| merge.ended_at);
    read.is_some() && !merges.is_empty() && merges.iter().all(|merge| ended(merge) >= read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { window_ms: 10, slide_ms: 10, delay_ms: 0, merge_partitions: 2, input_topic: "r".into() }
    }

    #[allow(clippy::unnecessary_wraps)] // progress as it is looked up, where it may be missing
    fn merge(published_ms: i64, ended_at: Option<i64>) -> Progress<MergeProgress> {
        let published_ms = Some(published_ms);
        Some((1, MergeProgress { settings: settings(), replay_offset: 0, published_ms, announced_ms: None, ended_at }))
    }

    fn input(partition: i32, offset: i64, watermark_ms: Option<i64>) -> (i32, Progress<InputProgress>) {
        (partition, Some((offset, InputProgress { settings: settings(), summed_until: offset, watermark_ms })))
    }

    #[test]
    fn a_partition_without_a_word_holds_the_others() {
        assert_eq!(passed_by_all(&[input(0, 5, Some(50)), input(1, 5, Some(40))]), Some(40));
        assert_eq!(passed_by_all(&[input(0, 5, Some(50)), input(1, 0, None)]), None);
        assert_eq!(passed_by_all(&[input(0, 5, Some(50)), (1, None)]), None);
        assert_eq!(published_by_all(&[merge(30, None), merge(20, None)]), Some(20));
        assert_eq!(published_by_all(&[merge(30, None), None]), None);
    }

    #[test]
    fn everything_is_closed_only_while_nothing_was_read_after_the_end() {
        let inputs = [input(0, 5, None), input(1, 7, None)];
        assert!(everything_is_closed(&[merge(1, Some(12)), merge(2, Some(12))], &inputs));
        assert!(!everything_is_closed(&[merge(1, Some(12)), merge(2, Some(11))], &inputs));
        assert!(!everything_is_closed(&[merge(1, Some(12)), merge(2, None)], &inputs));
        assert!(!everything_is_closed(&[merge(1, Some(12))], &[input(0, 5, None), (1, None)]));
    }
}
