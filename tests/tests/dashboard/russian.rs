//! The page in Russian.

use common::Receipt;
use common::TopicKind::{ExpensiveReceipts, PartialsDeadLetter, SalesSummary};
use common::dead_letter::{LATE, MALFORMED};
use serde_json::json;

use super::browser::{Device, Tab};
use super::results::{Sales, receipt, roubles, window_at};
use super::stage::Stage;

/// Every text and every label with Latin words in it, but for names, what stands in quotes, and names of things that have none
/// in Russian.
const FOREIGN: &str = "(() => {
    const NAMES = '#stores b, #items b, #items .sub, #category option, .where > span, #receipts td, #dead td:last-child, #zone, .switch [lang], [data-key=units_per_category] .name, noscript';
    const KNOWN = /(?<![\\w-])(Kafka|CSV|API|UTF-8|RFC 3339|Esc|Enter|batch-cleaner|--brokers|receipts\\.dead-letter)\\b|(?<=Чек )\\S+|([\"`]).*\\2/g;
    const found = [];
    const note = (node, text) => { if (/[a-z]{2}/i.test(text.replace(KNOWN, '')) && !node.closest(NAMES)) found.push(text.trim()); };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) note(texts.currentNode.parentElement, texts.currentNode.data);
    for (const name of ['aria-label', 'aria-valuetext', 'title', 'placeholder', 'alt'])
        for (const node of all(`[${name}]`)) note(node, node.getAttribute(name));
    note(document.head, document.title);
    return found;
})()";

/// A summary in which all happened that can.
const SUMMARY: &str = r#"{"run":"1","rows_read":30,"rows_out":20,"rows_rejected":10,
    "rejected_unreadable":{"too_few_fields":1,"too_many_fields":1,"not_utf8":1,"quotes_or_size":1},
    "steps":{"2.1_item":{"restored":1},"2.2_total":{"restored":2},"2.3_quantity_price":{"quantity_restored":3,"price_restored":4},
        "2.3b_item_again":{"restored":5},
        "2.4_drop":{"dropped_by_missing":{"quantity & total_spent":2,"item & category & price_per_unit":4}}},
    "aggregates":{"units_by_category":{"Furniture":3},
        "mean_total_by_payment_method":{"Cash":{"mean":1.00},"Credit Card":{"mean":1.00},"Digital Wallet":{"mean":1.00},"null":{"mean":2.00}},
        "mean_total_by_location":{"Online":{"mean":1.00},"In-store":{"mean":1.00},"null":{"mean":2.00}}}}"#;

