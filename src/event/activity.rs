//! What viewers do in a chat: counted, not kept. Pure data; the bus carries it as JSON.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::GuildId;

/// One message in the chat of a Kick channel, for one server that the channel is connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    pub guild_id: GuildId,
    pub kick_channel_id: Uuid,
    /// Kick's id of the message; the same in every delivery of it.
    pub message_id: String,
    /// The Kick user id: names change.
    pub viewer: i64,
    pub username: String,
    /// As it was written, tags of emotes included.
    #[serde(default)]
    pub content: String,
    /// Types of badges, such as `subscriber`, `moderator`, `broadcaster`; an open set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub badges: Vec<String>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replies_to: Option<String>,
    /// When it was written (`created_at`): what watch time is counted by.
    pub at: DateTime<Utc>,
    /// When Kick sent the delivery; commands that are older than two minutes by `at` are stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<DateTime<Utc>>,
}

/// What a message takes beside its content, mostly.
const ROOM: usize = 384;

impl ChatMessage {
    /// As it is put on the bus.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ROOM + self.content.len());
        serde_json::to_writer(&mut bytes, self).expect("plain data without maps");
        bytes
    }

    pub fn has_badge(&self, kind: &str) -> bool {
        self.badges.iter().any(|badge| badge == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_comes_off_the_bus_as_it_was_put_there() {
        let at = DateTime::from_timestamp(1_767_348_000, 0).unwrap();
        let message = ChatMessage {
            guild_id: GuildId(7),
            kick_channel_id: Uuid::nil(),
            message_id: "m".into(),
            viewer: 12,
            username: "ada".into(),
            content: "hi".into(),
            badges: vec!["subscriber".into()],
            replies_to: None,
            at,
            sent_at: Some(at),
        };
        assert_eq!(serde_json::from_slice::<ChatMessage>(&message.to_bytes()).unwrap(), message);
        let least = json!({"guild_id": 7, "kick_channel_id": Uuid::nil(), "message_id": "m", "viewer": 12, "username": "ada", "at": at});
        assert!(serde_json::from_value::<ChatMessage>(least).is_ok());
        assert!(message.has_badge("subscriber") && !message.has_badge("sub"));
    }
}
