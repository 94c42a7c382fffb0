//! The command line, and the services' command lines made from it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use common::http::HttpAddress;
use common::kafka::KafkaArgs;
use common::logging::LoggingArgs;
use common::{format_duration, parse_duration};
use producer::{Rate, ReceiptsArgs, SalesCsvArgs};
use stream_analytics::config::AnalyticsArgs;

use crate::Error;

/// The whole pipeline in one process: makes or takes a dirty sales file, cleans it, sends receipts drawn from its items,
/// and shows the windows. Without --brokers it brings a broker of its own, which keeps everything in memory
#[derive(Debug, Clone, Parser)]
#[command(name = "pipeline", version)]
pub struct PipelineArgs {
    /// The sales file to clean [default: one is made]
    #[arg(long, env = "RETAIL_SALES", value_name = "FILE")]
    pub sales: Option<PathBuf>,
    /// End after sending receipts for so long, with every window published [default: at Ctrl-C]
    #[arg(long, env = "RETAIL_DURATION", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Receipts a second
    #[arg(long, env = "RETAIL_RATE", value_name = "RATE", default_value = "200/s")]
    pub rate: Rate,
    /// The same seed draws the same receipts [default: a new one]
    #[arg(long, env = "RETAIL_SEED", value_name = "S")]
    pub seed: Option<u64>,
    /// Window length
    #[arg(long, env = "RETAIL_WINDOW", value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub window: Duration,
    /// Distance from one window to the next
    #[arg(long, env = "RETAIL_SLIDE", value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub slide: Duration,
    /// How far the watermark stays behind the largest event time
    #[arg(long, env = "RETAIL_WATERMARK_DELAY", value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub watermark_delay: Duration,
    /// Where the dashboard is served
    #[arg(long, env = "RETAIL_HTTP", value_name = "IP:PORT|off", default_value = "127.0.0.1:8080")]
    pub http: HttpAddress,
    /// Kafka flags.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Logging flags.
    #[command(flatten)]
    pub logging: LoggingArgs,
}

/// Rows of the sales file that is made: as many as the public data set has.
const SALES_ROWS: u64 = 12_575;

impl PipelineArgs {
    /// The same with this broker.
    #[must_use]
    pub fn with_brokers(&self, brokers: String) -> Self {
        let mut args = self.clone();
        args.kafka.brokers = Some(brokers);
        args
    }

    /// `producer sales-csv`.
    pub fn sales_csv(&self, output: &Path) -> Result<SalesCsvArgs, Error> {
        let mut args: SalesCsvArgs = defaults(["--rows", "1", "--output", "-"])?;
        args.rows = SALES_ROWS;
        output.clone_into(&mut args.output);
        args.seed = self.seed.unwrap_or(args.seed);
        Ok(args)
    }

    /// `batch-cleaner FILE`.
    pub fn cleaner(&self, file: &Path) -> Result<batch_cleaner::Args, Error> {
        let mut args = batch_cleaner::Args::try_parse_from([Path::new("batch-cleaner"), file])
            .map_err(|error| Error::Environment(error.to_string()))?;
        args.kafka = self.kafka.clone();
        Ok(args)
    }

    /// `producer receipts`.
    pub fn receipts(&self) -> Result<ReceiptsArgs, Error> {
        let mut args: ReceiptsArgs = defaults([])?;
        args.load.rate = Some(self.rate);
        args.load.seed = self.seed;
        args.load.duration = self.duration;
        // The console's tables are there.
        args.load.status_line = false;
        args.kafka = self.kafka.clone();
        Ok(args)
    }

    /// `stream-analytics`.
    pub fn analytics(&self, until_end: bool) -> Result<AnalyticsArgs, Error> {
        let mut args: AnalyticsArgs = defaults([])?;
        args.window = self.window;
        args.slide = self.slide;
        args.watermark_delay = self.watermark_delay;
        args.http = self.http;
        args.console = true;
        args.until_end = until_end;
        args.kafka = self.kafka.clone();
        Ok(args)
    }

    /// When the first results come.
    pub fn waiting_text(&self) -> String {
        let [window, delay, both] =
            [self.window, self.watermark_delay, self.window + self.watermark_delay].map(format_duration);
        format!(
            "Expensive receipts show at once; the first window in about {both} ({window} long, and {delay} for receipts that come late)."
        )
    }

    /// For the first line that people read.
    pub fn duration_text(&self) -> String {
        self.duration.map_or_else(|| "until Ctrl-C".to_owned(), |duration| format!("for {}", format_duration(duration)))
    }
}

/// A service's flags with their defaults, and what its environment variables say.
fn defaults<A: clap::Args>(given: impl IntoIterator<Item = &'static str>) -> Result<A, Error> {
    let command = A::augment_args(clap::Command::new("pipeline").no_binary_name(true));
    let matches = command.try_get_matches_from(given).map_err(|error| Error::Environment(error.to_string()))?;
    A::from_arg_matches(&matches).map_err(|error| Error::Environment(error.to_string()))
}