/// Values that are no receipts, each for another reason, and what the analytics says of them.
fn malformations() -> Vec<String> {
    let receipt = r#"{"receipt_id":"r","store_id":1,"store_name":"s","cashier_id":1,"timestamp":"2026-11-22T10:15:30Z","items":[{"name":"x","category":"y","price":6.00,"quantity":1}]}"#;
    let long = format!("\"{}\"", "x".repeat(1_025));
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let replacements = [
        ("{\"receipt_id\"", "["),
        ("\"r\"", "\"\""),
        ("\"r\"", &long),
        ("\"r\"", "[null]"),
        ("\"r\"", "null"),
        ("\"r\"", "true"),
        ("\"r\"", "2.5"),
        ("\"r\"", r#""\ud800""#),
        ("\"r\"", r#""\x""#),
        ("\"r\"", "\"a\nb\""),
        ("\"r\"", "yes"),
        ("\"r\"", &deep),
        ("\"r\",", "\"r\""),
        ("\"r\",", "\"r\",\"receipt_id\":\"s\","),
        ("\"receipt_id\":\"r\",", ""),
        ("\"receipt_id\":", "receipt_id:"),
        ("\"receipt_id\":", "\"receipt_id\""),
        ("\"store_id\":1", "\"store_id\":-1"),
        ("\"store_id\":1", "\"store_id\":\"one of ten\""),
        ("2026-11-22T10:15:30Z", "yesterday"),
        ("2026-11-22T10:15:30Z", "0000-01-01T00:00:00+23:00"),
        ("\"2026-11-22T10:15:30Z\"", "5"),
        ("6.00", "-6.00"),
        ("6.00", "6.001"),
        ("6.00", "1e30"),
        ("6.00", "\"six\""),
        ("6.00", "6."),
        ("\"quantity\":1", "\"quantity\":0"),
        ("\"quantity\":1", "\"quantity\":2.5"),
        ("\"quantity\":1", "\"quantity\":\"two\""),
        ("\"quantity\":1", "\"quantity\":{}"),
        ("\"quantity\":1", "\"quantity\":1e999"),
        ("\"quantity\":1", "\"quantity\":9223372036854775807"),
        ("[{", "[],\"x\":[{"),
        ("[{", "[5,{"),
        ("}]}", "}]}}"),
        ("}]}", "}]"),
        ("}]}", "}"),
        ("}]}", ""),
        (",\"quantity\":1}]}", ",\"quan"),
        (",\"quantity\":1}]}", ",\"quantity\":"),
    ];
    let changed = replacements.iter().map(|(from, to)| {
        assert!(receipt.contains(from), "{from}");
        receipt.replacen(from, to, 1).into_bytes()
    });
    let values = changed.chain([vec![], b"\xff".to_vec()]);
    values.map(|value| Receipt::from_json(&value).expect_err(&String::from_utf8_lossy(&value)).to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_russian_to_who_wants_it_and_remembers() {
    let Some(stage) = Stage::set().await else { return };
    stage.publish_window(&Sales::ended(12)).await;
    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    tab.click("#lang-ru").await;
    tab.until("[text('#stores-title'), document.documentElement.lang]", &json!(["Лучшие магазины", "ru"])).await;
    tab.until("text('#kpi-revenue')", &json!(roubles(Sales::ended(12).revenue_minor()))).await;
    tab.reload().await;
    tab.until("text('#stores-title')", &json!("Лучшие магазины")).await;
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_russian_nothing_is_left_in_english_but_names() {
    let Some(mut stage) = Stage::set().await else { return };
    // Still: while the page glides to what is clicked, there is nothing to click at.
    let tab = Tab::open(&stage.url(), Device::DESKTOP.still()).await;
    tab.click("#lang-ru").await;
    tab.until("text('#empty').startsWith('Жду первое окно')", &json!(true)).await;
    nothing_foreign(&tab, "an empty page").await;

    for sales in [Sales::ended(25), Sales::ended(15), Sales { is_final: false, ..Sales::ended(5) }] {
        stage.publish_window(&sales).await;
    }
    stage.publish(ExpensiveReceipts, &receipt("r-1", 17, 61_240, "Item_7_FUR")).await;
    stage.publish_text(SalesSummary, SUMMARY).await;
    tab.until("text('#history .facts dd')", &json!("30")).await;
    tab.until("document.getElementById('early-choice').hidden", &json!(false)).await;
    tab.click("#receipts summary").await;
    tab.until("text('#receipts td')", &json!("Item_7_FUR")).await;
    nothing_foreign(&tab, "a full page").await;
    tab.run("document.getElementById('chart').focus()").await;
    tab.press("Home").await;
    tab.until("document.querySelector('#chart .tip').hidden", &json!(false)).await;
    tab.press("Enter").await;
    tab.until("text('#window-mode')", &json!("Просмотр прошлого окна")).await;
    nothing_foreign(&tab, "a window of the past").await;

    // A receipt that is open is said anew in the other language.
    tab.click("#lang-en").await;
    tab.until("text('#receipts .detail p').includes('cashier')", &json!(true)).await;
    tab.click("#lang-ru").await;
    tab.until("text('#receipts .detail p').includes('кассир')", &json!(true)).await;
    nothing_foreign(&tab, "a receipt that was open").await;
    for (field, value) in [("#filter-store", "Nowhere"), ("#filter-amount", "much")] {
        tab.fill(field, value).await;
        tab.until("document.getElementById('receipts-none').hidden", &json!(false)).await;
        nothing_foreign(&tab, value).await;
    }
    stage.stop_server().await;
    tab.until("document.documentElement.dataset.state", &json!("lost")).await;
    nothing_foreign(&tab, "a page without a server").await;
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_russian_every_dead_letter_is_explained_in_russian() {
    let Some(stage) = Stage::set().await else { return };
    let mut letters: Vec<(&str, String)> = malformations().into_iter().map(|message| (MALFORMED, message)).collect();
    letters.push((LATE, "all its windows were closed at watermark 2026-11-22T10:15:30.000Z".to_owned()));
    letters.push((MALFORMED, "the timestamp is 61000 ms ahead of the clock (--max-ahead)".to_owned()));
    letters.push((MALFORMED, "its windows have no four-digit year".to_owned()));
    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    tab.click("#lang-ru").await;
    // The page shows the latest twenty.
    let letters: Vec<_> = letters.iter().enumerate().collect();
    for some in letters.chunks(20) {
        for (offset, (exception, message)) in some {
            stage.publish_dead_letter(*offset, exception, message).await;
        }
        let sources: Vec<_> = some.iter().rev().map(|(offset, _)| format!("receipts/0/{offset}")).collect();
        let shown = format!("all('#dead td:last-child').map((td) => td.textContent).slice(0, {})", sources.len());
        tab.until(&shown, &json!(sources)).await;
        nothing_foreign(&tab, "dead letters").await;
    }
    let window = window_at(15);
    stage.publish_text(PartialsDeadLetter, &format!(r#"{{"result":"top-stores","window":{window},"input_partition":3,"first_offset":1,"last_offset":9,"receipts":4}}"#)).await;
    tab.until("text('#dead td:nth-child(3)').startsWith('лучшие магазины, окно с ')", &json!(true)).await;
    tab.close().await;
}

async fn nothing_foreign(tab: &Tab, on: &str) {
    assert_eq!(tab.value(FOREIGN).await, json!([]), "on {on}");
}
