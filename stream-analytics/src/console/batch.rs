//! A micro-batch as text: a heading and a boxed table.

use comfy_table::presets::ASCII_FULL_CONDENSED;
use comfy_table::{CellAlignment, LineStyle, Table};

/// Rows that a batch shows; of more it says so, as Spark does.
pub const MAX_ROWS: usize = 20;

/// A boxed table of the given columns; the last `numeric` ones are aligned to the right.
pub fn table(columns: &[&str], numeric: usize, rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    let header_line = LineStyle::new('+', '-', '+', '+');
    table.load_style(ASCII_FULL_CONDENSED.header_separator(header_line)).set_header(columns.iter().copied());
    table.add_rows(rows);
    let first_numeric = columns.len().saturating_sub(numeric);
    for column in table.column_iter_mut().skip(first_numeric) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The heading that Spark's console sink prints.
pub fn heading(number: u64) -> String {
    let line = "-".repeat(43);
    format!("{line}\nBatch: {number}\n{line}")
}

/// What to say under a table of which `rows` were to be shown.
pub fn footer(rows: usize) -> String {
    if rows > MAX_ROWS { format!("only showing top {MAX_ROWS} rows\n") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_looks_as_in_spark() {
        let text = format!("{}\n{}", heading(7), table(&["value"], 1, [vec!["42".to_owned()]]));
        let expected = "-------------------------------------------\nBatch: 7\n-------------------------------------------\n\
                        +-------+\n| value |\n+-------+\n|    42 |\n+-------+";
        assert_eq!(text, expected);
    }
}
