//! Threads and the posts of forums.
//!
//! <https://discord.com/developers/docs/topics/threads>

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{Answer, DiscordClient, Looked};
use crate::id::{ChannelId, GuildId, MessageId};

/// A thread, as far as a lost post is looked for.
#[derive(Clone, Debug, Deserialize)]
pub struct Thread {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub parent_id: Option<String>,
    #[serde(default)]
    pub owner_id: Option<String>,
    #[serde(default)]
    thread_metadata: Option<Times>,
}

#[derive(Clone, Debug, Deserialize)]
struct Times {
    archive_timestamp: DateTime<Utc>,
}

impl Thread {
    /// When it was archived or opened last.
    pub fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.thread_metadata.as_ref().map(|times| times.archive_timestamp)
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct Threads {
    pub threads: Vec<Thread>,
    /// Of archived ones: there are older ones.
    #[serde(default)]
    pub has_more: bool,
}

impl DiscordClient {
    /// Opens a post with its first message, whose id is that of the post.
    pub async fn create_post(&self, forum: ChannelId, body: &Value) -> Answer {
        self.send(self.bot(Method::POST, &format!("/channels/{forum}/threads")).json(body)).await
    }

    pub async fn change_thread(&self, thread: ChannelId, body: &Value) -> Answer {
        self.send(self.bot(Method::PATCH, &format!("/channels/{thread}")).json(body)).await
    }

    /// Of all channels of a guild.
    pub async fn list_active_threads(&self, guild: GuildId) -> Looked<Threads> {
        self.look_up(&format!("/guilds/{guild}/threads/active")).await
    }

    /// Up to 100 of a channel, those archived last first.
    pub async fn list_archived_threads(&self, channel: ChannelId, before: Option<DateTime<Utc>>) -> Looked<Threads> {
        let before = before.map(|at| format!("&before={}", at.format("%Y-%m-%dT%H:%M:%S%.6fZ"))).unwrap_or_default();
        self.look_up(&format!("/channels/{channel}/threads/archived/public?limit=100{before}")).await
    }

    pub async fn get_message(&self, channel: ChannelId, message: MessageId) -> Looked<Value> {
        self.look_up(&format!("/channels/{channel}/messages/{message}")).await
    }
}
