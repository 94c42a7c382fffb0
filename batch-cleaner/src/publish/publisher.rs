//! The sink that publishes.

use std::fmt::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::kafka::{KafkaSettings, LogContext};
use common::sales::CatalogueItem;
use common::{TopicKind, Topics};
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use sha2::{Digest, Sha256};

use super::PublishError;
use super::part::PublishPart;
use super::progress::{self, Progress};
use crate::error::Error;
use crate::repair::Steps;
use crate::report::Report;
use crate::sink::{Sink, Survey};

/// A transaction is committed after this time, far below the broker's limit, if not sooner.
const TRANSACTION_TIME: Duration = Duration::from_secs(2);
/// How long a full queue is waited for at a time. The client spins through the last millisecond of a wait, so it must be
/// several.
const QUEUE_PATIENCE: Duration = Duration::from_millis(10);
const BROKER_PATIENCE: Duration = Duration::from_secs(30);

/// Where and how to publish.
#[derive(Debug, Clone)]
pub struct PublishSettings {
    /// The brokers.
    pub kafka: KafkaSettings,
    /// The topics' names.
    pub topics: Topics,
    /// Which steps: part of the run's id.
    pub steps: Steps,
    /// Publish anew what is published already.
    pub force: bool,
    /// A transaction is committed once it has so many records.
    pub transaction_records: u64,
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publication {
    /// All of it; `rows` by this process, the others by an earlier one.
    Done {
        /// The run's id.
        run: String,
        /// Rows published by this process, as cleaned or as rejected.
        rows: u64,
        /// Rows that were published before.
        resumed_at: u64,
    },
    /// An earlier process had published everything.
    AlreadyDone {
        /// The run's id.
        run: String,
    },
}

/// Publishes rows, rejects, the catalogue and the summary in transactions.
pub struct Publisher {
    settings: PublishSettings,
    names: Names,
    session: Option<Session>,
}

struct Names {
    cleaned: String,
    rejected: String,
    items: String,
    summary: String,
    progress: String,
}

/// From the moment the run's id is known.
struct Session {
    producer: BaseProducer<Deliveries>,
    run: String,
    /// As committed when this process started.
    before: Progress,
    now: Progress,
    /// Rows that came by, published or not.
    seen: u64,
    open: Option<OpenTransaction>,
    transaction_records: u64,
}

struct OpenTransaction {
    since: Instant,
    records: u64,
}

impl Publisher {
    /// Nothing is sent yet: the run's id comes with the survey.
    pub fn new(settings: PublishSettings) -> Self {
        let name = |kind| settings.topics.name(kind);
        let names = Names {
            cleaned: name(TopicKind::SalesCleaned),
            rejected: name(TopicKind::SalesRejected),
            items: name(TopicKind::SalesItems),
            summary: name(TopicKind::SalesSummary),
            progress: name(TopicKind::SalesProgress),
        };
        Publisher { settings, names, session: None }
    }

    /// Publishes the summary and commits.
    pub fn finish(mut self, report: &Report) -> Result<Publication, Error> {
        let Some(mut session) = self.session.take() else { return Err(Error::Changed) };
        let run = session.run.clone();
        if session.before.done {
            return Ok(Publication::AlreadyDone { run });
        }
        session.send(&self.names.summary, run.as_bytes(), &report.to_summary_json(&run))?;
        session.now = Progress { rows: session.seen, done: true, ..session.now };
        session.commit(&self.names.progress)?;
        Ok(Publication::Done { run, rows: session.seen - session.before.rows, resumed_at: session.before.rows })
    }

    fn begin(&self, survey: &Survey) -> Result<Session, PublishError> {
        let settings = &self.settings;
        let run = run_id(survey, settings.steps);
        let transactional_id = settings.topics.prefixed(&format!("batch-cleaner-{run}"));
        let mut config = settings.kafka.transactional_producer(&transactional_id);
        config
            // Only failures are of interest, and memory is bounded.
            .set("delivery.report.only.error", "true")
            .set("queue.buffering.max.kbytes", "8192")
            .set("queue.buffering.max.messages", "25000");
        let producer = BaseProducer::from_config_and_context(&config, Deliveries::default())?;
        producer.init_transactions(BROKER_PATIENCE)?;
        let before = if settings.force {
            Progress::default()
        } else {
            let group = settings.topics.prefixed("batch-cleaner");
            progress::read(&settings.kafka, &group, &self.names.progress, &run)?
        };
        if before.done {
            tracing::info!(run, "this input is published already: nothing is published (--force publishes it anew)");
        } else if before.rows > 0 {
            tracing::info!(run, rows = before.rows, "an earlier run was cut off: going on after its last commit");
        }
        Ok(Session {
            producer,
            run,
            before,
            now: before,
            seen: 0,
            open: None,
            transaction_records: settings.transaction_records,
        })
    }
}

impl Sink for Publisher {
    type Part = PublishPart;

