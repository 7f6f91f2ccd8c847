//! The page that looks like a Discord server: static files, all the rest is in the browser.

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

pub fn router() -> Router {
    let file =
        |kind: &'static str, text: &'static str| get(move || async move { served(kind, text) });
    Router::new()
        .route(
            "/page/style.css",
            file("text/css; charset=utf-8", include_str!("page/style.css")),
        )
        .route(
            "/page/app.js",
            file(
                "text/javascript; charset=utf-8",
                include_str!("page/app.js"),
            ),
        )
}

/// `GET /`, which is the gateway's address too: the caller has told the two apart.
pub fn index() -> Response {
    served("text/html; charset=utf-8", include_str!("page/index.html"))
}

fn served(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
