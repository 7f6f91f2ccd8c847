//! Picks that are told later.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::GuildId;
use crate::store::{Result, Store, Tx};

/// What was picked, and what is to be told of it.
#[derive(Clone, Debug)]
pub struct Announcement {
    pub id: Uuid,
    pub guild_id: GuildId,
    /// The call that was picked, where there was one.
    pub slot_call_id: Option<Uuid>,
    pub cause: String,
    pub slot: String,
    pub name: String,
    pub reward: Option<String>,
}

pub async fn insert_announcement(tx: &mut Tx, new: &Announcement, due_at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO slot_announcement (id, guild_id, slot_call_id, cause, slot, name, reward, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id,
        new.guild_id.0,
        new.slot_call_id,
        new.cause,
        new.slot,
        new.name,
        new.reward,
        due_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes one whose time has come, in any server, in the transaction that tells it; others leave it alone until then.
pub async fn take_announcement(tx: &mut Tx, now: DateTime<Utc>) -> Result<Option<Announcement>> {
    let row = sqlx::query!(
        "DELETE FROM slot_announcement WHERE id = (SELECT id FROM slot_announcement WHERE due_at <= $1
             ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id, guild_id, slot_call_id, cause, slot, name, reward",
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Announcement {
        id: row.id,
        guild_id: GuildId(row.guild_id),
        slot_call_id: row.slot_call_id,
        cause: row.cause,
        slot: row.slot,
        name: row.name,
        reward: row.reward,
    }))
}

impl Store {
    pub async fn next_announcement_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(r#"SELECT min(due_at) AS "at" FROM slot_announcement"#).fetch_one(&self.pool).await?)
    }
}
