//! What chatters write to the bot. Each message is carried out once, in one transaction with its answer: the message's id is
//! stored there. What is older than two minutes is stale and needs no row; that it was written counts all the same.

mod built_in;
mod custom;

pub use custom::{Edit, remove, save};

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use chrono::TimeDelta;
use uuid::Uuid;

use super::board::Voice;
use super::draw::join::{Known, know};
use super::words::{command, without_emotes};
use crate::event::activity::ChatMessage;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::store::chat_command::insert_run;
use crate::store::kick_chat::{NewKickChat, insert_kick_chat};
use crate::store::timer::{list_waiting_for_lines, note_chat, note_lines};
use crate::store::viewer::{SeenViewer, ensure_viewers};
use crate::store::{Store, StoreError, Tx};

/// Older commands are not carried out, by when they were written.
const STALE: TimeDelta = TimeDelta::minutes(2);
/// Lines that were written longer ago are not counted for timed messages: those of that time may be forgotten.
const COUNTED: TimeDelta = TimeDelta::hours(12);
/// How often a command is tried again that was in another's way.
const CONFLICTS: usize = 5;

/// What a server's chatters can say to the bot, beside what is built in.
struct Vocabulary {
    /// Names and aliases of its own commands.
    commands: HashSet<(GuildId, String)>,
    /// Words that join a giveaway.
    keywords: HashMap<(GuildId, String), Uuid>,
}

impl Vocabulary {
    /// Two questions, whatever the number of messages.
    async fn read(ports: &Ports, messages: &[ChatMessage]) -> Result<Self> {
        let mut guilds: Vec<i64> = messages.iter().map(|message| message.guild_id.0).collect();
        guilds.sort_unstable();
        guilds.dedup();
        let commands = ports.store.list_command_words(&guilds).await?.into_iter().collect();
        let keywords = ports.store.list_keywords(&guilds).await?;
        let keywords = keywords.into_iter().map(|(guild, word, draw)| ((guild, word), draw)).collect();
        Ok(Self { commands, keywords })
    }

    fn understand(&self, message: &ChatMessage) -> Option<Said> {
        let text = without_emotes(&message.content);
        let first = text.split(' ').next().unwrap_or_default().to_lowercase();
        if let Some(draw) = self.keywords.get(&(message.guild_id, first)) {
            return Some(Said::Join(*draw));
        }
        let (word, rest) = command(&message.content)?;
        if self.commands.contains(&(message.guild_id, word.clone())) {
            return Some(Said::Custom { word, rest });
        }
        built_in::is_one(&word).then_some(Said::BuiltIn { word, rest })
    }
}

/// What a message asks for.
#[derive(Clone)]
enum Said {
    Join(Uuid),
    Custom { word: String, rest: String },
    BuiltIn { word: String, rest: String },
}

/// Hears what was written, before it is acknowledged: whoever dies here hears it again. Returns how many commands were
/// carried out.
pub async fn hear(ports: &Ports, messages: &[ChatMessage]) -> Result<usize> {
    if messages.is_empty() {
        return Ok(0);
    }
    note(ports, messages).await?;
    let vocabulary = Vocabulary::read(ports, messages).await?;
    let now = ports.clock.now();
    let mut done = 0;
    for message in messages.iter().filter(|message| now - message.at <= STALE) {
        let Some(said) = vocabulary.understand(message) else { continue };
        let mut outcome = obey(ports, message, said.clone()).await;
        // Undone for the sake of another process: the same works when it is tried again.
        for _ in 0..CONFLICTS {
            if !outcome.as_ref().is_err_and(is_conflict) {
                break;
            }
            outcome = obey(ports, message, said.clone()).await;
        }
        match outcome {
            Ok(did) => done += usize::from(did),
            // It is heard again when the database is back.
            Err(error) if is_away(&error) => return Err(error),
            // One that fails holds up no other.
            Err(error) => tracing::error!(error = crate::error::chain(&error), "a chat command failed"),
        }
    }
    if done > 0 {
        ports.wake.wake(crate::bus::Topic::KickChat);
        ports.wake.wake(crate::bus::Topic::Deliverer);
    }
    Ok(done)
}

