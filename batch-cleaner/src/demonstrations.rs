//! The source document's demonstrations, as tables.

use std::fmt::Display;
use std::io::{self, Write};

use comfy_table::presets;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::columns::Column;
use crate::report::{Mean, Report, amount};
use crate::samples::Texts;

/// Most groups that a table shows; the report has them all.
const MOST_GROUPS: usize = 100;
/// Characters of a value that are shown.
const MOST_CHARACTERS: usize = 60;

/// Writes all tables.
pub(crate) fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let samples = report.samples();
    let mut raw = table(Column::ALL.map(Column::name));
    for row in &samples.as_read {
        raw.add_row(row.iter().map(|text| cell(text)));
    }
    show(out, "First rows as read", &raw)?;

    let mut schema = table(["column", "as read", "typed", "in the file"]);
    for column in Column::ALL {
        let header = report.header();
        let named = header.names().get(header.position(column)).map_or_else(String::new, |name| cell(name));
        schema.add_row([column.name(), "text", column.type_name(), &named]);
    }
    show(out, "Schema", &schema)?;

    show(out, "Items restored (step 1)", &rows(&samples.restored))?;
    show(out, "Quantity or price filled (step 3)", &rows(&samples.filled))?;
    show(out, "Nulls before and after each step", &nulls(report))?;

    let by_category = report.units_by_category();
    let mut units = table(["category", "units"]);
    for (name, count) in by_category.iter().take(MOST_GROUPS) {
        units.add_row([cell(name), count.to_string()]);
    }
    show_groups(out, "Units by category", &right(units, 1), by_category.len())?;
    let mut top = table(["rank", "category", "units"]);
    for (place, (name, count)) in by_category.iter().take(5).enumerate() {
        top.add_row([(place + 1).to_string(), cell(name), count.to_string()]);
    }
    show(out, "Top five categories", &right(top, 2))?;
    let by_method = report.mean_total_by_payment_method();
    show_groups(out, "Mean total by payment method", &means("payment_method", &by_method), by_method.len())?;
    let by_location = report.mean_total_by_location();
    show_groups(out, "Mean total by location", &means("location", &by_location), by_location.len())?;

    let mut dated = table(["transaction_id", "transaction_date", "day_of_week", "transaction_month"]);
    for (texts, date) in &samples.kept {
        let (weekday, month) = date.map_or(("null", "null".to_owned()), |(day, month)| (day, month.to_string()));
        let [id, date] = [Column::TransactionId, Column::TransactionDate].map(|column| text(texts, column));
        dated.add_row([id.as_str(), date.as_str(), weekday, month.as_str()]);
    }
    show(out, "Day of the week and month", &dated)?;

    let counts = [report.rows_read(), report.kept(), report.rejected()];
    writeln!(out, "{} rows read = {} kept + {} rejected", counts[0], counts[1], counts[2])
}

fn show(out: &mut impl Write, title: &str, table: &Table) -> io::Result<()> {
    writeln!(out, "{title}\n{table}\n")
}

fn show_groups(out: &mut impl Write, title: &str, table: &Table, groups: usize) -> io::Result<()> {
    show(out, title, table)?;
    match groups.checked_sub(MOST_GROUPS) {
        Some(more @ 1..) => writeln!(out, "… and {more} more, see --report\n"),
        _ => Ok(()),
    }
}

fn table<T: Display>(header: impl IntoIterator<Item = T>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.into_iter().map(|name| name.to_string()));
    table
}

fn right(mut table: Table, column: usize) -> Table {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn text(texts: &Texts, column: Column) -> String {
    texts[column.index()].as_deref().map_or_else(|| "null".to_owned(), cell)
}

/// A value from the input is shown in one line of bounded length, and gives the terminal no orders.
fn cell(text: &str) -> String {
    let mut shown = String::new();
    let mut characters = text.chars();
    for character in characters.by_ref().take(MOST_CHARACTERS) {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

fn rows(rows: &[Texts]) -> Table {
    let columns = [
        Column::TransactionId,
        Column::Category,
        Column::Item,
        Column::PricePerUnit,
        Column::Quantity,
        Column::TotalSpent,
    ];
    let mut shown = table(columns.map(Column::name));
    for texts in rows {
        shown.add_row(columns.map(|column| text(texts, column)));
    }
    (3..=5).fold(shown, right)
}

fn nulls(report: &Report) -> Table {
    let counts = report.null_counts();
    let mut shown = table(std::iter::once("column").chain(counts.iter().map(|(step, _)| *step)));
    for column in Column::ALL {
        let name = column.name().to_owned();
        shown.add_row(std::iter::once(name).chain(counts.iter().map(|(_, nulls)| nulls[column.index()].to_string())));
    }
    (1..=counts.len()).fold(shown, right)
}

fn means(column: &str, means: &[Mean<'_>]) -> Table {
    let mut shown = table([column, "rows", "mean total"]);
    for mean in means.iter().take(MOST_GROUPS) {
        shown.add_row([
            mean.group.map_or_else(|| "null".to_owned(), cell),
            mean.rows.to_string(),
            amount(mean.mean_minor),
        ]);
    }
    (1..=2).fold(shown, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_give_the_terminal_no_orders_and_do_not_fill_it() {
        assert_eq!(cell("Milk\nProducts \u{1b}[2J"), "Milk\\nProducts \\u{1b}[2J");
        assert_eq!(cell(&"é".repeat(60)), "é".repeat(60));
        assert_eq!(cell(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }
}
