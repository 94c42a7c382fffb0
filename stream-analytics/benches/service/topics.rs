//! Topics full of receipts, from the producer.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use common::shutdown::Shutdown;
use producer::{ReceiptsArgs, run_receipts};

#[derive(Parser)]
struct Load {
    #[command(flatten)]
    receipts: ReceiptsArgs,
}

/// One run of the bench.
pub struct Run {
    brokers: String,
    receipts: u64,
    prefix: String,
}

/// A topic that is there to be read.
pub struct Loaded {
    /// Full name.
    pub topic: String,
}

impl Run {
    /// Topics get names of their own.
    pub fn new(brokers: &str, receipts: u64) -> Self {
        let prefix = format!("service-bench-{}", std::process::id());
        Run { brokers: brokers.to_owned(), receipts, prefix }
    }

    /// Twenty minutes of receipts, somewhat out of order, one in a hundred late. They begin now: the broker would delete
    /// receipts that are older than it keeps any.
    pub fn load(&self, name: &str, flags: &[&str], catalogue: &Path, partitions: u32) -> Loaded {
        let topic = format!("{}.{name}", self.prefix);
        let (count, event_rate) = (self.receipts.to_string(), format!("{}/s", (self.receipts / 1_200).max(1)));
        let partitions = partitions.to_string();
        let mut arguments =
            vec!["producer", "--brokers", &self.brokers, "--topic", &topic, "--partitions", &partitions];
        let catalogue = catalogue.to_str().expect("a path of letters");
        arguments.extend(["--rate", "max", "--seed", "1", "--catalogue", catalogue]);
        arguments.extend(["--count", &count, "--event-rate", &event_rate]);
        arguments.extend(["--jitter", "3s", "--late", "1%", "--malformed", "0.1%"]);
        arguments.extend(flags);
        let load = Load::parse_from(arguments);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(run_receipts(load.receipts, Shutdown::default())).expect("the topic is loaded");
        Loaded { topic }
    }
}

/// A catalogue of so many items, in eight categories.
pub fn catalogue(items: usize) -> PathBuf {
    let path = std::env::temp_dir().join(format!("service-bench-{}-items.csv", std::process::id()));
    let mut lines = String::from("category,item,price_per_unit\n");
    for item in 0..items {
        writeln!(lines, "Category {},Item {item},{}.50", item % 8, 5 + item % 90).expect("a text takes all");
    }
    std::fs::write(&path, lines).expect("the catalogue is written");
    path
}
