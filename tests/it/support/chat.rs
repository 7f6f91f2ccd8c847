//! A channel of Kick and its chat, as far as commands in it are concerned: who writes what, and what the bot is to say.

use chrono::TimeDelta;
use serde_json::Value;
use signalbox::community::chat_command::hear;
use signalbox::event::activity::ChatMessage;
use signalbox::id::GuildId;
use signalbox::store::Store;
use signalbox::store::kick::{NewKickChannel, insert_kick_channel};
use signalbox::store::kick_link::{NewKickLink, link_kick_account};
use signalbox::store::source::SourceKind;
use uuid::Uuid;

use super::machines::names;
use super::town::{Town, plain_times, show};

const CHANNEL: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00c1);

/// A number that follows from a name, as Kick's user ids would.
pub fn viewer_id(name: &str) -> i64 {
    name.bytes().fold(1000, |id, byte| (id * 31 + i64::from(byte)) % 1_000_000_007)
}

/// What somebody writes.
pub struct Line<'a> {
    pub who: &'a str,
    pub text: &'a str,
    pub badges: &'a [&'a str],
    pub seconds_ago: i64,
    pub id: String,
}

impl<'a> Line<'a> {
    pub fn of(who: &'a str, text: &'a str) -> Self {
        Self { who, text, badges: &[], seconds_ago: 0, id: Uuid::new_v4().to_string() }
    }
}

impl Town {
    pub fn guild(&self) -> GuildId {
        GuildId::from(self.discord.guild_id())
    }

    /// The server is connected with a channel of Kick.
    pub async fn with_channel(&self) {
        let (store, now) = (self.store(), self.clock.now());
        let source_id =
            store.ensure_source(self.guild(), SourceKind::Kick, "kick", self.clock.uuid(), now).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        let new = NewKickChannel {
            id: CHANNEL,
            guild_id: self.guild(),
            source_id,
            broadcaster_user_id: 77,
            slug: "novaplays",
            name: "NovaPlays",
        };
        insert_kick_channel(&mut tx, &new, now).await.unwrap();
        Store::commit(tx).await.unwrap();
    }

    /// A viewer and a member are one person.
    pub async fn same_person(&self, member: &str, viewer: &str) {
        let (store, now) = (self.store(), self.clock.now());
        let mut tx = store.begin().await.unwrap();
        let new = NewKickLink {
            id: self.clock.uuid(),
            person_id: self.clock.uuid(),
            viewer_person_id: self.clock.uuid(),
            guild_id: self.guild(),
            user_id: self.discord.user_id(member).into(),
            kick_user_id: viewer_id(viewer),
            username: viewer.to_owned(),
        };
        link_kick_account(&mut tx, &new, now).await.unwrap();
        Store::commit(tx).await.unwrap();
    }

    pub fn message(&self, line: &Line<'_>) -> ChatMessage {
        let now = self.clock.now();
        ChatMessage {
            guild_id: self.guild(),
            kick_channel_id: CHANNEL,
            message_id: line.id.clone(),
            viewer: viewer_id(line.who),
            username: line.who.to_owned(),
            content: line.text.to_owned(),
            badges: line.badges.iter().map(|badge| (*badge).to_owned()).collect(),
            replies_to: None,
            at: now - TimeDelta::seconds(line.seconds_ago),
            sent_at: Some(now),
        }
    }

    /// Lines as the bot hears them together.
    pub async fn hear(&self, lines: &[Line<'_>]) -> usize {
        let messages: Vec<ChatMessage> = lines.iter().map(|line| self.message(line)).collect();
        let done = hear(&self.app.ports, &messages).await.unwrap();
        self.settle().await;
        done
    }

    /// Somebody writes in chat; what the bot is to say to it.
    pub async fn chat(&self, who: &str, text: &str) -> String {
        self.chat_line(Line::of(who, text)).await
    }

    pub async fn chat_line(&self, line: Line<'_>) -> String {
        let before = self.all_said().await.len();
        self.hear(&[line]).await;
        self.all_said().await.split_off(before).join("\n")
    }

    /// All that the bot is to say in chat.
    pub async fn all_said(&self) -> Vec<String> {
        self.column("SELECT text FROM kick_chat ORDER BY seq").await
    }

    /// What a channel shows, with names for ids and without what chance makes.
    pub fn reads(&self, channel: &str) -> String {
        without_chance(&names(self, &self.see(channel)))
    }

    /// The same of an answer for the caller alone.
    pub fn reads_answer(&self, outcome: &Value) -> String {
        assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{outcome:#}");
        without_chance(&names(self, &plain_times(&show(&outcome["message"]))))
    }
}

/// Hashes, codes and ports are other ones in each run.
pub fn without_chance(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let close = |word: &mut String, out: &mut String| {
        let is_hash = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_id = word.len() == 36 && word.parse::<Uuid>().is_ok();
        out.push_str(if is_hash {
            "HASH"
        } else if is_id {
            "ID"
        } else {
            word
        });
        word.clear();
    };
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '-' {
            word.push(c);
        } else {
            close(&mut word, &mut out);
            out.push(c);
        }
    }
    close(&mut word, &mut out);
    let mut lines: Vec<String> = Vec::new();
    for line in out.lines() {
        lines.push(match line.split_once("http://127.0.0.1:") {
            Some((before, after)) => {
                let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{before}http://HERE{rest}")
            }
            None => line.to_owned(),
        });
    }
    lines.join("\n")
}
