//! Writing fields.

/// Writes a field, quoted if it must be.
pub fn write_field(out: &mut Vec<u8>, field: &[u8]) {
    // A lone carriage return is quoted too: some readers take it for a line break.
    if field.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        write_quoted(out, field);
    } else {
        out.extend_from_slice(field);
    }
}

/// Writes a text value; null and nothing else is the empty field.
pub fn write_text(out: &mut Vec<u8>, text: Option<&str>) {
    if let Some(text) = text {
        write_field(out, text.as_bytes());
    }
}

fn write_quoted(out: &mut Vec<u8>, field: &[u8]) {
    out.push(b'"');
    let mut rest = field;
    while let Some(at) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=at]);
        out.push(b'"');
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_quotes_is_quoted() {
        let written = |field: &[u8]| {
            let mut out = Vec::new();
            write_field(&mut out, field);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(b"Milk Products"), "Milk Products");
        assert_eq!(written(b"a,b"), "\"a,b\"");
        assert_eq!(written(b"5\" pipe"), "\"5\"\" pipe\"");
        assert_eq!(written(b"a\nb"), "\"a\nb\"");
        assert_eq!(written(b"a\rb"), "\"a\rb\"");
    }
}