    fn part(&self) -> PublishPart {
        PublishPart::new(self.session.as_ref().is_none_or(|session| session.before.done))
    }

    fn start(&mut self, survey: &Survey) -> Result<(), Error> {
        let mut session = self.begin(survey)?;
        if !session.before.done {
            let unpublished = usize::try_from(session.before.items).unwrap_or(usize::MAX);
            for item in survey.reference.items().iter().skip(unpublished) {
                session.send(&self.names.items, CatalogueItem::key(item).as_bytes(), &item.to_json())?;
                session.now.items += 1;
                session.commit_if_due(&self.names.progress)?;
            }
        }
        self.session = Some(session);
        Ok(())
    }

    fn write(&mut self, part: &mut PublishPart) -> Result<(), Error> {
        let Some(session) = &mut self.session else { return Err(Error::Changed) };
        let first = session.before.rows.saturating_sub(session.seen);
        for record in part.records_from(first) {
            let topic = if record.kept { &self.names.cleaned } else { &self.names.rejected };
            session.send(topic, record.key, record.value)?;
        }
        session.seen += part.rows();
        session.now.rows = session.seen.max(session.before.rows);
        part.clear();
        session.producer.poll(Duration::ZERO);
        session.commit_if_due(&self.names.progress)?;
        Ok(())
    }
}

impl Session {
    fn send(&mut self, topic: &str, key: &[u8], value: &[u8]) -> Result<(), PublishError> {
        if self.open.is_none() {
            self.producer.begin_transaction()?;
            self.open = Some(OpenTransaction { since: Instant::now(), records: 0 });
        }
        let mut record = BaseRecord::to(topic).key(key).payload(value);
        loop {
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), unsent)) => {
                    record = unsent;
                    self.producer.poll(QUEUE_PATIENCE);
                    self.within_time()?;
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                    return Err(PublishError::TooLarge { topic: topic.to_owned() });
                }
                Err((error, _)) => return Err(self.reason(error)),
            }
        }
        if let Some(open) = &mut self.open {
            open.records += 1;
        }
        Ok(())
    }

    /// A full queue empties, or the transaction is lost.
    fn within_time(&self) -> Result<(), PublishError> {
        match &self.open {
            Some(open) if open.since.elapsed() > BROKER_PATIENCE => {
                Err(self.reason(KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut)))
            }
            _ => match self.producer.client().fatal_error() {
                Some((code, _)) => Err(self.reason(KafkaError::MessageProduction(code))),
                None => Ok(()),
            },
        }
    }

    fn commit_if_due(&mut self, progress_topic: &str) -> Result<(), PublishError> {
        match &self.open {
            Some(open) if open.records >= self.transaction_records || open.since.elapsed() >= TRANSACTION_TIME => {
                self.commit(progress_topic)
            }
            _ => Ok(()),
        }
    }

    fn commit(&mut self, progress_topic: &str) -> Result<(), PublishError> {
        let (run, value) = (self.run.clone(), progress_json(self.now));
        self.send(progress_topic, run.as_bytes(), &value)?;
        self.open = None;
        self.producer.commit_transaction(BROKER_PATIENCE).map_err(|error| self.reason(error))
    }

    /// A record that was refused says more than the transaction that failed for it.
    fn reason(&self, error: KafkaError) -> PublishError {
        match self.producer.context().first_failure() {
            Some((topic, KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge))) => {
                PublishError::TooLarge { topic }
            }
            Some((
                _,
                KafkaError::MessageProduction(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight),
            ))
            | None => error.into(),
            Some((_, failure)) => failure.into(),
        }
    }
}

fn progress_json(progress: Progress) -> Vec<u8> {
    serde_json::to_vec(&progress).expect("three plain members")
}

/// Thirty-two hexadecimal digits: contents, steps, and the version of what is published.
fn run_id(survey: &Survey, steps: Steps) -> String {
    let mut hash = Sha256::new();
    hash.update(b"batch-cleaner 1 ");
    hash.update(if steps == Steps::Full { b"full  " } else { b"strict" });
    hash.update(survey.fingerprint.unwrap_or_default());
    let hash = hash.finalize();
    let (id, _) = hash.split_at(16);
    id.iter().fold(String::new(), |mut id, byte| {
        // Writing to a string does not fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// Remembers the first record that was not delivered.
#[derive(Default)]
struct Deliveries {
    log: LogContext,
    failure: Mutex<Option<(String, KafkaError)>>,
}

impl Deliveries {
    fn first_failure(&self) -> Option<(String, KafkaError)> {
        self.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.log.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, record)) = result {
            let mut failure = self.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            failure.get_or_insert_with(|| (record.topic().to_owned(), error.clone()));
        }
    }
}
