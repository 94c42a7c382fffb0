//! Proof on the user's own topics: do the published windows equal a brute-force fold of the receipts?
//!
//! [`snapshot`] settles which records are looked at, [`observer`] reads them, [`reading`] hands them on. The rest is pure: [`fold`] computes what must
//! have been published, with the help of what the [`dead_letters`] name and of the [`cuts`] that the clock made;
//! [`published`] and [`expensive`] collect what was; [`mod@compare`] holds one to the other, and a [`report`] tells the people.
//!
//! # How it is judged
//!
//! *Which receipts count in a window* is told by each partition's log: the watermark is the largest event time so far, less
//! the delay, and a receipt counts in its windows that end after it. `receipts.dead-letter` must name every receipt for
//! which that leaves none. With `--idle-after off` it must name no others. Otherwise a partition's watermark may have moved
//! with the clock while it was idle, and the log alone does not tell how far: a receipt that is named late is taken to be
//! (and proves that the watermark had reached its last window's end); for sliding windows, a receipt that was counted is
//! taken to lack the windows that the sums in `partials` say it does, as far as retention has left them. Likewise a receipt
//! that is named malformed was ahead of the clock, unless `--max-ahead off`.
//!
//! *Which windows must be published*: those up to where the group has committed that it has published; those that end
//! before one that the same stream has published; those that all committed watermarks have passed, if the group is running
//! and has had half a minute for it; all of them, if a run with `--until-end` was the last. If the group has committed
//! nothing (its offsets have expired, or another program wrote the results), those that the log's watermarks have passed.
//! Other windows are judged if they are published.
//!
//! *What retention has deleted* cannot be judged: where a log no longer begins at its beginning, windows before the first
//! record that is left (and the delay after it) are left out.

mod args;
mod compare;
mod cuts;
mod dead_letters;
mod error;
mod expensive;
mod fold;
mod observer;
mod published;
mod reading;
mod report;
mod rules;
mod snapshot;

use std::io::Write;
use std::time::Duration;

pub use args::VerifyArgs;
use common::kafka::{Cluster, KafkaSettings};
use common::shutdown::{Shutdown, unless_stopped};
use common::{EventTime, TopicKind, Topics, format_duration};
pub use error::VerifyError;
use observer::Observer;
use reading::Reading;
use report::Report;
use rules::{Range, Rules};

use crate::clock::ms;
use crate::progress::Settings;
use crate::window::WindowSpec;

/// Compares, and prints what was found. Ends with an error unless everything agrees.
pub async fn run(args: VerifyArgs, shutdown: Shutdown) -> Result<(), VerifyError> {
    let settings = args.kafka.settings()?;
    let range =
        Range { from_ms: args.from.map_or(i64::MIN, EventTime::ms), to_ms: args.to.map_or(i64::MAX, EventTime::ms) };
    if range.from_ms >= range.to_ms {
        return Err(VerifyError::EmptyRange);
    }
    if let (Some(window), Some(slide)) = (args.window, args.slide) {
        WindowSpec::new(window, slide)?;
    }
    let stop = shutdown.clone();
    let job = unless_stopped(&shutdown, move || verify(&args, &settings, range, &stop));
    let report = job.await.ok_or(VerifyError::Stopped)??;
    write!(std::io::stdout(), "{report}")?;
    match report.faults() {
        0 => Ok(()),
        faults => Err(VerifyError::Disagreement { faults, judged: report.all_judged() }),
    }
}

fn verify(args: &VerifyArgs, kafka: &KafkaSettings, range: Range, shutdown: &Shutdown) -> Result<Report, VerifyError> {
    let topics = Topics::with_prefix(&args.kafka.topic_prefix);
    let group = topics.prefixed(&args.group_id);
    let cluster = Cluster::connect(kafka)?;
    let observer = Observer::connect(kafka, &cluster, &group, shutdown)?;
    let committed = snapshot::settings(&observer, &topics.name(TopicKind::Partials))?;
    let input_topic = input_topic(args, &topics, committed.as_ref())?;
    if cluster.partitions(&input_topic).is_none() {
        return Err(VerifyError::NoTopic(input_topic));
    }
    let mut rules = rules(args, committed.as_ref(), range)?;
    let snapshot = snapshot::take(&observer, &topics, &input_topic, committed.is_some())?;
    if snapshot.group.is_none() && snapshot.results.values().flatten().all(|extent| extent.low == extent.end) {
        return Err(VerifyError::NothingPublished { group });
    }
    let mut report = Report::default();
    let reading = Reading { observer: &observer, topics: &topics, input_topic: &input_topic, snapshot: &snapshot };
    if let Some(judged_from_ms) = reading.first_whole_ms(rules)?
        && judged_from_ms > rules.range.from_ms
    {
        let from = EventTime::from_ms(judged_from_ms).filter(|from| from.ms() < range.to_ms);
        let from = from.ok_or(VerifyError::NothingLeft)?;
        rules.range.from_ms = judged_from_ms;
        report.note(format!("retention has deleted records: windows that start before {from} are not judged"));
    }
    reading.compare(rules, &mut report)?;
    Ok(report)
}

/// The input topic: the group's, if it has one.
fn input_topic(args: &VerifyArgs, topics: &Topics, committed: Option<&Settings>) -> Result<String, VerifyError> {
    match (&args.topic, committed) {
        (None, None) => Ok(topics.name(TopicKind::Receipts)),
        (Some(given), None) => Ok(given.clone()),
        (None, Some(committed)) => Ok(committed.input_topic.clone()),
        (Some(given), Some(committed)) if *given == committed.input_topic => Ok(given.clone()),
        (Some(given), Some(committed)) => Err(VerifyError::OtherSettings {
            flag: "--topic",
            given: given.clone(),
            committed: committed.input_topic.clone(),
        }),
    }
}

/// The settings: the group's, if it has committed any, which the flags must not contradict.
fn rules(args: &VerifyArgs, committed: Option<&Settings>, range: Range) -> Result<Rules, VerifyError> {
    const DEFAULT: Duration = Duration::from_secs(10);
    let one = |flag, given: Option<Duration>, committed: Option<i64>| {
        let committed = committed.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        match (given, committed) {
            (Some(given), Some(committed)) if given != committed => Err(VerifyError::OtherSettings {
                flag,
                given: format_duration(given),
                committed: format_duration(committed),
            }),
            (given, committed) => Ok(committed.or(given).unwrap_or(DEFAULT)),
        }
    };
    let window = one("--window", args.window, committed.map(|settings| settings.window_ms))?;
    let slide = one("--slide", args.slide, committed.map(|settings| settings.slide_ms))?;
    let delay = one("--watermark-delay", args.watermark_delay, committed.map(|settings| settings.delay_ms))?;
    let windows = WindowSpec::new(window, slide)?;
    Ok(Rules {
        window_ms: windows.window_ms(),
        slide_ms: windows.slide_ms(),
        delay_ms: ms(delay),
        top: args.top as usize,
        expensive_over: args.expensive_over,
        idle_by_clock: args.idle_after.0.is_some(),
        ahead_by_clock: args.max_ahead.0.is_some(),
        range,
    })
}
