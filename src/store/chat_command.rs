//! Chat commands: those that admins wrote, and what was carried out.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::community::words::Permission;
use crate::id::GuildId;

/// A command that an admin wrote.
#[derive(Clone, Debug)]
pub struct ChatCommand {
    pub id: Uuid,
    pub name: String,
    pub aliases: Vec<String>,
    pub reply: String,
    pub permission: Permission,
    pub cooldown_seconds: i32,
    pub cost: i64,
    pub enabled: bool,
    pub uses: i64,
    pub last_used_at: Option<DateTime<Utc>>,
}

struct Row {
    id: Uuid,
    name: String,
    aliases: Vec<String>,
    reply: String,
    permission: String,
    cooldown_seconds: i32,
    cost: i64,
    enabled: bool,
    uses: i64,
    last_used_at: Option<DateTime<Utc>>,
}

impl From<Row> for ChatCommand {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            aliases: row.aliases,
            reply: row.reply,
            permission: Permission::parse(&row.permission).unwrap_or(Permission::Broadcaster),
            cooldown_seconds: row.cooldown_seconds,
            cost: row.cost,
            enabled: row.enabled,
            uses: row.uses,
            last_used_at: row.last_used_at,
        }
    }
}

impl ChatCommand {
    /// Whether it may be used at this time. What was written before its last use and is heard after it is as far from it.
    pub fn is_ready(&self, at: DateTime<Utc>) -> bool {
        let cooldown = TimeDelta::seconds(self.cooldown_seconds.into());
        self.last_used_at.is_none_or(|last| (at - last).abs() >= cooldown)
    }
}

/// Locks the command that this word means.
pub async fn lock_chat_command(tx: &mut Tx, guild_id: GuildId, word: &str) -> Result<Option<ChatCommand>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, name, aliases, reply, permission, cooldown_seconds, cost, enabled, uses, last_used_at FROM chat_command
         WHERE guild_id = $1 AND (name = $2 OR aliases @> ARRAY[$2]) ORDER BY name = $2 DESC, name LIMIT 1 FOR UPDATE",
        guild_id.0,
        word
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(ChatCommand::from))
}

/// Stores or changes the command of this name. What was counted stays.
pub async fn save_chat_command(
    tx: &mut Tx,
    guild_id: GuildId,
    command: &ChatCommand,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO chat_command (id, guild_id, name, aliases, reply, permission, cooldown_seconds, cost, enabled, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT ON CONSTRAINT chat_command_name DO UPDATE SET aliases = EXCLUDED.aliases, reply = EXCLUDED.reply,
             permission = EXCLUDED.permission, cooldown_seconds = EXCLUDED.cooldown_seconds, cost = EXCLUDED.cost,
             enabled = EXCLUDED.enabled",
        command.id,
        guild_id.0,
        command.name,
        &command.aliases,
        command.reply,
        command.permission.as_str(),
        command.cooldown_seconds,
        command.cost,
        command.enabled,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A word that another command of the server has, by its name or an alias.
pub async fn find_taken_word(tx: &mut Tx, guild_id: GuildId, name: &str, words: &[String]) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        r#"SELECT w.word AS "word!" FROM UNNEST($3::text[]) AS w (word)
           WHERE EXISTS (SELECT 1 FROM chat_command c WHERE c.guild_id = $1 AND c.name <> $2
               AND (c.name = w.word OR c.aliases @> ARRAY[w.word])) LIMIT 1"#,
        guild_id.0,
        name,
        words
    )
    .fetch_optional(&mut **tx)
    .await?)
}

