//! Metrics as the document lists them, as a service exposes them, and as rules name them.

use std::collections::{BTreeMap, BTreeSet};

/// A metric's name, type and labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Metric {
    pub(crate) name: String,
    kind: String,
    labels: BTreeSet<String>,
}

/// What the document says that the service exposes: the tables under its heading and under those that begin so.
pub(crate) fn documented(document: &str, service: &str, shared: &[&str]) -> BTreeSet<Metric> {
    let mut of_service = false;
    let mut metrics = BTreeSet::new();
    for line in document.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            of_service = heading == format!("`{service}`") || shared.iter().any(|shared| heading.starts_with(shared));
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, name, kind @ ("counter" | "gauge" | "histogram"), labels, _, _] = cells[..]
            && of_service
        {
            let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
            let labels = labels.filter(|label| !label.is_empty()).collect();
            metrics.insert(Metric { name: name.trim_matches('`').to_owned(), kind: kind.to_owned(), labels });
        }
    }
    metrics
}

/// What a service exposes.
pub(crate) fn exposed(text: &str) -> BTreeSet<Metric> {
    let mut found: BTreeMap<&str, Metric> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            found.insert(name, Metric { name: name.to_owned(), kind: kind.to_owned(), labels: BTreeSet::new() });
        } else if let Some((series, labels)) = line.split_once('{').filter(|_| !line.starts_with('#')) {
            let name = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| series.strip_suffix(suffix));
            let name = name.filter(|name| found.contains_key(name)).unwrap_or(series);
            let metric = found.get_mut(name).expect("a series follows its type");
            let labels = labels.rsplit_once('}').expect("labels end").0;
            let names = labels.split(',').filter_map(|label| label.split_once('=')).map(|(name, _)| name);
            metric.labels.extend(names.filter(|name| *name != "le").map(str::to_owned));
        }
    }
    found.into_values().collect()
}

/// Names of our metrics in rules: whole words that begin as ours do.
pub(crate) fn names_in(rules: &str) -> impl Iterator<Item = String> {
    let words = rules.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| word.starts_with("retail_") || word.starts_with("process_")).map(str::to_owned)
}
