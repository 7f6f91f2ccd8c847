//! Chat through the API (<https://docs.kick.com/apis/chat>).

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    super::{Kick, Saying},
    Refusal, bad, data, refused,
};

/// In code points.
const LONGEST: usize = 500;

#[derive(Deserialize)]
struct Said {
    content: String,
    #[serde(rename = "type")]
    kind: String,
    broadcaster_user_id: Option<i64>,
    reply_to_message_id: Option<String>,
}

/// `bot`: into the token's own channel, by the application's bot. `user`: into any channel, by the token's user.
pub async fn say(State(kick): State<Kick>, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let user = kick.admitted_user(&headers, &["chat:write"])?;
    let said: Said = serde_json::from_slice(&body).map_err(|_| bad("Invalid request"))?;
    if said.content.trim().is_empty() || said.content.chars().count() > LONGEST {
        return Err(bad("Invalid request"));
    }
    if said.reply_to_message_id.as_deref().is_some_and(|id| Uuid::parse_str(id).is_err()) {
        return Err(bad("Invalid request"));
    }
    let (speaker, channel) = match said.kind.as_str() {
        // Without a bot in the application's settings (KickDevDocs #123).
        "bot" => (kick.world().bot.ok_or_else(|| bad("Channel not found"))?, user),
        "user" => (user, said.broadcaster_user_id.ok_or_else(|| bad("Invalid request"))?),
        _ => return Err(bad("Invalid request")),
    };
    let speaker = kick.world().user(speaker).cloned().ok_or_else(|| bad("Channel not found"))?;
    let channel = channel.to_string();
    if kick.world().channel(&channel).is_none() {
        return Err(refused(StatusCode::NOT_FOUND, json!("Channel not found"), "Not found"));
    }
    let saying = Saying { replies_to: said.reply_to_message_id, seconds_ago: 0 };
    let spoken = kick.said(&channel, &speaker, &said.content, saying, Some(&said.kind));
    let (message, (event, broadcaster, body)) =
        spoken.ok_or_else(|| refused(StatusCode::FORBIDDEN, json!({}), "Forbidden"))?;
    if kick.inner.echoes {
        kick.send_soon(event, broadcaster, body);
    }
    Ok(data(json!({"is_sent": true, "message_id": message.message_id})))
}

/// Takes a message away; Kick has no event for that.
pub async fn remove(State(kick): State<Kick>, headers: HeaderMap, Path(id): Path<String>) -> Result<Response, Refusal> {
    let user = kick.admitted_user(&headers, &["moderation:chat_message:manage"])?;
    let gone = kick.change(|world| {
        let mut gone = false;
        for channel in world.channels.iter_mut().filter(|c| c.broadcaster_user_id == user) {
            let before = channel.chat.len();
            channel.chat.retain(|message| message.message_id != id);
            gone |= channel.chat.len() != before;
        }
        gone
    });
    match gone {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(refused(StatusCode::NOT_FOUND, json!({}), "Not found")),
    }
}
