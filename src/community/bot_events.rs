//! Chat that another program publishes on the channel `bot_events` of Redis. Nothing else is taken there: who may publish
//! is not known, so the server is found by the broadcaster, never by what the message says of servers, and a message
//! that is signed has to be signed rightly.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::bus::signature::{SignatureError, verify_message};
use crate::clock::Stopwatch;
use crate::event::activity::ChatMessage;
use crate::event::lenient;
use crate::id::{GuildId, sha256_hex};
use crate::ports::Ports;

pub const CHANNEL: &str = "bot_events";
/// Channels are read from the database this often.
const FRESH: Duration = Duration::from_secs(10);
/// Messages without a time that are remembered: heard again, they count for when they were heard first.
const REMEMBERED: usize = 20_000;

/// What one process knows of who speaks there.
#[derive(Default)]
pub struct BotEvents {
    channels: HashMap<i64, Vec<(GuildId, Uuid)>>,
    read: Option<Stopwatch>,
    heard: HashMap<String, DateTime<Utc>>,
}

/// What a message says.
#[derive(Debug, PartialEq)]
struct Said {
    broadcaster: i64,
    message_id: String,
    viewer: i64,
    username: String,
    content: String,
    badges: Vec<String>,
    at: Option<DateTime<Utc>>,
}

impl BotEvents {
    /// Puts a message on the activity stream, once for each server that the channel is connected with. An error text says
    /// why it is not taken.
    pub async fn hear(&mut self, ports: &Ports, payload: &[u8]) -> Result<Result<usize, String>> {
        let said = match read(ports, payload) {
            Ok(said) => said,
            Err(why) => return Ok(Err(why)),
        };
        self.refresh(ports).await?;
        let Some(connected) = self.channels.get(&said.broadcaster) else {
            return Ok(Err(format!("no server is connected with broadcaster {}", said.broadcaster)));
        };
        let at = match said.at {
            Some(at) => at,
            None => first_heard(&mut self.heard, &said.message_id, ports.clock.now()),
        };
        let messages: Vec<Vec<u8>> = connected
            .iter()
            .map(|(guild_id, kick_channel_id)| {
                let message = ChatMessage {
                    guild_id: *guild_id,
                    kick_channel_id: *kick_channel_id,
                    message_id: said.message_id.clone(),
                    viewer: said.viewer,
                    username: said.username.clone(),
                    content: said.content.clone(),
                    badges: said.badges.clone(),
                    replies_to: None,
                    at,
                    sent_at: None,
                };
                message.to_bytes()
            })
            .collect();
        let count = messages.len();
        ports.activity.publish(messages).await?;
        Ok(Ok(count))
    }

    async fn refresh(&mut self, ports: &Ports) -> Result<()> {
        if self.read.as_ref().is_some_and(|read| read.elapsed() < FRESH) {
            return Ok(());
        }
        self.channels.clear();
        for channel in ports.store.list_all_kick_channels().await? {
            self.channels.entry(channel.broadcaster_user_id).or_default().push((channel.guild_id, channel.id));
        }
        self.read = Some(Stopwatch::start());
        Ok(())
    }
}

fn first_heard(heard: &mut HashMap<String, DateTime<Utc>>, message_id: &str, now: DateTime<Utc>) -> DateTime<Utc> {
    if heard.len() >= REMEMBERED {
        let mut times: Vec<DateTime<Utc>> = heard.values().copied().collect();
        times.sort_unstable();
        let middle = times[REMEMBERED / 2];
        heard.retain(|_, at| *at > middle);
    }
    *heard.entry(message_id.to_owned()).or_insert(now)
}

fn read(ports: &Ports, payload: &[u8]) -> Result<Said, String> {
    if let Some(secret) = &ports.config.bus.msg_secret {
        match verify_message(secret, payload) {
            Ok(_) | Err(SignatureError::Missing) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    let body = lenient::parse_json(payload).map_err(|error| error.to_string())?;
    said(&body)
}

fn said(body: &Value) -> Result<Said, String> {
    if body["type"] != "kick_chat_message" {
        let kind: String = body["type"].as_str().unwrap_or("none").chars().take(60).collect();
        return Err(format!("its type is {kind}; only kick_chat_message is taken here"));
    }
    let data = &body["data"];
    let text = |value: &Value| value.as_str().unwrap_or_default().replace('\0', "\u{FFFD}");
    let broadcaster = number(&data["broadcaster"]["user_id"]).or_else(|| number(&data["_broadcaster_user_id"]));
    let username = Some(text(&data["sender"]["username"])).filter(|name| !name.is_empty());
    let badges = data["sender"]["identity"]["badges"].as_array().into_iter().flatten();
    let message_id = match text(&data["message_id"]) {
        id if id.is_empty() => sha256_hex(body.to_string().as_bytes()),
        id => id,
    };
    Ok(Said {
        broadcaster: broadcaster.ok_or("it names no broadcaster")?,
        message_id,
        viewer: number(&data["sender"]["user_id"]).ok_or("it names no sender")?,
        username: username.unwrap_or_else(|| text(&data["username"])),
        content: text(&data["content"]),
        badges: badges.filter_map(|badge| badge["type"].as_str().map(str::to_owned)).collect(),
        at: data["created_at"].as_str().and_then(|at| at.parse().ok()),
    })
}

/// A Kick id, as a number or as digits.
fn number(value: &Value) -> Option<i64> {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    (number > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_chat_is_read_and_the_server_that_it_names_is_not() {
        let sample = json!({
            "type": "kick_chat_message",
            "data": {
                "channel_slug": "", "username": "ada", "content": "!gtb 5", "message_id": "m", "_server_id": 1,
                "sender": { "user_id": 7, "username": "Ada" }, "_broadcaster_user_id": "9",
            },
        });
        let wanted = Said {
            broadcaster: 9,
            message_id: "m".into(),
            viewer: 7,
            username: "Ada".into(),
            content: "!gtb 5".into(),
            badges: vec![],
            at: None,
        };
        assert_eq!(said(&sample), Ok(wanted));
        let told = |body: Value| said(&body).unwrap_err();
        assert_eq!(
            told(json!({ "type": "oauth_notification" })),
            "its type is oauth_notification; only kick_chat_message is taken here"
        );
        assert_eq!(told(json!({ "type": "kick_chat_message", "data": {} })), "it names no broadcaster");
        assert_eq!(told(json!([])), "its type is none; only kick_chat_message is taken here");
    }

    #[test]
    fn what_is_heard_again_counts_for_when_it_was_heard_first() {
        let (mut heard, at) = (HashMap::new(), |seconds| DateTime::from_timestamp(seconds, 0).unwrap());
        assert_eq!(first_heard(&mut heard, "a", at(5)), at(5));
        assert_eq!(first_heard(&mut heard, "a", at(500)), at(5));
        for n in 0..REMEMBERED {
            first_heard(&mut heard, &n.to_string(), at(1000 + n as i64));
        }
        assert!(heard.len() <= REMEMBERED && !heard.contains_key("a"));
    }
}
