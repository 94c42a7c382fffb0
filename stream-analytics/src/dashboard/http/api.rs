//! `/api`: what the page shows, as JSON, with the page's filters. `assets/openapi.json` describes it.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use serde_json::json;

use crate::dashboard::hub::Hub;
use crate::dashboard::state::{Board, ReceiptFilter, SeriesFilter, WindowFilter};

/// Every path of the API but the description itself.
pub(super) fn router(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/api/windows", get(windows))
        .route("/api/series", get(series))
        .route("/api/expensive-receipts", get(expensive_receipts))
        .route("/api/expensive-receipts/{position}", get(expensive_receipt))
        .route("/api/sales-history", get(sales_history))
        .route("/api/dead-letters", get(dead_letters))
        .route("/api/health", get(health))
        .route("/api/{*other}", get(async || not_found("no such path; see /api/openapi.json")))
        .with_state(hub)
}

type Filter<T> = Result<Query<T>, QueryRejection>;
type Answer = Result<Response, BadFilter>;

async fn windows(State(hub): State<Arc<Hub>>, filter: Filter<WindowFilter>) -> Answer {
    let filter = accepted(filter)?;
    Ok(found(hub.read(|board| board.windows(&filter))))
}

async fn series(State(hub): State<Arc<Hub>>, filter: Filter<SeriesFilter>) -> Answer {
    let filter = accepted(filter)?;
    Ok(found(hub.read(|board| board.series(&filter))))
}

async fn expensive_receipts(State(hub): State<Arc<Hub>>, filter: Filter<ReceiptFilter>) -> Answer {
    let filter = accepted(filter)?;
    Ok(found(hub.read(|board| board.expensive_receipts(&filter))))
}

async fn expensive_receipt(State(hub): State<Arc<Hub>>, Path(position): Path<String>) -> Response {
    let receipt = position.parse().ok().and_then(|position| hub.read(|board| board.expensive_receipt(position)));
    receipt.map_or_else(|| not_found("no such receipt, or it is no longer kept"), found)
}

async fn sales_history(State(hub): State<Arc<Hub>>) -> Response {
    let history = hub.read(Board::sales_history);
    history.map_or_else(|| not_found("no sales history has been cleaned yet"), found)
}

async fn dead_letters(State(hub): State<Arc<Hub>>) -> Response {
    found(hub.read(Board::dead_letters))
}

async fn health(State(hub): State<Arc<Hub>>) -> Response {
    hub.health().map_or_else(|| error(StatusCode::SERVICE_UNAVAILABLE, "the cluster has not been looked at yet"), found)
}

/// A filter that is not one: what is wrong, for people.
struct BadFilter(String);

impl IntoResponse for BadFilter {
    fn into_response(self) -> Response {
        error(StatusCode::BAD_REQUEST, &self.0)
    }
}

fn accepted<T>(filter: Filter<T>) -> Result<T, BadFilter> {
    filter.map(|Query(filter)| filter).map_err(|rejection| BadFilter(rejection.body_text()))
}

fn found(json: impl Into<Bytes>) -> Response {
    answer(StatusCode::OK, json.into())
}

fn not_found(message: &str) -> Response {
    error(StatusCode::NOT_FOUND, message)
}

fn error(status: StatusCode, message: &str) -> Response {
    answer(status, json!({ "error": message }).to_string().into())
}

fn answer(status: StatusCode, json: Bytes) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], json).into_response()
}
