//! The page that looks like a Discord server: static files, all the rest is in the browser.

mod files;

use axum::{Router, http::header, routing::get};

pub fn router() -> Router {
    files::FILES.iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(
            path,
            get(move || async move {
                ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "no-cache")], *text)
            }),
        )
    })
}
