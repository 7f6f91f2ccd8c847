//! What tests of the delivery have in common: signals to send, and what people see of their fate.

use chrono::TimeDelta;
use serde_json::{Value, json};
use signalbox::clock::Clock;
use signalbox::event::Severity;
use signalbox::id::{ChannelId, GuildId};
use signalbox::store::route::NewRoute;
use signalbox::store::{Store, destination};
use standin::discord::Discord;

use super::town::{Town, plain_times};

pub fn seconds(n: i64) -> TimeDelta {
    TimeDelta::seconds(n)
}

pub fn minutes(n: i64) -> TimeDelta {
    TimeDelta::minutes(n)
}

/// An alert, shown as a notice in #alerts.
pub fn alert(words: &str) -> Value {
    json!({ "alert_type": "disk", "severity": "critical", "message": words, "source": "web-07" })
}

/// A ticket, shown as a card in #tickets.
pub fn ticket(id: &str, status: &str) -> Value {
    json!({ "id": id, "seq_id": id, "title": format!("Ticket {id}"), "status": status })
}

impl Town {
    pub async fn alert(&self, words: &str) {
        self.send("alert.triggered", alert(words)).await;
    }

    /// What stands in a channel, one line per message: of each embed the words that tell it apart.
    pub fn lines(&self, channel: &str) -> String {
        self.messages(channel).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The fields of `/webhook-status` that speak of deliveries.
    pub async fn status(&self) -> String {
        let outcome = self.command("admin", "webhook-status", json!({})).await;
        let fields = outcome["message"]["embeds"][0]["fields"].as_array().cloned().unwrap_or_default();
        assert!(!fields.is_empty(), "/webhook-status answers: {outcome}");
        let told = ["Deliveries", "Destinations"];
        let shown = fields.iter().filter(|f| told.contains(&f["name"].as_str().unwrap_or("")));
        let lines: Vec<String> = shown.map(|f| plain_times(f["value"].as_str().unwrap_or("").trim())).collect();
        lines.join("\n")
    }

    /// Requests of one kind that reached Discord, answered or not.
    pub fn requests(&self, method: &str, path_ends: &str) -> usize {
        let all = self.discord.requests();
        all.iter().filter(|r| r["method"] == method && r["path"].as_str().unwrap_or("").ends_with(path_ends)).count()
    }

    /// How often Discord had to refuse for the number of requests.
    pub fn refused_for_limits(&self) -> usize {
        self.discord.requests().iter().filter(|r| r["status"] == 429).count()
    }

    pub fn delete(&self, channel: &str, nth: usize) {
        let id = self.messages(channel)[nth]["id"].as_str().unwrap().parse().unwrap();
        assert!(self.discord.delete_message(self.discord.channel_id(channel), id));
    }

    /// Takes permissions from everybody without a role of their own in a channel, the bot too; 0 gives them back.
    pub fn deny(&self, channel: &str, permissions: u64) {
        self.discord.set_overwrite(self.discord.channel_id(channel), self.discord.bot_id(), 0, permissions);
    }
}

impl Town {
    /// A route made by a person, before those of the environment, into a channel.
    pub async fn route_to_channel(&self, pattern: &str, channel: u64) {
        let (store, now) = (self.store(), self.clock.now());
        let guild = GuildId::from(self.discord.guild_id());
        let mut tx = store.begin().await.unwrap();
        let channel = ChannelId::from(channel);
        let id = destination::ensure_channel(&mut tx, guild, channel, self.clock.uuid(), now).await.unwrap();
        Store::commit(tx).await.unwrap();
        self.route(pattern, vec![id]).await;
    }

    /// A route into new channels named `prefix` and a number.
    pub async fn route_to_new_channels(&self, pattern: &str, prefix: &str, count: usize) {
        route_to_new_channels(self.store(), &self.clock, &self.discord, pattern, prefix, count).await;
    }

    /// The same into a Discord webhook.
    pub async fn route_to_webhook(&self, pattern: &str, webhook: u64, token: &str) {
        route_to_webhook(self.store(), &self.clock, self.discord.guild_id(), pattern, webhook, token).await;
    }

    async fn route(&self, pattern: &str, destination_ids: Vec<uuid::Uuid>) {
        insert_route(self.store(), &self.clock, self.discord.guild_id(), pattern, destination_ids).await;
    }
}

/// A route made by a person into new channels named `prefix` and a number.
pub async fn route_to_new_channels(
    store: &Store,
    clock: &Clock,
    discord: &Discord,
    pattern: &str,
    prefix: &str,
    count: usize,
) {
    let (guild, now) = (discord.guild_id(), clock.now());
    let mut tx = store.begin().await.unwrap();
    let mut ids = Vec::new();
    for n in 0..count {
        let channel = ChannelId::from(discord.add_channel(guild, &format!("{prefix}{n}"), 0));
        let id = destination::ensure_channel(&mut tx, guild.into(), channel, clock.uuid(), now).await.unwrap();
        ids.push(id);
    }
    Store::commit(tx).await.unwrap();
    insert_route(store, clock, guild, pattern, ids).await;
}

/// A route made by a person into a Discord webhook.
pub async fn route_to_webhook(store: &Store, clock: &Clock, guild: u64, pattern: &str, webhook: u64, token: &str) {
    let mut tx = store.begin().await.unwrap();
    let (webhook, now) = (i64::try_from(webhook).unwrap(), clock.now());
    let id = destination::ensure_webhook(&mut tx, guild.into(), webhook, token, clock.uuid(), now).await.unwrap();
    Store::commit(tx).await.unwrap();
    insert_route(store, clock, guild, pattern, vec![id]).await;
}

async fn insert_route(store: &Store, clock: &Clock, guild: u64, pattern: &str, destination_ids: Vec<uuid::Uuid>) {
    let route = NewRoute {
        id: clock.uuid(),
        guild_id: guild.into(),
        position: 1,
        pattern: pattern.to_owned(),
        min_severity: Severity::Debug,
        destination_ids,
        mentions: vec![],
        continues: false,
    };
    store.insert_route(&route, clock.now()).await.unwrap();
}

fn line(message: &Value) -> String {
    let content = plain_times(message["content"].as_str().unwrap_or("")).replace('\n', " ");
    let embeds = message["embeds"].as_array().cloned().unwrap_or_default();
    let words = embeds.iter().map(|embed| {
        let field = |name: &str| {
            let fields = embed["fields"].as_array().cloned().unwrap_or_default();
            let found = fields.iter().find(|f| f["name"].as_str().unwrap_or("").ends_with(name)).cloned();
            found.and_then(|f| f["value"].as_str().map(str::to_owned))
        };
        let title = field("Title").or(field("Hostname"));
        match (embed["description"].as_str(), title) {
            (_, Some(title)) => format!("{title} [{}]", field("Status").unwrap_or_default()),
            (Some(description), None) => plain_times(description),
            (None, None) => embed["title"].as_str().unwrap_or("").to_owned(),
        }
    });
    let words = words.collect::<Vec<_>>().join(" + ");
    if content.is_empty() { words } else { format!("{content} | {words}") }
}
