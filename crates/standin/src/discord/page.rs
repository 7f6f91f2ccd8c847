//! The page that looks like a Discord server: static files, all the rest is in the browser.

mod files;

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

const INDEX: &str = "/";

/// Every file but the index.
pub fn router() -> Router {
    let files = files::FILES.iter().filter(|(path, _, _)| *path != INDEX);
    files.fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(move || async move { served(kind, text) }))
    })
}

/// `GET /`, which is the gateway's address too: the caller has told the two apart.
pub fn index() -> Response {
    let index = files::FILES.iter().find(|(path, _, _)| *path == INDEX);
    index.map_or_else(|| served("text/plain", ""), |(_, kind, text)| served(kind, text))
}

fn served(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}
