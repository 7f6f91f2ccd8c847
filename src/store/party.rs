//! What the LAN party needs: which party a name means, where its notifications go, what became of one.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::secret::webhook_place;
use super::{Result, Store, Tx};
use crate::id::{ChannelId, GuildId};
use crate::routing::subject::SubjectState;

/// Routes of people stand before it, those of the environment after it.
const POSITION: i32 = 900_000;
/// Newest creations among which a name is looked for.
const RECENT: i64 = 50;

/// A party as it stands.
pub struct KnownParty {
    pub key: String,
    pub state: SubjectState,
    pub updated_at: DateTime<Utc>,
}

impl Store {
    /// The id of the newest party with this name, or of the newest at all. From the events themselves: the next one of
    /// a burst may come before the first is planned.
    pub async fn find_party_id(&self, source_id: Uuid, name: Option<&str>) -> Result<Option<String>> {
        Ok(sqlx::query_scalar!(
            r#"SELECT data ->> 'party_id' AS "id!" FROM (
                   SELECT data, received_at FROM event WHERE source_id = $1 AND kind = 'party.created'
                   ORDER BY received_at DESC LIMIT $3
               ) e
               WHERE data ->> 'party_id' IS NOT NULL AND ($2::text IS NULL OR lower(data ->> 'party_name') = lower($2))
               ORDER BY received_at DESC LIMIT 1"#,
            source_id,
            name,
            RECENT
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Parties, the one that changed last first.
    pub async fn list_parties(&self, guild_id: GuildId, limit: i64) -> Result<Vec<KnownParty>> {
        let rows = sqlx::query!(
            "SELECT key, state, updated_at FROM subject WHERE guild_id = $1 AND kind = 'party'
             ORDER BY updated_at DESC, id LIMIT $2",
            guild_id.0,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| KnownParty {
                key: row.key,
                state: serde_json::from_value(row.state).unwrap_or_default(),
                updated_at: row.updated_at,
            })
            .collect())
    }

    /// Where the notifications of a party source go, if its route is there.
    pub async fn has_party_route(&self, route_id: Uuid) -> Result<bool> {
        let found = sqlx::query_scalar!("SELECT 1 AS one FROM route WHERE id = $1 AND enabled", route_id);
        Ok(found.fetch_optional(&self.pool).await?.is_some())
    }

    /// The webhook that the route of a party source leads to, with its token.
    pub async fn find_party_webhook(&self, guild_id: GuildId, route_id: Uuid) -> Result<Option<(i64, String)>> {
        let row = sqlx::query!(
            r#"SELECT d.webhook_id AS "id!", d.webhook_token AS "token!" FROM route r
               JOIN destination d ON d.id = r.destination_ids[1]
               WHERE r.id = $1 AND r.guild_id = $2 AND r.enabled AND d.enabled AND d.removed_at IS NULL
                 AND d.webhook_id IS NOT NULL AND d.webhook_token IS NOT NULL"#,
            route_id,
            guild_id.0
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((row.id, self.keys.open(&webhook_place(guild_id.0, row.id), &row.token)?)))
    }

    /// The message that told of an event, once Discord has it: channel, message, and whether it is there.
    pub async fn find_told(&self, guild_id: GuildId, event_id: Uuid) -> Result<Vec<Told>> {
        let rows = sqlx::query_as!(
            Told,
            r#"SELECT m.state, s.state AS "send_state?", COALESCE(d.name, '') AS "name!", d.channel_id, d.webhook_channel_id,
                   s.discord_message_id AS "message_id?", s.note AS "note?", d.disabled_because
               FROM message m JOIN destination d ON d.id = m.destination_id LEFT JOIN send s ON s.id = m.send_id
               WHERE m.guild_id = $1 AND m.event_id = $2 ORDER BY m.id"#,
            guild_id.0,
            event_id
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// Whether an event of this guild was planned; `None` when there is no such event.
    pub async fn is_planned(&self, guild_id: GuildId, event_id: Uuid) -> Result<Option<bool>> {
        Ok(sqlx::query_scalar!(
            r#"SELECT planned_at IS NOT NULL AS "planned!" FROM event WHERE id = $1 AND guild_id = $2"#,
            event_id,
            guild_id.0
        )
        .fetch_optional(&self.pool)
        .await?)
    }
}

/// One destination's part in the telling of an event.
#[derive(Clone, Debug)]
pub struct Told {
    /// `queued`, `sending`, `delivered`, `dead`
    pub state: String,
    /// Of what is under way: `open`, `in_doubt`, `unresolved`
    pub send_state: Option<String>,
    /// Empty when nobody has named the destination.
    pub name: String,
    pub channel_id: Option<i64>,
    pub webhook_channel_id: Option<i64>,
    pub message_id: Option<i64>,
    pub note: Option<String>,
    pub disabled_because: Option<String>,
}

impl Told {
    /// The channel of the message, as far as it is known.
    pub fn channel(&self) -> Option<ChannelId> {
        self.channel_id.or(self.webhook_channel_id).map(ChannelId)
    }
}

/// Leads everything of a party source to one destination; a second call replaces the first.
pub async fn save_party_route(
    tx: &mut Tx,
    route_id: Uuid,
    guild_id: GuildId,
    source_id: Uuid,
    destination_id: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO route (id, guild_id, origin, position, source_id, pattern, destination_ids, created_at)
         VALUES ($1, $2, 'db', $3, $4, 'party.*', ARRAY[$5::uuid], $6)
         ON CONFLICT (id) DO UPDATE SET destination_ids = EXCLUDED.destination_ids, enabled = true",
        route_id,
        guild_id.0,
        POSITION,
        source_id,
        destination_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
