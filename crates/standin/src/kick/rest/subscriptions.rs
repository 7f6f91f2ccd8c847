//! Subscriptions to events (<https://docs.kick.com/events/subscribe-to-events>). Posting the same again makes a second one, and two
//! deliveries of everything (KickDevDocs #246).

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{Behaviour, EVENTS, Kick, oauth::of, world::Subscription},
    Refusal, bad, data, every, pairs, refused,
};

#[derive(Deserialize)]
struct Wanted {
    broadcaster_user_id: Option<i64>,
    events: Vec<Event>,
    method: String,
}

#[derive(Deserialize)]
struct Event {
    name: String,
    version: u32,
}

/// A user's token subscribes to its own channel, the application's to any.
pub async fn create(
    State(kick): State<Kick>,
    Extension(behaviour): Extension<Behaviour>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let token = kick.admitted(&headers, &["events:subscribe"])?;
    let wanted: Wanted = serde_json::from_slice(&body).map_err(|_| bad("Invalid request"))?;
    let broadcaster =
        token.user_id.or(wanted.broadcaster_user_id).ok_or_else(|| bad("broadcaster_user_id is required"))?;
    if wanted.method != "webhook" || wanted.events.is_empty() {
        return Err(bad("Invalid request"));
    }
    if kick.world().user(broadcaster).is_none() {
        return Err(bad("Channel not found"));
    }
    let of_event = |name: &str| kick.world().subscriptions.iter().filter(|s| s.event == name).count();
    if wanted.events.iter().any(|event| of_event(&event.name) >= kick.inner.subscription_limit) {
        return Err(bad("event subscription limit reached"));
    }
    let made = wanted.events.iter().map(|event| match error_at(&kick, &behaviour, event) {
        Some(error) => json!({"name": event.name, "version": event.version, "error": error}),
        None => {
            let id = kick.subscribe_to(event, broadcaster, token.user_id, behaviour == Behaviour::NeverListed);
            json!({"name": event.name, "version": event.version, "subscription_id": id, "error": ""})
        }
    });
    Ok(data(made.collect()))
}

fn error_at(kick: &Kick, behaviour: &Behaviour, event: &Event) -> Option<String> {
    if let Behaviour::PartialError { text, events } = behaviour
        && (events.is_empty() || events.contains(&event.name))
    {
        return Some(text.clone());
    }
    if kick.world().webhook_url.is_none() {
        return Some("webhooks are not enabled for app".to_owned());
    }
    let known = EVENTS.contains(&event.name.as_str()) && event.version == 1;
    (!known).then(|| "invalid event".to_owned())
}

impl Kick {
    fn subscribe_to(&self, event: &Event, broadcaster_user_id: i64, user_id: Option<i64>, lost: bool) -> String {
        let (id, now) = (self.ulid(), self.clock().now());
        self.change(|world| {
            world.subscriptions.push(Subscription {
                id: id.clone(),
                broadcaster_user_id,
                event: event.name.clone(),
                version: event.version,
                created_at: now,
                updated_at: now,
                user_id,
                lost,
                failing_since: None,
            });
        });
        id
    }
}

/// Those that were made with tokens like the caller's: the application's, or this user's.
pub async fn list(
    State(kick): State<Kick>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let token = kick.admitted(&headers, &["events:subscribe"])?;
    let query = pairs(query.unwrap_or_default().as_bytes());
    let channel =
        of(&query, "broadcaster_user_id").map(str::parse::<i64>).transpose().map_err(|_| bad("Invalid request"))?;
    let app_id = kick.client_id();
    let world = kick.world();
    let own = world.subscriptions.iter().filter(|s| s.user_id == token.user_id && !s.lost);
    let shown = own.filter(|s| channel.is_none_or(|id| s.broadcaster_user_id == id)).map(|s| {
        json!({
            "id": s.id, "app_id": app_id, "broadcaster_user_id": s.broadcaster_user_id, "event": s.event,
            "version": s.version, "method": "webhook", "created_at": super::super::body::seconds(s.created_at),
            "updated_at": super::super::body::seconds(s.updated_at),
        })
    });
    Ok(Json(json!({"data": shown.collect::<Value>(), "message": "OK"})).into_response())
}

/// `?id=A&id=B`. The application's token removes those of users too (KickDevDocs #347).
pub async fn remove(
    State(kick): State<Kick>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let token = kick.admitted(&headers, &["events:subscribe"])?;
    let query = pairs(query.unwrap_or_default().as_bytes());
    let ids = every(&query, "id");
    if ids.is_empty() {
        return Err(bad("Invalid request"));
    }
    let foreign = |s: &Subscription| token.user_id.is_some() && s.user_id != token.user_id;
    if kick.world().subscriptions.iter().any(|s| ids.contains(&s.id.as_str()) && foreign(s)) {
        return Err(refused(StatusCode::FORBIDDEN, json!({}), "Forbidden"));
    }
    kick.change(|world| world.subscriptions.retain(|s| !ids.contains(&s.id.as_str())));
    Ok(StatusCode::NO_CONTENT.into_response())
}
