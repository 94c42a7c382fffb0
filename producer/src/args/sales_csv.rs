//! Flags of `producer sales-csv`.

use std::path::PathBuf;

use crate::rate::Share;

/// Writes a dirty sales file of the shape of the public data set, and the clean answer.
#[derive(Debug, Clone, clap::Args)]
pub struct SalesCsvArgs {
    /// Rows to write, repeated ones and ragged ones included
    #[arg(long, env = "RETAIL_ROWS", value_name = "N")]
    pub rows: u64,

    /// The dirty file; - is standard output
    #[arg(long, env = "RETAIL_OUTPUT", value_name = "FILE")]
    pub output: PathBuf,

    /// The same seed writes the same bytes
    #[arg(long, env = "RETAIL_SEED", value_name = "S", default_value_t = 1)]
    pub seed: u64,

    /// Write what a right cleaning gives, byte for byte, to this file
    #[arg(long, env = "RETAIL_TRUTH", value_name = "FILE")]
    pub truth: Option<PathBuf>,

    /// End lines with CR LF, as the public file does, or with LF
    #[arg(long, env = "RETAIL_CRLF", value_name = "true|false", num_args = 0..=1, default_value_t = true, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub crlf: bool,

    /// The truth of `batch-cleaner --strict`: items are restored once, before prices
    #[arg(long, env = "RETAIL_STRICT", value_name = "true|false", num_args = 0..=1, default_value_t = false, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub strict: bool,

    /// What is wrong with the rows.
    #[command(flatten)]
    pub dirt: DirtArgs,
}

/// What is wrong with the rows: each a share of them, independent of the others. The defaults are the public file's.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Dirt")]
pub struct DirtArgs {
    /// Item and price missing: both can be restored
    #[arg(long, env = "RETAIL_MISSING_ITEM_PRICE", value_name = "SHARE", default_value = "4.84%")]
    pub missing_item_price: Share,

    /// Item, quantity and total missing: the row is lost
    #[arg(long, env = "RETAIL_MISSING_ITEM_QUANTITY_TOTAL", value_name = "SHARE", default_value = "4.8%")]
    pub missing_item_quantity_total: Share,

    /// Discount flag missing
    #[arg(long, env = "RETAIL_MISSING_DISCOUNT", value_name = "SHARE", default_value = "33.39%")]
    pub missing_discount: Share,

    /// Item missing
    #[arg(long, env = "RETAIL_MISSING_ITEM", value_name = "SHARE", default_value = "0%")]
    pub missing_item: Share,

    /// Price missing
    #[arg(long, env = "RETAIL_MISSING_PRICE", value_name = "SHARE", default_value = "0%")]
    pub missing_price: Share,

    /// Quantity missing
    #[arg(long, env = "RETAIL_MISSING_QUANTITY", value_name = "SHARE", default_value = "0%")]
    pub missing_quantity: Share,

    /// Total missing
    #[arg(long, env = "RETAIL_MISSING_TOTAL", value_name = "SHARE", default_value = "0%")]
    pub missing_total: Share,

    /// Category missing: the row is lost
    #[arg(long, env = "RETAIL_MISSING_CATEGORY", value_name = "SHARE", default_value = "0%")]
    pub missing_category: Share,

    /// Customer, payment method or location missing
    #[arg(long, env = "RETAIL_MISSING_TEXT", value_name = "SHARE", default_value = "0%")]
    pub missing_text: Share,

    /// The total disagrees with price and quantity
    #[arg(long, env = "RETAIL_WRONG_TOTAL", value_name = "SHARE", default_value = "0%")]
    pub wrong_total: Share,

    /// The date is none: day first, month 13, 30 February, missing
    #[arg(long, env = "RETAIL_BAD_DATE", value_name = "SHARE", default_value = "0%")]
    pub bad_date: Share,

    /// A number is none: a word, a currency sign, an exponent, a thousands separator
    #[arg(long, env = "RETAIL_BAD_NUMBER", value_name = "SHARE", default_value = "0%")]
    pub bad_number: Share,

    /// Missing values are spelled ERROR, UNKNOWN, n/a, NULL, none, NaN or \N instead of left empty
    #[arg(long, env = "RETAIL_NULL_WORDS", value_name = "SHARE", default_value = "0%")]
    pub null_words: Share,

    /// Blanks, tabs, no-break and zero-width spaces around a value
    #[arg(long, env = "RETAIL_PADDED", value_name = "SHARE", default_value = "0%")]
    pub padded: Share,

    /// All fields in quotes
    #[arg(long, env = "RETAIL_QUOTED", value_name = "SHARE", default_value = "0%")]
    pub quoted: Share,

    /// Location with a comma, quotes and a line break in it
    #[arg(long, env = "RETAIL_AWKWARD_TEXT", value_name = "SHARE", default_value = "0%")]
    pub awkward_text: Share,

    /// Too few or too many fields: the row is lost
    #[arg(long, env = "RETAIL_RAGGED", value_name = "SHARE", default_value = "0%")]
    pub ragged: Share,

    /// Bytes that are not UTF-8: the row is lost
    #[arg(long, env = "RETAIL_NOT_UTF8", value_name = "SHARE", default_value = "0%")]
    pub not_utf8: Share,

    /// The row before once more
    #[arg(long, env = "RETAIL_REPEATED", value_name = "SHARE", default_value = "0%")]
    pub repeated: Share,

    /// A blank line before the row
    #[arg(long, env = "RETAIL_BLANK_LINE", value_name = "SHARE", default_value = "0%")]
    pub blank_line: Share,
}
