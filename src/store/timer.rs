//! Timed messages: what is said when, and the pulse of the chat that they wait for.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::{ChannelId, GuildId};
use crate::routing::board::timers::{TimerLine, TimersView};

/// A timed message, or a group of them.
#[derive(Clone, Debug)]
pub struct Timer {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub number: i64,
    pub texts: Vec<String>,
    pub shuffles: bool,
    pub next_text: i32,
    pub every_seconds: Option<i64>,
    pub cron: Option<String>,
    pub time_zone: String,
    pub min_lines: i64,
    pub min_chatters: i64,
    /// `online`, `offline` or `always`.
    pub only_while: String,
    pub to_kick: bool,
    pub channel_id: Option<ChannelId>,
    pub enabled: bool,
    /// Lines of chat count from here on: when it was last said, else when it was made.
    pub lines_since: DateTime<Utc>,
    pub next_at: Option<DateTime<Utc>>,
    /// How often it was said.
    pub runs: i64,
}

struct Row {
    id: Uuid,
    guild_id: i64,
    number: i64,
    texts: Vec<String>,
    shuffles: bool,
    next_text: i32,
    every_seconds: Option<i64>,
    cron: Option<String>,
    time_zone: String,
    min_lines: i64,
    min_chatters: i64,
    only_while: String,
    to_kick: bool,
    channel_id: Option<i64>,
    enabled: bool,
    lines_since: DateTime<Utc>,
    next_at: Option<DateTime<Utc>>,
    runs: i64,
}

impl From<Row> for Timer {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            guild_id: GuildId(row.guild_id),
            number: row.number,
            texts: row.texts,
            shuffles: row.shuffles,
            next_text: row.next_text,
            every_seconds: row.every_seconds,
            cron: row.cron,
            time_zone: row.time_zone,
            min_lines: row.min_lines,
            min_chatters: row.min_chatters,
            only_while: row.only_while,
            to_kick: row.to_kick,
            channel_id: row.channel_id.map(ChannelId),
            enabled: row.enabled,
            lines_since: row.lines_since,
            next_at: row.next_at,
            runs: row.runs,
        }
    }
}

/// Stores one under `number`, or under the server's next one; the caller has the server's turn. `None`: the number is
/// taken.
pub async fn insert_timer(tx: &mut Tx, timer: &Timer, number: Option<i64>, now: DateTime<Utc>) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO timed_message (id, guild_id, number, texts, shuffles, every_seconds, cron, time_zone, min_lines,
             min_chatters, only_while, to_kick, channel_id, enabled, next_at, created_at)
         SELECT $1, $2, COALESCE($3, (SELECT COALESCE(max(number), 0) + 1 FROM timed_message WHERE guild_id = $2)), $4, $5, $6,
             $7, $8, $9, $10, $11, $12, $13, $14, $15, $16
         ON CONFLICT ON CONSTRAINT timed_message_number DO NOTHING RETURNING number",
        timer.id,
        timer.guild_id.0,
        number,
        &timer.texts,
        timer.shuffles,
        timer.every_seconds,
        timer.cron,
        timer.time_zone,
        timer.min_lines,
        timer.min_chatters,
        timer.only_while,
        timer.to_kick,
        timer.channel_id.map(|channel| channel.0),
        timer.enabled,
        timer.next_at,
        now
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Locks one of this server by its number.
pub async fn lock_timer(tx: &mut Tx, guild_id: GuildId, number: i64) -> Result<Option<Timer>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, guild_id, number, texts, shuffles, next_text, every_seconds, cron, time_zone, min_lines, min_chatters,
             only_while, to_kick, channel_id, enabled, COALESCE(last_sent_at, created_at) AS "lines_since!", next_at, runs
         FROM timed_message WHERE guild_id = $1 AND number = $2 FOR UPDATE"#,
        guild_id.0,
        number
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(Timer::from))
}

/// One that is due, in any server; others leave it alone until the transaction has ended.
pub async fn claim_timer(tx: &mut Tx, now: DateTime<Utc>) -> Result<Option<Timer>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, guild_id, number, texts, shuffles, next_text, every_seconds, cron, time_zone, min_lines, min_chatters,
             only_while, to_kick, channel_id, enabled, COALESCE(last_sent_at, created_at) AS "lines_since!", next_at, runs
         FROM timed_message WHERE enabled AND next_at <= $1 ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED"#,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(Timer::from))
}

