//! Measures what open dashboards cost the analytics, in turns without and with them:
//! `KAFKA_BROKERS=… cargo run --release -p tests --example browsers [STREAMS] [ROUNDS] [SECONDS] [WINDOW_MS]`.
//!
//! One replica gets 5,000 receipts a second, which makes ten events a second for each browser. Its CPU time, its memory
//! (by the minute, in turns that are longer), its commits and how late it publishes windows are compared. With windows of
//! 100 ms what is kept for an hour is full in six minutes. Figures are printed, nothing is asserted.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use common::results::SalesTotals;
use common::{EventTime, TopicKind};
use rdkafka::message::{BorrowedMessage, Message};
use tests::arrivals::arrivals;
use tests::broker::TestBroker;
use tests::growth::Growth;
use tests::http::free_address;
use tests::process::Service;
use tests::shop::now_ms;

const PATIENCE: Duration = Duration::from_mins(1);
/// Between two phases: connections open and close.
const SETTLE: Duration = Duration::from_secs(2);
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_mins(1);
/// Windows of a second, so that each phase sees many; they may close so long after their end.
const WINDOW_MS: u32 = 1_000;
const DELAY_MS: i64 = 1_000;

/// A phase as the replica went through it.
struct Cost {
    cpu_per_cent: f64,
    /// By the minute, and at the end.
    resident_mib: Vec<f64>,
    commits_per_s: f64,
    /// How long after they could be closed windows were published, milliseconds: the middle one and the last.
    late_ms: (i64, i64),
}

/// What one browser saw.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    events: u32,
    bytes: usize,
    /// Events whose number does not follow the one before.
    gaps: u32,
    /// From the server's clock in the event to its arrival.
    slowest_ms: i64,
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u32>().expect("a number"));
    let streams = arguments.next().unwrap_or(100);
    let rounds = arguments.next().unwrap_or(3);
    let phase = Duration::from_secs(arguments.next().unwrap_or(15).into());
    let window = format!("{}ms", arguments.next().unwrap_or(WINDOW_MS));

    let broker = TestBroker::start("browsers");
    let address = free_address();
    let http = address.to_string();
    let with = |more: &[&str]| -> Vec<String> {
        broker.flags().into_iter().chain(more.iter().map(|&flag| flag.to_owned())).collect()
    };
    let windows = ["--window", &window, "--slide", &window, "--watermark-delay", "1s", "--http", &http];
    let replica = Service::start("stream-analytics", &with(&windows));
    let mut receipts = with(&["--rate", "5000/s", "--catalogue", "builtin"]);
    receipts.insert(0, "receipts".to_owned());
    let _producer = Service::start("producer", &receipts);
    Growth::of(&broker).wait_until(TopicKind::SalesTotals, 5, PATIENCE);
    let published = arrivals(&broker, TopicKind::SalesTotals, late_ms);

    if rounds == 0 {
        let (cost, seen) = beside_browsers(replica.pid(), address, streams, phase, &published);
        println!("{streams} browsers from the start: {cost}; {seen}");
        return;
    }
    let (mut without, mut beside) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        std::thread::sleep(SETTLE);
        let cost = cost_of(replica.pid(), address, phase, &published);
        println!("round {round}, no browser: {cost}");
        without.push(cost.cpu_per_cent);

        let (cost, seen) = beside_browsers(replica.pid(), address, streams, phase, &published);
        println!("round {round}, {streams} browsers: {cost}; {seen}");
        beside.push(cost.cpu_per_cent);
    }
    let (without, beside) = (median(without), median(beside));
    println!("{streams} browsers take {:.1} % of a core beside {without:.1} % (medians)", beside - without);
}

/// Watches a process while browsers are open; what they saw is told in words.
fn beside_browsers(
    pid: u32,
    address: SocketAddr,
    streams: u32,
    phase: Duration,
    published: &Receiver<i64>,
) -> (Cost, String) {
    let until = Instant::now() + SETTLE + phase;
    let browsers: Vec<_> = (0..streams).map(|_| std::thread::spawn(move || browse(address, until).unwrap())).collect();
    std::thread::sleep(SETTLE);
    let cost = cost_of(pid, address, phase, published);
    let seen: Vec<Seen> = browsers.into_iter().map(|browser| browser.join().unwrap()).collect();
    (cost, summary(&seen, SETTLE + phase))
}

