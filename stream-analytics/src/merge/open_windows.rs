//! The windows of a merge partition that are not published yet.
//!
//! Sums wait in a [`Part`] for each span. Windows close in the order of their ends: when the first window of a span closes,
//! its part joins the running totals, and when the last one has closed, it leaves them. So a part is added once and taken
//! away once, however many windows overlap.

use std::collections::{BTreeMap, BTreeSet};

use super::totals::Totals;
use crate::partials::Sum;
use crate::window::{Span, WindowSpec};

/// The sums of one span.
#[derive(Debug)]
struct Part {
    totals: Totals,
    /// Offset in `partials` of the first sum.
    first_offset: i64,
}

/// Windows that wait for the merged watermark.
#[derive(Debug)]
pub struct OpenWindows {
    windows: WindowSpec,
    /// Windows that end at or before are published.
    published_ms: Option<i64>,
    /// Parts that no closed window has used; every first end is after `published_ms`.
    waiting: BTreeMap<Span, Part>,
    /// Parts within `running`, by the end of their last window, which is after `published_ms`.
    used: BTreeMap<i64, Vec<Part>>,
    running: Totals,
    /// Spans with open windows that changed since their last early result.
    changed: BTreeSet<Span>,
    /// The most stores and items that a span or a window has held.
    fullest: usize,
    /// Stores that a span is likely to have: those of the last one that a window closed on.
    likely_stores: usize,
}

/// A window whose totals are known, to be ranked and written.
pub struct WindowTotals<'a> {
    /// When it ends.
    pub end_ms: i64,
    /// Everything that counts in it.
    pub totals: &'a Totals,
    parts: Vec<&'a Part>,
}

impl WindowTotals<'_> {
    /// The smallest name that receipts of the window gave the store.
    pub fn store_name(&self, store_id: i64) -> &str {
        let stores = self.parts.iter().filter_map(|part| part.totals.stores.get(&store_id));
        stores.map(|store| store.name.as_str()).min().unwrap_or_default()
    }
}

impl OpenWindows {
    /// No sums yet; windows that end at or before `published_ms` are published.
    pub fn new(windows: WindowSpec, published_ms: Option<i64>) -> Self {
        OpenWindows {
            windows,
            published_ms,
            waiting: BTreeMap::new(),
            used: BTreeMap::new(),
            running: Totals::default(),
            changed: BTreeSet::new(),
            fullest: 0,
            likely_stores: 0,
        }
    }

    /// Windows that end at or before are published.
    pub fn published_ms(&self) -> Option<i64> {
        self.published_ms
    }

    /// Adds a sum, read at `offset`, to the windows of it that are open; gives the span of those that are published.
    pub fn add(&mut self, sum: &Sum<'_>, offset: i64) -> Option<Span> {
        let mut span = sum.span();
        let mut missed = None;
        if let Some(published_ms) = self.published_ms
            && span.first_end_ms <= published_ms
        {
            let open_from_ms = self.windows.first_end_after_ms(published_ms);
            let last_missed_ms = span.last_end_ms.min(open_from_ms - self.windows.slide_ms());
            missed = Some(Span { last_end_ms: last_missed_ms, ..span });
            if span.last_end_ms < open_from_ms {
                return missed;
            }
            span.first_end_ms = open_from_ms;
        }
        let begin = || Part { totals: Totals::with_room_for(self.likely_stores), first_offset: offset };
        let part = self.waiting.entry(span).or_insert_with(begin);
        part.totals.add_content(&sum.content);
        self.fullest = self.fullest.max(part.totals.distinct());
        self.changed.insert(span);
        missed
    }

