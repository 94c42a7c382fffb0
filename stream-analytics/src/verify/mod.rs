//! Proof on the user's own topics: do the published windows equal a brute-force fold of the receipts?
//!
//! [`snapshot`] settles which records are looked at, [`observer`] reads them. The rest is pure: [`fold`] computes what must
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
mod expensive;
mod fold;
mod observer;
mod published;
mod report;
mod rules;
mod snapshot;

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

pub use args::VerifyArgs;
use common::exit::ExitStatus;
use common::kafka::{Cluster, ClusterError, KafkaSettings, SettingsError};
use common::results::{PopularItems, SalesTotals, TopStores};
use common::shutdown::Shutdown;
use common::{EventTime, Receipt, TopicKind, Topics, format_duration};
use compare::{Floor, compare};
use cuts::StatedSum;
use dead_letters::DeadLetter;
use fold::{Beside, Expected, Fold};
use observer::{Extent, Observer};
use published::{Published, WindowResult};
use rdkafka::Message;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers};
use report::Report;
use rules::{Place, Range, Rules};
use snapshot::Snapshot;

use crate::partials::{Content, Partial};
use crate::progress::{ForeignMetadata, Settings};
use crate::window::{WindowSpec, WindowSpecError};

/// Why nothing is proven.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The Kafka flags.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The window flags.
    #[error(transparent)]
    Windows(#[from] WindowSpecError),
    /// Nothing is between the two.
    #[error("--from must be before --to")]
    EmptyRange,
    /// The flags are not those of the group.
    #[error("{flag} {given}, but the group began with {committed}: leave the flag away, or name another --group-id")]
    OtherSettings {
        /// The flag.
        flag: &'static str,
        /// As given.
        given: String,
        /// As committed.
        committed: String,
    },
    /// Another program's group.
    #[error("{0}: is --group-id right?")]
    ForeignGroup(#[from] ForeignMetadata),
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The client refuses its settings.
    #[error("the Kafka settings do not go together: {0}")]
    Client(KafkaError),
    /// No receipts.
    #[error("topic {0} does not exist: check --topic-prefix and --topic")]
    NoTopic(String),
    /// Nothing to judge.
    #[error("nothing is published and group {group} has committed nothing: check --topic-prefix and --group-id")]
    NothingPublished {
        /// Its full name.
        group: String,
    },
    /// Nothing to judge any more.
    #[error("retention has deleted what would be compared: look at later windows, or verify sooner")]
    NothingLeft,
    /// A topic cannot be read.
    #[error("cannot read topic {topic}: {source}; check the broker and this client's rights, and try again")]
    Read {
        /// Full name.
        topic: String,
        /// In the client's words.
        source: KafkaError,
    },
    /// A transaction stays open.
    #[error("topic {topic} yields nothing more: a transaction may be open; try again once it is over")]
    Stalled {
        /// Full name.
        topic: String,
    },
    /// A signal came first.
    #[error("stopped before the end: nothing is proven")]
    Stopped,
    /// Standard output is closed.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
    /// The results are not what they should be.
    #[error("{faults} faults among {judged} records: the results do not agree with the receipts, see above")]
    Disagreement {
        /// How many are wrong.
        faults: u64,
        /// Of how many.
        judged: u64,
    },
}

impl ExitStatus for VerifyError {
    fn exit_status(&self) -> u8 {
        match self {
            VerifyError::Settings(_)
            | VerifyError::Windows(_)
            | VerifyError::EmptyRange
            | VerifyError::OtherSettings { .. } => 2,
            VerifyError::Cluster(ClusterError::Stopped) => 1,
            VerifyError::Cluster(error) => error.exit_status(),
            _ => 1,
        }
    }
}

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
    let job = tokio::task::spawn_blocking(move || verify(&args, &settings, range, &shutdown));
    let report = job.await.map_err(|_| VerifyError::Stopped)??;
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
        delay_ms: i64::try_from(delay.as_millis()).unwrap_or(i64::MAX),
        top: args.top as usize,
        expensive_over: args.expensive_over,
        idle_by_clock: args.idle_after.0.is_some(),
        ahead_by_clock: args.max_ahead.0.is_some(),
        range,
    })
}

/// Reads the topics of a snapshot.
struct Reading<'a> {
    observer: &'a Observer<'a>,
    topics: &'a Topics,
    input_topic: &'a str,
    snapshot: &'a Snapshot,
}

