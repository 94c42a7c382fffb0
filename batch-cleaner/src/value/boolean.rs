//! Booleans.

/// true/false, t/f, yes/no, y/n, 1/0 in any case; `None` for anything else.
pub fn parse_boolean(text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    match text.len() {
        1 if is("t") || is("y") || is("1") => Some(true),
        1 if is("f") || is("n") || is("0") => Some(false),
        2 if is("no") => Some(false),
        3 if is("yes") => Some(true),
        4 if is("true") => Some(true),
        5 if is("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accepted_words_and_no_others() {
        for (text, value) in [
            ("TRUE", true),
            ("t", true),
            ("Yes", true),
            ("y", true),
            ("1", true),
            ("False", false),
            ("F", false),
            ("NO", false),
            ("n", false),
            ("0", false),
        ] {
            assert_eq!(parse_boolean(text), Some(value), "{text}");
        }
        for text in ["", "2", "on", "1.0", "truee", "01"] {
            assert_eq!(parse_boolean(text), None, "{text}");
        }
    }
}
