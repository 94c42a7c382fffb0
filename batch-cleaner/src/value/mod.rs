//! From a field's text to a typed value. Trimmed first; empty and the spellings of "nothing" are null; what does not
//! parse is null too, and counted apart.

mod boolean;
mod date;
mod decimal;

pub use boolean::parse_boolean;
pub(crate) use date::WEEKDAYS;
pub use date::{Date, parse_date};
pub(crate) use decimal::divide_half_up;
pub use decimal::{MAX_MINOR, Quantity, parse_money, parse_quantity};

/// The field without the white space and the invisible characters around it; `None` where the field says nothing.
#[inline]
pub fn present(field: &str) -> Option<&str> {
    let text = trim(field);
    if text.is_empty() || is_null_word(text) { None } else { Some(text) }
}

/// Cuts Unicode white space (NBSP too) and zero-width characters off both ends.
#[inline]
pub fn trim(field: &str) -> &str {
    // Graphic ASCII at both ends, the usual case, needs no look at characters.
    let graphic = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    let bytes = field.as_bytes();
    if graphic(bytes.first()) && graphic(bytes.last()) {
        return field;
    }
    field.trim_matches(|character: char| character.is_whitespace() || is_zero_width(character))
}

const fn is_zero_width(character: char) -> bool {
    matches!(character, '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

fn is_null_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is = |word: &str| bytes.eq_ignore_ascii_case(word.as_bytes());
    match bytes[0] {
        b'e' | b'E' => is("error"),
        b'u' | b'U' => is("unknown"),
        b'n' | b'N' => is("n/a") || is("na") || is("null") || is("none") || is("nan"),
        b'\\' => is("\\N"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_nothing_is_null() {
        for text in [
            "", "  ", "error", "ERROR", "Unknown", "n/a", "NA", "null", "None", "NaN", "\\N", "\\n", "\u{a0}",
            "\u{200b}",
        ] {
            assert_eq!(present(text), None, "{text:?}");
        }
        for text in ["nano", "errors", "0", "-", "\\", "n", "e", "ÿ"] {
            assert_eq!(present(text), Some(text));
        }
    }

    #[test]
    fn invisible_characters_are_trimmed_from_both_ends_only() {
        assert_eq!(present("\u{feff}\u{a0} Milk\u{a0}Products\t\u{2003}\u{200d}"), Some("Milk\u{a0}Products"));
        assert_eq!(present(" \u{200b}null\u{2060} "), None);
    }
}
