//! What running services show of themselves: the metrics that are documented, probes that tell the truth, and the alerts
//! that go with them. Where `promtool` is not installed, what needs it says so and ends.

mod exposition;
mod promtool;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use exposition::{Metric, documented, exposed, names_in};
use tests::broker::TestBroker;
use tests::http::{free_address, get, get_until};
use tests::process::{self, Service};

const PATIENCE: Duration = Duration::from_mins(1);

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(project().join(path)).expect("the file is there")
}

fn start(service: &str, subcommand: Option<&str>, broker: &TestBroker, http: SocketAddr, more: &[&str]) -> Service {
    let mut arguments: Vec<String> = subcommand.into_iter().map(str::to_owned).collect();
    arguments.extend(broker.flags());
    arguments.extend(["--http".to_owned(), http.to_string()]);
    arguments.extend(more.iter().map(|&flag| flag.to_owned()));
    Service::start(service, &arguments)
}

/// The exposition once it has every metric that is documented.
fn complete_exposition(address: SocketAddr, wanted: &BTreeSet<Metric>) -> String {
    let started = Instant::now();
    loop {
        let text = get(address, "/metrics").map(|answer| answer.body).unwrap_or_default();
        let found = exposed(&text);
        if found.is_superset(wanted) || started.elapsed() > PATIENCE {
            assert_eq!(&found, wanted, "what is exposed (left) is not what docs/metrics.md says");
            return text;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn the_services_expose_the_metrics_that_are_documented_and_no_others() {
    let broker = TestBroker::start("metrics");
    let (producer_http, analytics_http) = (free_address(), free_address());
    let _producer = start("producer", Some("receipts"), &broker, producer_http, &["--rate", "200/s", "--late", "1%"]);
    let windows = ["--window", "1s", "--slide", "1s", "--watermark-delay", "1s"];
    let _analytics = start("stream-analytics", None, &broker, analytics_http, &windows);

    let dashboard_http = free_address();
    let _dashboard = start("stream-analytics", Some("dashboard"), &broker, dashboard_http, &[]);

    let document = read("docs/metrics.md");
    for (service, http, shared) in [
        ("stream-analytics", analytics_http, &["Both", "All"][..]),
        ("producer", producer_http, &["Both", "All"]),
        ("stream-analytics dashboard", dashboard_http, &["All"]),
    ] {
        let text = complete_exposition(http, &documented(&document, service, shared));
        promtool::run(&["check", "metrics"], &text);
    }
}

#[test]
fn the_alert_rules_do_what_their_tests_say_with_metrics_that_there_are() {
    let document = read("docs/metrics.md");
    let known: BTreeSet<String> = ["stream-analytics", "producer", "stream-analytics dashboard"]
        .into_iter()
        .flat_map(|service| documented(&document, service, &["Both", "All"]))
        .map(|metric| metric.name)
        .collect();
    for file in ["monitoring/alerts.yml", "monitoring/alerts_test.yml"] {
        let unknown: Vec<_> = names_in(&read(file)).filter(|name| !known.contains(name)).collect();
        assert!(unknown.is_empty(), "{file} names metrics that nothing exposes: {unknown:?}");
    }
    let file = |name: &str| project().join("monitoring").join(name).display().to_string();
    promtool::run(&["check", "rules", &file("alerts.yml")], "");
    promtool::run(&["check", "config", &file("prometheus.yml")], "");
    promtool::run(&["test", "rules", &file("alerts_test.yml")], "");
}

#[test]
fn a_service_whose_broker_is_gone_is_alive_and_not_ready() {
    let broker = TestBroker::start("probes");
    if broker.is_real {
        println!("not tested: this broker is not ours to stop");
        return;
    }
    let (producer_http, analytics_http) = (free_address(), free_address());
    let _producer = start("producer", Some("receipts"), &broker, producer_http, &["--rate", "50/s"]);
    let _analytics = start("stream-analytics", None, &broker, analytics_http, &[]);
    let ask = |service: &str, http: SocketAddr, more: &[&str]| {
        let mut arguments = vec!["health".to_owned(), "--http".to_owned(), http.to_string()];
        arguments.extend(more.iter().map(|&flag| flag.to_owned()));
        process::run(service, &arguments, PATIENCE)
    };
    let services = [("producer", producer_http), ("stream-analytics", analytics_http)];
    for (service, http) in services {
        get_until(http, "/readyz", PATIENCE, |answer| answer.status == 200);
        assert!(ask(service, http, &["--ready"]).status.success());
    }
    drop(broker);
    for (service, http) in services {
        let answer = get_until(http, "/readyz", PATIENCE, |answer| answer.status == 503);
        assert!(answer.body.starts_with("not ready: "), "{answer:?}");
        let asked = ask(service, http, &["--ready"]);
        assert_eq!(asked.status.code(), Some(1));
        assert!(process::last_error_line(&asked).contains("not ready"), "{asked:?}");
        assert_eq!(get(http, "/healthz").map(|answer| answer.status), Some(200), "a restart would not help");
        assert!(ask(service, http, &[]).status.success());
    }
}

#[test]
fn every_answer_of_the_producer_has_the_security_headers() {
    let broker = TestBroker::start("headers");
    let http = free_address();
    let _producer = start("producer", Some("numbers"), &broker, http, &[]);
    let answer = get_until(http, "/metrics", PATIENCE, |answer| answer.status == 200);
    assert!(answer.headers.contains("x-content-type-options: nosniff"), "{answer:?}");
    assert!(answer.headers.contains("content-type: text/plain; version=0.0.4"), "{answer:?}");
    assert_eq!(get(http, "/nothing").map(|answer| answer.status), Some(404));
}
