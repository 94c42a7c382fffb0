//! Reading a receipt at the speed of the stream.
//!
//! [`scan`] reads the member order that receipts are written in, without copying anything. Whatever it does not expect
//! (another order, an escape, an unknown member, a number in another spelling) it leaves to [`Receipt::from_json`], which
//! alone decides what is malformed. A test holds the two to the same verdict.

use common::results::ExpensiveReceipt;
use common::{EventTime, MAX_STRING_BYTES, MalformedReceipt, Money, Receipt};
use smallvec::SmallVec;

/// The parts of a receipt that are summed; text borrowed from the record.
#[derive(Debug, Clone, Copy)]
pub struct ReceiptView<'a> {
    /// Never empty.
    pub receipt_id: &'a str,
    /// Never negative.
    pub store_id: i64,
    /// May be empty.
    pub store_name: &'a str,
    /// Event time.
    pub event_ms: i64,
    /// Price × quantity over all lines, minor units.
    pub total_minor: i64,
    lines: &'a [Line<'a>],
    source: Source<'a>,
}

/// What a view was read from.
#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    /// A record in exactly the spelling of [`Receipt::to_json`].
    Canonical(&'a str),
    /// A record that spells an amount or the time otherwise.
    Plain(&'a str),
    /// Anything else, read by the general reader.
    General(&'a Receipt),
}

/// A line of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// May be empty.
    pub name: &'a str,
    /// May be empty.
    pub category: &'a str,
    /// At least one.
    pub quantity: i64,
    /// Price × quantity, minor units.
    pub revenue_minor: i64,
}

impl<'a> ReceiptView<'a> {
    /// The lines, one or more.
    pub fn lines(&self) -> &'a [Line<'a>] {
        self.lines
    }

    /// The value of `expensive-receipts`: the receipt's own members, and its total.
    pub fn expensive_json(&self) -> Vec<u8> {
        let total = Money::from_minor(self.total_minor);
        match self.source {
            // Nothing needs to be spelled anew: the total goes in before the closing brace.
            Source::Canonical(text) => {
                let members = text.strip_suffix('}').unwrap_or(text);
                format!("{members},\"total\":{total}}}").into_bytes()
            }
            Source::Plain(text) => Receipt::from_json(text.as_bytes())
                .map(|receipt| ExpensiveReceipt { receipt: &receipt, total }.to_json())
                .expect("what the scanner reads, the general reader reads too"),
            Source::General(receipt) => ExpensiveReceipt { receipt, total }.to_json(),
        }
    }
}

/// A receipt seldom has more lines than this; more are read too, into a heap allocation.
type Lines<'a> = SmallVec<[Line<'a>; 12]>;

