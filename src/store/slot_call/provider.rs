//! Providers of slots: whose are not taken at present, and why.

use chrono::{DateTime, Utc};

use crate::id::GuildId;
use crate::store::{Result, Store, Tx};

/// A provider as an admin has told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotProvider {
    pub slug: String,
    pub name: String,
    /// Slugs of its slots, as far as they are listed.
    pub slots: Vec<String>,
    /// Since when its slots are not taken.
    pub unavailable_at: Option<DateTime<Utc>>,
    pub reason: String,
}

/// Locks one by its name; the caller has the lock of the server's slots.
pub async fn find_provider(tx: &mut Tx, guild_id: GuildId, slug: &str) -> Result<Option<SlotProvider>> {
    Ok(sqlx::query_as!(
        SlotProvider,
        "SELECT slug, name, slots, unavailable_at, reason FROM slot_provider WHERE guild_id = $1 AND slug = $2",
        guild_id.0,
        slug
    )
    .fetch_optional(&mut **tx)
    .await?)
}

pub async fn save_provider(tx: &mut Tx, guild_id: GuildId, provider: &SlotProvider) -> Result<()> {
    sqlx::query!(
        "INSERT INTO slot_provider (guild_id, slug, name, slots, unavailable_at, reason) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (guild_id, slug) DO UPDATE SET name = $3, slots = $4, unavailable_at = $5, reason = $6",
        guild_id.0,
        provider.slug,
        provider.name,
        &provider.slots,
        provider.unavailable_at,
        provider.reason
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// False: there was none of this name.
pub async fn delete_provider(tx: &mut Tx, guild_id: GuildId, slug: &str) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM slot_provider WHERE guild_id = $1 AND slug = $2", guild_id.0, slug)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// The unavailable provider of a slot: one that lists it, or that the call names first or last.
pub async fn find_unavailable(tx: &mut Tx, guild_id: GuildId, slot: &str) -> Result<Option<SlotProvider>> {
    Ok(sqlx::query_as!(
        SlotProvider,
        "SELECT slug, name, slots, unavailable_at, reason FROM slot_provider
         WHERE guild_id = $1 AND unavailable_at IS NOT NULL
           AND ($2 = ANY (slots) OR starts_with($2, slug || '-') OR right($2, length(slug) + 1) = '-' || slug)
         ORDER BY $2 = ANY (slots) DESC, slug LIMIT 1",
        guild_id.0,
        slot
    )
    .fetch_optional(&mut **tx)
    .await?)
}

impl Store {
    /// A server's providers by name.
    pub async fn list_providers(&self, guild_id: GuildId) -> Result<Vec<SlotProvider>> {
        Ok(sqlx::query_as!(
            SlotProvider,
            "SELECT slug, name, slots, unavailable_at, reason FROM slot_provider WHERE guild_id = $1 ORDER BY slug LIMIT 100",
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
