//! The cost of a receipt in the whole service, on a real Kafka, beside a bare client that only polls, parses and adds up.
//!
//! `KAFKA_BROKERS=HOST:PORT cargo bench -p stream-analytics --bench service [RECEIPTS]` loads topics, lets each case catch
//! up in turn, a few times over, and prints CPU-seconds, and ratios from the same run. Topics are left behind.
//! It reads `/proc`, so it runs on Linux.

mod bare;
mod measure;
mod topics;

use std::path::Path;

use measure::{Cost, median};
use topics::Loaded;

const ROUNDS: usize = 3;
const DEFAULT_RECEIPTS: u64 = 1_000_000;

/// A way to run the service over a topic.
struct Case<'a> {
    name: &'static str,
    topic: &'a Loaded,
    flags: &'static [&'static str],
}

fn main() {
    if let Some(topic) = std::env::var_os("SERVICE_BENCH_BARE") {
        return bare::drain(&brokers().expect("set by the parent"), &topic.to_string_lossy());
    }
    let Some(brokers) = brokers() else {
        return eprintln!("the whole service is measured on a real Kafka: set KAFKA_BROKERS=HOST:PORT");
    };
    let receipts = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(DEFAULT_RECEIPTS);
    let run = topics::Run::new(&brokers, receipts);
    let builtin = Path::new("builtin");
    let usual = run.load("usual", &["--stores", "200"], builtin, 4);
    let many_stores = run.load("many-stores", &["--stores", "100000", "--skew", "0"], builtin, 4);
    let catalogue = topics::catalogue(10_000);
    let many_items = run.load("many-items", &["--stores", "200", "--item-skew", "0"], &catalogue, 4);
    std::fs::remove_file(catalogue).expect("it was there to be read");
    let many_partitions = run.load("many-partitions", &["--stores", "200"], builtin, 100);
    let cases = [
        Case { name: "tumbling 10 s", topic: &usual, flags: &[] },
        Case { name: "2 workers", topic: &usual, flags: &["--threads", "2"] },
        Case { name: "sliding 60 s every 1 s", topic: &usual, flags: &["--window", "60s", "--slide", "1s"] },
        Case { name: "100,000 stores", topic: &many_stores, flags: &[] },
        Case { name: "10,000 items", topic: &many_items, flags: &[] },
        Case { name: "100 partitions", topic: &many_partitions, flags: &[] },
        Case { name: "100 of every topic", topic: &many_partitions, flags: &["--partitions", "100"] },
    ];

    // What more of everything costs anyone who reads and adds up.
    let bare = [
        ("bare client", &usual),
        ("bare, 100,000 stores", &many_stores),
        ("bare, 10,000 items", &many_items),
        ("bare, 100 partitions", &many_partitions),
    ];

    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); cases.len()];
    let mut bare_costs = vec![Vec::new(); bare.len()];
    for round in 0..ROUNDS {
        for (case, costs) in cases.iter().zip(&mut costs) {
            costs.push(measure::service(&brokers, case.topic, case.flags, &format!("{}-{round}", case.name)));
        }
        for ((_, topic), costs) in bare.iter().zip(&mut bare_costs) {
            costs.push(measure::bare(topic));
        }
    }

    let base_s = median(&costs[0], |cost| cost.cpu_s);
    println!("{receipts} receipts, medians of {ROUNDS} rounds; ratio: CPU, to the first line");
    println!("{:<24} {:>8} {:>16} {:>6} {:>8} {:>9}", "", "CPU, s", "receipts/CPU-s", "ratio", "wall, s", "peak, MiB");
    let names = cases.iter().map(|case| case.name).chain(bare.map(|(name, _)| name));
    for (name, costs) in names.zip(costs.iter().chain(&bare_costs)) {
        let cpu_s = median(costs, |cost| cost.cpu_s);
        println!(
            "{name:<24} {cpu_s:>8.2} {:>16.0} {:>6.2} {:>8.2} {:>9.0}",
            receipts as f64 / cpu_s,
            cpu_s / base_s,
            median(costs, |cost| cost.wall_s),
            median(costs, |cost| cost.peak_mib)
        );
    }
}

fn brokers() -> Option<String> {
    std::env::var("KAFKA_BROKERS").ok().filter(|brokers| !brokers.is_empty())
}
