//! What is shown, in the shape of its JSON. Money and counts are written as on the topics: exact, with two decimals.

use std::collections::HashMap;

use common::results::{RankedItem, Revenue, SalesTotals, Window};
use common::{CashierId, EventTime, LineItem, Money, StoreId};
use serde::Serialize;
use serde_json::value::RawValue;

use super::history::{History, Results};
use super::record::{Expensive, Position, Refused, Summary};
use crate::dashboard::DashboardConfig;

/// A window with all that is known of it.
#[derive(Serialize)]
pub(crate) struct WindowView<'a> {
    window: Window,
    r#final: bool,
    totals: Option<TotalsView>,
    /// The window that the changes of rank refer to.
    previous: Option<Window>,
    top_stores: Vec<StoreView<'a>>,
    popular_items: Vec<CategoryView<'a>>,
}

#[derive(Serialize)]
struct TotalsView {
    revenue: Revenue,
    receipts: u64,
    units: u128,
    stores: u64,
}

#[derive(Serialize)]
struct StoreView<'a> {
    rank: u32,
    /// In the window before; `None` if it was not among the best.
    previous_rank: Option<u32>,
    store_id: StoreId,
    store_name: &'a str,
    revenue: Revenue,
    receipts: u64,
}

#[derive(Serialize)]
struct CategoryView<'a> {
    category: &'a str,
    items: &'a [RankedItem],
}

impl From<&SalesTotals> for TotalsView {
    fn from(totals: &SalesTotals) -> Self {
        let &SalesTotals { revenue, receipts, units, stores, .. } = totals;
        TotalsView { revenue, receipts, units, stores }
    }
}

impl<'a> WindowView<'a> {
    /// A window of the history; only the store and the category asked for, where one is.
    pub(crate) fn new(
        history: &'a History,
        window: &Window,
        results: &'a Results,
        store_id: Option<StoreId>,
        category: Option<&str>,
    ) -> Self {
        let before = history.before(window).and_then(|(before, results)| Some((*before, results.stores.as_ref()?)));
        let previous_ranks: HashMap<StoreId, u32> =
            before.iter().flat_map(|(_, top)| &top.stores).map(|store| (store.store_id, store.rank)).collect();
        let stores = results.stores.iter().flat_map(|top| &top.stores);
        let top_stores = stores.filter(|store| store_id.is_none_or(|id| id == store.store_id)).map(|store| StoreView {
            rank: store.rank,
            previous_rank: previous_ranks.get(&store.store_id).copied(),
            store_id: store.store_id,
            store_name: &store.store_name,
            revenue: store.revenue,
            receipts: store.receipts,
        });
        let items = results.items.values().filter(|part| category.is_none_or(|category| category == part.category));
        WindowView {
            window: *window,
            r#final: results.is_final(),
            totals: results.totals.as_ref().map(TotalsView::from),
            previous: before.map(|(window, _)| window),
            top_stores: top_stores.collect(),
            popular_items: items.map(|part| CategoryView { category: &part.category, items: &part.items }).collect(),
        }
    }
}

/// A point of the chart.
#[derive(Serialize)]
pub(crate) struct PointView {
    window: Window,
    r#final: bool,
    revenue: Revenue,
    receipts: u64,
    units: u128,
    stores: u64,
}

impl From<&SalesTotals> for PointView {
    fn from(totals: &SalesTotals) -> Self {
        let &SalesTotals { window, r#final, revenue, receipts, units, stores } = totals;
        PointView { window, r#final, revenue, receipts, units, stores }
    }
}

/// An expensive receipt: without its lines in a list, with them when it is asked for alone.
#[derive(Serialize)]
pub(crate) struct ReceiptView<'a> {
    position: Position,
    published_at: EventTime,
    receipt_id: &'a str,
    store_id: StoreId,
    store_name: &'a str,
    cashier_id: CashierId,
    timestamp: EventTime,
    payment_method: Option<&'a str>,
    total: Money,
    lines: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<&'a [LineItem]>,
}

impl<'a> ReceiptView<'a> {
    /// A line of the list.
    pub(crate) fn line(expensive: &'a Expensive) -> Self {
        let receipt = &expensive.receipt;
        ReceiptView {
            position: expensive.position,
            published_at: expensive.published_at,
            receipt_id: &receipt.receipt_id,
            store_id: receipt.store_id,
            store_name: &receipt.store_name,
            cashier_id: receipt.cashier_id,
            timestamp: receipt.timestamp,
            payment_method: receipt.payment_method.as_deref(),
            total: expensive.total,
            lines: receipt.items.len(),
            items: None,
        }
    }

    /// All of it.
    pub(crate) fn whole(expensive: &'a Expensive) -> Self {
        ReceiptView { items: Some(&expensive.receipt.items), ..ReceiptView::line(expensive) }
    }
}

/// The batch cleaner's latest summary, in its own words.
#[derive(Serialize)]
pub(crate) struct SalesHistoryView<'a> {
    published_at: EventTime,
    summary: &'a RawValue,
}

impl<'a> From<&'a Summary> for SalesHistoryView<'a> {
    fn from(summary: &'a Summary) -> Self {
        SalesHistoryView { published_at: summary.published_at, summary: &summary.value }
    }
}

/// How the windows are cut, milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the JSON member's name")]
pub(crate) struct Timing {
    pub(crate) window_ms: i64,
    pub(crate) slide_ms: i64,
    pub(crate) watermark_delay_ms: i64,
    /// The newest window may end this long ago before it counts as stale.
    pub(crate) stale_after_ms: i64,
}

impl Timing {
    /// What a window may take beyond its slide and delay: an idle partition's hold, a commit, a rebalance.
    const SLACK_MS: i64 = 10_000;

    /// From the window, the slide and the watermark delay.
    pub(crate) fn new(window_ms: i64, slide_ms: i64, watermark_delay_ms: i64) -> Self {
        // One slide passes until the next window ends; a second one is a window in which nothing was sold.
        let stale_after_ms = watermark_delay_ms + 2 * slide_ms + Timing::SLACK_MS;
        Timing { window_ms, slide_ms, watermark_delay_ms, stale_after_ms }
    }
}

impl From<&DashboardConfig> for Timing {
    fn from(config: &DashboardConfig) -> Self {
        let ms = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX >> 8);
        Timing::new(ms(config.window), ms(config.slide), ms(config.watermark_delay))
    }
}

/// Everything that a page needs to begin with.
#[derive(Serialize)]
pub(crate) struct SnapshotView<'a> {
    pub(crate) now: EventTime,
    /// Whether the past has been read; before that, an empty page says nothing.
    pub(crate) caught_up: bool,
    pub(crate) timing: Timing,
    /// The chart.
    pub(crate) series: Vec<PointView>,
    /// The newest windows.
    pub(crate) windows: Vec<WindowView<'a>>,
    pub(crate) expensive_receipts: Vec<ReceiptView<'a>>,
    pub(crate) sales_history: Option<SalesHistoryView<'a>>,
    pub(crate) dead_letters: Vec<&'a Refused>,
}

/// What changed since the last event.
#[derive(Serialize)]
pub(crate) struct UpdateView<'a> {
    pub(crate) now: EventTime,
    /// Windows that start earlier are no longer kept.
    pub(crate) oldest: Option<EventTime>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) windows: Vec<WindowView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) expensive_receipts: Vec<ReceiptView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sales_history: Option<SalesHistoryView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dead_letters: Option<Vec<&'a Refused>>,
}
