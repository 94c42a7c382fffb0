//! Results as boxed tables, for a page of any width or for a terminal.

use comfy_table::presets::ASCII_FULL_CONDENSED;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Row, Table};
use common::results::TopStores;

use super::latest::{Expensive, WindowResults};

/// What a table is drawn for. The default is a page: as wide as need be, without colour.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Columns of the terminal: long texts are cut, and what is dispensable is left out.
    pub width: Option<u16>,
    /// Colours and bold type.
    pub styled: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// May be cut.
    Text,
    /// Is shown whole.
    Short,
    /// Whole and to the right.
    Number,
    /// A number that is what the table is about.
    Money,
}

/// A column, and how wide a terminal must be for it.
struct Column(&'static str, Kind, u16);

/// The best stores of a window.
pub fn stores(top: &TopStores, rows: usize, look: Look) -> Table {
    let columns = [
        Column("rank", Kind::Short, 0),
        Column("store", Kind::Text, 0),
        Column("store_id", Kind::Number, 56),
        Column("receipts", Kind::Number, 0),
        Column("revenue", Kind::Money, 0),
    ];
    let lines = top.stores.iter().take(rows).map(|store| {
        let (rank, id) = (store.rank.to_string(), store.store_id.to_string());
        [rank, store.store_name.clone(), id, store.receipts.to_string(), store.revenue.to_string()]
    });
    table(&columns, lines, look)
}

/// The most popular item of each category of a window.
pub fn items(results: &WindowResults, rows: usize, look: Look) -> Table {
    let columns = [
        Column("category", Kind::Text, 0),
        Column("most popular item", Kind::Text, 0),
        Column("units", Kind::Number, 0),
        Column("revenue", Kind::Money, 56),
    ];
    let best = results.items.values().filter_map(|result| Some((result, result.items.first()?)));
    let lines = best.take(rows).map(|(result, item)| {
        [result.category.clone(), item.name.clone(), item.quantity.to_string(), item.revenue.to_string()]
    });
    table(&columns, lines, look)
}

/// Expensive receipts. On a terminal, where they are of these minutes, without their date.
pub fn expensive(receipts: &[Expensive], rows: usize, look: Look) -> Table {
    let columns = [
        Column(if look.width.is_some() { "time (UTC)" } else { "timestamp" }, Kind::Short, 0),
        Column("receipt", Kind::Text, 70),
        Column("store", Kind::Text, 0),
        Column("lines", Kind::Number, 56),
        Column("total", Kind::Money, 0),
    ];
    let lines = receipts.iter().take(rows).map(|Expensive { receipt, total }| {
        let timestamp = receipt.timestamp.to_string();
        let time = timestamp.get(11..23).filter(|_| look.width.is_some()).unwrap_or(&timestamp).to_owned();
        let lines = receipt.items.len().to_string();
        [time, receipt.receipt_id.clone(), receipt.store_name.clone(), lines, total.clone()]
    });
    table(&columns, lines, look)
}

/// Numbers, one a line.
pub fn numbers(values: &[Option<i64>], rows: usize) -> Table {
    let text = |value: &Option<i64>| [value.map_or_else(|| "NULL".to_owned(), |value| value.to_string())];
    table(&[Column("value", Kind::Number, 0)], values.iter().take(rows).map(text), Look::default())
}

fn table<const N: usize>(columns: &[Column; N], lines: impl Iterator<Item = [String; N]>, look: Look) -> Table {
    let mut table = Table::new();
    // What the output is, the look says.
    table.force_no_tty();
    let header_line = LineStyle::new('+', '-', '+', '+');
    table.load_style(ASCII_FULL_CONDENSED.header_separator(header_line));
    if look.styled {
        table.enforce_styling();
    }
    table.set_header(columns.iter().map(|Column(name, ..)| Cell::new(name).add_attribute(Attribute::Bold)));
    for line in lines {
        let cells = columns.iter().zip(line).map(|(Column(_, kind, _), text)| match kind {
            Kind::Money => Cell::new(text).fg(Color::Green),
            _ => Cell::new(text),
        });
        let mut row = Row::from(cells.collect::<Vec<_>>());
        row.max_height(1);
        table.add_row(row);
    }
    for (column, Column(_, kind, _)) in table.column_iter_mut().zip(columns) {
        if matches!(kind, Kind::Number | Kind::Money) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let Some(width) = look.width else { return table };
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    for (column, Column(_, kind, at_least)) in table.column_iter_mut().zip(columns) {
        if width < *at_least {
            column.set_constraint(ColumnConstraint::Hidden);
        } else if !matches!(kind, Kind::Text) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use common::TopicKind;

    use super::super::latest::Latest;
    use super::super::latest::tests::expensive as receipt;
    use super::*;

    #[test]
    fn a_table_looks_as_in_spark() {
        let expected = "+-------+\n| value |\n+-------+\n|    42 |\n|  NULL |\n+-------+";
        assert_eq!(numbers(&[Some(42), None], 20).to_string(), expected);
    }

    #[test]
    fn a_narrow_terminal_gets_narrow_tables_and_a_page_all_of_it() {
        let mut latest = Latest::default();
        latest.take(TopicKind::ExpensiveReceipts, &receipt("an-id-that-is-rather-long-for-a-terminal", 10));
        let draw = |width| expensive(&latest.expensive, 5, Look { width, styled: false }).to_string();
        for width in [40, 56, 70, 80, 120] {
            let table = draw(Some(width));
            let widest = table.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width.into() && table.lines().count() == 5, "{width}:\n{table}");
            assert!(table.contains(" 10:15:10.000 ") && table.contains("600.40"), "{width}:\n{table}");
        }
        let page = draw(None);
        assert!(page.contains("an-id-that-is-rather-long-for-a-terminal") && page.contains("2026-11-22T10:15:10.000Z"));
    }

    #[test]
    fn colour_is_for_those_who_want_it() {
        let mut latest = Latest::default();
        latest.take(TopicKind::ExpensiveReceipts, &receipt("r", 10));
        let draw = |styled| expensive(&latest.expensive, 5, Look { width: Some(80), styled }).to_string();
        assert!(draw(true).contains("\u{1b}[1m") && !draw(false).contains('\u{1b}'));
    }
}
