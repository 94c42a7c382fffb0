//! From a piece's bytes to the fields of its records.

use crate::columns::Column;
use crate::csv::{Field, MAX_RECORD_BYTES, Records};
use crate::header::Header;
use crate::sink::{Origin, Unreadable};
use crate::value::trim;

use super::feed::Piece;

/// Memory that a worker uses again for every piece.
#[derive(Default)]
pub(super) struct Scratch {
    marks: Vec<u32>,
    /// Fields whose doubled quotes are undone.
    unquoted: String,
}

/// Visits the piece's records in order, each with its fields of the given columns.
pub(super) fn each_record<'p, const N: usize>(
    piece: &'p Piece,
    columns: &[Column; N],
    scratch: &mut Scratch,
    mut visit: impl FnMut(Origin<'_>, Result<&[&str; N], Unreadable>),
) {
    let Some(header) = &piece.source.header else { return };
    let origin = |line: u64, raw: &'p [u8], is_plain: bool| Origin {
        file: &piece.source.name,
        line,
        raw: &raw[..raw.len().min(MAX_RECORD_BYTES)],
        is_plain,
    };
    if let Some(spoilt) = piece.refused {
        visit(origin(piece.first_line, without_line_break(&piece.bytes), false), Err(Unreadable::Spoilt(spoilt)));
        return;
    }
    let positions = columns.map(|column| header.position(column));
    let in_order = header.is_in_order();
    let text = std::str::from_utf8(&piece.bytes).ok();
    let mut records = Records::new(&piece.bytes, &mut scratch.marks);
    while let Some(record) = records.advance() {
        let line = piece.first_line + u64::from(record.lines_before);
        let origin = origin(line, &piece.bytes[record.range.clone()], in_order && !record.has_quotes);
        if let Some(spoilt) = record.spoilt {
            visit(origin, Err(Unreadable::Spoilt(spoilt)));
            continue;
        }
        // One look at the whole piece is cheaper than one a record.
        let (text, offset) = if let Some(text) = text {
            (text, 0)
        } else if let Ok(text) = std::str::from_utf8(&piece.bytes[record.range.clone()]) {
            (text, record.range.start)
        } else {
            visit(origin, Err(Unreadable::NotUtf8));
            continue;
        };
        let field_text = |field: Field| {
            let range = field.range();
            &text[range.start - offset..range.end - offset]
        };
        if let Err(why) = check_width(records.fields(), header, field_text) {
            visit(origin, Err(why));
            continue;
        }
        let fields = records.fields();
        if record.has_quotes && fields.iter().any(|field| field.has_doubled_quotes()) {
            scratch.unquoted.clear();
            let ends = positions.map(|position| {
                push_unquoted(&mut scratch.unquoted, field_text(fields[position]), fields[position]);
                scratch.unquoted.len()
            });
            let mut start = 0;
            visit(origin, Ok(&ends.map(|end| &scratch.unquoted[std::mem::replace(&mut start, end)..end])));
        } else {
            let mut texts = [""; N];
            for (text, position) in texts.iter_mut().zip(&positions) {
                *text = field_text(fields[*position]);
            }
            visit(origin, Ok(&texts));
        }
    }
}

fn check_width<'t>(fields: &[Field], header: &Header, text: impl Fn(Field) -> &'t str) -> Result<(), Unreadable> {
    let found = fields.len();
    if found < header.fewest() {
        return Err(Unreadable::TooFewFields { found, wanted: header.fewest() });
    }
    // Surplus fields that say nothing are forgiven.
    match fields.get(header.most()..) {
        Some(surplus) if surplus.iter().any(|field| !trim(text(*field)).is_empty()) => {
            Err(Unreadable::TooManyFields { found, wanted: header.most() })
        }
        _ => Ok(()),
    }
}

fn push_unquoted(out: &mut String, text: &str, field: Field) {
    if !field.has_doubled_quotes() {
        out.push_str(text);
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.find('"') {
        out.push_str(&rest[..=at]);
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// One field of a piece; `None` where it is not UTF-8.
pub(super) fn unquoted(bytes: &[u8], field: Field) -> Option<String> {
    let mut out = String::new();
    push_unquoted(&mut out, std::str::from_utf8(&bytes[field.range()]).ok()?, field);
    Some(out)
}

fn without_line_break(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}
