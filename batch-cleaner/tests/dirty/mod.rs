//! Dirty sales files: values that collide, that are almost right, that are missing, in records that are almost records.
#![allow(dead_code, reason = "each test file uses a part of this one")]

use proptest::prelude::*;
use proptest::sample::select;

/// The header's names in one of their spellings.
fn header() -> impl Strategy<Value = String> {
    select(vec![
        "Transaction ID,Customer ID,Category,Item,Price Per Unit,Quantity,Total Spent,Payment Method,Location,Transaction Date,Discount Applied",
        "transaction_id,customer_id,category,item,price_per_unit,quantity,total_spent,payment_method,location,transaction_date,discount_applied",
        "DiscountApplied,Item,Category,extra,PricePerUnit,Quantity,TotalSpent,PaymentMethod,Location,TransactionDate,CustomerID,TransactionID",
    ])
    .prop_map(str::to_owned)
}

fn field() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        select(vec![
            "1", "2", "3", "4.0", "0.1", "0.3", "0.30", "2.50", "7.50", "10.00", "0", "-0", "+5", "-1", "1e3", "3.5",
            "33.335"
        ]),
        select(vec![
            "2147483647",
            "2147483648",
            "9999999999999999.99",
            "9999999999999999.995",
            "5000000000000000",
            ".5",
            "5.",
            "1_0",
            "0x1F"
        ]),
    ];
    let text = select(vec![
        "Food",
        "Milk",
        "Cash",
        "Online",
        "Item_1",
        "Item_2",
        "a,b",
        "say \"hi\"",
        "two\nlines",
        "two\r\nlines",
        "é",
        "\u{a0}Food ",
        "Foo\rd",
    ]);
    let null =
        select(vec!["", " ", "ERROR", "unknown", "N/A", "na", "NULL", "none", "NaN", "\\N", "\u{200b}", "\u{a0}"]);
    let date = select(vec![
        "2024-04-08",
        "2024-02-29",
        "2023-02-29",
        "2024-13-01",
        "08/04/2024",
        "2024-04-08T10:15:30Z",
        "2024-04-08 10:15",
        "2024-04-08x",
        "0000-03-01",
        "1999-12-31",
    ]);
    let truth = select(vec!["true", "False", "T", "no", "1", "0", "maybe"]);
    prop_oneof![6 => number, 5 => text, 3 => null, 1 => date, 1 => truth].prop_map(str::to_owned)
}

/// A record whose values fit their columns, more often than not.
fn record() -> impl Strategy<Value = Vec<String>> {
    let pick = |values: Vec<&'static str>| select(values).prop_map(str::to_owned);
    let number = || pick(vec!["1", "2.0", "3", "0.1", "0.3", "2.50", "7.50", "10.00", "", "ERROR", "", "0", "100.005"]);
    let likely = (
        pick(vec!["T1", "T2", "T3", "", "T4"]),
        pick(vec!["Food", "Milk", "Food", "", "UNKNOWN"]),
        pick(vec!["Item_1", "Item_2", "", "", "Item_3"]),
        number(),
        number(),
        number(),
        pick(vec!["Cash", "Card", ""]),
        pick(vec!["2024-04-08", "2023-01-31 10:00", "soon", ""]),
    )
        .prop_map(|(id, category, item, price, quantity, total, method, date)| {
            [
                id,
                "C1".to_owned(),
                category,
                item,
                price,
                quantity,
                total,
                method,
                "Online".to_owned(),
                date,
                "True".to_owned(),
            ]
            .to_vec()
        });
    let any_width = prop_oneof![8 => Just(11_usize), 1 => Just(10), 1 => Just(12), 1 => Just(13), 1 => Just(1)];
    let unlikely = any_width.prop_flat_map(|width| proptest::collection::vec(field(), width));
    prop_oneof![3 => likely, 1 => unlikely]
}

fn quoted(field: &str, always: bool) -> String {
    if always || field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// A file whose quotes are as RFC 4180 wants them; everything else may be wrong.
pub fn well_quoted_file() -> impl Strategy<Value = Vec<u8>> {
    let line = (record(), any::<bool>(), select(vec!["\n", "\r\n", "\n\n"]), proptest::bool::weighted(0.02));
    (header(), proptest::collection::vec(line, 0..30), any::<bool>()).prop_map(|(header, lines, ended)| {
        let columns = header.split(',').count();
        let mut file = format!("{header}\n").into_bytes();
        for (mut record, always, line_end, spoil) in lines {
            if columns == 12 && record.len() == 11 {
                // This header has the columns in another order, and one more.
                let order = [10, 3, 2, 0, 4, 5, 6, 7, 8, 9, 1, 0];
                record = order.iter().map(|place| record[*place].clone()).collect();
            }
            // One empty field alone is a blank line, which readers skip.
            if record.len() == 1 && record[0].trim().is_empty() {
                continue;
            }
            let fields: Vec<String> = record.iter().map(|field| quoted(field, always)).collect();
            file.extend_from_slice(fields.join(",").as_bytes());
            if spoil {
                file.push(0xff);
            }
            file.extend_from_slice(line_end.as_bytes());
        }
        if !ended && file.ends_with(b"\n") {
            file.truncate(file.len() - 1);
        }
        file
    })
}

/// Bytes that look like a file now and then.
pub fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => select(vec![",", "\"", "\n", "\r\n", "\"\"", "\",\"", "\",", ",\"", "a", "1.5", " ", "\r", "x\"y", "T1,C1,Food,Item_1,1,2,2,Cash,Online,2024-01-01,1\n"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
        1 => well_quoted_file().prop_map(|file| file[file.len() / 2..].to_vec()),
    ];
    (header(), proptest::collection::vec(piece, 0..80)).prop_map(|(header, pieces)| {
        let mut file = format!("{header}\n").into_bytes();
        for piece in pieces {
            file.extend_from_slice(&piece);
        }
        file
    })
}
