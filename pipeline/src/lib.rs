//! All three services in one process, for a machine with nothing but Rust: [`embedded`] brings the broker, [`args`] turns
//! one command line into four, [`run`] calls the services' own `run` functions. They meet only in Kafka's topics, as
//! anywhere else.
#![forbid(unsafe_code)]

pub mod args;
pub mod embedded;

use std::path::PathBuf;

use args::PipelineArgs;
use common::exit::ExitStatus;
use common::shutdown::Shutdown;
use common::{TopicKind, Topics};
use embedded::EmbeddedBroker;
use tokio::task::{JoinError, spawn_blocking};

/// Why the pipeline ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A service's environment variable is unusable.
    #[error("an environment variable cannot be used: {0}")]
    Environment(String),
    /// The broker in the process.
    #[error("the embedded broker does not start: {0}; give a real one with --brokers")]
    Broker(#[from] rdkafka::error::KafkaError),
    /// No room for the sales file.
    #[error("no folder for the sales file that is made: {0}; give one with --sales")]
    Folder(std::io::Error),
    /// The generator.
    #[error(transparent)]
    Producer(#[from] producer::Error),
    /// The cleaner.
    #[error(transparent)]
    Cleaner(#[from] batch_cleaner::Error),
    /// The windows.
    #[error(transparent)]
    Analytics(#[from] stream_analytics::Error),
    /// A service panicked.
    #[error("a service ended without a word: {0}")]
    Panicked(#[from] JoinError),
}

impl ExitStatus for Error {
    fn exit_status(&self) -> u8 {
        match self {
            Error::Environment(_) => 2,
            Error::Broker(_) | Error::Folder(_) | Error::Panicked(_) => 1,
            Error::Producer(error) => error.exit_status(),
            Error::Cleaner(error) => error.exit_status(),
            Error::Analytics(error) => error.exit_status(),
        }
    }
}

/// What the services did.
#[derive(Debug)]
pub struct Summary {
    /// The cleaner.
    pub cleaned: batch_cleaner::Summary,
    /// The generator.
    pub produced: producer::Summary,
    /// The windows.
    pub analysed: stream_analytics::tally::Summary,
}

/// Runs everything until shutdown, or until `--duration` is over and every window is published.
///
/// # Errors
/// The first service that fails, after the others have been stopped. `Ok(None)`: stopped before the receipts began.
pub async fn run(args: PipelineArgs, shutdown: Shutdown) -> Result<Option<Summary>, Error> {
    let topics = Topics::with_prefix(&args.kafka.topic_prefix);
    let broker = match &args.kafka.brokers {
        Some(_) => None,
        None => Some(EmbeddedBroker::start(&topics, args.kafka.partitions)?),
    };
    let args = match &broker {
        Some(broker) => {
            eprintln!(
                "An embedded broker on {} keeps everything in memory until the end; to keep data, give a real Kafka with --brokers.",
                broker.address()
            );
            args.with_brokers(broker.address())
        }
        None => args,
    };

    let folder = tempfile::tempdir().map_err(Error::Folder)?;
    let sales = sales_file(&args, folder.path().join("sales.csv")).await?;
    let cleaned = batch_cleaner::run(args.cleaner(&sales)?, shutdown.clone()).await?;
    if shutdown.is_cancelled() {
        return Ok(None);
    }
    eprintln!("Sending receipts at {} {}; {}", args.rate, args.duration_text(), dashboard_text(&args));
    eprintln!("{}", args.waiting_text());
    let (produced, analysed) = stream(&args, &shutdown).await?;
    Ok(Some(Summary { cleaned, produced, analysed }))
}

fn dashboard_text(args: &PipelineArgs) -> String {
    match args.http.0 {
        Some(address) => format!("dashboard on http://{address}/"),
        None => {
            format!("results in topic {}", Topics::with_prefix(&args.kafka.topic_prefix).name(TopicKind::TopStores))
        }
    }
}

/// The file to clean: the one that was given, or a new one.
async fn sales_file(args: &PipelineArgs, made: PathBuf) -> Result<PathBuf, Error> {
    if let Some(given) = &args.sales {
        return Ok(given.clone());
    }
    let sales_csv = args.sales_csv(&made)?;
    spawn_blocking(move || producer::sales_csv::write(&sales_csv)).await??;
    eprintln!("Made a dirty sales file; cleaning it.");
    Ok(made)
}

/// Sends receipts and computes windows side by side. When the receipts end by themselves, what is left in the topic is
/// read to its end, so that the last windows are published too.
async fn stream(
    args: &PipelineArgs,
    shutdown: &Shutdown,
) -> Result<(producer::Summary, stream_analytics::tally::Summary), Error> {
    let stop = shutdown.child_token();
    let analytics = tokio::spawn(stop_after(stream_analytics::run(args.analytics(false)?, stop.clone()), stop.clone()));
    let produced = stop_after(producer::run_receipts(args.receipts()?, stop.clone()), stop.clone()).await;
    let mut analysed = analytics.await??;
    let produced = produced?;
    if !shutdown.is_cancelled() {
        analysed += stream_analytics::run(args.analytics(true)?, shutdown.clone()).await?;
    }
    Ok((produced, analysed))
}

/// Whichever service ends first, by itself or by an error, ends the other.
async fn stop_after<T>(service: impl Future<Output = T>, stop: Shutdown) -> T {
    let outcome = service.await;
    stop.cancel();
    outcome
}