/// Watches a process for as long as the phase lasts.
fn cost_of(pid: u32, address: SocketAddr, phase: Duration, published: &Receiver<i64>) -> Cost {
    while published.try_recv().is_ok() {}
    let (started, cpu, commits) = (Instant::now(), cpu_time(pid), commits(address));
    let mut resident_mib = Vec::new();
    while let Some(rest) = phase.checked_sub(started.elapsed()).filter(|rest| !rest.is_zero()) {
        std::thread::sleep(rest.min(LOOK));
        resident_mib.push(self::resident_mib(pid));
    }
    let seconds = started.elapsed().as_secs_f64();
    let cpu_per_cent = cpu_time(pid).saturating_sub(cpu).as_secs_f64() / seconds * 100.0;
    let commits_per_s = (self::commits(address) - commits) / seconds;
    let mut late_ms: Vec<i64> = published.try_iter().collect();
    late_ms.sort_unstable();
    let late_ms = (late_ms[late_ms.len() / 2], late_ms[late_ms.len() - 1]);
    Cost { cpu_per_cent, resident_mib, commits_per_s, late_ms }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Cost { cpu_per_cent, resident_mib, commits_per_s, late_ms: (middle, last) } = self;
        let mib = resident_mib.iter().map(|mib| format!("{mib:.1}")).collect::<Vec<_>>().join(" ");
        write!(f, "{cpu_per_cent:.1} % of a core, {mib} MiB, {commits_per_s:.2} commits/s, ")?;
        write!(f, "windows {middle} ms late, at most {last} ms")
    }
}

/// How long after it could be a window was published.
fn late_ms(totals: &BorrowedMessage<'_>) -> i64 {
    let totals: SalesTotals = serde_json::from_slice(totals.payload().unwrap()).unwrap();
    now_ms() - totals.window.end.ms() - DELAY_MS
}

/// Reads the stream of events as a browser does.
fn browse(address: SocketAddr, until: Instant) -> std::io::Result<Seen> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /events HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n")?;
    let mut lines = BufReader::new(stream);
    let (mut seen, mut line, mut number) = (Seen::default(), String::new(), None);
    while Instant::now() < until {
        line.clear();
        seen.bytes += lines.read_line(&mut line)?;
        if let Some(id) = line.strip_prefix("id: ") {
            let next: u64 = id.trim().rsplit('-').next().and_then(|id| id.parse().ok()).unwrap();
            // The health that comes with a snapshot has its number.
            seen.gaps += u32::from(number.is_some_and(|number| next != number && next != number + 1));
            number = Some(next);
            seen.events += 1;
        } else if let Some(data) = line.strip_prefix("data: {\"now\":\"") {
            let sent = data.get(..24).and_then(|time| EventTime::parse(time).ok()).unwrap();
            seen.slowest_ms = seen.slowest_ms.max(now_ms() - sent.ms());
        }
    }
    Ok(seen)
}

fn summary(seen: &[Seen], time: Duration) -> String {
    let seconds = time.as_secs_f64() * seen.len() as f64;
    let events = f64::from(seen.iter().map(|one| one.events).sum::<u32>()) / seconds;
    let kib = seen.iter().map(|one| one.bytes).sum::<usize>() as f64 / 1024.0 / seconds;
    let gaps: u32 = seen.iter().map(|one| one.gaps).sum();
    let slowest_ms = seen.iter().map(|one| one.slowest_ms).max().unwrap_or(0);
    format!("each {events:.1} events/s, {kib:.1} KiB/s, {gaps} gaps in all, the slowest event took {slowest_ms} ms")
}

/// Commits of all workers since the replica's start.
fn commits(address: SocketAddr) -> f64 {
    let metrics = tests::http::get(address, "/metrics").unwrap().body;
    let samples = metrics.lines().filter(|line| line.starts_with("retail_analytics_commits_total"));
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// User and system time, from `/proc`: hundredths of a second.
fn cpu_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    Duration::from_millis(fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>() * 10)
}

fn resident_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
