//! The REST interface below `/api/v1`: its routes, what surrounds each of them, and the document made from both.
//!
//! A resource is a file of handlers with a `routes()` that is merged in [`resources`]. A handler takes
//! `caller: By<may::TheScope>` before anything else of the request, and a body as [`input::JsonBody`]; what it makes
//! gets the id of [`repeat::NewId`]. Its `#[utoipa::path]` names the scope in `security` and what only it answers;
//! `document.rs` adds what every route may answer.
#![allow(clippy::result_large_err, reason = "a problem is made once in a request, and moved a few times")]

pub mod audit;
pub mod caller;
pub mod deliveries;
pub mod destinations;
pub mod dispatch;
pub mod document;
pub mod events;
pub mod input;
pub mod key;
pub mod page;
pub mod problem;
mod reader;
pub mod repeat;
pub mod routes;
pub mod server;
pub mod silences;
pub mod sources;
pub mod templates;
pub mod text;
pub mod version;
pub mod webhooks;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, OnceLock};
use std::task;

use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::TimeDelta;
use tower_service::Service;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::Web;
use super::budget::Budgets;
use super::watch;
use crate::config::WebConfig;
use problem::Problem;

pub const BASE: &str = "/api/v1";

/// What callers have left.
pub struct Door {
    pub wrong_keys: Budgets<IpAddr>,
    pub requests: Budgets<Uuid>,
}

impl Door {
    pub fn new(config: &WebConfig) -> Self {
        Self {
            wrong_keys: Budgets::new(config.unverified_per_15_min, TimeDelta::minutes(15)),
            requests: Budgets::new(config.verified_per_min, TimeDelta::minutes(1)),
        }
    }
}

/// All resources. Addresses are those below [`BASE`].
fn resources() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default()
        .merge(dispatch::routes())
        .merge(key::routes())
        .merge(events::routes())
        .merge(deliveries::routes())
        .merge(destinations::routes())
        .merge(server::routes())
        .merge(silences::routes())
        .merge(sources::routes())
        .merge(routes::routes())
        .merge(templates::routes())
        .merge(audit::routes())
        .merge(webhooks::routes())
}

/// The routes, to be merged with those of the rest of the web.
pub fn router(web: &Arc<Web>) -> Router<Arc<Web>> {
    Router::new()
        .nest_service(BASE, Resources { web: web.clone(), routes: Arc::default() })
        .route("/docs", get(reader::reader))
}

/// The resources, which the first request makes: each describes itself on the way, and many a program is never asked.
#[derive(Clone)]
struct Resources {
    web: Arc<Web>,
    routes: Arc<OnceLock<Router>>,
}

impl Service<Request> for Resources {
    type Response = Response;
    type Error = Infallible;
    type Future = <Router as Service<Request>>::Future;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), Infallible>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.routes.get_or_init(|| served(&self.web)).clone().call(request)
    }
}

fn served(web: &Arc<Web>) -> Router {
    let (routes, _) = resources().split_for_parts();
    let metrics = web.ports.metrics.clone();
    routes
        .layer(from_fn_with_state(web.clone(), repeat::once))
        .route("/openapi.json", get(openapi))
        .fallback(async || Problem::no_such_path())
        .layer(from_fn(problem::finish))
        .layer(from_fn(move |request, next| watch::count(metrics.clone(), request, next)))
        .with_state(web.clone())
}

/// The OpenAPI 3.1 document, as it is served and committed.
pub fn openapi_json() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| document::json(resources().split_for_parts().1));
    &DOCUMENT
}

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "max-age=300")], openapi_json())
}
