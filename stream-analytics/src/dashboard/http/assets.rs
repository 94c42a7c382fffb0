//! The page's files, compiled in. They change with the binary only, so their tag is their content's hash.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// A file of the page.
struct Asset {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

macro_rules! assets {
    ($($path:literal $content_type:literal $file:literal),* $(,)?) => {
        &[$(Asset { path: $path, content_type: $content_type, content: include_str!(concat!("../../../assets/", $file)) }),*]
    };
}

const ASSETS: &[Asset] = assets![
    "/" "text/html; charset=utf-8" "index.html",
    "/assets/style.css" "text/css; charset=utf-8" "style.css",
    "/assets/icon.svg" "image/svg+xml" "icon.svg",
    "/assets/app.js" "text/javascript; charset=utf-8" "app.js",
    "/assets/chart.js" "text/javascript; charset=utf-8" "chart.js",
    "/assets/connection.js" "text/javascript; charset=utf-8" "connection.js",
    "/assets/dom.js" "text/javascript; charset=utf-8" "dom.js",
    "/assets/format.js" "text/javascript; charset=utf-8" "format.js",
    "/assets/health.js" "text/javascript; charset=utf-8" "health.js",
    "/assets/history.js" "text/javascript; charset=utf-8" "history.js",
    "/assets/link.js" "text/javascript; charset=utf-8" "link.js",
    "/assets/receipts.js" "text/javascript; charset=utf-8" "receipts.js",
    "/assets/state.js" "text/javascript; charset=utf-8" "state.js",
    "/assets/texts.js" "text/javascript; charset=utf-8" "texts.js",
    "/assets/window.js" "text/javascript; charset=utf-8" "window.js",
    "/api/openapi.json" "application/json" "openapi.json",
];

/// A route for each file.
pub(super) fn router() -> Router {
    ASSETS.iter().fold(Router::new(), |router, asset| {
        router.route(asset.path, get(async |headers: HeaderMap| send(asset, &headers)))
    })
}

fn send(asset: &Asset, asked: &HeaderMap) -> Response {
    let mut hasher = DefaultHasher::new();
    asset.content.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    // After an upgrade the page must not run with yesterday's modules: browsers ask each time.
    let head = [
        (header::CONTENT_TYPE, asset.content_type.to_owned()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::ETAG, tag),
    ];
    if known { (StatusCode::NOT_MODIFIED, head).into_response() } else { (head, asset.content).into_response() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_page_is_under_100_kilobytes() {
        let page = ASSETS.iter().filter(|asset| !asset.path.starts_with("/api"));
        let bytes: usize = page.map(|asset| asset.content.len()).sum();
        assert!(bytes < 100_000, "{bytes} bytes");
    }

    #[test]
    fn the_page_names_nothing_foreign() {
        for asset in ASSETS.iter().filter(|asset| !asset.path.starts_with("/api")) {
            let foreign = asset.content.replace("http://www.w3.org/", "");
            assert!(!foreign.contains("http://") && !foreign.contains("https://"), "{}", asset.path);
        }
    }
}
