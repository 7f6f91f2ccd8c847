//! Tickets of raffles: why somebody has how many, and how they become entries.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::lock_draw;
use crate::id::GuildId;
use crate::routing::board::draw::DrawState;
use crate::store::{Result, Tx};

/// The open raffle of a server, without locking it: its entries share that lock.
pub async fn find_open_raffle(tx: &mut Tx, guild_id: GuildId) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM draw WHERE guild_id = $1 AND kind = 'raffle' AND state = 'open'",
        guild_id.0
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// What a person has of a raffle, and what all have.
pub async fn find_holding(tx: &mut Tx, guild_id: GuildId, draw_id: Uuid, person_id: Uuid) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"SELECT COALESCE(sum(h.tickets), 0)::bigint AS "all!",
               COALESCE(sum(h.tickets) FILTER (WHERE h.person_id = COALESCE(
                   (SELECT k.member_id FROM kick_link k WHERE k.guild_id = $1 AND k.viewer_id = $3), $3)), 0)::bigint AS "mine!"
           FROM draw_holding h WHERE h.guild_id = $1 AND h.draw_id = $2"#,
        guild_id.0,
        draw_id,
        person_id
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.mine, row.all))
}

/// A change of somebody's tickets of a raffle.
#[derive(Clone, Debug)]
pub struct NewTickets {
    pub id: Uuid,
    pub draw_id: Uuid,
    pub guild_id: GuildId,
    pub person_id: Uuid,
    pub source: &'static str,
    /// Less than nothing takes some away; nobody has fewer than none.
    pub tickets: i64,
    pub reason: String,
    /// The same in a server counts once.
    pub cause: String,
    pub by: Option<Uuid>,
}

/// Gives tickets of an open raffle. Returns the change, which is smaller where there are not as many to take; `None` when
/// it was made before, or the raffle is closed.
pub async fn insert_tickets(tx: &mut Tx, new: &NewTickets, now: DateTime<Utc>) -> Result<Option<i64>> {
    let Some(draw) = lock_draw(tx, new.guild_id, new.draw_id).await? else { return Ok(None) };
    if draw.state != DrawState::Open {
        return Ok(None);
    }
    Ok(sqlx::query_scalar!(
        "INSERT INTO draw_ticket (id, draw_id, guild_id, person_id, source, tickets, reason, cause, by_person, at)
         SELECT $1, $2, $3, $4, $5,
             GREATEST($6, -COALESCE((SELECT tickets FROM draw_holding WHERE draw_id = $2 AND person_id = $4), 0)), $7, $8, $9, $10
         ON CONFLICT ON CONSTRAINT draw_ticket_cause DO NOTHING RETURNING tickets",
        new.id,
        new.draw_id,
        new.guild_id.0,
        new.person_id,
        new.source,
        new.tickets,
        new.reason,
        new.cause,
        new.by,
        now
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// The tickets of a raffle become its entries: of those with a Discord account that have any.
pub async fn enter_tickets(tx: &mut Tx, guild_id: GuildId, draw_id: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO draw_entry (id, draw_id, guild_id, person_id, name, tickets, entered_at)
         SELECT gen_random_uuid(), t.draw_id, t.guild_id, t.person_id, '', t.tickets, $3
         FROM draw_holding t JOIN person p ON p.id = t.person_id AND p.discord_user_id IS NOT NULL
         WHERE t.guild_id = $1 AND t.draw_id = $2
         ON CONFLICT ON CONSTRAINT draw_entry_once DO NOTHING",
        guild_id.0,
        draw_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Hours watched since it was opened become tickets: ten for each full hour of a linked member, as many as are missing.
/// An hour belongs to the raffle in whose time it begins; of a day no more counts than for watch time.
pub async fn enter_hours(tx: &mut Tx, guild_id: GuildId, draw_id: Uuid, now: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query!(
        "WITH period AS (
             SELECT ceil(extract(epoch FROM opened_at) / 3600)::integer AS first,
                 ceil(extract(epoch FROM LEAST(COALESCE(closes_at, $3), $3)) / 3600)::integer AS past
             FROM draw WHERE guild_id = $1 AND id = $2 AND state = 'open'),
         hours AS (
             SELECT h.viewer_id, h.hour, LEAST(60, sum(h.minutes)) AS minutes, max(c.day_cap) AS cap
             FROM watch_hour h JOIN watch_channel c ON c.kick_channel_id = h.kick_channel_id AND c.hour = h.hour, period p
             WHERE h.guild_id = $1 AND h.hour >= p.first AND h.hour < p.past GROUP BY 1, 2),
         days AS (
             SELECT viewer_id, hour / 24 AS day, LEAST(sum(minutes), max(cap)) AS minutes FROM hours GROUP BY 1, 2),
         owed AS (
             SELECT k.member_id AS person_id, (sum(d.minutes)::bigint / 60) * 10 AS tickets
             FROM days d JOIN kick_link k ON k.guild_id = $1 AND k.viewer_id = d.viewer_id GROUP BY 1),
         given AS (
             SELECT person_id, sum(tickets)::bigint AS tickets FROM draw_ticket
             WHERE guild_id = $1 AND draw_id = $2 AND source = 'watchtime' GROUP BY 1)
         INSERT INTO draw_ticket (id, draw_id, guild_id, person_id, source, tickets, cause, at)
         SELECT gen_random_uuid(), $2, $1, o.person_id, 'watchtime', o.tickets - COALESCE(g.tickets, 0),
             'watch:' || $2::text || ':' || o.person_id || ':' || o.tickets, $3
         FROM owed o LEFT JOIN given g ON g.person_id = o.person_id
         WHERE o.tickets > COALESCE(g.tickets, 0)
         ON CONFLICT ON CONSTRAINT draw_ticket_cause DO NOTHING",
        guild_id.0,
        draw_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// An open raffle for which hours are to be looked at, and its next look; others leave it alone meanwhile.
pub async fn claim_hours(tx: &mut Tx, now: DateTime<Utc>, next_at: DateTime<Utc>) -> Result<Option<(GuildId, Uuid)>> {
    let row = sqlx::query!(
        "UPDATE draw SET tickets_at = $2 WHERE id = (
             SELECT id FROM draw WHERE kind = 'raffle' AND state = 'open' AND tickets_at <= $1
             ORDER BY tickets_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING guild_id, id",
        now,
        next_at
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| (GuildId(row.guild_id), row.id)))
}
