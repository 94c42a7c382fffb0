//! Makes values wrong on purpose.

use rand::RngExt as _;
use rand::rngs::Xoshiro256PlusPlus;

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformation {
    /// JSON cut short.
    Truncated,
    /// A member of the wrong type.
    WrongType,
    /// A member left out.
    MissingField,
    /// A byte that is not UTF-8.
    NotUtf8,
}

impl Malformation {
    const ALL: [Malformation; 4] =
        [Malformation::Truncated, Malformation::WrongType, Malformation::MissingField, Malformation::NotUtf8];

    /// Makes a value wrong in one of four ways. `members` names what can be made wrong, in the order of the value; each
    /// is a number or a string there.
    pub fn inflict(rng: &mut Xoshiro256PlusPlus, members: &[&str], value: &mut Vec<u8>) -> Malformation {
        let kind = Self::ALL[rng.random_range(0..Self::ALL.len())];
        let member = members[rng.random_range(0..members.len())];
        match kind {
            Malformation::Truncated => value.truncate(rng.random_range(1..value.len())),
            Malformation::WrongType => {
                if let Some(member) = find_member(value, member) {
                    value.splice(member.value, *b"[null]");
                }
            }
            Malformation::MissingField => {
                if let Some(member) = find_member(value, member) {
                    value.drain(member.whole);
                }
            }
            Malformation::NotUtf8 => {
                let at = rng.random_range(1..value.len());
                value[at] = 0xFF;
            }
        }
        kind
    }
}

struct Member {
    /// From the name to the comma after the value, or from the comma before it.
    whole: std::ops::Range<usize>,
    value: std::ops::Range<usize>,
}

/// Finds the first member of this name whose value is a number or a string without escapes.
fn find_member(json: &[u8], name: &str) -> Option<Member> {
    let name = format!("\"{name}\":");
    let start = json.windows(name.len()).position(|window| window == name.as_bytes())?;
    let value_start = start + name.len();
    let rest = &json[value_start..];
    let length = match rest.first()? {
        b'"' => rest[1..].iter().position(|byte| *byte == b'"')? + 2,
        _ => rest.iter().position(|byte| matches!(byte, b',' | b'}'))?,
    };
    let value = value_start..value_start + length;
    let whole = match json.get(value.end) {
        Some(b',') => start..value.end + 1,
        _ if json.get(start.wrapping_sub(1)) == Some(&b',') => start - 1..value.end,
        _ => start..value.end,
    };
    Some(Member { whole, value })
}
