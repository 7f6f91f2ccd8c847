//! Channel rewards and their redemptions (<https://docs.kick.com/apis/channel-rewards>).

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{
        Kick, body,
        oauth::of,
        world::{Channel, Redemption, Reward},
    },
    Refusal, bad, data, every, page, pairs,
};

const READ: [&str; 2] = ["channel:rewards:read", "channel:rewards:write"];
/// As many as one decision may name.
const MOST: usize = 25;

#[derive(Deserialize)]
struct Ids {
    ids: Vec<String>,
}

/// `GET /public/v1/channels/rewards`
pub async fn list(State(kick): State<Kick>, headers: HeaderMap) -> Result<Response, Refusal> {
    let user = kick.admitted_user(&headers, &READ)?;
    let world = kick.world();
    let rewards = world.channel(&user.to_string()).map(|channel| channel.rewards.iter()).into_iter().flatten();
    let shown = rewards.map(|reward| {
        json!({
            "background_color": "#00e701", "cost": reward.cost, "description": reward.description, "id": reward.id,
            "is_enabled": true, "is_paused": false, "is_user_input_required": reward.is_user_input_required,
            "should_redemptions_skip_request_queue": false, "title": reward.title,
        })
    });
    Ok(data(shown.collect()))
}

/// `GET /public/v1/channels/rewards/redemptions`: by status (pending), by reward, or by id; grouped by reward.
pub async fn redemptions(
    State(kick): State<Kick>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let user = kick.admitted_user(&headers, &READ)?;
    let query = pairs(query.unwrap_or_default().as_bytes());
    let (ids, reward) = (every(&query, "id"), of(&query, "reward_id"));
    let status = of(&query, "status").unwrap_or("pending");
    let world = kick.world();
    let Some(channel) = world.channel(&user.to_string()) else { return Ok(page(json!([]), "")) };
    let wanted = |r: &&Redemption| match ids.is_empty() {
        true => r.status == status && reward.is_none_or(|id| id == r.reward_id),
        false => ids.contains(&r.id.as_str()),
    };
    let groups = channel.rewards.iter().filter_map(|reward| {
        let of_it = channel.redemptions.iter().filter(|r| r.reward_id == reward.id).filter(wanted);
        let redemptions: Vec<Value> = of_it.map(shown).collect();
        (!redemptions.is_empty()).then(|| json!({"redemptions": redemptions, "reward": group(reward)}))
    });
    Ok(page(groups.collect(), ""))
}

fn shown(redemption: &Redemption) -> Value {
    json!({
        "id": redemption.id, "redeemed_at": body::seconds(redemption.redeemed_at),
        "redeemer": {"user_id": redemption.user_id}, "status": redemption.status, "user_input": redemption.user_input,
    })
}

fn group(reward: &Reward) -> Value {
    json!({
        "can_manage": reward.can_manage, "cost": reward.cost, "description": reward.description, "id": reward.id,
        "is_deleted": false, "title": reward.title,
    })
}

/// `POST …/accept`
pub async fn accept(state: State<Kick>, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    decide(state, headers, body, true)
}

/// `POST …/reject`
pub async fn reject(state: State<Kick>, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    decide(state, headers, body, false)
}

/// Answers with those that were not decided; what was, is told by an event.
fn decide(State(kick): State<Kick>, headers: HeaderMap, body: Bytes, accept: bool) -> Result<Response, Refusal> {
    let user = kick.admitted_user(&headers, &["channel:rewards:write"])?;
    let Ids { ids } = serde_json::from_slice(&body).map_err(|_| bad("Invalid request"))?;
    if ids.is_empty() || ids.len() > MOST {
        return Err(bad("Invalid request"));
    }
    let channel = user.to_string();
    let mut failed = Vec::new();
    for id in ids {
        let reason = match kick.world().channel(&channel) {
            Some(channel) => hindrance(channel, &id),
            None => Some("NOT_FOUND"),
        };
        if let Some(reason) = reason {
            failed.push(json!({"id": id, "reason": reason}));
        } else if let Some((event, broadcaster, body)) = kick.decided(&channel, &id, accept) {
            kick.send_soon(event, broadcaster, body);
        }
    }
    Ok(data(Value::Array(failed)))
}

fn hindrance(channel: &Channel, id: &str) -> Option<&'static str> {
    let Some(redemption) = channel.redemptions.iter().find(|r| r.id == id) else { return Some("NOT_FOUND") };
    let reward = channel.rewards.iter().find(|reward| reward.id == redemption.reward_id);
    if !reward.is_some_and(|reward| reward.can_manage) {
        return Some("NOT_OWNED");
    }
    (redemption.status != "pending").then_some("NOT_PENDING")
}
