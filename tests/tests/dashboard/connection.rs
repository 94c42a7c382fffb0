//! How the page holds on to its stream, on clocks and streams of the test's own.

use serde_json::json;

use super::browser::{Device, Tab};
use super::stage::Stage;

/// In a document of this site that runs no page. `pass` lets the next timer fire, and gives how long it would have taken.
const SET: &str = "
    window.timers = new Map();
    window.streams = [];
    window.states = [];
    let next = 0;
    window.setTimeout = (run, ms) => { timers.set(next += 1, { run, ms }); return next; };
    window.clearTimeout = (id) => timers.delete(id);
    window.pass = () => {
        const [[id, { run, ms }]] = timers;
        timers.delete(id);
        run();
        return timers.size === 1 ? ms : `${timers.size} timers run`;
    };
    window.EventSource = class {
        static CLOSED = 2;
        constructor(url) { this.url = url; this.readyState = 0; this.heard = {}; streams.push(this); }
        addEventListener(name, hear) { this.heard[name] = hear; }
        close() { this.readyState = 2; }
    };
    window.current = () => streams.at(-1);
    window.open_streams = () => streams.filter((stream) => stream.readyState !== 2).length;
    import('/assets/connection.js').then(({ connect }) => connect({ onEvent() {}, onState: (state) => states.push(state) }))
";

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_is_begun_anew_later_each_time_and_goes_on_after_the_last_event() {
    let Some(stage) = Stage::set().await else { return };
    let tab = Tab::open(&format!("{}api/series", stage.url()), Device::DESKTOP).await;
    tab.value(SET).await;
    let silences = tab.value("[pass(), pass(), pass(), pass(), pass()]").await;
    assert_eq!(silences, json!([10_000, 20_000, 40_000, 80_000, 80_000]));
    assert_eq!(tab.value("[streams.length, open_streams(), states.at(-1)]").await, json!([6, 1, "lost"]));

    tab.run("current().heard.update({ lastEventId: 'a-1', data: '{}' })").await;
    assert_eq!(
        tab.value("[states.at(-1), pass(), current().url]").await,
        json!(["open", 10_000, "/events?last_event_id=a-1"])
    );
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_stream_is_asked_for_again_later_each_time_and_a_broken_one_is_left_to_the_browser() {
    let Some(stage) = Stage::set().await else { return };
    let tab = Tab::open(&format!("{}api/series", stage.url()), Device::DESKTOP).await;
    tab.value(SET).await;
    tab.run("window.refuse = () => { current().readyState = 2; current().onerror(); return pass(); }").await;
    let waits = tab.value("[refuse(), refuse(), refuse(), refuse(), refuse()]").await;
    assert_eq!(waits, json!([1_000, 2_000, 4_000, 8_000, 8_000]));

    tab.run("current().heard.health({ lastEventId: 'a-2', data: '{}' }); current().onerror()").await;
    assert_eq!(tab.value("[states.at(-1), timers.size, open_streams()]").await, json!(["lost", 0, 1]));
    tab.run("current().onopen()").await;
    assert_eq!(tab.value("pass()").await, json!(10_000), "it is watched again");
    tab.close().await;
}
