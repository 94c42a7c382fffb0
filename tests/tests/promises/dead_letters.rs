//! What becomes of records and sums that count nowhere: to the byte.

use common::TopicKind;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use tests::shop::{Sent, Shop, long_ago_ms, receipt};
use tests::topic::messages;

use crate::stage::{Stage, WINDOW_MS};

type HeaderList = Vec<(String, Option<Vec<u8>>)>;

fn headers(message: &OwnedMessage) -> HeaderList {
    let headers = message.headers().unwrap();
    headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
}

/// The headers that the service adds, but for the message for people.
fn added(stage: &Stage, exception: &str, offset: i64, timestamp_ms: i64) -> HeaderList {
    let text = |name: &str, value: String| (name.to_owned(), Some(value.into_bytes()));
    vec![
        text("__streams.errors.exception", exception.to_owned()),
        text("__streams.errors.topic", stage.name(TopicKind::Receipts)),
        text("__streams.errors.partition", "1".to_owned()),
        text("__streams.errors.offset", offset.to_string()),
        text("source.timestamp", timestamp_ms.to_string()),
    ]
}

#[test]
fn a_refused_record_is_as_it_came_with_headers_that_say_whence_and_why() {
    let stage = Stage::any("refused");
    let shop = Shop::open(&stage.broker);
    let start_ms = long_ago_ms();
    let came_with = OwnedHeaders::new()
        .insert(Header { key: "trace", value: Some(&[0xff, 0x00][..]) })
        .insert(Header { key: "null", value: None::<&[u8]> })
        .insert(Header { key: "__streams.errors.exception", value: Some(&b"theirs"[..]) });
    let good = receipt("good", start_ms + 4 * WINDOW_MS, "1.00").into_bytes();
    let late = receipt("late", start_ms, "600.00").into_bytes();
    let sent = [
        (Some(b"7".to_vec()), Some(good), None),
        (None, None, None),
        (Some(vec![0xfe]), Some(b"{\"receipt_id\":\xff}".to_vec()), Some(came_with.clone())),
        (Some(b"7".to_vec()), Some(late.clone()), Some(came_with.clone())),
        (Some(Vec::new()), Some(Vec::new()), None),
    ];
    for (key, value, headers) in sent.clone() {
        shop.put(1, Sent { key, value, headers, timestamp_ms: Some(start_ms) });
    }
    stage.until_end(&[]);

    let mut letters = messages(&stage.broker, &stage.name(TopicKind::ReceiptsDeadLetter));
    let offset = |letter: &OwnedMessage| {
        let headers = headers(letter);
        let header = headers.iter().find(|(name, _)| name == "__streams.errors.offset");
        String::from_utf8(header.unwrap().1.clone().unwrap()).unwrap().parse::<i64>().unwrap()
    };
    letters.sort_by_key(offset);
    assert_eq!(letters.iter().map(offset).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for letter in &letters {
        let offset = offset(letter);
        let (key, value, came_with) = &sent[usize::try_from(offset).unwrap()];
        assert_eq!((letter.key(), letter.payload()), (key.as_deref(), value.as_deref()), "offset {offset}");
        let mut found = headers(letter);
        let for_people = found.iter().position(|(name, _)| name == "__streams.errors.message").unwrap();
        assert_eq!(found[for_people - 1].0, "__streams.errors.exception");
        assert!(found.remove(for_people).1.is_some_and(|text| !text.is_empty()));
        let mut expected: HeaderList = came_with
            .iter()
            .flat_map(Headers::iter)
            .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
            .collect();
        expected.extend(added(&stage, if offset == 3 { "late" } else { "malformed" }, offset, start_ms));
        assert_eq!(found, expected, "offset {offset}");
    }
    assert_eq!(stage.keys(TopicKind::ExpensiveReceipts), ["late"], "that query has no window");
}

#[test]
fn a_sum_that_comes_too_late_for_a_published_window_is_named() {
    let stage = Stage::any("late-sums");
    let mut shop = Shop::open(&stage.broker);
    let start_ms = long_ago_ms();
    let two_categories = receipt("r", start_ms, "1.00").replace(
        r#""items":["#,
        r#""items":[{"name":"b","category":"d","price":1,"quantity":1},{"name":"c","category":"c","price":1,"quantity":1},"#,
    );
    let two_categories = Sent { value: Some(two_categories.into_bytes()), ..Sent::default() };
    shop.put(1, two_categories.clone());
    stage.until_end(&[]);
    // The partitions' watermarks have not passed the window: for them these are not late.
    shop.put(1, two_categories);
    shop.sell(1, start_ms + 2);
    shop.sell(2, start_ms + 1);
    stage.until_end(&[]);

    let letters = messages(&stage.broker, &stage.name(TopicKind::PartialsDeadLetter));
    let window = r#""window":{"start":"2026-03-01T00:00:00.000Z","end":"2026-03-01T00:00:02.000Z"}"#;
    let mut found: Vec<(String, String)> = letters
        .iter()
        .map(|letter| {
            let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
            (text(letter.key()), text(letter.payload()))
        })
        .collect();
    found.sort();
    let source = |partition, first, last, receipts| {
        format!(r#""input_partition":{partition},"first_offset":{first},"last_offset":{last},"receipts":{receipts}}}"#)
    };
    let key = "2026-03-01T00:00:00.000Z";
    let expected = [
        format!(r#"{{"result":"popular-items","category":"c",{window},{}"#, source(1, 1, 2, 2)),
        format!(r#"{{"result":"popular-items","category":"c",{window},{}"#, source(2, 0, 0, 1)),
        format!(r#"{{"result":"popular-items","category":"d",{window},{}"#, source(1, 1, 1, 1)),
        format!(r#"{{"result":"top-stores",{window},{}"#, source(1, 1, 2, 2)),
        format!(r#"{{"result":"top-stores",{window},{}"#, source(2, 0, 0, 1)),
    ];
    assert_eq!(found, expected.map(|value| (key.to_owned(), value)));
    assert_eq!(stage.keys(TopicKind::TopStores), [key], "what is published is never published again");
}
