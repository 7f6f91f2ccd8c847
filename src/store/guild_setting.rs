//! What a server's admins set for all of it.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{Result, Tx};
use crate::id::GuildId;

/// The clocks that times of the day mean in this server. `None`: nobody has said; they are those of UTC.
pub async fn find_time_zone(tx: &mut Tx, guild_id: GuildId) -> Result<Option<Tz>> {
    let name = sqlx::query_scalar!("SELECT time_zone FROM guild_setting WHERE guild_id = $1", guild_id.0)
        .fetch_optional(&mut **tx)
        .await?;
    // A newer binary may know places that this one does not.
    Ok(name.and_then(|name| name.parse().ok()))
}

/// Changes it, and says what it was. Changes of one server take turns.
pub async fn set_time_zone(tx: &mut Tx, guild_id: GuildId, zone: Option<Tz>, now: DateTime<Utc>) -> Result<Option<Tz>> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('guild_setting', $1))", guild_id.0)
        .execute(&mut **tx)
        .await?;
    let before = find_time_zone(tx, guild_id).await?;
    match zone {
        Some(zone) => {
            sqlx::query!(
                "INSERT INTO guild_setting (guild_id, time_zone, changed_at) VALUES ($1, $2, $3)
                 ON CONFLICT (guild_id) DO UPDATE SET time_zone = $2, changed_at = $3",
                guild_id.0,
                zone.name(),
                now
            )
            .execute(&mut **tx)
            .await?;
        }
        None => {
            sqlx::query!("DELETE FROM guild_setting WHERE guild_id = $1", guild_id.0).execute(&mut **tx).await?;
        }
    }
    Ok(before)
}
