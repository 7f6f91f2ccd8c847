//! What is said in a chat.

use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{KickClient, KickError, Result, text};

/// Unicode code points of one message.
pub const LONGEST_MESSAGE: usize = 500;

/// As whom something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    /// The application's bot, in the channel of whose token it is.
    Bot,
    /// The account of the token, in this channel.
    User { broadcaster_user_id: i64 },
}

#[derive(Clone, Debug)]
pub struct ChatPost<'a> {
    pub by: As,
    pub content: &'a str,
    pub reply_to: Option<&'a str>,
}

impl KickClient {
    /// `POST /public/v1/chat`. Returns what Kick calls the message, if it says so.
    pub async fn say(&self, token: &SecretString, post: &ChatPost<'_>) -> Result<Option<String>> {
        let mut body = json!({ "content": post.content });
        match post.by {
            As::Bot => body["type"] = json!("bot"),
            As::User { broadcaster_user_id } => {
                body["type"] = json!("user");
                body["broadcaster_user_id"] = json!(broadcaster_user_id);
            }
        }
        if let Some(reply_to) = post.reply_to {
            body["reply_to_message_id"] = json!(reply_to);
        }
        let said =
            self.call(Method::POST, &["public", "v1", "chat"], Some(token), |request| request.json(&body)).await?;
        if said.get("is_sent").and_then(Value::as_bool) == Some(false) {
            return Err(KickError::Refused { status: 200, text: "the message was not sent".into() });
        }
        Ok(text(&said, "message_id"))
    }
}
