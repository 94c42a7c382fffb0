//! The dashboard as its users have it: records on a broker, the page in a headless Chromium.
//!
//! The broker is librdkafka's own mock cluster, or the one that `KAFKA_BROKERS` names. Where Chromium is not
//! installed, each test says so and ends.
#![allow(clippy::unwrap_used, reason = "in a test, to fail is to say so")]

mod axe;
mod browser;
mod connection;
mod results;
mod russian;
mod stage;

use browser::{Device, Tab};
use common::TopicKind::{ExpensiveReceipts, PopularItems, SalesSummary, SalesTotals, TopStores};
use common::dead_letter::LATE;
use common::{EventTime, Receipt};
use results::{Sales, now_ms, receipt, roubles, window_at, window_ending};
use serde_json::{Value, json};
use stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_on_the_page_are_those_of_the_topics() {
    let Some(stage) = Stage::set().await else { return };
    let sales = Sales::ended(15);
    stage.publish_window(&sales).await;
    stage.publish(ExpensiveReceipts, &receipt("r-1", 17, 61_240, "Item_7_FUR")).await;
    let earlier = EventTime::from_ms(now_ms() - 60_000).unwrap();
    let earlier = Receipt { timestamp: earlier, ..receipt("r-0", 4, 99_900, "x") };
    stage.publish(ExpensiveReceipts, &earlier).await;
    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;

    tab.until("text('#kpi-revenue')", &json!(roubles(sales.revenue_minor()))).await;
    tab.until("text('#kpi-receipts')", &json!("812")).await;
    tab.until("text('#kpi-units')", &json!(unbroken("2 440"))).await;
    tab.until("text('#kpi-stores')", &json!("48")).await;
    tab.until("text('#window-badge')", &json!("Final")).await;
    let stores = json!([["1", "Store 17", "12", roubles(123_450)], ["2", "Store 4", "9", roubles(99_905)]]);
    tab.until(
        "all('#stores li').map((li) => [text('.rank', li), text('b', li), text('.num', li), text('.strong', li)])",
        &stores,
    )
    .await;
    tab.choose("#category", "Furniture").await;
    let items = json!([["Item_7_FUR", "42", roubles(58_800)], ["Item_2_FUR", "7", roubles(9_800)]]);
    tab.until("all('#items li').map((li) => [text('b', li), text('.num', li), text('.strong', li)])", &items).await;
    let totals = json!([roubles(61_240), roubles(99_900)]);
    tab.until("all('#receipts .total').map((total) => total.textContent)", &totals).await;
    tab.click("#receipts summary").await;
    tab.until("all('#receipts td').map((td) => td.textContent)", &json!(["Item_7_FUR", roubles(61_240), "1"])).await;

    let api = stage.get("/api/windows");
    assert_eq!(api[0]["top_stores"][0]["revenue"], json!(1234.5));
    let api = stage.get("/api/expensive-receipts");
    let ids = [&api[0]["receipt_id"], &api[1]["receipt_id"]];
    assert_eq!(ids, ["r-1", "r-0"], "the latest sold first, whenever it was published");
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_screen_answers_the_three_questions() {
    let Some(stage) = Stage::set().await else { return };
    stage.publish_window(&Sales::ended(15)).await;
    stage.publish(ExpensiveReceipts, &receipt("r-1", 17, 61_240, "Item_7_FUR")).await;
    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    for answer in ["#stores li:last-child", "#items li:last-child", "#receipts li:last-child"] {
        let is_seen = format!("document.querySelector('{answer}').getBoundingClientRect().bottom <= innerHeight");
        tab.until(&is_seen, &json!(true)).await;
    }
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_beyond_what_a_double_holds_is_shown_to_the_kopeck() {
    let Some(stage) = Stage::set().await else { return };
    let window = window_at(15);
    let totals = format!(
        r#"{{"window":{window},"final":true,"revenue":46116860184273879.03,"receipts":1,"units":9007199254740993,"stores":1}}"#
    );
    stage.publish_text(SalesTotals, &totals).await;
    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    tab.until("text('#kpi-revenue')", &json!(unbroken("46 116 860 184 273 879,03 ₽"))).await;
    tab.until("text('#kpi-units')", &json!(unbroken("9 007 199 254 740 993"))).await;
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_closes_and_the_page_changes() {
    let Some(stage) = Stage::set().await else { return };
    stage.publish_window(&Sales::ended(25)).await;
    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    tab.until("text('#stores b')", &json!("Store 17")).await;

    let next = Sales { stores: vec![(4, 200_000, 20), (17, 100_000, 10), (5, 90_000, 3)], ..Sales::ended(15) };
    stage.publish_window(&next).await;
    tab.until("all('#stores b').map((b) => b.textContent)", &json!(["Store 4", "Store 17", "Store 5"])).await;
    let moves = json!(["▲1up 1", "▼1down 1", "newnew"]);
    tab.until("all('#stores .move').map((move) => move.textContent)", &moves).await;
    tab.until("text('#kpi-revenue')", &json!(roubles(next.revenue_minor()))).await;
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_result_is_marked_and_gives_way_to_the_final_one_in_place() {
    let Some(stage) = Stage::set().await else { return };
    let early = Sales { is_final: false, ..Sales::ended(5) };
    stage.publish_window(&early).await;
    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    tab.until("text('#window-badge')", &json!("Early")).await;
    tab.until("text('#kpi-revenue')", &json!(roubles(early.revenue_minor()))).await;
    tab.run("document.querySelector('#stores li').seen = true; window.emptied = false; new MutationObserver(() => { if (!document.querySelector('#stores li')) window.emptied = true; }).observe(document.getElementById('stores'), { childList: true })").await;

    let last = Sales { is_final: true, stores: vec![(17, 150_000, 14)], window: early.window.clone() };
    stage.publish_window(&last).await;
    tab.until("text('#window-badge')", &json!("Final")).await;
    tab.until("text('#stores .strong')", &json!(roubles(150_000))).await;
    tab.until("[document.querySelector('#stores li').seen, window.emptied]", &json!([true, false])).await;

    // What comes after it and is early changes nothing.
    stage.publish_window(&early).await;
    stage.publish(ExpensiveReceipts, &receipt("after", 1, 70_000, "x")).await;
    tab.until("text('#receipts .total')", &json!(roubles(70_000))).await;
    tab.until("text('#window-badge')", &json!("Final")).await;
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn past_windows_are_reached_by_pointer_by_keys_and_over_the_api() {
    let Some(stage) = Stage::set().await else { return };
    let newest_end_ms = now_ms() - 15_000;
    let sales: Vec<_> = (0..60)
        .map(|back| Sales {
            stores: vec![(back, 100_000 + back * 100, 1)],
            window: window_ending(newest_end_ms - 10_000 * back),
            ..Sales::ended(0)
        })
        .collect();
    for sale in &sales {
        stage.publish_window(sale).await;
    }
    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    let revenue = |back: usize| json!(roubles(sales[back].revenue_minor()));
    tab.until("text('#kpi-revenue')", &revenue(0)).await;
    tab.click("#older").await;
    tab.until("text('#kpi-revenue')", &revenue(1)).await;
    tab.until("text('#window-mode')", &json!("You are looking back")).await;
    tab.click("#live").await;
    tab.until("text('#kpi-revenue')", &revenue(0)).await;

    // The first point is the oldest window, which the page has to ask for.
    tab.run("document.getElementById('chart').focus()").await;
    for key in ["Home", "Enter"] {
        tab.press(key).await;
    }
    tab.until("text('#kpi-revenue')", &revenue(59)).await;
    tab.until("text('#stores b')", &json!("Store 59")).await;
    let at = tab.value("(() => { const r = document.getElementById('chart').getBoundingClientRect(); return [r.right - 11, r.top + 60]; })()").await;
    tab.click_at(&at).await;
    tab.until("text('#kpi-revenue')", &revenue(0)).await;
    tab.until("text('#chart .tip b')", &revenue(0)).await;
    tab.press("Escape").await;
    tab.until("document.documentElement.dataset.view", &json!("live")).await;

    let window: Value = serde_json::from_str(&sales[30].window).unwrap();
    let found = stage.get(&format!("/api/windows?from={}&to={}", text(&window["start"]), text(&window["end"])));
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["top_stores"][0]["store_id"], 30);
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_filtered_alike_on_the_page_and_over_the_api() {
    let Some(stage) = Stage::set().await else { return };
    for (id, store, minor) in [("a", 7, 60_000), ("b", 9, 70_000), ("c", 7, 80_050)] {
        stage.publish(ExpensiveReceipts, &receipt(id, store, minor, "x")).await;
    }
    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    let totals = "all('#receipts .total').map((total) => total.textContent).sort()";
    tab.until(totals, &json!([roubles(60_000), roubles(70_000), roubles(80_050)])).await;
    tab.fill("#filter-store", "7").await;
    tab.until(totals, &json!([roubles(60_000), roubles(80_050)])).await;
    tab.fill("#filter-amount", "700,50").await;
    tab.until(totals, &json!([roubles(80_050)])).await;
    stage.publish(ExpensiveReceipts, &receipt("d", 8, 99_000, "x")).await;
    stage.publish(ExpensiveReceipts, &receipt("e", 7, 90_000, "x")).await;
    tab.until(totals, &json!([roubles(80_050), roubles(90_000)])).await;
    tab.fill("#filter-store", "12").await;
    tab.until("text('#receipts-none')", &json!("No expensive receipt fits this filter.")).await;
    let renamed =
        |id: &str, store, name: &str| Receipt { store_name: name.to_owned(), ..receipt(id, store, 95_000, "x") };
    stage.publish(ExpensiveReceipts, &renamed("f", 21, "Магазин у Пётра")).await;
    tab.fill("#filter-store", "ПЕТРА").await;
    tab.until(totals, &json!([roubles(95_000)])).await;
    stage.publish(ExpensiveReceipts, &renamed("g", 22, "у Петра II")).await;
    tab.until(totals, &json!([roubles(95_000), roubles(95_000)])).await;
    tab.fill("#filter-amount", "много").await;
    tab.until("text('#receipts-none')", &json!("The amount is not a number.")).await;

    let found = stage.get("/api/expensive-receipts?store=%D0%BF%D0%95%D0%A2%D1%80%D0%B0");
    assert_eq!(found.as_array().unwrap().len(), 2);
    let found = stage.get("/api/expensive-receipts?store_id=7&min_total=700.50");
    let mut ids: Vec<_> = found.as_array().unwrap().iter().map(|receipt| text(&receipt["receipt_id"])).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["c", "e"]);
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_shows_the_same_to_whoever_follows_it() {
    let Some(stage) = Stage::set().await else { return };
    let old = Sales { stores: vec![(5, 300_000, 3)], ..Sales::ended(600) };
    stage.publish_window(&old).await;
    stage.publish_window(&Sales::ended(15)).await;
    for (id, store, minor) in [("a", 7, 60_000), ("b", 9, 70_000), ("c", 7, 80_050)] {
        stage.publish(ExpensiveReceipts, &receipt(id, store, minor, "x")).await;
    }
    let mut tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    tab.choose("#category", "Furniture").await;
    tab.fill("#filter-store", "store 7").await;
    tab.fill("#filter-amount", "700,50").await;
    tab.click("#older").await;
    tab.until("location.search.split('&').length", &json!(4)).await;
    let link = text(&tab.value("location.href").await);
    tab.another(&link).await;
    tab.until("all('#receipts .total').map((total) => total.textContent)", &json!([roubles(80_050)])).await;
    tab.until(
        "['store', 'amount'].map((name) => document.getElementById(`filter-${name}`).value)",
        &json!(["store 7", "700,50"]),
    )
    .await;
    tab.until("document.getElementById('category').value", &json!("Furniture")).await;
    tab.until("text('#stores b')", &json!("Store 5")).await;
    tab.until("text('#window-mode')", &json!("You are looking back")).await;

    tab.press("Escape").await;
    tab.until("text('#stores b')", &json!("Store 17")).await;
    tab.until("location.search.includes('window')", &json!(false)).await;
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_tabs_than_a_browser_has_connections_all_show_it() {
    let Some(stage) = Stage::set().await else { return };
    stage.publish_window(&Sales::ended(25)).await;
    let mut tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    tab.until("text('#stores b')", &json!("Store 17")).await;
    let first = tab.another(&stage.url()).await;
    for _ in 0..6 {
        tab.until("text('#stores b')", &json!("Store 17")).await;
        tab.another(&stage.url()).await;
    }
    stage.publish_window(&Sales { stores: vec![(4, 200_000, 20)], ..Sales::ended(15) }).await;
    tab.until("text('#stores b')", &json!("Store 4")).await;
    tab.turn_to(first).await;
    tab.until("text('#stores b')", &json!("Store 4")).await;
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_that_the_server_is_gone_comes_back_and_has_missed_nothing() {
    let Some(mut stage) = Stage::set().await else { return };
    stage.publish_window(&Sales::ended(35)).await;
    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    tab.until("text('#stores b')", &json!("Store 17")).await;
    // How old the figures are is not what this is about.
    let is_connected = "['live', 'stale'].includes(document.documentElement.dataset.state)";
    tab.until(is_connected, &json!(true)).await;

    stage.stop_server().await;
    tab.until("document.documentElement.dataset.state", &json!("lost")).await;
    tab.until("text('#notice').startsWith('The connection to the server is lost')", &json!(true)).await;
    let missed = [25, 15].map(|ago_s| Sales { stores: vec![(ago_s, 300_000, 3)], ..Sales::ended(ago_s) });
    for sales in &missed {
        stage.publish_window(sales).await;
    }
    stage.start_server().await;
    tab.until(is_connected, &json!(true)).await;
    tab.until("text('#stores b')", &json!("Store 15")).await;
    tab.click("#older").await;
    tab.until("text('#stores b')", &json!("Store 25")).await;
    tab.until("text('#notice').startsWith('The connection to the server is lost')", &json!(false)).await;
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_names_is_shown_as_text() {
    const MARKUP: &str = "<img src=x onerror=window.broken=1>";
    let Some(stage) = Stage::set().await else { return };
    let window = window_at(15);
    stage.publish_text(TopStores, &format!(r#"{{"window":{window},"final":true,"stores":[{{"rank":1,"store_id":1,"store_name":"{MARKUP}","revenue":1.00,"receipts":1}}]}}"#)).await;
    stage
        .publish_text(
            SalesTotals,
            &format!(r#"{{"window":{window},"final":true,"revenue":1.00,"receipts":1,"units":1,"stores":1}}"#),
        )
        .await;
    stage.publish_text(PopularItems, &format!(r#"{{"window":{window},"final":true,"category":"{MARKUP}","items":[{{"rank":1,"name":"{MARKUP}","quantity":1,"revenue":1.00}}]}}"#)).await;
    stage.publish(ExpensiveReceipts, &receipt(MARKUP, 1, 60_000, MARKUP)).await;
    stage.publish_dead_letter(0, LATE, MARKUP).await;
    stage
        .publish_text(
            SalesSummary,
            &json!({"run": MARKUP, "rows_read": 1, "aggregates": {"units_by_category": {MARKUP: 3}}}).to_string(),
        )
        .await;

    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    tab.until("text('#stores b')", &json!(MARKUP)).await;
    tab.until("text('#items b')", &json!(MARKUP)).await;
    tab.until("text('#history .name')", &json!(MARKUP)).await;
    tab.until("text('#dead td:nth-child(3)')", &json!(MARKUP)).await;
    tab.click("#receipts summary").await;
    tab.until("text('#receipts td')", &json!(MARKUP)).await;
    let images = tab.value("[document.images.length, window.broken ?? null]").await;
    assert_eq!(images, json!([1, null]), "only the page's own sign is an image");
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_fits_a_phone_and_is_dark_where_the_system_is() {
    let Some(stage) = Stage::set().await else { return };
    stage.publish_window(&Sales::ended(12)).await;
    stage.publish_window(&Sales { is_final: false, ..Sales::ended(2) }).await;
    for (device, dark) in [(Device::DESKTOP, false), (Device::PHONE, false), (Device::PHONE.dark(), true)] {
        let tab = Tab::open(&stage.url(), device).await;
        tab.until("text('#stores b')", &json!("Store 17")).await;
        tab.until("document.getElementById('early-choice').hidden", &json!(false)).await;
        let page = tab.value("[document.documentElement.scrollWidth <= innerWidth, getComputedStyle(document.documentElement).backgroundColor]").await;
        assert_eq!(page[0], json!(true), "{device:?} scrolls sideways");
        let brightness: u32 = digits(&text(&page[1])).sum();
        assert_eq!(brightness < 3 * 64, dark, "{device:?}: {}", page[1]);
        tab.click("#lang-ru").await;
        tab.until("text('#stores-title')", &json!("Лучшие магазины")).await;
        let fits = tab.value("document.documentElement.scrollWidth <= innerWidth").await;
        assert_eq!(fits, json!(true), "{device:?} scrolls sideways in Russian");
        tab.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_where_the_system_asks_for_rest() {
    let Some(stage) = Stage::set().await else { return };
    stage.publish_window(&Sales::ended(12)).await;
    for (device, time) in [(Device::DESKTOP, "0.35s"), (Device::DESKTOP.still(), "0s")] {
        let tab = Tab::open(&stage.url(), device).await;
        let transition = "getComputedStyle(document.querySelector('#stores .bar i')).transitionDuration";
        tab.until(transition, &json!(time)).await;
        tab.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_results_it_says_what_it_waits_for_and_old_ones_look_old() {
    let Some(stage) = Stage::set().await else { return };
    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    let waits =
        "Waiting for the first window.\nA window of 10 s is published about 10 s after its end, once receipts arrive.";
    tab.until("text('#empty')", &json!(waits)).await;
    stage.publish_window(&Sales::ended(600)).await;
    tab.until("document.getElementById('empty').hidden", &json!(true)).await;
    tab.until("document.documentElement.dataset.state", &json!("stale")).await;
    tab.until("text('#notice').startsWith('No window has closed for 10 min')", &json!(true)).await;
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_strip_tells_what_the_broker_tells() {
    let Some(stage) = Stage::set().await else { return };
    stage.publish_window(&Sales::ended(12)).await;
    for number in 0..25 {
        stage.publish(common::TopicKind::Receipts, &receipt(&number.to_string(), 1, 100, "x")).await;
    }
    stage.publish_dead_letter(0, LATE, "too late").await;
    // Still: while the page glides to an explanation, there is nothing to click at.
    let tab = Tab::open(&stage.url(), Device::DESKTOP.still()).await;
    tab.until("text('#health-lag')", &json!("25")).await;
    tab.until("text('#health-late')", &json!("1")).await;
    tab.until("text('#health-dead')", &json!("1")).await;
    tab.until("text('#health-brokers')", &json!("1 broker")).await;
    tab.until("/^1[0-9],[0-9] s$/.test(text('#health-delay')) || text('#health-delay')", &json!(true)).await;
    for figure in ["rate", "delay", "lag", "late", "dead", "replicas", "brokers"] {
        tab.click(&format!("#health [href='#about-{figure}']")).await;
        let label = tab.value(&format!("text(`#health [href='#about-{figure}'] .label`)")).await;
        tab.until("text(':target dt')", &label).await;
    }
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_to_complain_of() {
    let Some(mut stage) = Stage::set().await else { return };
    stage.publish_window(&Sales::ended(25)).await;
    stage.publish_window(&Sales { is_final: false, ..Sales::ended(15) }).await;
    stage.publish(ExpensiveReceipts, &receipt("r-1", 17, 61_240, "Item_7_FUR")).await;
    stage.publish_dead_letter(0, LATE, "too late").await;
    stage.publish_text(SalesSummary, r#"{"run":"1","rows_read":3,"rows_out":2,"rows_rejected":1,"aggregates":{"units_by_category":{"Food":3},"mean_total_by_payment_method":{"null":{"mean":2.00,"rows":1,"sum":2.00}}}}"#).await;
    let Some(axe) = axe::source() else { return };
    for (device, then_disconnected) in [
        (Device::DESKTOP, false),
        (Device::DESKTOP.dark(), false),
        (Device::PHONE.dark(), false),
        (Device::PHONE, true),
    ] {
        let tab = Tab::open(&stage.url(), device).await;
        tab.until("text('#stores b')", &json!("Store 17")).await;
        tab.click("#receipts summary").await;
        tab.until("text('#receipts td')", &json!("Item_7_FUR")).await;
        tab.run(&axe).await;
        assert_eq!(faults(&tab).await, json!([]), "{device:?}");
        if then_disconnected {
            stage.stop_server().await;
            tab.until("document.documentElement.dataset.state", &json!("lost")).await;
            assert_eq!(faults(&tab).await, json!([]), "disconnected, {device:?}");
        }
        tab.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_no_other_site_and_breaks_no_rule_of_its_own() {
    let Some(stage) = Stage::set().await else { return };
    stage.publish_window(&Sales::ended(12)).await;
    let tab = Tab::open(&stage.url(), Device::DESKTOP).await;
    tab.until("text('#stores b')", &json!("Store 17")).await;
    let foreign = "performance.getEntriesByType('resource').map((r) => r.name).filter((name) => !name.startsWith(location.origin))";
    assert_eq!(tab.value(foreign).await, json!([]));
    assert_eq!(tab.value("window.faults").await, json!([]), "errors and policy violations");

    tab.until("painted_ms > 0", &json!(true)).await;
    let size = "performance.getEntries().filter((r) => r.encodedBodySize && !r.name.endsWith('/events')).reduce((sum, r) => sum + r.encodedBodySize, 0)";
    let (painted_ms, bytes) = (tab.value("painted_ms").await, tab.value(size).await);
    println!("first figures painted after {painted_ms} ms, {bytes} bytes of page");
    tab.close().await;
}

/// What axe finds.
async fn faults(tab: &Tab) -> Value {
    // An element that fades in has no contrast yet.
    tab.until("document.getAnimations().filter((a) => a.playState === 'running').length", &json!(0)).await;
    tab.value("axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target + ' ' + n.failureSummary).join('; ')}`))").await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// With blanks that do not break.
fn unbroken(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// The numbers in `rgb(1, 2, 3)`.
fn digits(colour: &str) -> impl Iterator<Item = u32> + '_ {
    colour.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok())
}
