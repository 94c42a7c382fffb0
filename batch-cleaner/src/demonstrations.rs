//! The source document's demonstrations, as tables.

use std::fmt::Display;
use std::io::{self, Write};

use comfy_table::presets;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::columns::Column;
use crate::report::{Mean, Report, amount};
use crate::samples::Texts;

/// Writes all tables.
pub(crate) fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let samples = report.samples();
    let mut raw = table(Column::ALL.map(Column::name));
    for row in &samples.as_read {
        raw.add_row(row);
    }
    show(out, "First rows as read", &raw)?;

    let mut schema = table(["column", "as read", "typed", "in the file"]);
    for column in Column::ALL {
        let header = report.header();
        let named = header.names().get(header.position(column)).map_or("", String::as_str);
        schema.add_row([column.name(), "text", column.type_name(), named]);
    }
    show(out, "Schema", &schema)?;

    show(out, "Items restored (step 1)", &rows(&samples.restored))?;
    show(out, "Quantity or price filled (step 3)", &rows(&samples.filled))?;
    show(out, "Nulls before and after each step", &nulls(report))?;

    let mut units = table(["category", "units"]);
    for (name, count) in report.units_by_category() {
        units.add_row([name.to_owned(), count.to_string()]);
    }
    show(out, "Units by category", &right(units, 1))?;
    let mut top = table(["rank", "category", "units"]);
    for (place, (name, count)) in report.units_by_category().into_iter().take(5).enumerate() {
        top.add_row([(place + 1).to_string(), name.to_owned(), count.to_string()]);
    }
    show(out, "Top five categories", &right(top, 2))?;
    show(out, "Mean total by payment method", &means("payment_method", &report.mean_total_by_payment_method()))?;
    show(out, "Mean total by location", &means("location", &report.mean_total_by_location()))?;

    let mut dated = table(["transaction_id", "transaction_date", "day_of_week", "transaction_month"]);
    for (texts, date) in &samples.kept {
        let (weekday, month) = date.map_or(("null", "null".to_owned()), |(day, month)| (day, month.to_string()));
        dated.add_row([
            text(texts, Column::TransactionId),
            text(texts, Column::TransactionDate),
            weekday,
            month.as_str(),
        ]);
    }
    show(out, "Day of the week and month", &dated)?;

    let counts = [report.rows_read(), report.kept(), report.rejected()];
    writeln!(out, "{} rows read = {} kept + {} rejected", counts[0], counts[1], counts[2])
}

fn show(out: &mut impl Write, title: &str, table: &Table) -> io::Result<()> {
    writeln!(out, "{title}\n{table}\n")
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

fn text(texts: &Texts, column: Column) -> &str {
    texts[column.index()].as_deref().unwrap_or("null")
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
    for mean in means {
        shown.add_row([mean.group.unwrap_or("null").to_owned(), mean.rows.to_string(), amount(mean.mean_minor)]);
    }
    (1..=2).fold(shown, right)
}
