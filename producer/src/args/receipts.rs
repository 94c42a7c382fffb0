//! Flags of `producer receipts`.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use common::kafka::KafkaArgs;
use common::{Money, StoreId, parse_duration};

use super::LoadArgs;
use crate::rate::Share;

/// Sends receipts of shops, as orderly or disorderly as wanted.
#[derive(Debug, Clone, clap::Args)]
pub struct ReceiptsArgs {
    /// How much, how fast, and when.
    #[command(flatten)]
    pub load: LoadArgs,
    /// Who sells what.
    #[command(flatten)]
    pub shops: ShopArgs,
    /// What is wrong on purpose.
    #[command(flatten)]
    pub disorder: DisorderArgs,
    /// What an analytics service must make of it.
    #[command(flatten)]
    pub manifest: ManifestArgs,
    /// Where to send to.
    #[command(flatten)]
    pub kafka: KafkaArgs,
}

/// Who sells what.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Shops")]
pub struct ShopArgs {
    /// Number of stores; their ids are 1 … K, and store 1 is the busiest
    #[arg(long, env = "RETAIL_STORES", value_name = "K", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub stores: u32,

    /// Zipf exponent of the stores' shares: 0 is even
    #[arg(long, env = "RETAIL_SKEW", value_name = "S", default_value_t = 1.1, value_parser = parse_exponent)]
    pub skew: f64,

    /// Cashiers in each store; their ids are 1 … N
    #[arg(long, env = "RETAIL_CASHIERS", value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub cashiers: u32,

    /// Where items come from: topic (sales.items, waited for 30 s), builtin, a FILE (JSON lines as in sales.items, or
    /// CSV with category, item and `price_per_unit`), or auto (the topic if it has items, else builtin)
    #[arg(long, env = "RETAIL_CATALOGUE", value_name = "topic|builtin|auto|FILE", default_value = "auto")]
    pub catalogue: CatalogueSource,

    /// Zipf exponent of the items' shares: 0 is even
    #[arg(long, env = "RETAIL_ITEM_SKEW", value_name = "S", default_value_t = 0.5, value_parser = parse_exponent)]
    pub item_skew: f64,

    /// How far a price is from the catalogue's, up or down
    #[arg(long, env = "RETAIL_PRICE_VARIATION", value_name = "SHARE", default_value = "5%")]
    pub price_variation: Share,

    /// Most lines of a receipt
    #[arg(long, env = "RETAIL_MAX_ITEMS", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub max_items: u32,

    /// Share of receipts whose total is above --expensive-over
    #[arg(long, env = "RETAIL_EXPENSIVE_SHARE", value_name = "SHARE", default_value = "5%")]
    pub expensive_share: Share,

    /// What is expensive: totals strictly above this
    #[arg(long, env = "RETAIL_EXPENSIVE_OVER", value_name = "MONEY", default_value = "500.00", value_parser = Money::from_json_number)]
    pub expensive_over: Money,
}

/// What is wrong on purpose, each reproducible by the seed and independent of the others.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Disorder")]
pub struct DisorderArgs {
    /// Event times are up to this much before the time of sending, so receipts come out of order
    #[arg(long, env = "RETAIL_JITTER", value_name = "D", default_value = "0ms", value_parser = parse_duration)]
    pub jitter: Duration,

    /// Share of receipts stamped --late-by in the past
    #[arg(long, env = "RETAIL_LATE", value_name = "SHARE", default_value = "0%")]
    pub late: Share,

    /// How late those are
    #[arg(long, env = "RETAIL_LATE_BY", value_name = "D", default_value = "30s", value_parser = parse_duration)]
    pub late_by: Duration,

    /// Share of values that are no receipts: truncated, wrong type, member missing, not UTF-8
    #[arg(long, env = "RETAIL_MALFORMED", value_name = "SHARE", default_value = "0%")]
    pub malformed: Share,

    /// Share of receipts that are sent once more, right away
    #[arg(long, env = "RETAIL_DUPLICATE", value_name = "SHARE", default_value = "0%")]
    pub duplicate: Share,

    /// A store that sells nothing; repeatable
    #[arg(long, env = "RETAIL_SILENT_STORE", value_name = "ID", value_delimiter = ',', value_parser = parse_store)]
    pub silent_store: Vec<StoreId>,
}

/// What an analytics service must make of the run. The windows' flags are those of stream-analytics.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Manifest")]
pub struct ManifestArgs {
    /// Write the exact results to expect, a JSON line each; right if this run is the only writer of an empty topic
    #[arg(long, env = "RETAIL_MANIFEST", value_name = "FILE")]
    pub manifest: Option<PathBuf>,

    /// Length of a window
    #[arg(long, env = "RETAIL_WINDOW", value_name = "D", default_value = "10s", value_parser = parse_duration)]
    pub window: Duration,

    /// Time from the start of a window to the next one's
    #[arg(long, env = "RETAIL_SLIDE", value_name = "D", default_value = "10s", value_parser = parse_duration)]
    pub slide: Duration,

    /// How far the watermark is behind the largest event time
    #[arg(long, env = "RETAIL_WATERMARK_DELAY", value_name = "D", default_value = "10s", value_parser = parse_duration)]
    pub watermark_delay: Duration,

    /// Ranks in top-stores and popular-items
    #[arg(long, env = "RETAIL_TOP", value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub top: u32,
}

/// Where the items come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogueSource {
    /// `sales.items`, which is waited for.
    Topic,
    /// Compiled in.
    Builtin,
    /// `sales.items` if it has items by now, else compiled in.
    Auto,
    /// A file.
    File(PathBuf),
}

impl FromStr for CatalogueSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "topic" => CatalogueSource::Topic,
            "builtin" => CatalogueSource::Builtin,
            "auto" => CatalogueSource::Auto,
            path => CatalogueSource::File(path.into()),
        })
    }
}

fn parse_exponent(text: &str) -> Result<f64, String> {
    let refuse = || format!("{text:?} is not an exponent: write a number from 0 to 10");
    text.parse().ok().filter(|exponent| (0.0..=10.0).contains(exponent)).ok_or_else(refuse)
}

fn parse_store(text: &str) -> Result<StoreId, String> {
    text.parse().ok().and_then(StoreId::new).ok_or_else(|| format!("{text:?} is not a store id"))
}
