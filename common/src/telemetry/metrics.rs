//! A service's metrics, in Prometheus' conventions. Names are `retail_SERVICE_WHAT_UNIT`, counters end in `_total`;
//! `docs/metrics.md` lists them all.

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// Upper bounds of a histogram's buckets, seconds.
const SECONDS_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Names are constants, and each is registered once.
const WELL_FORMED: &str = "a metric has a well-formed name and is registered once";

/// The metrics of one service. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    ready: IntGauge,
}

impl Metrics {
    /// What every service has: its process, its version, whether it is ready. `service` is a part of the names.
    pub fn new(service: &str, version: &str) -> Self {
        let name = |what: &str| format!("retail_{service}_{what}");
        let ready = IntGauge::new(name("ready"), "1 if /readyz says that the service is at work, 0 if not.");
        let build =
            Opts::new(name("build_info"), "Always 1; the label names the version.").const_label("version", version);
        let metrics = Metrics { registry: Registry::new(), ready: ready.expect(WELL_FORMED) };
        metrics.add(&metrics.ready);
        metrics.add(&IntGauge::with_opts(build).expect(WELL_FORMED)).set(1);
        let _ = metrics.registry.register(Box::new(ProcessCollector::for_self()));
        metrics
    }

    fn add<C: Collector + Clone + 'static>(&self, collector: &C) -> C {
        self.registry.register(Box::new(collector.clone())).expect(WELL_FORMED);
        collector.clone()
    }

    /// A counter, from 0.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.add(&IntCounter::new(name, help).expect(WELL_FORMED))
    }

    /// A counter for each combination of label values; each is there from the first time that it is named.
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add(&IntCounterVec::new(Opts::new(name, help), labels).expect(WELL_FORMED))
    }

    /// A gauge.
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.add(&Gauge::new(name, help).expect(WELL_FORMED))
    }

    /// A gauge for each combination of label values.
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.add(&GaugeVec::new(Opts::new(name, help), labels).expect(WELL_FORMED))
    }

    /// A histogram of durations.
    pub fn seconds(&self, name: &str, help: &str) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(SECONDS_BUCKETS.to_vec());
        self.add(&Histogram::with_opts(options).expect(WELL_FORMED))
    }

    /// What `/readyz` answers, as a metric.
    pub(super) fn set_ready(&self, ready: bool) {
        self.ready.set(ready.into());
    }

    /// All of them as Prometheus' text.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).expect("what is registered can be written")
    }
}
