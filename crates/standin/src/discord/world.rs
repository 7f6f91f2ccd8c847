//! What exists in the faked Discord: guilds, channels, members, messages, webhooks, commands, interactions.
//!
//! Pure data with the few rules that keep it consistent; it knows nothing of HTTP. The whole of it is one JSON document.

mod objects;
mod seed;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use objects::iso;
pub use seed::{APPROVER_ROLE, GUILD};

/// 2015-01-01T00:00:00Z, the epoch of snowflakes: <https://discord.com/developers/docs/reference#snowflakes>
const EPOCH_MS: i64 = 1_420_070_400_000;

#[derive(Debug, Serialize, Deserialize)]
pub struct World {
    pub bot: u64,
    pub application: u64,
    pub token: String,
    pub users: BTreeMap<u64, User>,
    pub guilds: BTreeMap<u64, Guild>,
    pub channels: BTreeMap<u64, Channel>,
    /// By channel, then by id, oldest first. Ephemeral ones are among them, marked by [`Message::only_for`].
    pub messages: BTreeMap<u64, BTreeMap<u64, Message>>,
    pub webhooks: BTreeMap<u64, Webhook>,
    /// As registered: Discord's command objects, with `guild_id` where registered for one guild.
    pub commands: Vec<Value>,
    /// When commands were created, by scope: 200 a day are allowed in each.
    #[serde(default)]
    pub created_commands: BTreeMap<String, Vec<DateTime<Utc>>>,
    /// What was set in the developer portal, over the application's defaults.
    #[serde(default)]
    pub portal: serde_json::Map<String, Value>,
    /// Who takes no direct messages of applications.
    #[serde(default)]
    pub closed: BTreeSet<u64>,
    pub nonces: Vec<Nonce>,
    /// By token.
    pub interactions: BTreeMap<String, Interaction>,
    pub modals: Vec<Modal>,
    /// Where interactions go instead of over the gateway.
    #[serde(default)]
    pub interactions_endpoint_url: Option<String>,
    /// From it follows the key pair that they are signed with: 32 bytes.
    #[serde(default = "seed::signing_seed")]
    pub signing_seed: String,
    /// What whoever directs the world says about it, shown by the page below the messages.
    #[serde(default)]
    pub narration: String,
    last_id: u64,
    /// Gateway events caused by the request at hand; the server takes them after each change.
    #[serde(skip)]
    pub events: Vec<Event>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    pub id: u64,
    pub username: String,
    pub global_name: Option<String>,
    pub bot: bool,
    pub locale: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Guild {
    pub id: u64,
    pub name: String,
    pub owner_id: u64,
    pub locale: String,
    pub roles: Vec<Role>,
    pub members: BTreeMap<u64, Member>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    pub id: u64,
    pub name: String,
    pub permissions: u64,
    pub position: u16,
    pub color: u32,
    pub managed: bool,
    pub mentionable: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    pub nick: Option<String>,
    pub roles: Vec<u64>,
    pub joined_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Channel {
    pub id: u64,
    /// None for a direct message.
    pub guild_id: Option<u64>,
    pub name: String,
    /// Discord's number: 0 text, 1 direct message, 4 category, 5 announcement, 11 public thread, 12 private thread, 15 forum.
    pub kind: u8,
    pub position: u16,
    pub parent_id: Option<u64>,
    pub topic: Option<String>,
    pub overwrites: Vec<Overwrite>,
    pub recipient: Option<u64>,
    pub thread: Option<Thread>,
    /// Forum tags, as Discord's objects.
    pub tags: Vec<Value>,
    /// REQUIRE_TAG: <https://discord.com/developers/docs/resources/channel#channel-object-channel-flags>
    #[serde(default)]
    pub require_tag: bool,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Thread {
    pub owner_id: u64,
    pub archived: bool,
    pub locked: bool,
    pub auto_archive: u32,
    pub applied_tags: Vec<String>,
    pub changed_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Overwrite {
    pub id: u64,
    /// True for a member, false for a role.
    pub member: bool,
    pub allow: u64,
    pub deny: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Discord's message object as REST returns it (without `guild_id` and `member`, which only the gateway adds).
    pub json: Value,
    /// The only user who sees it (ephemeral).
    pub only_for: Option<u64>,
    /// The interaction whose token may edit it.
    pub interaction: Option<String>,
    /// When it was edited while older than an hour.
    pub old_edits: Vec<DateTime<Utc>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Webhook {
    pub id: u64,
    pub token: String,
    pub channel_id: u64,
    pub guild_id: u64,
    pub name: String,
    /// Set when an application made it: then its messages may carry interactive components.
    pub application_id: Option<u64>,
    pub creator: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Nonce {
    pub author: u64,
    pub nonce: String,
    pub channel_id: u64,
    pub message_id: u64,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interaction {
    pub id: u64,
    pub token: String,
    /// 2 command, 3 component, 4 autocomplete, 5 modal submit.
    pub kind: u8,
    /// What the person did, for the message's `interaction_metadata`.
    pub name: String,
    pub command_type: u8,
    pub user_id: u64,
    pub guild_id: Option<u64>,
    pub channel_id: u64,
    pub at: DateTime<Utc>,
    /// The message whose component was used.
    pub source: Option<u64>,
    /// Of a form: what a message says of the interaction that opened it.
    #[serde(default)]
    pub opened_by: Value,
    /// Type of the first response; None until it was given.
    pub answered: Option<u8>,
    /// The first response as it was sent.
    pub response: Value,
    pub acknowledged_ms: Option<u64>,
    pub original: Option<u64>,
    /// A deferred response (type 5) that nothing has filled yet.
    pub thinking: bool,
    /// Some later request changed the original or the source message.
    pub updated: bool,
    pub ephemeral: bool,
    pub followups: Vec<u64>,
    /// The deadline passed unanswered: the token is dead.
    pub expired: bool,
    /// Real time, since a person waits in real time. None after a restart: then it is too late to answer.
    #[serde(skip)]
    pub started: Option<Instant>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Modal {
    pub user_id: u64,
    pub guild_id: Option<u64>,
    pub channel_id: u64,
    pub source: Option<u64>,
    /// What a message says of the interaction that opened it.
    #[serde(default)]
    pub opened_by: Value,
    /// `custom_id`, `title`, `components` as sent by the application.
    pub data: Value,
}

/// A gateway event and who may see it.
#[derive(Clone, Debug)]
pub struct Event {
    pub name: &'static str,
    pub data: Value,
    pub guild_id: Option<u64>,
    /// Intents of which a session needs at least one; 0 for all sessions.
    pub intents: u64,
}

impl World {
    /// A new id: <https://discord.com/developers/docs/reference#snowflakes>. Always grows, even when the clock stands still.
    pub fn snowflake(&mut self, now: DateTime<Utc>) -> u64 {
        let id = snowflake_at(now).max(self.last_id + 1);
        self.last_id = id;
        id
    }

    pub fn message(&self, channel_id: u64, id: u64) -> Option<&Message> {
        self.messages.get(&channel_id)?.get(&id)
    }

    pub fn message_mut(&mut self, channel_id: u64, id: u64) -> Option<&mut Message> {
        self.messages.get_mut(&channel_id)?.get_mut(&id)
    }

    /// Looks in all channels: a person points at a message, not at a channel.
    pub fn find_message(&self, id: u64) -> Option<(u64, &Message)> {
        self.messages.iter().find_map(|(channel, all)| all.get(&id).map(|message| (*channel, message)))
    }

    pub fn insert_message(&mut self, channel_id: u64, id: u64, message: Message) {
        self.messages.entry(channel_id).or_default().insert(id, message);
    }

    pub fn channel_named(&self, name: &str) -> Option<&Channel> {
        let name = name.trim_start_matches('#');
        let by_id = name.parse().ok().and_then(|id: u64| self.channels.get(&id));
        by_id.or_else(|| self.channels.values().find(|c| c.name == name))
    }

    pub fn user_named(&self, name: &str) -> Option<&User> {
        let name = name.trim_start_matches('@');
        let by_id = name.parse().ok().and_then(|id: u64| self.users.get(&id));
        by_id.or_else(|| self.users.values().find(|u| u.username == name))
    }

    /// The message that `author` made with `nonce` within the window, if Discord still remembers it.
    pub fn remembered(&mut self, author: u64, nonce: &str, now: DateTime<Utc>, memory: Duration) -> Option<Nonce> {
        self.nonces.retain(|n| now - n.at < memory);
        let same = |n: &&Nonce| n.author == author && n.nonce == nonce;
        self.nonces.iter().find(same).cloned()
    }

    /// Interactions whose token died long ago are forgotten.
    pub fn forget_old_interactions(&mut self, now: DateTime<Utc>) {
        self.interactions.retain(|_, i| now - i.at < Duration::hours(2));
    }

    /// Removes a message and tells the sessions.
    pub fn delete_message(&mut self, channel_id: u64, id: u64) -> bool {
        let removed = self.messages.get_mut(&channel_id).and_then(|all| all.remove(&id));
        let Some(removed) = removed else { return false };
        if removed.only_for.is_none() {
            let guild_id = self.channels.get(&channel_id).and_then(|c| c.guild_id);
            let mut data = serde_json::json!({"id": id.to_string(), "channel_id": channel_id.to_string()});
            if let Some(guild) = guild_id {
                data["guild_id"] = Value::String(guild.to_string());
            }
            self.emit_in(channel_id, "MESSAGE_DELETE", data);
        }
        true
    }

    /// Removes a channel with everything in it, webhooks and threads included.
    pub fn delete_channel(&mut self, id: u64) -> Option<Channel> {
        let threads: Vec<u64> =
            self.channels.values().filter(|c| c.is_thread() && c.parent_id == Some(id)).map(|c| c.id).collect();
        for thread in threads {
            self.delete_channel(thread);
        }
        let gone = self.channels.remove(&id)?;
        self.messages.remove(&id);
        self.webhooks.retain(|_, w| w.channel_id != id);
        let name = if gone.is_thread() { "THREAD_DELETE" } else { "CHANNEL_DELETE" };
        let data = self.channel_json(&gone);
        self.emit(name, data, gone.guild_id, super::gateway::intent::GUILDS);
        Some(gone)
    }

    pub fn emit(&mut self, name: &'static str, data: Value, guild_id: Option<u64>, intents: u64) {
        self.events.push(Event { name, data, guild_id, intents });
    }

    /// An event about a message: only for who asked for messages of guilds (or direct messages).
    pub fn emit_in(&mut self, channel_id: u64, name: &'static str, data: Value) {
        let guild_id = self.channels.get(&channel_id).and_then(|c| c.guild_id);
        let intents = match guild_id {
            Some(_) => super::gateway::intent::GUILD_MESSAGES,
            None => super::gateway::intent::DIRECT_MESSAGES,
        };
        self.emit(name, data, guild_id, intents);
    }
}

impl Channel {
    pub fn is_thread(&self) -> bool {
        matches!(self.kind, 10..=12)
    }

    /// Whether messages can be posted straight into it (a forum only takes threads).
    pub fn takes_messages(&self) -> bool {
        matches!(self.kind, 0 | 1 | 2 | 5 | 10..=13)
    }
}

/// The smallest id that something made at `at` can have.
pub fn snowflake_at(at: DateTime<Utc>) -> u64 {
    u64::try_from((at.timestamp_millis() - EPOCH_MS).max(0)).unwrap_or(0) << 22
}

/// When the thing with this id was made.
pub fn made_at(id: u64) -> DateTime<Utc> {
    let ms = i64::try_from(id >> 22).unwrap_or(0) + EPOCH_MS;
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

/// Whether a field holds this id (ids are strings in JSON).
pub fn is_id(field: &Value, id: u64) -> bool {
    field.as_str().and_then(|text| text.parse().ok()) == Some(id)
}
