//! A Kick channel and who writes in its chat, as tests need them: without Kick, straight onto the activity stream.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use signalbox::community::link;
use signalbox::event::activity::ChatMessage;
use signalbox::id::{GuildId, UserId};
use signalbox::store::kick_link::Linking;
use uuid::Uuid;

use super::town::{Town, start};

/// The channel of a town.
pub const CHANNEL: Uuid = Uuid::from_u128(0xC4A);

impl Town {
    /// The server is connected with a channel, whose streams are told of.
    pub async fn channel(&self) {
        self.sql(&format!(
            "INSERT INTO kick_channel (id, guild_id, source_id, broadcaster_user_id, slug, name, connected_at)
             SELECT '{CHANNEL}', {}, id, 900, 'grace', 'Grace', '{}' FROM source LIMIT 1",
            self.guild(),
            start() - TimeDelta::days(1),
        ))
        .await;
        self.sql(&format!(
            "INSERT INTO kick_subscription (id, broadcaster_user_id, kind, version, created_at)
             VALUES ('s', 900, 'livestream.status.updated', 1, '{}')",
            start() - TimeDelta::days(1)
        ))
        .await;
    }

    /// A stream from one minute to another, counted from the start of the test.
    pub async fn stream(&self, from: i64, until: Option<i64>) {
        let at = |minute: i64| start() + TimeDelta::minutes(minute);
        let ended = until.map_or("NULL, NULL".into(), |until| format!("'{}', 'event'", at(until)));
        self.sql(&format!(
            "INSERT INTO kick_stream (id, kick_channel_id, guild_id, started_at, ended_at, ended_by)
             VALUES (gen_random_uuid(), '{CHANNEL}', {}, '{}', {ended})
             ON CONFLICT ON CONSTRAINT kick_stream_started DO UPDATE
                 SET ended_at = EXCLUDED.ended_at, ended_by = EXCLUDED.ended_by",
            self.guild(),
            at(from)
        ))
        .await;
    }

    /// Messages are published: who, and in which minute of the test.
    pub async fn written(&self, said: &[(&str, i64)]) {
        let all: Vec<Vec<u8>> =
            said.iter().map(|(who, minute)| message(self.guild(), who, *minute).to_bytes()).collect();
        self.app.ports.activity.publish(all).await.unwrap();
    }

    /// Two write in each minute of a span, and all that follows from it happens.
    pub async fn chatter(&self, who: [&str; 2], minutes: std::ops::Range<i64>) {
        let said: Vec<(&str, i64)> = minutes.flat_map(|minute| who.map(|who| (who, minute))).collect();
        self.written(&said).await;
        self.settle().await;
    }

    /// Links a member with the account of that name, as Kick's log-in does at its end.
    pub async fn link_kick(&self, member: &str, viewer: &str) -> Linking {
        link::link(&self.app.ports, self.guild(), self.user(member), kick_id(viewer), viewer).await.unwrap()
    }

    pub fn user(&self, member: &str) -> UserId {
        UserId(self.discord.user_id(member) as i64)
    }

    /// The roles of a member, as Discord has them.
    pub fn roles_of(&self, member: &str) -> Vec<Value> {
        let (id, state) = (self.discord.user_id(member).to_string(), self.discord.state());
        let members = state["guilds"][0]["members"].as_array().cloned().unwrap_or_default();
        let found = members.into_iter().find(|one| one["id"] == *id).unwrap_or_else(|| panic!("{member}"));
        found["roles"].as_array().cloned().unwrap_or_default()
    }

    pub async fn sql(&self, sql: &str) {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&self.database_url).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    }

    /// What a command tells its caller: the text of the answer.
    pub async fn asks(&self, who: &str, command: &str, options: Value) -> String {
        let outcome = self.command(who, command, options).await;
        self.settle().await;
        // An answer that everybody sees stands in the channel, too.
        self.messages("ops");
        let message = if outcome["message"].is_object() { &outcome["message"] } else { &outcome["response"]["data"] };
        super::machines::names(self, &super::town::show(message)).trim_end().to_owned()
    }
}

/// A Kick user id that follows from the name.
pub fn kick_id(name: &str) -> i64 {
    700_000_000_000 + name.bytes().fold(7, |id, byte| id * 31 % 1_000_003 + i64::from(byte))
}

pub fn message(guild_id: GuildId, who: &str, minute: i64) -> ChatMessage {
    let at: DateTime<Utc> = start() + TimeDelta::minutes(minute) + TimeDelta::seconds(20);
    let (who, badge) = who.split_once('+').map_or((who, None), |(who, badge)| (who, Some(badge.to_owned())));
    ChatMessage {
        guild_id,
        kick_channel_id: CHANNEL,
        message_id: format!("{who}-{minute}"),
        viewer: kick_id(who),
        username: who.to_owned(),
        content: "hello".into(),
        badges: badge.into_iter().collect(),
        replies_to: None,
        at,
        sent_at: None,
    }
}

/// No options.
pub fn none() -> Value {
    json!({})
}