fn is_conflict(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_conflict))
}

fn is_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_unavailable))
}

/// Timed messages wait for people and for lines: two statements, whatever the number of messages, and a third where lines
/// are waited for. What is heard again changes nothing.
async fn note(ports: &Ports, messages: &[ChatMessage]) -> Result<()> {
    let mut heard: HashMap<(GuildId, i64), chrono::DateTime<chrono::Utc>> = HashMap::new();
    for message in messages {
        let last = heard.entry((message.guild_id, message.viewer)).or_insert(message.at);
        *last = message.at.max(*last);
    }
    let heard: Vec<_> = heard.into_iter().map(|((guild, viewer), at)| (guild, viewer, at)).collect();
    let guilds: HashSet<i64> = messages.iter().map(|message| message.guild_id.0).collect();
    let mut tx = ports.store.begin_preparing().await?;
    note_chat(&mut tx, &heard).await?;
    let waiting = list_waiting_for_lines(&mut tx, &guilds.into_iter().collect::<Vec<_>>()).await?;
    let oldest = ports.clock.now() - COUNTED;
    let lines: Vec<_> = messages
        .iter()
        .filter(|message| waiting.contains(&message.guild_id) && message.at > oldest)
        .map(|message| (message.guild_id, message.message_id.as_str(), message.at))
        .collect();
    if !lines.is_empty() {
        note_lines(&mut tx, &lines).await?;
    }
    Store::commit(tx).await?;
    Ok(())
}

/// Somebody in chat, as a command knows them.
struct Chatter<'a> {
    message: &'a ChatMessage,
    person: Uuid,
    voice: &'a Voice,
}

impl Chatter<'_> {
    /// `@ada`
    fn to(&self) -> String {
        format!("@{}", self.message.username)
    }
}

async fn obey(ports: &Ports, message: &ChatMessage, said: Said) -> Result<bool> {
    let (channel, id) = (message.kick_channel_id, &message.message_id);
    if ports.store.is_own_kick_chat(message.guild_id, channel, id, &message.content).await? {
        return Ok(false);
    }
    let voice = Voice::of(ports, message.guild_id).await?;
    let said = match said {
        Said::BuiltIn { word, .. } if word == "join" => match built_in::newest_giveaway(ports, message).await? {
            Some(draw) => Said::Join(draw),
            None => return Ok(false),
        },
        said => said,
    };
    // Discord is asked before the transaction.
    let known = match &said {
        Said::Join(draw) => know(ports, message, *draw).await?,
        _ => Known::default(),
    };
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    if !insert_run(&mut tx, message.guild_id, &message.message_id, now).await? {
        return Ok(false);
    }
    let chatter = Chatter { message, person: person(ports, &mut tx, message).await?, voice: &voice };
    let answer = match said {
        Said::Join(draw) => built_in::join(ports, &mut tx, &chatter, draw, &known).await?,
        Said::Custom { word, rest } => custom::run(ports, &mut tx, &chatter, &word, &rest).await?,
        Said::BuiltIn { word, rest } => built_in::run(ports, &mut tx, &chatter, &word, &rest).await?,
    };
    if let Some(text) = answer {
        let chat = NewKickChat {
            guild_id: message.guild_id,
            kick_channel_id: message.kick_channel_id,
            text,
            reply_to: Some(message.message_id.clone()),
            cause: format!("command:{}", message.message_id),
        };
        insert_kick_chat(&mut tx, now, &[chat]).await?;
    }
    crate::crash::point("command.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("command.after_commit");
    Ok(true)
}

async fn person(ports: &Ports, tx: &mut Tx, message: &ChatMessage) -> Result<Uuid> {
    let seen = SeenViewer {
        guild_id: message.guild_id,
        kick_user_id: message.viewer,
        username: message.username.clone(),
        seen_at: message.at,
        new_id: ports.clock.uuid(),
    };
    let persons = ensure_viewers(tx, &[seen]).await?;
    persons.first().copied().ok_or_else(|| anyhow::anyhow!("a viewer who is not known"))
}
