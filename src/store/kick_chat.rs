//! What is to be said in the chat of Kick channels, at which pace, and what came of it.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::GuildId;

/// What was not said by then is not said any more: an answer in a chat is for the moment.
pub const CHAT_LASTS: TimeDelta = TimeDelta::minutes(10);

/// Something to be said in a channel's chat.
#[derive(Clone, Debug, PartialEq)]
pub struct NewKickChat {
    pub guild_id: GuildId,
    pub kick_channel_id: Uuid,
    /// Whatever its length: it goes as several messages when Kick wants that.
    pub text: String,
    /// Kick's id of the message that it answers.
    pub reply_to: Option<String>,
    /// What it is said for: the same cause in a server is said once, ever.
    pub cause: String,
}

/// Puts messages into the queue, in this order, in the transaction of what they tell of. Of the same cause only the
/// first is kept. Returns how many are new; whoever commits wakes [`Topic::KickChat`](crate::bus::Topic::KickChat).
pub async fn insert_kick_chat(tx: &mut Tx, now: DateTime<Utc>, messages: &[NewKickChat]) -> Result<u64> {
    if messages.is_empty() {
        return Ok(0);
    }
    let guilds: Vec<i64> = messages.iter().map(|m| m.guild_id.0).collect();
    let channels: Vec<Uuid> = messages.iter().map(|m| m.kick_channel_id).collect();
    let texts: Vec<String> = messages.iter().map(|m| m.text.replace('\0', "")).collect();
    let replies: Vec<Option<String>> = messages.iter().map(|m| m.reply_to.clone()).collect();
    let causes: Vec<String> = messages.iter().map(|m| m.cause.clone()).collect();
    let done = sqlx::query!(
        "INSERT INTO kick_chat (id, guild_id, kick_channel_id, text, reply_to, cause, created_at, expires_at)
         SELECT gen_random_uuid(), m.guild_id, m.channel, m.text, m.reply_to, m.cause, $6, $7
         FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[])
             WITH ORDINALITY AS m (guild_id, channel, text, reply_to, cause, place)
         ORDER BY m.place
         ON CONFLICT ON CONSTRAINT kick_chat_once DO NOTHING",
        &guilds,
        &channels,
        &texts,
        &replies as &[Option<String>],
        &causes,
        now,
        now + CHAT_LASTS
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

impl Store {
    /// What was said, or given up, before then; and connections that came to nothing or are done.
    pub(super) async fn purge_kick(
        &self,
        before: DateTime<Utc>,
        begun_before: DateTime<Utc>,
        limit: i64,
    ) -> Result<u64> {
        let chat = sqlx::query!(
            "DELETE FROM kick_chat WHERE (guild_id, cause) IN
                 (SELECT guild_id, cause FROM kick_chat WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)",
            before,
            limit
        )
        .execute(&self.pool)
        .await?;
        let begun = sqlx::query!("DELETE FROM kick_oauth_state WHERE created_at < $1", begun_before)
            .execute(&self.pool)
            .await?;
        Ok(chat.rows_affected() + begun.rows_affected())
    }
}
