//! The whole pipeline over a real connection: the embedded broker by default, the one in `KAFKA_BROKERS` otherwise.

use std::time::Duration;

use clap::Parser;
use common::TopicKind;
use common::shutdown::Shutdown;
use pipeline::args::PipelineArgs;
use tests::agreement::assert_published_equals_brute_force;
use tests::broker::TestBroker;
use tests::manifest::assert_published_equals_manifest;
use tests::oracle::Rules;
use tests::process;
use tests::topic::read;

const MINUTE: Duration = Duration::from_mins(1);

fn flags(broker: &TestBroker, more: &[&str]) -> Vec<String> {
    let mut flags = broker.flags();
    flags.extend(more.iter().map(|flag| (*flag).to_owned()));
    flags
}

/// Runs a service to its end, demands success, and gives its standard output.
fn run(service: &str, subcommand: Option<&str>, broker: &TestBroker, more: &[&str]) -> String {
    let mut arguments: Vec<String> = subcommand.into_iter().map(str::to_owned).collect();
    arguments.extend(flags(broker, more));
    let output = process::run(service, &arguments, 2 * MINUTE);
    assert!(output.status.success(), "{service} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

const DISORDER: [&str; 14] = [
    "--count",
    "30000",
    "--rate",
    "max",
    "--seed",
    "7",
    "--start",
    "2026-03-01T00:00:00Z",
    "--event-rate",
    "200/s",
    "--jitter",
    "3s",
    "--late",
    "2%",
];

#[test]
fn published_windows_equal_a_brute_force_fold_of_disorderly_receipts() {
    let broker = TestBroker::start("windows");
    let disorder: Vec<&str> = DISORDER.into_iter().chain(["--malformed", "1%", "--duplicate", "1%"]).collect();
    run("producer", Some("receipts"), &broker, &disorder);
    run("stream-analytics", None, &broker, &["--until-end", "--idle-after", "off", "--http", "off"]);
    assert_published_equals_brute_force(&broker, Rules::default());
}

#[test]
fn sliding_windows_equal_a_brute_force_fold() {
    let broker = TestBroker::start("sliding");
    run("producer", Some("receipts"), &broker, &DISORDER);
    let sliding =
        ["--window", "30s", "--slide", "4s", "--watermark-delay", "2s", "--top", "3", "--expensive-over", "300"];
    let ending = ["--until-end", "--idle-after", "off", "--http", "off", "--threads", "3"];
    run("stream-analytics", None, &broker, &[&sliding[..], &ending[..]].concat());
    let rules = Rules {
        window_ms: 30_000,
        slide_ms: 4_000,
        delay_ms: 2_000,
        top: 3,
        expensive_over: common::Money::from_minor(30_000),
    };
    assert_published_equals_brute_force(&broker, rules);
}

#[test]
fn published_windows_are_those_that_the_producers_manifest_foretold() {
    let folder = tempfile::tempdir().unwrap();
    let sliding = ["--window", "30s", "--slide", "4s", "--watermark-delay", "2s", "--top", "3"];
    for (name, windows) in [("foretold", &[][..]), ("foretold-sliding", &sliding)] {
        let broker = TestBroker::start(name);
        let manifest = folder.path().join(name);
        let disorder = ["--malformed", "1%", "--duplicate", "1%", "--manifest", manifest.to_str().unwrap()];
        let summary = run("producer", Some("receipts"), &broker, &[&DISORDER[..], &disorder, windows].concat());
        let ending = ["--until-end", "--idle-after", "off", "--max-ahead", "off", "--http", "off"];
        run("stream-analytics", None, &broker, &[&ending[..], windows].concat());

        let foretold = assert_published_equals_manifest(&broker, &manifest);
        let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
        let injected = &summary["injected"];
        assert_eq!(
            (summary["sent"].as_u64(), injected["malformed"].as_u64(), summary["expensive"].as_u64()),
            (
                foretold.get("records").copied(),
                foretold.get("malformed").copied(),
                foretold.get("expensive_receipts").copied()
            )
        );
        // Only at the very beginning, and after its own copy, does a receipt from the past still find its window open.
        let late = (foretold["late"], injected["late"].as_u64().unwrap());
        assert!(late.0 > 0 && late.0 <= late.1, "{late:?}");
    }
}

#[test]
fn the_pipeline_cleans_sends_and_publishes_every_window_once() {
    let broker = TestBroker::start("pipeline");
    let args = [
        "pipeline",
        "--duration",
        "12s",
        "--window",
        "2s",
        "--slide",
        "2s",
        "--watermark-delay",
        "1s",
        "--http",
        "off",
    ];
    let args = PipelineArgs::parse_from(args.map(str::to_owned).into_iter().chain(broker.flags()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let summary = runtime.block_on(pipeline::run(args, Shutdown::new())).unwrap().unwrap();
    assert_eq!(summary.produced.acknowledged, summary.produced.sent);
    assert_eq!(read(&broker, TopicKind::SalesCleaned).len() as u64, summary.cleaned.report.unwrap().kept());
    let rules = Rules { window_ms: 2_000, slide_ms: 2_000, delay_ms: 1_000, ..Rules::default() };
    assert_published_equals_brute_force(&broker, rules);
}

#[test]
fn numbers_are_shown_in_batches() {
    let broker = TestBroker::start("numbers");
    run("producer", Some("numbers"), &broker, &["--count", "3", "--interval", "10ms"]);
    let mut arguments = vec!["console".to_owned()];
    arguments.extend(flags(&broker, &["--trigger", "200ms"]));
    let console = process::Watched::start("stream-analytics", &arguments);
    let text = console.until(MINUTE, |text| text.contains("Batch: 0") && text.matches('\n').count() >= 8);
    assert!(text.contains("| value |"), "{text}");
}

#[test]
fn a_users_mistake_is_one_line_that_says_what_to_do() {
    let mistakes: [(&str, &[&str], i32, &str); 7] = [
        ("stream-analytics", &["--brokers", "127.0.0.1:1", "--http", "off"], 1, "check --brokers"),
        ("producer", &["receipts", "--brokers", "127.0.0.1:1"], 1, "check --brokers"),
        ("stream-analytics", &["--broker", "x"], 2, "--help"),
        ("stream-analytics", &["--brokers", "x:1", "--window", "5s", "--slide", "10s"], 2, "--slide"),
        ("stream-analytics", &[], 2, "--brokers"),
        ("batch-cleaner", &["/no/such/file.csv"], 2, "/no/such/file.csv"),
        ("pipeline", &["--duration", "10"], 2, "duration"),
    ];
    for (service, arguments, status, hint) in mistakes {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let output = process::run(service, &arguments, Duration::from_secs(30));
        let line = process::last_error_line(&output);
        assert_eq!(output.status.code(), Some(status), "{service} {arguments:?}: {line}");
        assert!(line.starts_with("error: ") && line.contains(hint), "{service} {arguments:?}: {line}");
    }
}
