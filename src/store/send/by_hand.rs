//! A send whose fate nobody can find out is settled by somebody who looked.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::GuildId;
use crate::store::{Result, Tx};

/// What somebody says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// It is there.
    Sent,
    /// It is not.
    SendAgain,
}

/// Whether a send is unresolved now; it stays so until this transaction ends.
pub(super) async fn is_unresolved(tx: &mut Tx, send_id: Uuid) -> Result<bool> {
    let state = sqlx::query_scalar!("SELECT state FROM send WHERE id = $1 FOR UPDATE", send_id)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(state.as_deref() == Some("unresolved"))
}

/// Settles the send that carries this delivery of the guild. Returns it, or `None` when it is not unresolved (any more).
/// A card that is said to be there is one whose message is not known: it is neither edited nor posted again.
pub async fn settle_by_hand(
    tx: &mut Tx,
    guild_id: GuildId,
    message_id: i64,
    how: ByHand,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>> {
    let found = sqlx::query!(
        "SELECT s.id, s.card_id FROM message m JOIN send s ON s.id = m.send_id
         WHERE m.guild_id = $1 AND m.id = $2 AND m.state = 'sending' AND s.state = 'unresolved' FOR UPDATE OF s",
        guild_id.0,
        message_id
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(found) = found else { return Ok(None) };
    let is_sent = how == ByHand::Sent;
    let note =
        if is_sent { "somebody has seen it there" } else { "somebody has seen that it is not there: sent again" };
    sqlx::query!(
        "UPDATE send SET state = CASE WHEN $2 THEN 'delivered' ELSE 'open' END, attempting_at = NULL, ambiguous_at = NULL,
             own_failures = 0, not_before = $3, note = $4, finished_at = CASE WHEN $2 THEN $3::timestamptz END
         WHERE id = $1",
        found.id,
        is_sent,
        now,
        note
    )
    .execute(&mut **tx)
    .await?;
    if is_sent {
        sqlx::query!(
            "UPDATE message SET state = 'delivered', finished_at = $2 WHERE send_id = $1 AND guild_id = $3 AND state = 'sending'",
            found.id,
            now,
            guild_id.0
        )
        .execute(&mut **tx)
        .await?;
        sqlx::query!(
            "UPDATE card SET gone_at = $2 WHERE id = $1 AND send_id = $3 AND guild_id = $4 AND discord_message_id IS NULL",
            found.card_id,
            now,
            found.id,
            guild_id.0
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(Some(found.id))
}