pub async fn delete_chat_command(tx: &mut Tx, guild_id: GuildId, name: &str) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM chat_command WHERE guild_id = $1 AND name = $2", guild_id.0, name)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// It was used. Returns how often by now.
pub async fn note_use(tx: &mut Tx, guild_id: GuildId, id: Uuid, at: DateTime<Utc>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        "UPDATE chat_command SET uses = uses + 1, last_used_at = $3 WHERE guild_id = $1 AND id = $2 RETURNING uses",
        guild_id.0,
        id,
        at
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// True for the first time that this message is carried out, in the transaction of what it does.
pub async fn insert_run(tx: &mut Tx, guild_id: GuildId, message_id: &str, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO chat_command_run (guild_id, message_id, ran_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        guild_id.0,
        message_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Minutes that somebody has watched, and the place among all who have.
pub async fn find_watched(tx: &mut Tx, guild_id: GuildId, person_id: Uuid) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"SELECT v.minutes, (SELECT count(*) FROM viewer o WHERE o.guild_id = $1 AND o.minutes > v.minutes) + 1 AS "rank!"
           FROM viewer v WHERE v.guild_id = $1 AND v.person_id = $2"#,
        guild_id.0,
        person_id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map_or((0, 0), |row| (row.minutes, row.rank)))
}

/// What a server's own commands are called.
pub async fn list_names(tx: &mut Tx, guild_id: GuildId) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "SELECT name FROM chat_command WHERE guild_id = $1 AND enabled ORDER BY name LIMIT 100",
        guild_id.0
    )
    .fetch_all(&mut **tx)
    .await?)
}

impl Store {
    /// The names and aliases of these servers' commands.
    pub async fn list_command_words(&self, guilds: &[i64]) -> Result<Vec<(GuildId, String)>> {
        let rows = sqlx::query!(
            r#"SELECT guild_id, UNNEST(aliases || name) AS "word!" FROM chat_command WHERE guild_id = ANY ($1) AND enabled"#,
            guilds
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (GuildId(row.guild_id), row.word)).collect())
    }

    /// A server's commands by name.
    pub async fn list_chat_commands(&self, guild_id: GuildId) -> Result<Vec<ChatCommand>> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, name, aliases, reply, permission, cooldown_seconds, cost, enabled, uses, last_used_at
             FROM chat_command WHERE guild_id = $1 ORDER BY name",
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(ChatCommand::from).collect())
    }

    /// What is written in the chats of these servers to join giveaways that are open: `(guild, word, draw)`.
    pub async fn list_keywords(&self, guilds: &[i64]) -> Result<Vec<(GuildId, String, Uuid)>> {
        let rows = sqlx::query!(
            r#"SELECT guild_id, keyword AS "keyword!", id FROM draw
               WHERE guild_id = ANY ($1) AND state = 'open' AND keyword IS NOT NULL"#,
            guilds
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (GuildId(row.guild_id), row.keyword, row.id)).collect())
    }

    /// What is short-lived and over: messages carried out, requests of the dashboard, who chatted.
    pub(super) async fn purge_play(&self, before: DateTime<Utc>, limit: i64) -> Result<u64> {
        let runs = sqlx::query!(
            "DELETE FROM chat_command_run WHERE ctid = ANY (ARRAY(
                 SELECT ctid FROM chat_command_run WHERE ran_at < $1 LIMIT $2))",
            before,
            limit
        )
        .execute(&self.pool)
        .await?;
        let asked = sqlx::query!(
            "DELETE FROM dashboard_request WHERE ctid = ANY (ARRAY(
                 SELECT ctid FROM dashboard_request WHERE at < $1 AND state NOT IN ('asked', 'carried') LIMIT $2))",
            before,
            limit
        )
        .execute(&self.pool)
        .await?;
        let lines = sqlx::query!(
            "DELETE FROM chat_line WHERE ctid = ANY (ARRAY(SELECT ctid FROM chat_line WHERE at < $1 LIMIT $2))",
            before,
            limit
        )
        .execute(&self.pool)
        .await?;
        let chatted = sqlx::query!(
            "DELETE FROM chat_pulse WHERE ctid = ANY (ARRAY(SELECT ctid FROM chat_pulse WHERE last_at < $1 LIMIT $2))",
            before,
            limit
        )
        .execute(&self.pool)
        .await?;
        Ok(runs.rows_affected() + asked.rows_affected() + lines.rows_affected() + chatted.rows_affected())
    }
}