    /// Publishes, in order, every window that ends at or before `until_ms` and has receipts.
    pub fn close_until(&mut self, until_ms: i64, mut publish: impl FnMut(&WindowTotals<'_>)) {
        while let Some(end_ms) = self.next_end_ms().filter(|end_ms| *end_ms <= until_ms) {
            self.close(end_ms, &mut publish);
        }
        self.published_ms = self.published_ms.max(Some(until_ms));
        self.changed.retain(|span| span.last_end_ms > until_ms);
    }

    /// The end of the last window that has receipts.
    pub fn last_end_ms(&self) -> Option<i64> {
        let waiting = self.waiting.keys().map(|span| span.last_end_ms).max();
        waiting.max(self.used.last_key_value().map(|(last_end_ms, _)| *last_end_ms))
    }

    fn next_end_ms(&self) -> Option<i64> {
        let waiting = self.waiting.first_key_value().map(|(span, _)| span.first_end_ms);
        let sliding_on = (!self.used.is_empty())
            .then_some(self.published_ms)
            .flatten()
            .map(|published_ms| self.windows.first_end_after_ms(published_ms));
        [waiting, sliding_on].into_iter().flatten().min()
    }

    fn close(&mut self, end_ms: i64, publish: &mut impl FnMut(&WindowTotals<'_>)) {
        self.published_ms = Some(end_ms);
        let later = self.waiting.split_off(&Span { first_end_ms: end_ms + 1, last_end_ms: i64::MIN });
        let mut joining = std::mem::replace(&mut self.waiting, later);
        if let Some((_, part)) = joining.last_key_value() {
            self.likely_stores = part.totals.stores.len();
        }

        // The usual tumbling window is a single part: no need to add it up and take it away again.
        let only = Span { first_end_ms: end_ms, last_end_ms: end_ms };
        if self.used.is_empty() && joining.len() == 1 && joining.contains_key(&only) {
            let parts: Vec<&Part> = joining.values().collect();
            publish(&WindowTotals { end_ms, totals: &parts[0].totals, parts });
            return;
        }
        while let Some((span, part)) = joining.pop_first() {
            self.running.add(&part.totals);
            self.used.entry(span.last_end_ms).or_default().push(part);
        }
        self.fullest = self.fullest.max(self.running.distinct());
        publish(&WindowTotals { end_ms, totals: &self.running, parts: self.used.values().flatten().collect() });
        let still_used = self.used.split_off(&(end_ms + 1));
        for part in std::mem::replace(&mut self.used, still_used).into_values().flatten() {
            self.running.subtract(&part.totals);
        }
    }

    /// Early results: every open window that ends after `after_ms` and changed since it was last asked for.
    pub fn early(&mut self, after_ms: Option<i64>, mut publish: impl FnMut(&WindowTotals<'_>)) {
        let after_ms = after_ms.max(self.published_ms);
        let changed = std::mem::take(&mut self.changed);
        let ends: BTreeSet<i64> = changed.into_iter().flat_map(|span| self.windows.ends(span)).collect();
        for end_ms in ends.into_iter().filter(|end_ms| Some(*end_ms) > after_ms) {
            let waiting =
                self.waiting.iter().filter(|(span, _)| span.first_end_ms <= end_ms && end_ms <= span.last_end_ms);
            let used = self.used.range(end_ms..).flat_map(|(_, parts)| parts);
            let parts: Vec<&Part> = waiting.map(|(_, part)| part).chain(used).collect();
            if let [part] = parts[..] {
                publish(&WindowTotals { end_ms, totals: &part.totals, parts });
            } else {
                let mut totals = Totals::default();
                for part in &parts {
                    totals.add(&part.totals);
                }
                publish(&WindowTotals { end_ms, totals: &totals, parts });
            }
        }
    }

    /// The oldest record of `partials` that an open window needs.
    pub fn replay_offset(&self) -> Option<i64> {
        self.waiting.values().chain(self.used.values().flatten()).map(|part| part.first_offset).min()
    }

    /// Spans that have sums.
    pub fn spans(&self) -> usize {
        self.waiting.len() + self.used.values().map(Vec::len).sum::<usize>()
    }

    /// The most stores and items that a span or a window has held so far.
    pub fn fullest(&self) -> usize {
        self.fullest
    }

    /// The most stores and items that a span holds, or that the window published last shares with the next.
    pub fn largest(&self) -> usize {
        let spans = self.waiting.values().chain(self.used.values().flatten()).map(|part| part.totals.distinct());
        spans.max().unwrap_or(0).max(self.running.distinct())
    }
}