/// Reads a record value and hands what is to be summed to `then`.
pub fn with_receipt<R>(value: &[u8], then: impl FnOnce(&ReceiptView<'_>) -> R) -> Result<R, MalformedReceipt> {
    let mut lines = Lines::new();
    if let Ok(text) = std::str::from_utf8(value)
        && let Some(head) = scan(text, &mut lines)
    {
        return Ok(then(&ReceiptView { lines: &lines, ..head }));
    }
    let receipt = Receipt::from_json(value)?;
    let total = receipt.total().ok_or(MalformedReceipt::TotalTooLarge)?;
    let lines: Lines<'_> = receipt
        .items
        .iter()
        .filter_map(|item| {
            // Each line fits, since the total does.
            let revenue_minor = item.revenue()?.minor();
            Some(Line { name: &item.name, category: &item.category, quantity: item.quantity, revenue_minor })
        })
        .collect();
    Ok(then(&ReceiptView {
        receipt_id: &receipt.receipt_id,
        store_id: receipt.store_id.get(),
        store_name: &receipt.store_name,
        event_ms: receipt.timestamp.ms(),
        total_minor: total.minor(),
        lines: &lines,
        source: Source::General(&receipt),
    }))
}

/// Reads a receipt in the spelling that `Receipt::to_json` has; `None` for any other text, well-formed or not. The lines
/// go to `lines`, and the view that is returned has none yet.
fn scan<'a>(text: &'a str, lines: &mut Lines<'a>) -> Option<ReceiptView<'a>> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.literal("{\"receipt_id\":\"")?;
    let receipt_id = cursor.string().filter(|id| !id.is_empty())?;
    cursor.literal(",\"store_id\":")?;
    let store_id = cursor.whole_number()?;
    cursor.literal(",\"store_name\":\"")?;
    let store_name = cursor.string()?;
    cursor.literal(",\"cashier_id\":")?;
    cursor.whole_number()?;
    cursor.literal(",\"timestamp\":\"")?;
    let timestamp = cursor.string()?;
    let event_ms = EventTime::parse(timestamp).ok()?.ms();
    // Of well-formed times only `YYYY-MM-DDTHH:MM:SS.mmmZ` has these at these places.
    let mut canonical =
        matches!(timestamp.as_bytes(), [_, _, _, _, _, _, _, _, _, _, b'T', .., b'Z'] if timestamp.len() == 24);
    if cursor.literal(",\"payment_method\":\"").is_some() {
        cursor.string()?;
    }
    cursor.literal(",\"items\":[")?;
    let mut total_minor: i64 = 0;
    loop {
        cursor.literal("{\"name\":\"")?;
        let name = cursor.string()?;
        cursor.literal(",\"category\":\"")?;
        let category = cursor.string()?;
        cursor.literal(",\"price\":")?;
        let (price_minor, decimals) = cursor.money()?;
        canonical &= decimals == 2;
        cursor.literal(",\"quantity\":")?;
        let quantity = cursor.whole_number().filter(|quantity| *quantity > 0)?;
        let revenue_minor = price_minor.checked_mul(quantity)?;
        total_minor = total_minor.checked_add(revenue_minor)?;
        lines.push(Line { name, category, quantity, revenue_minor });
        if cursor.literal("},").is_none() {
            break;
        }
    }
    cursor.literal("}]}")?;
    let source = if canonical { Source::Canonical(text) } else { Source::Plain(text) };
    let whole = cursor.at == text.len();
    whole.then_some(ReceiptView { receipt_id, store_id, store_name, event_ms, total_minor, lines: &[], source })
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        let found = self.rest().starts_with(literal.as_bytes());
        found.then(|| self.at += literal.len())
    }

    /// The text up to the closing quote, which is passed; `None` if it has an escape or a control character.
    fn string(&mut self) -> Option<&'a str> {
        let length = plain_string_length(self.rest())?;
        if length > MAX_STRING_BYTES {
            return None;
        }
        let string = self.text.get(self.at..self.at + length)?;
        self.at += length + 1;
        Some(string)
    }

    /// Up to 18 digits without a leading zero: any such number fits.
    fn digits(&mut self) -> Option<i64> {
        let rest = self.rest();
        let length = rest.iter().take(19).take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 || length > 18 || (length > 1 && rest[0] == b'0') {
            return None;
        }
        self.at += length;
        Some(rest[..length].iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    /// A whole number that ends where a member ends.
    fn whole_number(&mut self) -> Option<i64> {
        let number = self.digits()?;
        matches!(self.rest().first(), Some(b',' | b'}')).then_some(number)
    }

    /// An amount in minor units, with how many decimals it has: at most two.
    fn money(&mut self) -> Option<(i64, usize)> {
        let whole = self.digits()?;
        let (fraction, decimals) = match *self.rest() {
            [b'.', tens @ b'0'..=b'9', ones @ b'0'..=b'9', b',', ..] => ((tens - b'0') * 10 + (ones - b'0'), 2),
            [b'.', tens @ b'0'..=b'9', b',', ..] => ((tens - b'0') * 10, 1),
            [b',', ..] => (0, 0),
            _ => return None,
        };
        if decimals > 0 {
            self.at += 1 + decimals;
        }
        Some((whole.checked_mul(100)?.checked_add(i64::from(fraction))?, decimals))
    }
}

/// Bytes up to the first quote, eight at a time; `None` if a backslash or a control character comes before it.
fn plain_string_length(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    // Sets the high bit of the first byte below `bound`, and of none before it (Hacker's Delight, 6-1).
    let below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word & HIGHS;
    let equal = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);

    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let stops = equal(word, b'"') | equal(word, b'\\') | below(word, 0x20);
        if stops != 0 {
            at += stops.trailing_zeros() as usize / 8;
            return (bytes[at] == b'"').then_some(at);
        }
        at += 8;
    }
    let stop = bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    (bytes[at + stop] == b'"').then_some(at + stop)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECEIPT: &str = r#"{"receipt_id":"r1","store_id":17,"store_name":"Магазин 17","cashier_id":3,"timestamp":"2026-11-22T10:15:30.123Z","payment_method":"Cash","items":[{"name":"Item_7_FUR","category":"Furniture","price":14.00,"quantity":2},{"name":"","category":"x","price":0.5,"quantity":1}]}"#;

    type Read = (i64, String, i64, i64, Vec<(String, String, i64, i64)>);

    fn owned(view: &ReceiptView<'_>) -> Read {
        let line =
            |line: &Line<'_>| (line.name.to_owned(), line.category.to_owned(), line.quantity, line.revenue_minor);
        let lines = view.lines().iter().map(line).collect();
        (view.store_id, view.store_name.to_owned(), view.event_ms, view.total_minor, lines)
    }

    fn slow(value: &[u8]) -> Option<Read> {
        let receipt = Receipt::from_json(value).ok()?;
        let lines = receipt
            .items
            .iter()
            .map(|item| (item.name.clone(), item.category.clone(), item.quantity, item.revenue().unwrap().minor()));
        let total = receipt.total().unwrap().minor();
        Some((receipt.store_id.get(), receipt.store_name.clone(), receipt.timestamp.ms(), total, lines.collect()))
    }

    fn fast(value: &[u8]) -> Option<Read> {
        let mut lines = Lines::new();
        let head = scan(std::str::from_utf8(value).ok()?, &mut lines)?;
        Some(owned(&ReceiptView { lines: &lines, ..head }))
    }

    #[test]
    fn the_written_form_is_read_without_the_general_reader() {
        let read = fast(RECEIPT.as_bytes()).unwrap();
        assert_eq!(read.3, 2850);
        assert_eq!(slow(RECEIPT.as_bytes()), Some(read));
        let without_method = RECEIPT.replace(r#","payment_method":"Cash""#, "");
        assert!(fast(without_method.as_bytes()).is_some());
    }

    #[test]
    fn other_spellings_are_read_by_the_general_reader() {
        let spaced = RECEIPT.replace(':', ": ").replace("10: 15: 30", "10:15:30");
        assert_eq!(fast(spaced.as_bytes()), None);
        assert_eq!(with_receipt(spaced.as_bytes(), owned).ok(), slow(RECEIPT.as_bytes()));
    }

    /// As the general reader and writer make it.
    fn expensive(value: &[u8]) -> Option<(String, Vec<u8>)> {
        let receipt = Receipt::from_json(value).ok()?;
        let total = receipt.total()?;
        Some((receipt.receipt_id.clone(), ExpensiveReceipt { receipt: &receipt, total }.to_json()))
    }

    fn expensive_of_view(view: &ReceiptView<'_>) -> (String, Vec<u8>) {
        (view.receipt_id.to_owned(), view.expensive_json())
    }

    #[test]
    fn only_the_written_form_is_published_without_being_written_anew() {
        let source = |text: &str| scan(text, &mut Lines::new()).map(|view| matches!(view.source, Source::Canonical(_)));
        let written = RECEIPT.replace(":0.5,", ":0.50,");
        assert_eq!(source(&written), Some(true));
        for (ours, other) in [
            ("0.50", "0.5"),
            ("14.00", "14"),
            (".123Z", "Z"),
            (".123Z", ".1234Z"),
            (".123Z", "+00:00"),
            ("T10", "t10"),
            ("3Z", "3z"),
        ] {
            let otherwise = written.replace(ours, other);
            assert_eq!(source(&otherwise), Some(false), "{otherwise}");
            assert_eq!(with_receipt(otherwise.as_bytes(), expensive_of_view).ok(), expensive(otherwise.as_bytes()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// Whatever the scanner reads, the general reader reads alike: no mutation of a receipt gets another verdict.
        #[test]
        fn both_readers_give_one_verdict(
            edits in proptest::collection::vec((0..RECEIPT.len(), 0_u8..4, any::<u8>(), "[-0-9.eE\"\\\\,:{}\\[\\]nulu\\x00 ]{0,6}"), 0..4)
        ) {
            let mut value = RECEIPT.as_bytes().to_vec();
            for (at, kind, byte, text) in edits {
                let at = at.min(value.len());
                match kind {
                    0 => { value.splice(at..at, text.bytes()); }
                    1 => { value.splice(at..(at + text.len()).min(value.len()), text.bytes()); }
                    2 => { value.truncate(at); }
                    _ => { if at < value.len() { value[at] = byte; } }
                }
            }
            let general = slow(&value);
            if let Some(read) = fast(&value) {
                prop_assert_eq!(Some(&read), general.as_ref());
            }
            prop_assert_eq!(with_receipt(&value, owned).ok(), general);
            prop_assert_eq!(with_receipt(&value, expensive_of_view).ok(), expensive(&value));
        }

        #[test]
        fn a_string_ends_at_its_first_quote(text in "[a-zé\"\\\\\\n ]{0,40}") {
            let stop = text.find(|c: char| c == '"' || c == '\\' || c < ' ');
            let expected = stop.filter(|at| text.as_bytes()[*at] == b'"');
            prop_assert_eq!(plain_string_length(text.as_bytes()), expected);
        }
    }
}