impl Reading<'_> {
    fn compare(&self, rules: Rules, report: &mut Report) -> Result<(), VerifyError> {
        let beside = self.beside(rules, report)?;
        let stores: Published<TopStores> = self.published(rules.range, report)?;
        let totals: Published<SalesTotals> = self.published(rules.range, report)?;
        let items: Published<PopularItems> = self.published(rules.range, report)?;
        let expected = self.fold(rules, beside, report)?;

        let floor = self.floor(&expected);
        report.note(format!("{} receipts read", expected.receipts));
        let waiting = compare(expected.top_stores, stores, floor, report)
            + compare(expected.sales_totals, totals, floor, report)
            + compare(expected.popular_items, items, floor, report);
        if waiting > 0 {
            report.note(format!("{waiting} results wait for their windows to close, and were not judged"));
        }
        let left_waiting = self.snapshot.group.as_ref().and_then(|group| group.left_waiting_ms);
        if let Some(passed) = left_waiting.and_then(EventTime::from_ms) {
            report.note(format!("the group is stopped; windows up to {passed} are due once it goes on"));
        }
        Ok(())
    }

    fn floor(&self, expected: &Expected) -> Floor {
        let by_the_log = || {
            let watermark_of = |partition| expected.watermarks.get(partition).copied();
            let published_ms = self.snapshot.inputs.keys().map(watermark_of).min().flatten();
            Floor { published_ms, everything: false }
        };
        self.snapshot.group.as_ref().map_or_else(by_the_log, |group| group.floor)
    }

    /// What the topics beside the input and the window results say.
    fn beside(&self, rules: Rules, report: &mut Report) -> Result<Beside, VerifyError> {
        let mut beside = Beside::default();
        let Beside { refusals, lacks, cuts, expensive } = &mut beside;
        let snapshot = self.snapshot;
        self.read(TopicKind::ReceiptsDeadLetter, &snapshot.receipts_dead_letter, |message| {
            let headers = message.headers();
            let headers = headers
                .iter()
                .flat_map(|headers| headers.iter())
                .filter_map(|header| Some((header.key, std::str::from_utf8(header.value.unwrap_or_default()).ok()?)));
            let record = DeadLetter {
                value: message.payload().unwrap_or_default(),
                headers: headers.collect::<BTreeMap<_, _>>(),
            };
            refusals.take(&record, self.input_topic, rules.range, report);
        })?;
        self.read(TopicKind::PartialsDeadLetter, &snapshot.partials_dead_letter, |message| {
            lacks.take(message.payload().unwrap_or_default(), rules, report);
        })?;
        if rules.idle_by_clock && rules.slide_ms < rules.window_ms {
            self.read(TopicKind::Partials, &snapshot.partials, |message| {
                let Ok(partial) = Partial::decode(message.payload().unwrap_or_default()) else { return };
                for sum in partial.sums.iter().filter(|sum| matches!(sum.content, Content::Stores(_))) {
                    let stated = StatedSum {
                        partition: sum.input_partition,
                        first_offset: sum.first_offset,
                        last_offset: sum.last_offset,
                        first_end_ms: sum.first_end_ms,
                        last_end_ms: sum.last_end_ms,
                    };
                    cuts.take(stated, rules);
                }
            })?;
        }
        let topic = TopicKind::ExpensiveReceipts;
        self.read(topic, &snapshot.results[topic.base_name()], |message| {
            let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
            expensive.published(key, value, rules.range, report);
        })?;
        Ok(beside)
    }

    fn published<V: WindowResult>(&self, range: Range, report: &mut Report) -> Result<Published<V>, VerifyError> {
        let mut published = Published::new();
        self.read(V::TOPIC, &self.snapshot.results[V::TOPIC.base_name()], |message| {
            let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
            published.take(key, value, range, report);
        })?;
        Ok(published)
    }

    fn fold(&self, rules: Rules, beside: Beside, report: &mut Report) -> Result<Expected, VerifyError> {
        let inputs = &self.snapshot.inputs;
        let dead_letters_are_whole = self.snapshot.receipts_dead_letter.iter().all(|extent| extent.low == 0);
        let mut fold = Fold::new(rules, beside, dead_letters_are_whole);
        let extents: Vec<Extent> =
            inputs.iter().map(|(&partition, input)| Extent { partition, low: input.low, end: input.end }).collect();
        self.observer.read(self.input_topic, &extents, |message| {
            let place = Place { partition: message.partition(), offset: message.offset() };
            let due = inputs.get(&place.partition).is_some_and(|input| place.offset < input.due_end);
            fold.record(place, message.payload().unwrap_or_default(), due, report);
            true
        })?;
        let ends = inputs.iter().map(|(partition, input)| (*partition, (input.low, input.end))).collect();
        Ok(fold.finish(&ends, report))
    }

    fn read(
        &self,
        kind: TopicKind,
        extents: &[Extent],
        mut take: impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<(), VerifyError> {
        self.observer.read(&self.topics.name(kind), extents, |message| {
            take(message);
            true
        })
    }

    /// Where retention has deleted records: the window start from which on everything is there.
    fn first_whole_ms(&self, rules: Rules) -> Result<Option<i64>, VerifyError> {
        let event_ms = |value: &[u8]| Some(Receipt::from_json(value).ok()?.timestamp.ms() + rules.delay_ms);
        let inputs = self.snapshot.inputs.iter();
        let inputs = inputs.map(|(&partition, input)| Extent { partition, low: input.low, end: input.end });
        let mut first_ms = self.first_left(self.input_topic, &inputs.collect::<Vec<_>>(), event_ms)?;
        for (kind, extents) in snapshot::RESULTS.iter().map(|kind| (*kind, &self.snapshot.results[kind.base_name()])) {
            let topic = self.topics.name(kind);
            let left_ms = match kind {
                TopicKind::ExpensiveReceipts => self.first_left(&topic, extents, event_ms)?,
                _ => self.first_left(&topic, extents, |value| {
                    let result: WindowOnly = serde_json::from_slice(value).ok()?;
                    Some(result.window.start.ms() + 1)
                })?,
            };
            first_ms = first_ms.max(left_ms);
        }
        Ok(first_ms)
    }

    /// The largest time that the first records of shortened partitions have; of an empty one nothing is known.
    fn first_left(
        &self,
        topic: &str,
        extents: &[Extent],
        time_ms: impl Fn(&[u8]) -> Option<i64>,
    ) -> Result<Option<i64>, VerifyError> {
        let mut first_ms = None;
        for extent in extents.iter().filter(|extent| extent.low > 0) {
            let mut found_ms = None;
            self.observer.read(topic, std::slice::from_ref(extent), |message| {
                found_ms = time_ms(message.payload().unwrap_or_default());
                found_ms.is_none()
            })?;
            first_ms = first_ms.max(Some(found_ms.unwrap_or(i64::MAX)));
        }
        Ok(first_ms)
    }
}

/// The part of a result that tells its place.
#[derive(serde::Deserialize)]
struct WindowOnly {
    window: common::results::Window,
}
