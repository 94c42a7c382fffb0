//! What the comparison found, as lines for people.

use std::collections::BTreeMap;
use std::fmt;

/// Lines that are kept; of further ones only the number is known.
const LINES_KEPT: usize = 200;

/// What is wrong with a record, or with its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It should be there.
    Missing,
    /// It is there more often than it should be.
    Repeated,
    /// It says something else than it should, or should not be there.
    Wrong,
}

/// What was found in one topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Records that were looked for or found, and could be judged.
    pub judged: u64,
    /// How many of them are missing.
    pub missing: u64,
    /// How many are repeated.
    pub repeated: u64,
    /// How many are wrong.
    pub wrong: u64,
}

/// What was found in all topics.
#[derive(Debug, Default)]
pub struct Report {
    verdicts: BTreeMap<&'static str, Verdict>,
    lines: Vec<String>,
    lines_left_out: usize,
    notes: Vec<String>,
}

impl Report {
    /// Counts records of a topic that were judged.
    pub fn judged(&mut self, topic: &'static str, records: u64) {
        self.verdicts.entry(topic).or_default().judged += records;
    }

    /// Notes a fault of the record with this key.
    pub fn fault(&mut self, topic: &'static str, fault: Fault, key: &str, detail: &str) {
        let verdict = self.verdicts.entry(topic).or_default();
        let word = match fault {
            Fault::Missing => {
                verdict.missing += 1;
                "missing"
            }
            Fault::Repeated => {
                verdict.repeated += 1;
                "repeated"
            }
            Fault::Wrong => {
                verdict.wrong += 1;
                "wrong"
            }
        };
        if self.lines.len() < LINES_KEPT {
            self.lines.push(format!("{word:8}  {topic}  {key}: {detail}"));
        } else {
            self.lines_left_out += 1;
        }
    }

    /// Says something that is no fault.
    pub fn note(&mut self, line: String) {
        self.notes.push(line);
    }

    /// Faults of all topics.
    pub fn faults(&self) -> u64 {
        self.verdicts.values().map(|verdict| verdict.missing + verdict.repeated + verdict.wrong).sum()
    }

    /// Records of all topics that were judged.
    pub fn all_judged(&self) -> u64 {
        self.verdicts.values().map(|verdict| verdict.judged).sum()
    }

    /// What was found in one topic.
    #[cfg(test)]
    pub fn verdict(&self, topic: &str) -> Verdict {
        self.verdicts.get(topic).copied().unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        if self.lines_left_out > 0 {
            writeln!(f, "… and {} more", self.lines_left_out)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        writeln!(f, "{:22} {:>9} {:>9} {:>9} {:>9}", "topic", "judged", "missing", "repeated", "wrong")?;
        for (topic, Verdict { judged, missing, repeated, wrong }) in &self.verdicts {
            writeln!(f, "{topic:22} {judged:>9} {missing:>9} {repeated:>9} {wrong:>9}")?;
        }
        Ok(())
    }
}
