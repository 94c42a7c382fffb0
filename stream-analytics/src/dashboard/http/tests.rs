//! The routes as a client sees them: answers are those that the API's description promises, within bounds.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use common::{EventTime, TopicKind};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::dashboard::state::health::Sample;
use crate::dashboard::state::{Envelope, Position, Record, RefusalHeaders, Timing};

const WINDOW: &str = r#"{"start":"2026-11-22T10:15:30.000Z","end":"2026-11-22T10:15:40.000Z"}"#;

/// A hub that has seen a record of every topic.
fn hub() -> Arc<Hub> {
    let hub = Hub::new(Timing::new(10_000, 10_000, 10_000));
    let records = [
        (TopicKind::TopStores, format!(r#"{{"window":{WINDOW},"final":true,"stores":[{{"rank":1,"store_id":17,"store_name":"Store 17","revenue":1234.50,"receipts":12}}]}}"#)),
        (TopicKind::SalesTotals, format!(r#"{{"window":{WINDOW},"final":true,"revenue":98765.40,"receipts":812,"units":2440,"stores":48}}"#)),
        (TopicKind::PopularItems, format!(r#"{{"window":{WINDOW},"final":true,"category":"Furniture","items":[{{"rank":1,"name":"Item_7_FUR","quantity":42,"revenue":588.00}}]}}"#)),
        (TopicKind::ExpensiveReceipts, r#"{"receipt_id":"r1","store_id":17,"store_name":"Store 17","cashier_id":3,"timestamp":"2026-11-22T10:15:30.123Z","payment_method":"Cash","items":[{"name":"Item_7_FUR","category":"Furniture","price":306.20,"quantity":2}],"total":612.40}"#.to_owned()),
        (TopicKind::ReceiptsDeadLetter, "not a receipt".to_owned()),
        (TopicKind::PartialsDeadLetter, format!(r#"{{"result":"top-stores","window":{WINDOW},"input_partition":3,"first_offset":1,"last_offset":9,"receipts":4}}"#)),
        (TopicKind::SalesSummary, r#"{"run":"1","rows_read":2}"#.to_owned()),
    ];
    hub.apply(records.iter().map(|(kind, value)| {
        let position = Position { partition: 0, offset: 5 };
        let published_at = EventTime::parse("2026-11-22T10:15:50Z").unwrap();
        let value = value.as_bytes();
        let envelope = Envelope { kind: *kind, position, published_at, value, refusal: RefusalHeaders::default() };
        Record::decode(&envelope).unwrap().unwrap()
    }));
    hub
}

fn routes(hub: Arc<Hub>) -> Router {
    common::http::guard(router(hub, Shutdown::new()))
}

async fn get_json(routes: &Router, path: &str) -> (StatusCode, Value) {
    let response = routes.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    assert_eq!(head.headers[header::CONTENT_TYPE], "application/json", "{path}");
    (head.status, serde_json::from_slice(&to_bytes(body, 1 << 20).await.unwrap()).unwrap())
}

async fn description(routes: &Router) -> Value {
    get_json(routes, "/api/openapi.json").await.1
}

/// Checks an answer against the schema that the description gives for its status.
fn assert_described(description: &Value, path: &str, status: StatusCode, answer: &Value) {
    let described = &description["paths"][path]["get"]["responses"][status.as_str()];
    let mut schema = described["content"]["application/json"]["schema"].clone();
    assert!(schema.is_object(), "{path} does not describe {status}");
    schema["components"] = description["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<_> = validator.iter_errors(answer).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{path} {status}: {faults:?} in {answer}");
}

#[tokio::test]
async fn every_described_path_answers_as_described_with_data_and_without() {
    let (full, empty) = (hub(), Hub::new(Timing::new(10_000, 10_000, 10_000)));
    full.report(&Sample::default(), 0);
    for hub in [full, empty] {
        let routes = routes(hub);
        let description = description(&routes).await;
        let paths = description["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 7);
        for path in paths.keys() {
            let (status, answer) = get_json(&routes, &path.replace("{position}", "0-5")).await;
            assert_described(&description, path, status, &answer);
        }
    }
}

#[tokio::test]
async fn every_described_filter_is_taken_and_others_are_refused() {
    let routes = routes(hub());
    let description = description(&routes).await;
    let mut filters = 0;
    for (path, operation) in description["paths"].as_object().unwrap() {
        for parameter in operation["get"]["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "path" {
                continue;
            }
            filters += 1;
            let name = parameter["name"].as_str().unwrap();
            let good = match name {
                "from" | "to" => "2026-11-22T10:15:30.000Z",
                "final" => "true",
                "category" => "Furniture",
                "store" => "sTORE",
                _ => "17",
            };
            let (status, answer) = get_json(&routes, &format!("{path}?{name}={good}")).await;
            assert_eq!(status, StatusCode::OK, "{path} {name}");
            assert_described(&description, path, status, &answer);
            if !["category", "store"].contains(&name) {
                let (status, answer) = get_json(&routes, &format!("{path}?{name}=yesterday")).await;
                assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {name}");
                assert_described(&description, path, status, &answer);
            }
        }
    }
    assert_eq!(filters, 13);
    let (status, answer) = get_json(&routes, "/api/windows?form=2026-11-22T10:15:30Z").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(answer["error"].as_str().unwrap().contains("form"), "{answer}");
}

#[tokio::test]
async fn amounts_go_out_with_two_decimals_as_they_came() {
    let response = routes(hub()).oneshot(Request::get("/api/windows").body(Body::empty()).unwrap()).await.unwrap();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.contains(r#""revenue":98765.40"#) && text.contains(r#""revenue":1234.50"#), "{text}");
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let routes = routes(hub());
    for path in ["/", "/assets/app.js", "/api/windows", "/api/nowhere", "/nowhere"] {
        let response = routes.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let headers = response.headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::X_FRAME_OPTIONS], "DENY", "{path}");
    }
}

#[tokio::test]
async fn a_request_with_a_body_is_refused_and_so_is_writing() {
    let routes = routes(hub());
    let with_body = Request::get("/api/windows").header(header::CONTENT_LENGTH, "5").body(Body::from("hello")).unwrap();
    assert_eq!(routes.clone().oneshot(with_body).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    let post = Request::post("/api/windows").body(Body::empty()).unwrap();
    assert_eq!(routes.oneshot(post).await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let routes = routes(hub());
    let first = routes.clone().oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    let tag = first.headers()[header::ETAG].clone();
    let again = Request::get("/").header(header::IF_NONE_MATCH, tag).body(Body::empty()).unwrap();
    assert_eq!(routes.oneshot(again).await.unwrap().status(), StatusCode::NOT_MODIFIED);
}

/// Opens a stream and gives what it sends first, after its word on when to try again.
async fn first_event(routes: &Router, last: Option<&str>) -> Bytes {
    let mut request = Request::get("/events");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut chunks = response.into_body().into_data_stream();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "retry: 1000\n\n");
    chunks.next().await.unwrap().unwrap()
}

#[tokio::test]
async fn streams_share_the_bytes_that_they_send() {
    let hub = hub();
    let routes = routes(Arc::clone(&hub));
    let [fresh, other] = [first_event(&routes, None).await, first_event(&routes, None).await];
    assert_eq!(fresh.as_ptr(), other.as_ptr(), "a snapshot");
    let id = text(&fresh).lines().find_map(|line| line.strip_prefix("id: ").map(str::to_owned)).unwrap();
    hub.tell();
    let [missed, other] = [first_event(&routes, Some(&id)).await, first_event(&routes, Some(&id)).await];
    assert_eq!(missed.as_ptr(), other.as_ptr(), "an event");
}

fn text(event: &Bytes) -> &str {
    std::str::from_utf8(event).unwrap()
}

#[tokio::test]
async fn a_stream_begins_with_a_snapshot_or_with_what_was_missed() {
    let hub = hub();
    hub.tell();
    let routes = routes(Arc::clone(&hub));
    let open = async |last: Option<&str>| text(&first_event(&routes, last).await).to_owned();
    let fresh = open(None).await;
    assert!(fresh.contains("event: snapshot"), "{fresh}");
    let id = fresh.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();

    let late = json!({"window": serde_json::from_str::<Value>(WINDOW).unwrap(), "final": true, "revenue": 1.5, "receipts": 1, "units": 1, "stores": 1});
    let value = late.to_string().replace("1.5", "1.50");
    let position = Position { partition: 0, offset: 6 };
    let published_at = EventTime::parse("2026-11-22T10:15:51Z").unwrap();
    let refusal = RefusalHeaders::default();
    let envelope = Envelope { kind: TopicKind::SalesTotals, position, published_at, value: value.as_bytes(), refusal };
    hub.apply(Record::decode(&envelope).unwrap());
    hub.tell();
    let missed = open(Some(&id)).await;
    assert!(missed.contains("event: update") && missed.contains("1.50") && !missed.contains("snapshot"), "{missed}");
    let restarted = open(Some("1-1")).await;
    assert!(restarted.contains("event: snapshot"), "{restarted}");
}
