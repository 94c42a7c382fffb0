//! A micro-batch as text: a heading and boxed tables, as Spark's console sink prints them.

use std::fmt::Write as _;

use super::latest::Latest;
use super::tables::{self, Look};

/// Rows that a batch shows; of more it says so, as Spark does.
pub const MAX_ROWS: usize = 20;

/// The heading that Spark's console sink prints.
pub fn heading(number: u64) -> String {
    let line = "-".repeat(43);
    format!("{line}\nBatch: {number}\n{line}")
}

/// What to say under a table of which `rows` were to be shown.
pub fn footer(rows: u64) -> String {
    if rows > MAX_ROWS as u64 { format!("only showing top {MAX_ROWS} rows\n") } else { String::new() }
}

/// What came since the batch before.
pub fn batch(number: u64, news: &Latest) -> String {
    let look = Look::default();
    let mut text = heading(number);
    text.push('\n');
    // Writing to a String cannot fail.
    if news.windows_passed_over > 0 {
        let _ = writeln!(text, "{} earlier windows are not shown", news.windows_passed_over);
    }
    for (window, results) in &news.windows {
        let _ = writeln!(text, "Window {} to {}{}", window.start, window.end, results.mark());
        if let Some(totals) = results.totals_text() {
            let _ = writeln!(text, "{totals}");
        }
        if let Some(top) = &results.stores {
            let _ = writeln!(text, "Top stores by revenue\n{}", tables::stores(top, MAX_ROWS, look));
        }
        if !results.items.is_empty() {
            let _ = writeln!(text, "Popular items by category\n{}", tables::items(results, MAX_ROWS, look));
        }
    }
    if !news.expensive.is_empty() {
        let table = tables::expensive(&news.expensive, MAX_ROWS, look);
        let _ = writeln!(text, "Expensive receipts, latest first\n{table}\n{}", footer(news.expensive_taken));
    }
    text
}

#[cfg(test)]
mod tests {
    use common::TopicKind;

    use super::super::latest::tests::{expensive, top_stores};
    use super::*;

    #[test]
    fn a_batch_is_what_came_since_the_one_before() {
        let mut news = Latest::default();
        news.take(TopicKind::TopStores, &top_stores(10, 7));
        news.take(TopicKind::TopStores, &top_stores(20, 9));
        let text = batch(7, &news);
        assert!(text.starts_with(&heading(7)), "{text}");
        assert!(text.contains("|    7.00 |") && text.contains("|    9.00 |"), "{text}");
        assert!(!text.contains("Expensive"), "{text}");
    }

    #[test]
    fn a_long_batch_says_that_it_is_cut() {
        let mut news = Latest::default();
        for second in 0..21 {
            news.take(TopicKind::ExpensiveReceipts, &expensive("r", second));
        }
        let text = batch(0, &news);
        assert!(text.ends_with("only showing top 20 rows\n\n"), "{text}");
        assert!(text.contains("10:15:20.000Z") && !text.contains("10:15:00.000Z"), "{text}");
        assert_eq!(footer(20), "");
    }
}
