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

/// A message whose turn it is.
#[derive(Clone, Debug, PartialEq)]
pub struct KickChat {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub kick_channel_id: Uuid,
    pub text: String,
    pub reply_to: Option<String>,
    pub attempts: i32,
    /// How many of the messages that it goes as are said.
    pub said: i32,
}

/// A channel's chat whose turn it is, under a lease.
#[derive(Clone, Debug)]
pub struct ClaimedLane {
    pub broadcaster_user_id: i64,
    pub lease_token: Uuid,
    pub pace: Pace,
}

/// How a lane goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// When its budget is full again.
    pub full_at: DateTime<Utc>,
    /// Nothing is said before then.
    pub not_before: DateTime<Utc>,
    /// How many attempts in a row failed.
    pub failures: i32,
    /// Until then the application's bot is not tried.
    pub no_bot_until: Option<DateTime<Utc>>,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Saying {
    /// Said, under this id of Kick; `all`: that was the last of it.
    Said {
        message_id: Option<String>,
        all: bool,
    },
    /// Not said; it stays first.
    Again(String),
    /// Nobody knows whether it was said.
    Unknown(String),
    Failed(String),
}

impl Store {
    /// Leases chats in which something is to be said now.
    pub async fn claim_kick_lanes(
        &self,
        token: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<ClaimedLane>> {
        sqlx::query!(
            "INSERT INTO kick_chat_lane (broadcaster_user_id, full_at, not_before)
             SELECT DISTINCT ch.broadcaster_user_id, $1::timestamptz, $1::timestamptz
             FROM kick_chat c JOIN kick_channel ch ON ch.id = c.kick_channel_id
             WHERE c.state IN ('queued', 'sending')
               AND NOT EXISTS (SELECT 1 FROM kick_chat_lane l WHERE l.broadcaster_user_id = ch.broadcaster_user_id)
             ON CONFLICT DO NOTHING",
            now
        )
        .execute(&self.pool)
        .await?;
        let rows = sqlx::query!(
            "UPDATE kick_chat_lane l SET lease_token = $1, leased_until = $3 FROM
                 (SELECT w.broadcaster_user_id FROM kick_chat_lane w
                  WHERE w.not_before <= $2 AND (w.leased_until IS NULL OR w.leased_until <= $2)
                    AND EXISTS (SELECT 1 FROM kick_chat c JOIN kick_channel ch ON ch.id = c.kick_channel_id
                        WHERE ch.broadcaster_user_id = w.broadcaster_user_id AND c.state IN ('queued', 'sending'))
                  ORDER BY w.not_before LIMIT $4 FOR UPDATE SKIP LOCKED) due
             WHERE l.broadcaster_user_id = due.broadcaster_user_id
             RETURNING l.broadcaster_user_id, l.full_at, l.not_before, l.failures, l.no_bot_until",
            token,
            now,
            until,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let claimed = rows.into_iter().map(|r| ClaimedLane {
            broadcaster_user_id: r.broadcaster_user_id,
            lease_token: token,
            pace: Pace {
                full_at: r.full_at,
                not_before: r.not_before,
                failures: r.failures,
                no_bot_until: r.no_bot_until,
            },
        });
        Ok(claimed.collect())
    }

    /// The next message of a chat, marked as under way before it is said. What was under way when its lease lapsed is
    /// unknown and not said again; what is too old is not said any more.
    pub async fn start_kick_chat(&self, lane: &ClaimedLane, now: DateTime<Utc>) -> Result<Option<KickChat>> {
        let mut tx = self.begin().await?;
        let held = sqlx::query_scalar!(
            "SELECT 1 AS one FROM kick_chat_lane WHERE broadcaster_user_id = $1 AND lease_token = $2 FOR UPDATE",
            lane.broadcaster_user_id,
            lane.lease_token
        )
        .fetch_optional(&mut *tx)
        .await?;
        if held.is_none() {
            return Ok(None);
        }
        sqlx::query!(
            "UPDATE kick_chat c SET finished_at = $2,
                 state = CASE WHEN c.state = 'sending' THEN 'unknown' ELSE 'expired' END,
                 error = CASE WHEN c.state = 'sending' THEN 'Signalbox stopped while it was said' ELSE c.error END
             FROM kick_channel ch WHERE ch.id = c.kick_channel_id AND ch.broadcaster_user_id = $1
               AND (c.state = 'sending' OR (c.state = 'queued' AND c.expires_at <= $2))",
            lane.broadcaster_user_id,
            now
        )
        .execute(&mut *tx)
        .await?;
        let next = sqlx::query!(
            "UPDATE kick_chat c SET state = 'sending', attempts = c.attempts + 1 FROM
                 (SELECT n.id FROM kick_chat n JOIN kick_channel ch ON ch.id = n.kick_channel_id
                  WHERE ch.broadcaster_user_id = $1 AND n.state = 'queued' ORDER BY n.seq LIMIT 1) next
             WHERE c.id = next.id
             RETURNING c.id, c.guild_id, c.kick_channel_id, c.text, c.reply_to, c.attempts, c.said",
            lane.broadcaster_user_id
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(next.map(|r| KickChat {
            id: r.id,
            guild_id: GuildId(r.guild_id),
            kick_channel_id: r.kick_channel_id,
            text: r.text,
            reply_to: r.reply_to,
            attempts: r.attempts,
            said: r.said,
        }))
    }

    /// Notes what came of an attempt, and how its lane goes on.
    pub async fn finish_kick_chat(
        &self,
        lane: &ClaimedLane,
        message: &KickChat,
        came: &Saying,
        pace: &Pace,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let (state, error, message_id) = match came {
            Saying::Said { message_id, all: true } => ("sent", None, message_id.as_deref()),
            Saying::Said { message_id, all: false } => ("queued", None, message_id.as_deref()),
            Saying::Again(why) => ("queued", Some(why.as_str()), None),
            Saying::Unknown(why) => ("unknown", Some(why.as_str()), None),
            Saying::Failed(why) => ("failed", Some(why.as_str()), None),
        };
        let was_said = matches!(came, Saying::Said { .. });
        let mut tx = self.begin().await?;
        // Whoever has taken the lane over meanwhile has called it unknown; it is known after all.
        sqlx::query!(
            "UPDATE kick_chat SET state = $3, error = $4, said = said + CASE WHEN $5 THEN 1 ELSE 0 END,
                 attempts = CASE WHEN $5 THEN 0 ELSE attempts END,
                 message_ids = CASE WHEN $6::text IS NULL THEN message_ids ELSE message_ids || $6 END,
                 finished_at = CASE WHEN $3 <> 'queued' THEN $7::timestamptz END
             WHERE guild_id = $1 AND id = $2 AND (state = 'sending' OR (state = 'unknown' AND $3 = 'sent'))",
            message.guild_id.0,
            message.id,
            state,
            error,
            was_said,
            message_id,
            now
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "UPDATE kick_chat_lane SET full_at = $3, not_before = $4, failures = $5, no_bot_until = $6
             WHERE broadcaster_user_id = $1 AND lease_token = $2",
            lane.broadcaster_user_id,
            lane.lease_token,
            pace.full_at,
            pace.not_before,
            pace.failures,
            pace.no_bot_until
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }

    /// Gives a lane back.
    pub async fn release_kick_lane(&self, lane: &ClaimedLane) -> Result<()> {
        sqlx::query!(
            "UPDATE kick_chat_lane SET lease_token = NULL, leased_until = NULL
             WHERE broadcaster_user_id = $1 AND lease_token = $2",
            lane.broadcaster_user_id,
            lane.lease_token
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// When something is to be said next.
    pub async fn next_kick_chat_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(
            r#"SELECT min(COALESCE(GREATEST(l.not_before, l.leased_until), c.created_at))
               FROM kick_chat c JOIN kick_channel ch ON ch.id = c.kick_channel_id
               LEFT JOIN kick_chat_lane l ON l.broadcaster_user_id = ch.broadcaster_user_id
               WHERE c.state IN ('queued', 'sending')"#
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Whether a message of a chat is one of ours: by Kick's id, or, as long as Kick has not answered, by its text
    /// (of a long one each part).
    pub async fn is_own_kick_chat(
        &self,
        guild_id: GuildId,
        kick_channel_id: Uuid,
        message_id: &str,
        text: &str,
    ) -> Result<bool> {
        Ok(sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM kick_chat WHERE guild_id = $1 AND message_ids @> ARRAY[$3]::text[])
                   OR EXISTS (SELECT 1 FROM kick_chat WHERE guild_id = $1 AND kick_channel_id = $2 AND state = 'sending'
                       AND (text = $4 OR (length($4) > 100 AND strpos(text, $4) > 0))) AS "is!""#,
            guild_id.0,
            kick_channel_id,
            message_id,
            text
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// The newest messages of a channel that were not said, with the reason.
    pub async fn list_unsaid_kick_chat(
        &self,
        guild_id: GuildId,
        kick_channel_id: Uuid,
        since: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, String)>> {
        let rows = sqlx::query!(
            "SELECT created_at, state, error FROM kick_chat
             WHERE guild_id = $1 AND kick_channel_id = $2 AND state IN ('unknown', 'failed', 'expired') AND finished_at >= $3
             ORDER BY seq DESC LIMIT 5",
            guild_id.0,
            kick_channel_id,
            since
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| (r.created_at, r.error.unwrap_or(r.state))).collect())
    }
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
