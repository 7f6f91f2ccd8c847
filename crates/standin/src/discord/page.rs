//! The page that looks like a Discord server: static files, all the rest is in the browser.

mod files;

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

/// Every file but the index.
pub fn router() -> Router {
    files::FILES.iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(move || async move { served(kind, text) }))
    })
}

/// `GET /`, which is the gateway's address too: the caller has told the two apart.
pub fn index() -> Response {
    served("text/html; charset=utf-8", include_str!("page/index.html"))
}

fn served(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}
