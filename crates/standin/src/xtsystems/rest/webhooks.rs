//! `/v1/webhooks…`: registration, test delivery, the log of deliveries.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{super::triggers::Refused, parse};
use crate::xtsystems::{
    COMPANY_ID, Delivery, Webhook, XtSystems,
    catalogue::EVENTS,
    world::{World, new_id},
};

pub(super) fn routes() -> Router<XtSystems> {
    Router::new()
        .route("/v1/webhooks", get(list).post(create))
        .route("/v1/webhooks/{id}", get(show).put(change).delete(remove))
        .route("/v1/webhooks/{id}/test", post(test))
        .route("/v1/webhooks/{id}/deliveries", get(deliveries))
}

const NO_WEBHOOK: Refused = Refused::NotFound("Webhook not found");

/// The body of POST and PUT; a field that is absent keeps its value, or its default in POST.
#[derive(Deserialize)]
struct Wanted {
    name: Option<String>,
    url: Option<String>,
    events: Option<Vec<String>>,
    secret: Option<String>,
    active: Option<bool>,
    headers: Option<Map<String, Value>>,
    retry_count: Option<u32>,
    timeout_seconds: Option<u64>,
}

async fn list(State(xt): State<XtSystems>) -> Json<Vec<Value>> {
    Json(xt.world().webhooks.iter().map(Webhook::view).collect())
}

async fn show(State(xt): State<XtSystems>, Path(id): Path<String>) -> Result<Json<Value>, Refused> {
    find(&xt, &id).map(|webhook| Json(webhook.view()))
}

async fn create(State(xt): State<XtSystems>, body: Bytes) -> Result<(StatusCode, Json<Value>), Refused> {
    let mut wanted: Wanted = parse(&body)?;
    let required = |field: &str| Refused::Invalid(format!("{field}: Field required"));
    let name = wanted.name.clone().ok_or_else(|| required("name"))?;
    let url = wanted.url.take().ok_or_else(|| required("url"))?;
    let events = wanted.events.take().ok_or_else(|| required("events"))?;
    check(&url, &events)?;
    let now = xt.clock().now();
    xt.change(|world| {
        name_is_free(world, &name, None)?;
        let webhook = Webhook {
            id: new_id(),
            company_id: COMPANY_ID.to_owned(),
            name,
            url,
            events,
            active: wanted.active.unwrap_or(true),
            secret: wanted.secret,
            headers: wanted.headers.unwrap_or_default(),
            retry_count: wanted.retry_count.unwrap_or(3),
            timeout_seconds: wanted.timeout_seconds.unwrap_or(30),
            created_at: now,
            updated_at: now,
        };
        let view = webhook.view();
        world.webhooks.push(webhook);
        Ok((StatusCode::CREATED, Json(view)))
    })
}

async fn change(State(xt): State<XtSystems>, Path(id): Path<String>, body: Bytes) -> Result<Json<Value>, Refused> {
    let wanted: Wanted = parse(&body)?;
    let now = xt.clock().now();
    xt.change(|world| {
        let at = world.webhooks.iter().position(|w| w.id == id).ok_or(NO_WEBHOOK)?;
        let mut webhook = world.webhooks[at].clone();
        if let Some(name) = wanted.name {
            name_is_free(world, &name, Some(&id))?;
            webhook.name = name;
        }
        webhook.url = wanted.url.unwrap_or(webhook.url);
        webhook.events = wanted.events.unwrap_or(webhook.events);
        webhook.secret = wanted.secret.or(webhook.secret);
        webhook.active = wanted.active.unwrap_or(webhook.active);
        webhook.headers = wanted.headers.unwrap_or(webhook.headers);
        webhook.retry_count = wanted.retry_count.unwrap_or(webhook.retry_count);
        webhook.timeout_seconds = wanted.timeout_seconds.unwrap_or(webhook.timeout_seconds);
        webhook.updated_at = now;
        check(&webhook.url, &webhook.events)?;
        let view = webhook.view();
        world.webhooks[at] = webhook;
        Ok(Json(view))
    })
}

async fn remove(State(xt): State<XtSystems>, Path(id): Path<String>) -> Result<Json<Value>, Refused> {
    find(&xt, &id)?;
    xt.change(|world| {
        world.webhooks.retain(|w| w.id != id);
        world.deliveries.retain(|d| d.webhook_id != id);
    });
    Ok(Json(json!({"success": true})))
}

/// Answers when the test was delivered or given up.
async fn test(State(xt): State<XtSystems>, Path(id): Path<String>) -> Result<Json<Value>, Refused> {
    let webhook = find(&xt, &id)?;
    let deliveries = xt.send_test(webhook).await;
    Ok(Json(json!({"success": deliveries.iter().all(Delivery::delivered)})))
}

#[derive(Deserialize)]
struct Limit {
    limit: Option<usize>,
}

/// Newest first, 50 unless told.
async fn deliveries(
    State(xt): State<XtSystems>,
    Path(id): Path<String>,
    Query(Limit { limit }): Query<Limit>,
) -> Result<Json<Vec<Delivery>>, Refused> {
    find(&xt, &id)?;
    let log = xt.deliveries().into_iter().rev();
    let own = log.filter(|d| d.webhook_id == id).take(limit.unwrap_or(50));
    Ok(Json(own.collect()))
}

fn find(xt: &XtSystems, id: &str) -> Result<Webhook, Refused> {
    let world = xt.world();
    world.webhooks.iter().find(|w| w.id == id).cloned().ok_or(NO_WEBHOOK)
}

fn check(url: &str, events: &[String]) -> Result<(), Refused> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Refused::Invalid("url: must be http or https".to_owned()));
    }
    match events.iter().find(|e| !EVENTS.contains(&e.as_str())) {
        Some(unknown) => Err(Refused::Invalid(format!("events: unknown event type {unknown}"))),
        None => Ok(()),
    }
}

fn name_is_free(world: &World, name: &str, but: Option<&str>) -> Result<(), Refused> {
    let taken = |w: &Webhook| w.name == name && Some(w.id.as_str()) != but;
    if world.webhooks.iter().any(taken) {
        let text = format!("A webhook named {name:?} already exists for this company");
        return Err(Refused::Conflict(text));
    }
    Ok(())
}
