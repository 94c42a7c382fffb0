//! The rules about which bytes are a receipt, each bound from both sides, as somebody would test them who has read the
//! contract alone.

use common::Receipt;

const RECEIPT: &str = r#"{"receipt_id":"r1","store_id":17,"store_name":"Store 17","cashier_id":3,"timestamp":"2026-11-22T10:15:30.123Z","payment_method":"Cash","items":[{"name":"Item_7_FUR","category":"Furniture","price":14.00,"quantity":2}]}"#;

/// The receipt with one piece of its text replaced.
fn with(from: &str, to: &str) -> String {
    assert!(RECEIPT.contains(from), "{from}");
    RECEIPT.replacen(from, to, 1)
}

/// The receipt with more text after its opening brace.
fn with_member(member: &str) -> String {
    RECEIPT.replacen('{', &format!("{{{member},"), 1)
}

#[track_caller]
fn legal(text: &str) -> Receipt {
    Receipt::from_json(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[track_caller]
fn malformed(text: &str) {
    assert!(Receipt::from_json(text.as_bytes()).is_err(), "{text}");
}

#[test]
fn whole_numbers_go_from_zero_to_2_63_less_one_without_fraction_or_exponent() {
    for (member, from) in [("store_id", r#""store_id":17"#), ("cashier_id", r#""cashier_id":3"#)] {
        for number in ["0", "-0", "9223372036854775807", " 5 "] {
            legal(&with(from, &format!(r#""{member}":{number}"#)));
        }
        for number in [
            "9223372036854775808",
            "18446744073709551616",
            "-1",
            "2.0",
            "2e0",
            "1E1",
            "-0.0",
            "05",
            "+5",
            "\"5\"",
            "null",
            "true",
            "[5]",
        ] {
            malformed(&with(from, &format!(r#""{member}":{number}"#)));
        }
    }
    assert_eq!(legal(&with(":17", ":-0")).store_id.get(), 0);
    legal(&with(r#"14.00,"quantity":2"#, r#"0,"quantity":9223372036854775807"#));
    for number in ["0", "-0", "-1", "2.0", "2e0", "9223372036854775808", "\"2\"", "null"] {
        malformed(&with(r#""quantity":2"#, &format!(r#""quantity":{number}"#)));
    }
}

#[test]
fn a_price_is_any_number_whose_value_has_at_most_two_decimals() {
    let minor = |price: &str| legal(&with("14.00", price)).items[0].price.minor();
    for price in ["14", "14.0", "14.00", "14.000", "1.4e1", "1.4E+1", "140e-1", "1400e-2", "0.0014e4", " 14 "] {
        assert_eq!(minor(price), 1400, "{price}");
    }
    for price in ["0", "-0", "-0.0", "0e9", "-0e-9", "0.000", "0e999999999999999999999"] {
        assert_eq!(minor(price), 0, "{price}");
    }
    // 2^53 + 1 minor units, which no double holds.
    assert_eq!(minor("90071992547409.93"), 9_007_199_254_740_993);
    assert_eq!(minor("9007199254740993e-2"), 9_007_199_254_740_993);
    for price in [
        "14.005",
        "14.001",
        "1e-3",
        "14.0000000000000000000000001",
        "-1",
        "-0.01",
        "-1e-400",
        "01",
        ".5",
        "5.",
        "+5",
        "1e",
        "NaN",
        "Infinity",
        "\"14\"",
        "null",
        "1e400",
        "92233720368547758.08",
        "0x10",
        "1_0",
        "{}",
    ] {
        malformed(&with("14.00", price));
    }
}

#[test]
fn totals_fit_64_bits_of_minor_units() {
    let line =
        |price: &str, quantity: &str| format!(r#"{{"name":"a","category":"b","price":{price},"quantity":{quantity}}}"#);
    let items = |lines: &[String]| {
        let (head, tail) = (RECEIPT.find("[{").unwrap(), RECEIPT.rfind(']').unwrap());
        format!("{}[{}{}", &RECEIPT[..head], lines.join(","), &RECEIPT[tail..])
    };
    let largest = "92233720368547758.07";
    legal(&items(&[line(largest, "1")]));
    legal(&items(&[line("0.01", "9223372036854775807")]));
    legal(&items(&[line("92233720368547758.06", "1"), line("0.01", "1")]));
    malformed(&items(&[line(largest, "1"), line("0.01", "1")]));
    malformed(&items(&[line(largest, "2")]));
    malformed(&items(&[line("0.02", "9223372036854775807")]));
    malformed(&items(&[line("46116860184273879.04", "2")]));
}

#[test]
fn strings_are_at_most_1024_bytes_after_escapes_and_names_may_be_empty() {
    let strings = [("r1", true), ("Store 17", false), ("Cash", false), ("Item_7_FUR", false), ("Furniture", false)];
    for (string, is_id) in strings {
        let quoted = format!("\"{string}\"");
        let put = |text: &str| with(&quoted, &format!("\"{text}\""));
        legal(&put(&"x".repeat(1024)));
        legal(&put(&"я".repeat(512)));
        legal(&put(&r"\u044f".repeat(512)));
        legal(&put(&r"\ud83d\ude00".repeat(256)));
        malformed(&put(&"x".repeat(1025)));
        malformed(&put(&format!("{}x", "я".repeat(512))));
        malformed(&put(&format!("{}x", r"\u044f".repeat(512))));
        if is_id {
            malformed(&put(""));
        } else {
            drop(legal(&put("")));
        }
        for wrong in ["7", "null", "[]", "{}", "true"] {
            let text = with(&quoted, wrong);
            if (string, wrong) == ("Cash", "null") { drop(legal(&text)) } else { malformed(&text) }
        }
        for control in ["\n", "\t", "\u{0}", "\u{1f}"] {
            malformed(&put(control));
        }
        for escape in [
            r"\x",
            r"\u12",
            r"\u12g4",
            r"\",
            r"\ud83d",
            r"\ude00",
            r"\ud83dx",
            r"\ud83d\n",
            r"\ud83dA",
            r"\ude00\ud83d",
        ] {
            malformed(&put(escape));
        }
    }
    // Ignored strings may be longer.
    legal(&with_member(&format!(r#""note":"{}""#, "x".repeat(5000))));
}

#[test]
fn unknown_members_are_ignored_at_any_depth_and_known_ones_come_once() {
    for member in [
        r#""x":1"#,
        r#""x":1,"x":2"#,
        r#""x":{"y":1,"y":[{"z":1,"z":{}}]}"#,
        r#""x":{"store_id":1,"store_id":2}"#,
        r#""Store_Id":1"#,
        r#""":null"#,
        r#""x":-1.5e+30000"#,
        r#""\u0000":"\u0000""#,
    ] {
        legal(&with_member(member));
        legal(&with(r#"[{"name""#, &format!(r#"[{{{member},"name""#)));
    }
    for member in [
        r#""receipt_id":"r1""#,
        r#""store_id":17"#,
        r#""store_name":"Store 17""#,
        r#""cashier_id":3"#,
        r#""timestamp":"2026-11-22T10:15:30.123Z""#,
        r#""payment_method":"Cash""#,
        r#""payment_method":null"#,
        r#""items":[]"#,
        r#""\u0073tore_id":17"#,
    ] {
        malformed(&with_member(member));
    }
    for member in [r#""name":"a""#, r#""category":"a""#, r#""price":1"#, r#""quantity":1"#, r#""\u006eame":"a""#] {
        malformed(&with(r#"[{"name""#, &format!(r#"[{{{member},"name""#)));
    }
    for broken in
        [r#""x":01"#, r#""x":1."#, r#""x":tru"#, r#""x":[1,]"#, r#""x":{"y"}"#, r#""x":"\q""#, r#""x":NaN"#, r"x:1"]
    {
        malformed(&with_member(broken));
    }
}

#[test]
fn a_member_may_be_spelled_with_escapes_and_stand_anywhere() {
    assert_eq!(legal(&with("store_id", r"\u0073tore_id")), legal(RECEIPT));
    assert_eq!(legal(&with("items", r"it\u0065ms")), legal(RECEIPT));
    assert_eq!(legal(&with("quantity", r"\u0071uantity")), legal(RECEIPT));
    assert_eq!(legal(&with("Cash", r"\u0043\u0061sh")), legal(RECEIPT));
    assert_eq!(legal(&with("2026", r"\u0032026")), legal(RECEIPT));
    let moved = with(r#""store_id":17,"#, "").replace("]}", r#"],"store_id":17}"#);
    assert_eq!(legal(&moved), legal(RECEIPT));
    assert_eq!(legal(&format!(" \t\r\n{} \n", RECEIPT.replace(",\"", " ,\n\t\""))), legal(RECEIPT));
}

#[test]
fn every_member_but_the_payment_method_is_needed() {
    for member in [
        r#""receipt_id":"r1","#,
        r#""store_id":17,"#,
        r#""store_name":"Store 17","#,
        r#""cashier_id":3,"#,
        r#""timestamp":"2026-11-22T10:15:30.123Z","#,
        r#""name":"Item_7_FUR","#,
        r#""category":"Furniture","#,
        r#""price":14.00,"#,
        r#","quantity":2"#,
        r#","items":[{"name":"Item_7_FUR","category":"Furniture","price":14.00,"quantity":2}]"#,
    ] {
        malformed(&with(member, ""));
    }
    assert_eq!(legal(&with(r#""payment_method":"Cash","#, "")), legal(&with(r#""Cash""#, "null")));
    for items in ["[]", "null", "{}", "[null]", "[[]]", "[1]", "[{}]", "\"\""] {
        malformed(&with(r#"[{"name":"Item_7_FUR","category":"Furniture","price":14.00,"quantity":2}]"#, items));
    }
}

#[test]
fn nesting_goes_to_127() {
    // The receipt itself is one, a line of it three.
    let nested = |depth: usize, open: &str, inner: &str, close: &str| {
        format!(r#""x":{}{inner}{}"#, open.repeat(depth), close.repeat(depth))
    };
    for (open, inner, close) in [("[", "", "]"), (r#"{"y":"#, "1", "}")] {
        legal(&with_member(&nested(126, open, inner, close)));
        malformed(&with_member(&nested(127, open, inner, close)));
        let in_line = |depth| with(r#"[{"name""#, &format!(r#"[{{{},"name""#, nested(depth, open, inner, close)));
        legal(&in_line(124));
        malformed(&in_line(125));
    }
    malformed(&"[".repeat(100_000));
    // Brackets in strings are text.
    legal(&with_member(&format!(r#""x":"{}\"{}""#, "[".repeat(500), "{".repeat(500))));
}

#[test]
fn what_is_not_one_json_object_in_utf_8_is_malformed() {
    for text in ["", " ", "null", "1", "\"\"", "[]", "{}", "{", "NaN"] {
        malformed(text);
    }
    malformed(&format!("\u{feff}{RECEIPT}"));
    malformed(&format!("{RECEIPT}{RECEIPT}"));
    malformed(&format!("{RECEIPT},"));
    malformed(&format!("{RECEIPT}\u{0}"));
    malformed(&format!("{RECEIPT}\u{a0}"));
    malformed(&format!("[{RECEIPT}]"));
    malformed(&RECEIPT.replace(r#""Cash","#, r#""Cash",,"#));
    malformed(&RECEIPT.replace("]}", "],}"));
    malformed(&RECEIPT.replace('"', "'"));
    malformed(&with_member("/* a comment */\"x\":1"));
    // Latin-1, a surrogate in UTF-8, an overlong slash, the middle of a character.
    for bytes in [&b"\xe9"[..], b"\xed\xa0\x80", b"\xc0\xaf", b"\x80", b"\xf5\x80\x80\x80", b"\xf0\x9f\x98"] {
        let at = RECEIPT.find("Store 17").unwrap();
        let value = [&RECEIPT.as_bytes()[..at], bytes, &RECEIPT.as_bytes()[at..]].concat();
        assert!(Receipt::from_json(&value).is_err(), "{bytes:x?}");
    }
    // Lone surrogates count anywhere, also where nothing else is looked at.
    for member in [r#""x":"\ud800""#, r#""\udfff":1"#, r#""x":["\ud83d\ud83d\ude00"]"#, r#""x":{"y":"\uDC00"}"#] {
        malformed(&with_member(member));
    }
    legal(&with_member(r#""x":"\ud83d\ude00\uD83D\uDE00\\ud800""#));
}

#[test]
fn a_timestamp_is_any_rfc_3339_time_with_a_four_digit_year_in_utc() {
    let read = |time: &str| legal(&with("2026-11-22T10:15:30.123Z", time)).timestamp.to_string();
    for (time, utc) in [
        ("2026-11-22T10:15:30Z", "2026-11-22T10:15:30.000Z"),
        ("2026-11-22t10:15:30z", "2026-11-22T10:15:30.000Z"),
        ("2026-11-22T10:15:30.1Z", "2026-11-22T10:15:30.100Z"),
        ("2026-11-22T10:15:30.123999999Z", "2026-11-22T10:15:30.123Z"),
        ("2026-11-22T10:15:59.999999999+00:00", "2026-11-22T10:15:59.999Z"),
        ("2026-11-22T00:15:30.5+23:59", "2026-11-21T00:16:30.500Z"),
        ("2026-11-22T10:15:30-23:59", "2026-11-23T10:14:30.000Z"),
        ("2026-11-22T10:15:30-00:00", "2026-11-22T10:15:30.000Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"),
        ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"),
        ("0000-02-29T00:00:00Z", "0000-02-29T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999Z"),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ("9999-12-31T23:59:59+00:01", "9999-12-31T23:58:59.000Z"),
    ] {
        assert_eq!(read(time), utc, "{time}");
    }
    for time in [
        "2026-11-22T10:15:60Z",
        "2016-12-31T23:59:60Z",
        "2026-11-22 10:15:30Z",
        "2026-11-22_10:15:30Z",
        "2026-11-22T10:15:30",
        "2026-11-22T10:15:30.Z",
        "2026-11-22T10:15:30,5Z",
        "2026-11-22T10:15:30.1234567890Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T10:60:00Z",
        "2026-11-22T10:15Z",
        "2026-11-22T10:15:30+24:00",
        "2026-11-22T10:15:30+01:60",
        "2026-11-22T10:15:30+0100",
        "2026-11-22T10:15:30+01",
        "2026-11-22T10:15:30 Z",
        " 2026-11-22T10:15:30Z",
        "2026-11-22T10:15:30Z ",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-00-10T00:00:00Z",
        "2026-13-10T00:00:00Z",
        "2026-1-10T00:00:00Z",
        "+2026-11-22T10:15:30Z",
        "-0001-11-22T10:15:30Z",
        "10000-01-01T00:00:00Z",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2026-11-22",
        "2026-W47-7T10:15:30Z",
        "２026-11-22T10:15:30Z",
        "1795341600000",
        "",
    ] {
        malformed(&with("2026-11-22T10:15:30.123Z", time));
    }
    malformed(&with(r#""2026-11-22T10:15:30.123Z""#, "1795341600000"));
}
