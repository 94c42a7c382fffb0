//! The topic catalogue: every name that the services agree on.

/// What a topic is for, and so how it is named and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TopicKind {
    /// Receipts as the shops send them; key: store id.
    Receipts,
    /// The first job's numbers.
    Numbers,
    /// Internal: sums of receipts by pane, with watermarks.
    Partials,
    /// Result: the best stores of a window.
    TopStores,
    /// Result: all stores of a window together.
    SalesTotals,
    /// Result: the best items of a window and category.
    PopularItems,
    /// Result: receipts over the threshold.
    ExpensiveReceipts,
    /// Receipts that are malformed or late, bytes unchanged.
    ReceiptsDeadLetter,
    /// Sums that came for a window already published.
    PartialsDeadLetter,
    /// The cleaned sales history.
    SalesCleaned,
    /// Rows that could not be cleaned.
    SalesRejected,
    /// The catalogue, by category and item.
    SalesItems,
    /// A run's counts and aggregates.
    SalesSummary,
    /// Internal: how far a cleaning run has published.
    SalesProgress,
}

impl TopicKind {
    /// All topics of the pipeline.
    pub const ALL: [TopicKind; 14] = [
        TopicKind::Receipts,
        TopicKind::Numbers,
        TopicKind::Partials,
        TopicKind::TopStores,
        TopicKind::SalesTotals,
        TopicKind::PopularItems,
        TopicKind::ExpensiveReceipts,
        TopicKind::ReceiptsDeadLetter,
        TopicKind::PartialsDeadLetter,
        TopicKind::SalesCleaned,
        TopicKind::SalesRejected,
        TopicKind::SalesItems,
        TopicKind::SalesSummary,
        TopicKind::SalesProgress,
    ];

    /// The name without prefix.
    pub const fn base_name(self) -> &'static str {
        match self {
            TopicKind::Receipts => "receipts",
            TopicKind::Numbers => "test-topic",
            TopicKind::Partials => "partials",
            TopicKind::TopStores => "top-stores",
            TopicKind::SalesTotals => "sales-totals",
            TopicKind::PopularItems => "popular-items",
            TopicKind::ExpensiveReceipts => "expensive-receipts",
            TopicKind::ReceiptsDeadLetter => "receipts.dead-letter",
            TopicKind::PartialsDeadLetter => "partials.dead-letter",
            TopicKind::SalesCleaned => "sales.cleaned",
            TopicKind::SalesRejected => "sales.rejected",
            TopicKind::SalesItems => "sales.items",
            TopicKind::SalesSummary => "sales.summary",
            TopicKind::SalesProgress => "sales.progress",
        }
    }

    /// Whether the broker keeps only the last value of a key.
    pub const fn is_compacted(self) -> bool {
        matches!(self, TopicKind::SalesItems | TopicKind::SalesSummary | TopicKind::SalesProgress)
    }
}

/// Names topics, groups and transactional ids under one `--topic-prefix`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topics {
    prefix: String,
}

impl Topics {
    /// Everything that is named gets `prefix` before it; it may be empty.
    pub fn with_prefix(prefix: impl Into<String>) -> Self {
        Topics { prefix: prefix.into() }
    }

    /// The topic's name on the broker.
    pub fn name(&self, kind: TopicKind) -> String {
        self.prefixed(kind.base_name())
    }

    /// Any other name (a group, a transactional id) under the prefix.
    pub fn prefixed(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}
