//! CSV as RFC 4180 has it: comma, doubled quotes, line breaks inside quotes, LF or CRLF.
//!
//! [`Splitter`] cuts the input into pieces of whole records, one after another; [`Records`] reads the records of one
//! piece, and can do so on any thread. Both follow one set of rules for what RFC 4180 does not allow:
//!
//! * A quote opens a quoted field only as the field's first byte. Anywhere else it is an ordinary character.
//! * Text after a closing quote spoils its record, which then ends at the next line break, whatever quotes follow.
//! * A quoted field that is not closed within [`MAX_RECORD_BYTES`] of its record's start, or at all, spoils the
//!   record's first line only; reading goes on with the next line.
//! * A record longer than [`MAX_RECORD_BYTES`] is spoilt.

mod quote;
mod records;
mod split;

pub use quote::{write_field, write_text};
pub use records::{Field, RecordText, Records, Spoilt};
pub use split::{Cut, Splitter};

/// No record is longer: what is, is refused.
pub const MAX_RECORD_BYTES: usize = 512 << 10;
