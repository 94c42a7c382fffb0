//! Telling by an input's first bytes that it is something else than CSV in UTF-8.

use crate::error::InputProblem;

/// The first bytes of gzip data.
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How many bytes are looked at.
pub(super) const HEAD_BYTES: u64 = 512;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const FORMATS: [(&[u8], &str); 10] = [
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ", "xz data"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "gzip data in gzip data"),
];

/// How many bytes of byte-order mark there are, or what the input is instead.
pub(super) fn check(head: &[u8]) -> Result<u64, InputProblem> {
    if let Some((_, format)) = FORMATS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(InputProblem::OtherFormat(format));
    }
    let (mark, text) = match head.strip_prefix(BYTE_ORDER_MARK) {
        Some(text) => (BYTE_ORDER_MARK.len() as u64, text),
        None => (0, head),
    };
    if text.is_empty() {
        return Err(InputProblem::Empty);
    }
    // Only the header tells: a row may hold anything, and is judged alone.
    let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
    if memchr::memchr_iter(0, line).count() * 4 > line.len() {
        return Err(InputProblem::OtherFormat("UTF-16 text or binary data"));
    }
    // Nobody writes a header of half a kilobyte, and a carriage return in it.
    if !text.contains(&b'\n') && text.trim_ascii_end().contains(&b'\r') {
        return Err(InputProblem::OtherFormat("text whose lines end in carriage returns alone"));
    }
    match text.trim_ascii_start().first() {
        Some(b'{' | b'[') => Err(InputProblem::OtherFormat("JSON")),
        Some(b'<') => Err(InputProblem::OtherFormat("HTML or XML")),
        _ => Ok(mark),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_named() {
        let seen = |head: &[u8]| check(head).unwrap_err().to_string();
        assert!(seen(b"\xff\xfea\0b\0").contains("UTF-16"));
        assert!(seen(b"a\0b\0c\0d\0").contains("UTF-16"));
        assert_eq!(check(b"id,x\n\0\0\0\0\0\0\0\0\0\0\0\0\0").unwrap(), 0);
        assert!(seen(b"PAR1....").contains("Parquet"));
        assert!(seen(b" {\"a\":1}").contains("JSON"));
        assert!(seen(b"").contains("empty"));
        assert!(seen(b"\xef\xbb\xbf").contains("empty"));
        assert!(seen(b"id,x\r1,2\r").contains("carriage returns alone"));
        assert_eq!(check(b"id,x\r").unwrap(), 0);
        assert_eq!(check(b"id,x\r\n1,2\r").unwrap(), 0);
        assert_eq!(check(b"\xef\xbb\xbfid").unwrap(), 3);
        assert_eq!(check(b"id,x").unwrap(), 0);
    }
}
