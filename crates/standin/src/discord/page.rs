//! The page that looks like a Discord server: static files, all the rest is in the browser.

use axum::{Router, http::header, routing::get};

pub fn router() -> Router {
    let file = |kind: &'static str, text: &'static str| {
        get(move || async move {
            (
                [
                    (header::CONTENT_TYPE, kind),
                    (header::CACHE_CONTROL, "no-cache"),
                ],
                text,
            )
        })
    };
    Router::new()
        .route(
            "/",
            file("text/html; charset=utf-8", include_str!("page/index.html")),
        )
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
