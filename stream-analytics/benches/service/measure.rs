//! What a process costs: its CPU, its wall time, its peak memory.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::topics::Loaded;

/// Ticks a second of `/proc`, on every Linux.
const TICKS: f64 = 100.0;
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What one run cost.
#[derive(Clone)]
pub struct Cost {
    /// User and system.
    pub cpu_s: f64,
    /// From start to end.
    pub wall_s: f64,
    /// Resident.
    pub peak_mib: f64,
}

/// The service, reading the topic to its end and publishing every window.
pub fn service(brokers: &str, topic: &Loaded, flags: &[&str], name: &str) -> Cost {
    let prefix = format!("{}-{}.", topic.topic, name.replace([' ', ','], "-"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_stream-analytics"));
    command.args(["--brokers", brokers, "--topic", &topic.topic, "--topic-prefix", &prefix, "--http", "off"]);
    command.args(["--until-end", "--idle-after", "off", "--max-ahead", "off"]).args(flags);
    cost(command)
}

/// This program itself, as a bare client.
pub fn bare(topic: &Loaded) -> Cost {
    let mut command = Command::new(std::env::current_exe().expect("a program has a path"));
    command.env("SERVICE_BENCH_BARE", &topic.topic);
    cost(command)
}

fn cost(mut command: Command) -> Cost {
    let (before_s, started) = (children_cpu_s(), Instant::now());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut peak_mib: f64 = 0.0;
    let status = loop {
        peak_mib = peak_mib.max(peak_of(child.id()).unwrap_or(0.0));
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status;
        }
        std::thread::sleep(LOOK_EVERY);
    };
    assert!(status.success(), "{command:?} ended with {status}");
    Cost { cpu_s: children_cpu_s() - before_s, wall_s: started.elapsed().as_secs_f64(), peak_mib }
}

/// CPU of all children that have ended.
fn children_cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this is Linux");
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    // cutime and cstime are fields 16 and 17 of the line, and this begins with the third.
    after_name.split(' ').skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

fn peak_of(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
}

/// The middle one.
pub fn median(costs: &[Cost], figure: impl Fn(&Cost) -> f64) -> f64 {
    let mut figures: Vec<f64> = costs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
