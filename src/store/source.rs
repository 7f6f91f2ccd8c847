//! Sources: the configured systems that signals come from, each in one guild.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::secret::{is_secret, setting_place};
use super::{Result, Store, Tx};
use crate::id::GuildId;

/// The kind of a source's system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    XtSystems,
    /// Signalbox itself: notices to the admins.
    Signalbox,
    Panel,
    Party,
    /// The channels of Kick that a server is connected with.
    Kick,
    /// A game server of ET:Legacy.
    Etlegacy,
    /// Described instead of programmed (`generic_source.rs`).
    Generic,
}

impl SourceKind {
    pub fn as_str(self) -> &'static str {
        match self {
            SourceKind::XtSystems => "xtsystems",
            SourceKind::Signalbox => "signalbox",
            SourceKind::Panel => "panel",
            SourceKind::Party => "party",
            SourceKind::Kick => "kick",
            SourceKind::Etlegacy => "etlegacy",
            SourceKind::Generic => "generic",
        }
    }
}

impl Store {
    /// The source's id, made at the first call. `new_id` is used only then.
    pub async fn ensure_source(
        &self,
        guild_id: GuildId,
        kind: SourceKind,
        name: &str,
        new_id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Uuid> {
        sqlx::query!(
            "INSERT INTO source (id, guild_id, kind, name, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT ON CONSTRAINT source_unique DO NOTHING",
            new_id,
            guild_id.0,
            kind.as_str(),
            name,
            now
        )
        .execute(&self.pool)
        .await?;
        let id = sqlx::query_scalar!(
            "SELECT id FROM source WHERE guild_id = $1 AND kind = $2 AND name = $3",
            guild_id.0,
            kind.as_str(),
            name
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(id)
    }

    pub async fn find_setting(&self, guild_id: GuildId, key: &str) -> Result<Option<String>> {
        let stored = sqlx::query_scalar!("SELECT value FROM setting WHERE guild_id = $1 AND key = $2", guild_id.0, key)
            .fetch_optional(&self.pool)
            .await?;
        Ok(match stored {
            Some(sealed) if is_secret(key) => Some(self.keys.open(&setting_place(guild_id.0, key), &sealed)?),
            plain => plain,
        })
    }

    /// A value as it stands in the table.
    fn stored_setting(&self, guild_id: GuildId, key: &str, value: &str) -> Result<String> {
        if is_secret(key) {
            return Ok(self.keys.seal(&setting_place(guild_id.0, key), value)?);
        }
        Ok(value.to_owned())
    }

    pub async fn save_setting(&self, guild_id: GuildId, key: &str, value: &str, now: DateTime<Utc>) -> Result<()> {
        let stored = self.stored_setting(guild_id, key, value)?;
        sqlx::query!(
            "INSERT INTO setting (guild_id, key, value, updated_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (guild_id, key) DO UPDATE SET value = EXCLUDED.value, updated_at = EXCLUDED.updated_at",
            guild_id.0,
            key,
            stored,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Sets a value unless there is one; returns the one that stands. Two processes agree on the first.
    pub async fn ensure_setting(
        &self,
        guild_id: GuildId,
        key: &str,
        value: &str,
        now: DateTime<Utc>,
    ) -> Result<String> {
        let stored = self.stored_setting(guild_id, key, value)?;
        sqlx::query!(
            "INSERT INTO setting (guild_id, key, value, updated_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            guild_id.0,
            key,
            stored,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(self.find_setting(guild_id, key).await?.unwrap_or_else(|| value.to_owned()))
    }
}

/// Stores a value in the transaction of what it is for; one whose key says that it is a secret is sealed.
pub async fn insert_setting(tx: &mut Tx, guild_id: GuildId, key: &str, value: &str, now: DateTime<Utc>) -> Result<()> {
    let stored = if is_secret(key) { tx.keys.seal(&setting_place(guild_id.0, key), value)? } else { value.to_owned() };
    sqlx::query!(
        "INSERT INTO setting (guild_id, key, value, updated_at) VALUES ($1, $2, $3, $4)",
        guild_id.0,
        key,
        stored,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes a value out: it is no longer there once the transaction is committed.
pub async fn take_setting(tx: &mut Tx, guild_id: GuildId, key: &str) -> Result<Option<String>> {
    let stored =
        sqlx::query_scalar!("DELETE FROM setting WHERE guild_id = $1 AND key = $2 RETURNING value", guild_id.0, key)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(match stored {
        Some(sealed) if is_secret(key) => Some(tx.keys.open(&setting_place(guild_id.0, key), &sealed)?),
        plain => plain,
    })
}

/// The random id under which append-only tables know a Discord user; made at the first mention. It cannot be
/// deleted until this transaction has ended.
pub async fn ensure_person(tx: &mut Tx, discord_user_id: i64, new_id: Uuid, now: DateTime<Utc>) -> Result<Uuid> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO person (id, discord_user_id, created_at) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT person_discord_unique DO UPDATE SET discord_user_id = EXCLUDED.discord_user_id
         RETURNING id",
        new_id,
        discord_user_id,
        now
    )
    .fetch_one(&mut **tx)
    .await?)
}

impl Store {
    pub async fn get_source_created_at(&self, source_id: Uuid) -> Result<DateTime<Utc>> {
        Ok(sqlx::query_scalar!("SELECT created_at FROM source WHERE id = $1", source_id).fetch_one(&self.pool).await?)
    }
}
