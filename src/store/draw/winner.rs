//! Who was drawn, and who claimed the prize.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::StoredDraw;
use crate::community::proof::Drawn;
use crate::id::GuildId;
use crate::store::{Result, Tx};

/// Somebody was drawn.
pub async fn insert_winner(
    tx: &mut Tx,
    draw: &StoredDraw,
    place: i32,
    drawn: &Drawn,
    claim_until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO draw_winner (draw_id, guild_id, place, entry_id, total, ticket, proof, drawn_at, claim_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        draw.id,
        draw.guild_id.0,
        place,
        drawn.entry,
        i64::try_from(drawn.total).unwrap_or(i64::MAX),
        i64::try_from(drawn.ticket).unwrap_or(i64::MAX),
        drawn.proof,
        now,
        claim_until
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One who was drawn, as the flow needs it.
#[derive(Clone, Debug)]
pub struct Winner {
    pub place: i32,
    pub entry_id: Uuid,
    pub person_id: Uuid,
    pub name: String,
    /// Their Discord user, unless they are in chat alone or forgotten.
    pub user_id: Option<i64>,
    pub claim_until: Option<DateTime<Utc>>,
    pub claimed_at: Option<DateTime<Utc>>,
    pub passed_at: Option<DateTime<Utc>>,
}

/// All who were drawn, in order.
pub async fn list_winners(tx: &mut Tx, guild_id: GuildId, draw_id: Uuid) -> Result<Vec<Winner>> {
    Ok(sqlx::query_as!(
        Winner,
        r#"SELECT w.place, w.entry_id, e.person_id, e.name, p.discord_user_id AS "user_id?", w.claim_until, w.claimed_at, w.passed_at
           FROM draw_winner w JOIN draw_entry e ON e.id = w.entry_id
           LEFT JOIN kick_link k ON k.guild_id = e.guild_id AND k.viewer_id = e.person_id
           LEFT JOIN person p ON p.id = COALESCE(k.member_id, e.person_id)
           WHERE w.guild_id = $1 AND w.draw_id = $2 ORDER BY w.place"#,
        guild_id.0,
        draw_id
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Nobody waits for these any more: their place is drawn again.
pub async fn pass_winners(
    tx: &mut Tx,
    guild_id: GuildId,
    draw_id: Uuid,
    places: &[i32],
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE draw_winner SET passed_at = $4
         WHERE guild_id = $1 AND draw_id = $2 AND place = ANY ($3) AND claimed_at IS NULL AND passed_at IS NULL",
        guild_id.0,
        draw_id,
        places,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn mark_claimed(tx: &mut Tx, guild_id: GuildId, draw_id: Uuid, place: i32, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE draw_winner SET claimed_at = $4
         WHERE guild_id = $1 AND draw_id = $2 AND place = $3 AND claimed_at IS NULL AND passed_at IS NULL",
        guild_id.0,
        draw_id,
        place,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