/// When it is due again; and that it was said, if it was.
pub async fn note_timer(
    tx: &mut Tx,
    timer: &Timer,
    next_at: Option<DateTime<Utc>>,
    said: Option<i32>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE timed_message SET next_at = $3, next_text = COALESCE($4, next_text),
             runs = runs + CASE WHEN $4::integer IS NULL THEN 0 ELSE 1 END,
             last_sent_at = CASE WHEN $4::integer IS NULL THEN last_sent_at ELSE $5 END
         WHERE guild_id = $1 AND id = $2",
        timer.guild_id.0,
        timer.id,
        next_at,
        said,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What somebody changed about one.
pub async fn save_timer(tx: &mut Tx, timer: &Timer) -> Result<()> {
    sqlx::query!(
        "UPDATE timed_message SET texts = $3, every_seconds = $4, cron = $5, enabled = $6, next_at = $7
         WHERE guild_id = $1 AND id = $2",
        timer.guild_id.0,
        timer.id,
        &timer.texts,
        timer.every_seconds,
        timer.cron,
        timer.enabled,
        timer.next_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn delete_timer(tx: &mut Tx, guild_id: GuildId, number: i64) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM timed_message WHERE guild_id = $1 AND number = $2", guild_id.0, number)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Who wrote in a server's chat, and when last: `(guild, viewer, at)`.
pub async fn note_chat(tx: &mut Tx, heard: &[(GuildId, i64, DateTime<Utc>)]) -> Result<()> {
    let guilds: Vec<i64> = heard.iter().map(|(guild, ..)| guild.0).collect();
    let viewers: Vec<i64> = heard.iter().map(|(_, viewer, _)| *viewer).collect();
    let times: Vec<DateTime<Utc>> = heard.iter().map(|(.., at)| *at).collect();
    // In one order, so that two processes wait for each other and never in a circle.
    sqlx::query!(
        "INSERT INTO chat_pulse (guild_id, viewer, last_at)
         SELECT t.guild_id, t.viewer, t.at FROM UNNEST($1::bigint[], $2::bigint[], $3::timestamptz[]) AS t (guild_id, viewer, at)
         ORDER BY t.guild_id, t.viewer
         ON CONFLICT (guild_id, viewer) DO UPDATE SET last_at = GREATEST(chat_pulse.last_at, EXCLUDED.last_at)",
        &guilds,
        &viewers,
        &times
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Of these servers those where a timed message waits for lines: it has fewer than it wants since it was last said.
pub async fn list_waiting_for_lines(tx: &mut Tx, guilds: &[i64]) -> Result<Vec<GuildId>> {
    let rows = sqlx::query_scalar!(
        "SELECT DISTINCT m.guild_id FROM timed_message m WHERE m.guild_id = ANY ($1) AND m.enabled AND m.min_lines > 0
           AND m.min_lines > (SELECT count(*) FROM (SELECT 1 FROM chat_line l WHERE l.guild_id = m.guild_id
               AND l.at >= COALESCE(m.last_sent_at, m.created_at) LIMIT m.min_lines) counted)",
        guilds
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(GuildId).collect())
}

/// Lines that are waited for: `(guild, message, at)`. One that is heard again is there already.
pub async fn note_lines(tx: &mut Tx, lines: &[(GuildId, &str, DateTime<Utc>)]) -> Result<()> {
    let guilds: Vec<i64> = lines.iter().map(|(guild, ..)| guild.0).collect();
    let messages: Vec<String> = lines.iter().map(|(_, message, _)| (*message).to_owned()).collect();
    let times: Vec<DateTime<Utc>> = lines.iter().map(|(.., at)| *at).collect();
    sqlx::query!(
        "INSERT INTO chat_line (guild_id, message_id, at)
         SELECT t.guild_id, t.message_id, t.at
         FROM UNNEST($1::bigint[], $2::text[], $3::timestamptz[]) AS t (guild_id, message_id, at)
         ORDER BY t.guild_id, t.message_id ON CONFLICT DO NOTHING",
        &guilds,
        &messages,
        &times
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Lines since it was last said, counted no further than it wants.
pub async fn count_lines(tx: &mut Tx, timer: &Timer) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "lines!" FROM (SELECT 1 AS one FROM chat_line WHERE guild_id = $1 AND at >= $2 LIMIT $3) counted"#,
        timer.guild_id.0,
        timer.lines_since,
        timer.min_lines
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// How many chatted since then.
pub async fn count_chatters(tx: &mut Tx, guild_id: GuildId, since: DateTime<Utc>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "chatters!" FROM chat_pulse WHERE guild_id = $1 AND last_at >= $2"#,
        guild_id.0,
        since
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Whether a channel of the server is live.
pub async fn is_live(tx: &mut Tx, guild_id: GuildId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM kick_stream WHERE guild_id = $1 AND ended_at IS NULL) AS "live!""#,
        guild_id.0
    )
    .fetch_one(&mut **tx)
    .await?)
}

fn rhythm(every_seconds: Option<i64>, cron: Option<&str>, time_zone: &str) -> String {
    match (every_seconds, cron) {
        (Some(seconds), _) => format!("every {} min", seconds / 60),
        (None, Some(cron)) => format!("`{}` {time_zone}", cron.replace('`', "'")),
        (None, None) => String::new(),
    }
}

impl Store {
    /// What the board shows.
    pub async fn get_timers(&self, guild_id: GuildId) -> Result<TimersView> {
        let rows = sqlx::query!(
            "SELECT number, texts, every_seconds, cron, time_zone, enabled, next_at FROM timed_message WHERE guild_id = $1
             ORDER BY number LIMIT 50",
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?;
        let timers = rows.into_iter().map(|row| TimerLine {
            number: row.number,
            rhythm: rhythm(row.every_seconds, row.cron.as_deref(), &row.time_zone),
            texts: row.texts,
            enabled: row.enabled,
            next_at: row.next_at,
        });
        Ok(TimersView { timers: timers.collect() })
    }

    pub async fn next_timer_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(r#"SELECT min(next_at) AS "at" FROM timed_message WHERE enabled"#)
            .fetch_one(&self.pool)
            .await?)
    }
}
