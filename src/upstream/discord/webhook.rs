//! Messages through a channel's webhook. Into a forum each is a post of its own, which Discord wants to have a name; the
//! post has the id of its first message. Whether a webhook posts into a forum is found out by the first answer.

use std::sync::PoisonError;

use serde_json::{Value, json};

use super::{Answer, DiscordClient, Looked, LookupError};
use crate::id::{ChannelId, GuildId, MessageId};
use crate::upstream::guard::webhook_path;

/// <https://discord.com/developers/docs/topics/opcodes-and-status-codes#json>
const NEEDS_THREAD: i64 = 220_001;
const UNKNOWN_MESSAGE: i64 = 10_008;
const INVALID_TOKEN: i64 = 50_027;
/// Characters of a post's name.
const NAME: usize = 100;

impl DiscordClient {
    /// Waits for the message to be saved, so that its id comes back.
    pub async fn execute_webhook(&self, id: i64, token: &str, body: &Value) -> Answer {
        let url = format!("{}{}?wait=true", self.base, webhook_path(id, token));
        let named = || {
            let mut body = body.clone();
            body["thread_name"] = json!(post_name(&body));
            body
        };
        if self.is_forum(id) {
            return self.send(self.http.post(url).json(&named())).await;
        }
        let answer = self.send(self.http.post(&url).json(body)).await;
        if answer.reply.code != Some(NEEDS_THREAD) {
            return answer;
        }
        self.remember_forum(id);
        self.send(self.http.post(url).json(&named())).await
    }

    pub async fn edit_webhook_message(&self, id: i64, token: &str, message: MessageId, body: &Value) -> Answer {
        let url = format!("{}{}/messages/{message}", self.base, webhook_path(id, token));
        let in_post = format!("{url}?thread_id={message}");
        if self.is_forum(id) {
            return self.send(self.http.patch(in_post).json(body)).await;
        }
        let answer = self.send(self.http.patch(url).json(body)).await;
        if answer.reply.code != Some(UNKNOWN_MESSAGE) {
            return answer;
        }
        // It is gone, or the first message of a post.
        let again = self.send(self.http.patch(in_post).json(body)).await;
        if again.reply.message_id.is_none() {
            return answer;
        }
        self.remember_forum(id);
        again
    }

    /// The webhook's channel, by its own token.
    pub async fn get_webhook_channel(&self, id: i64, token: &str) -> Looked<(ChannelId, Option<GuildId>)> {
        let url = format!("{}{}", self.base, webhook_path(id, token));
        self.by_webhook(&url).await.and_then(|webhook| {
            let channel = webhook["channel_id"].as_str().and_then(|id| id.parse().ok());
            let guild = webhook["guild_id"].as_str().and_then(|id| id.parse().ok());
            let channel = channel.ok_or_else(|| LookupError::Unreadable("a webhook without a channel".into()))?;
            Ok((channel, guild))
        })
    }

    /// A message that the webhook sent, with all that is in it: whoever has the token may read that
    /// (<https://discord.com/developers/docs/resources/webhook#get-webhook-message>).
    pub async fn get_webhook_message(&self, id: i64, token: &str, message: MessageId) -> Looked<Value> {
        self.by_webhook(&format!("{}{}/messages/{message}", self.base, webhook_path(id, token))).await
    }

    /// The token in the address is the webhook's: where it is refused, the bot's is not.
    async fn by_webhook(&self, url: &str) -> Looked<Value> {
        let mut looked = Self::read::<Value>(self.http.get(url).send().await).await;
        if matches!(looked.found, Err(LookupError::Unauthorized)) {
            let explanation = "Invalid Webhook Token".to_owned();
            looked.found = Err(LookupError::Refused { status: 401, code: INVALID_TOKEN, explanation });
        }
        looked
    }

    fn is_forum(&self, id: i64) -> bool {
        self.forums.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    fn remember_forum(&self, id: i64) {
        self.forums.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }
}

/// What a post is called: the title of its first embed, else its first words.
pub fn post_name(body: &Value) -> String {
    let title = body["embeds"][0]["title"].as_str().filter(|title| !title.is_empty());
    let words = title.or_else(|| body["content"].as_str()?.lines().next()).unwrap_or_default();
    let name: String = words.chars().take(NAME).collect();
    if name.trim().is_empty() { "Signal".to_owned() } else { name }
}
