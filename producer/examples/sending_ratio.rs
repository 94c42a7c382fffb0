//! How much of what librdkafka sends with values made beforehand `producer receipts --rate max` reaches: both send the
//! same number of records with the same keys, values and client settings, in turn, each to a topic of its own.
//!
//! `cargo run --release -p producer --example sending_ratio -- --brokers HOST:PORT [--records N] [--rounds N]`
#![forbid(unsafe_code)]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use common::EventTime;
use common::kafka::{Cluster, KafkaArgs};
use common::shutdown::Shutdown;
use common::telemetry::Metrics;
use producer::ReceiptsArgs;
use producer::delivery::{KafkaSink, Ledger, Offer, Outgoing, Sink as _};
use producer::receipts::ReceiptStream;
use producer::receipts::catalogue::Catalogue;

#[derive(Debug, Parser)]
struct Arguments {
    /// Records a turn
    #[arg(long, default_value_t = 2_000_000)]
    records: u64,
    /// Turns of each
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// A key and a value.
type Record = (Vec<u8>, Vec<u8>);

/// Made beforehand, and sent again and again.
const VALUES: u64 = 20_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let brokers = arguments.kafka.brokers.clone().ok_or("give --brokers")?;
    let prefix = &arguments.kafka.topic_prefix;
    let (premade_topic, receipts_topic) = (format!("{prefix}premade"), format!("{prefix}receipts"));
    let settings = arguments.kafka.settings()?;
    let mut cluster = Cluster::connect(&settings)?;
    let topics = vec![(premade_topic.clone(), false), (receipts_topic.clone(), false)];
    cluster.create_missing_named(topics, (&arguments.kafka).into()).await?;

    let count = arguments.records.to_string();
    let flags = ["--brokers", &brokers, "--topic", &receipts_topic, "--rate", "max", "--count", &count];
    let args = ReceiptsArgs::from_flags(flags.into_iter().chain(["--seed", "7", "--catalogue", "builtin"]))?;
    let values = premade(&args)?;

    let (mut ratios, mut cpu_ratios) = (Vec::new(), Vec::new());
    for round in 1..=arguments.rounds {
        let ledger = Arc::new(Ledger::default());
        let sink = KafkaSink::new(&settings, premade_topic.clone(), ledger, &Metrics::new("premade", "0"))?;
        let before = cpu_time();
        let premade_per_s = per_second(arguments.records, send_premade(sink, &values, arguments.records)?);
        let between = cpu_time();
        let summary = producer::run_receipts(args.clone(), Shutdown::new()).await?;
        summary.verdict()?;
        let (premade_cpu, generated_cpu) = (between.saturating_sub(before), cpu_time().saturating_sub(between));
        let generated_per_s = per_second(summary.sent, Duration::from_secs_f64(summary.settled_s));
        ratios.push(generated_per_s / premade_per_s);
        cpu_ratios.push(premade_cpu.as_secs_f64() / generated_cpu.as_secs_f64());
        println!(
            "round {round}: premade {premade_per_s:.0}/s ({premade_cpu:.2?} of CPU), \
             generated {generated_per_s:.0}/s ({generated_cpu:.2?} of CPU), ratio {:.3}",
            generated_per_s / premade_per_s
        );
    }
    println!("median ratio of rates {:.3}, of CPU time {:.3}", median(ratios), median(cpu_ratios));
    Ok(())
}

/// Keys and values as the generator makes them.
fn premade(args: &ReceiptsArgs) -> Result<Vec<Record>, producer::Error> {
    let mut stream = ReceiptStream::new(args, 7, &Catalogue::builtin())?;
    let time = EventTime::from_ms(1_700_000_000_000).unwrap_or(EventTime::MAX);
    let make = |number| {
        let made = stream.generate(number, time);
        (made.key.to_vec(), made.value.to_vec())
    };
    Ok((0..VALUES).map(make).collect())
}

/// From the first record to the last acknowledgement.
fn send_premade(mut sink: KafkaSink, values: &[Record], records: u64) -> Result<Duration, producer::Error> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let timestamp_ms = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
    let started = Instant::now();
    let mut left = records;
    for (index, (key, value)) in values.iter().cycle().enumerate() {
        if left == 0 {
            break;
        }
        if index % 64 == 0 {
            sink.serve()?;
        }
        while sink.offer(Outgoing { key: Some(key), value, timestamp_ms })? == Offer::Full {
            std::thread::park_timeout(Duration::from_millis(1));
            sink.serve()?;
        }
        left -= 1;
    }
    while !sink.is_settled()? {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    Ok(started.elapsed())
}

#[allow(clippy::cast_precision_loss, reason = "for people to read")]
fn per_second(records: u64, time: Duration) -> f64 {
    records as f64 / time.as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What this process has used so far: unlike the rates, it does not depend on who else is at work on the machine. Zero
/// where there is no `/proc`.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // utime and stime, in hundredths of a second: the twelfth and thirteenth field after the program's name.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    Duration::from_millis(fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}
