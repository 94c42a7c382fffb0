//! The rules of windows and watermarks, applied to receipts in the order of their partitions' logs.

use std::collections::BTreeMap;
use std::sync::Arc;

use common::EventTime;
use common::results::Window;

use super::windows::{Expected, Sums};
use crate::args::ManifestArgs;
use crate::error::Error;
use crate::receipts::catalogue::Catalogue;
use crate::receipts::sale::Sale;

/// Windows and watermarks, milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Length of a window.
    pub window_ms: i64,
    /// From the start of a window to the next one's.
    pub slide_ms: i64,
    /// How far a watermark is behind the largest event time.
    pub delay_ms: i64,
    /// Ranks published.
    pub top: usize,
}

/// Overlapping windows are added to one by one here.
const MAX_OVERLAP: i64 = 10_000;

impl Rules {
    /// Checks that the flags go together.
    pub fn new(args: &ManifestArgs) -> Result<Rules, Error> {
        let ms = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let rules = Rules {
            window_ms: ms(args.window),
            slide_ms: ms(args.slide),
            delay_ms: ms(args.watermark_delay),
            top: args.top as usize,
        };
        let refusal = if rules.window_ms == 0 || rules.slide_ms == 0 {
            "--window and --slide must be above zero"
        } else if rules.slide_ms > rules.window_ms {
            "--slide is longer than --window: some receipts would count nowhere; make it shorter"
        } else if rules.window_ms / rules.slide_ms > MAX_OVERLAP {
            "more than 10000 windows overlap: make --slide longer"
        } else {
            return Ok(rules);
        };
        Err(Error::Usage(refusal.to_owned()))
    }
}

/// What becomes of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It counts in at least one window.
    Counted,
    /// Its partition had closed all its windows.
    Late,
    /// One of its windows cannot be written with years of four digits.
    OutOfRange,
}

/// Folds receipts into windows.
#[derive(Debug)]
pub struct Book {
    rules: Rules,
    catalogue: Arc<Catalogue>,
    /// By partition; `None` before its first receipt.
    watermarks_ms: Vec<Option<i64>>,
    /// Partitions that some store's receipts go to.
    in_use: Vec<bool>,
    /// Open windows by their start.
    windows: BTreeMap<i64, Sums>,
}

impl Book {
    /// `in_use`: for each partition, whether receipts can come to it at all.
    pub fn new(rules: Rules, catalogue: Arc<Catalogue>, in_use: Vec<bool>) -> Book {
        Book { rules, catalogue, watermarks_ms: vec![None; in_use.len()], in_use, windows: BTreeMap::new() }
    }

    /// The next receipt of a partition's log.
    pub fn note(&mut self, partition: usize, sale: &Sale) -> Verdict {
        let Rules { window_ms, slide_ms, delay_ms, .. } = self.rules;
        let time_ms = sale.timestamp.ms();
        let last_start_ms = time_ms - time_ms.rem_euclid(slide_ms);
        // The starts of all windows that hold the time: start ≤ time < start + window.
        let starts = || {
            std::iter::successors(Some(last_start_ms), move |start_ms| Some(start_ms - slide_ms))
                .take_while(move |start_ms| time_ms < start_ms + window_ms)
        };
        if starts().any(|start_ms| window(start_ms, window_ms).is_none()) {
            return Verdict::OutOfRange;
        }
        let watermark_ms = &mut self.watermarks_ms[partition];
        let is_open = |start_ms: i64| watermark_ms.is_none_or(|watermark_ms| watermark_ms < start_ms + window_ms);
        let mut verdict = Verdict::Late;
        for start_ms in starts().filter(|start_ms| is_open(*start_ms)) {
            self.windows.entry(start_ms).or_default().add(sale);
            verdict = Verdict::Counted;
        }
        *watermark_ms = (*watermark_ms).max(Some(time_ms - delay_ms));
        verdict
    }

    /// Results of the windows that no further receipt can change; of all windows once the log has ended.
    pub fn take_closed(&mut self, ended: bool) -> Vec<Expected> {
        let in_use = self.watermarks_ms.iter().zip(&self.in_use).filter(|(_, in_use)| **in_use);
        let merged_ms = in_use.map(|(watermark_ms, _)| watermark_ms.unwrap_or(i64::MIN)).min();
        let merged_ms = if ended { i64::MAX } else { merged_ms.unwrap_or(i64::MIN) };
        let mut results = Vec::new();
        while let Some(first) = self.windows.first_entry() {
            let Some(window) = window(*first.key(), self.rules.window_ms) else { break };
            if window.end.ms() > merged_ms {
                break;
            }
            results.extend(first.remove().results(window, self.rules.top, &self.catalogue));
        }
        results
    }
}

/// `None` if a bound has no year of four digits.
fn window(start_ms: i64, window_ms: i64) -> Option<Window> {
    Some(Window { start: EventTime::from_ms(start_ms)?, end: EventTime::from_ms(start_ms + window_ms)? })
}
