//! Raffles and giveaways: how they are opened, who takes part, what is published at the close and at the draw.

pub mod ticket;
mod view;
pub mod winner;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, StoreError, Tx};
use crate::community::proof::{Beacon, Ticketed};
use crate::id::GuildId;
use crate::routing::board::draw::{DrawKind, DrawState};

pub use view::{Draws, Mine, PublishedDraw, PublishedWinner, list_winner_views};

/// A raffle or giveaway to be opened.
#[derive(Clone, Debug)]
pub struct NewDraw {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub kind: DrawKind,
    pub prize: String,
    pub channel_id: i64,
    pub winners: i32,
    pub keyword: Option<String>,
    pub role_id: Option<i64>,
    pub bonus_role_id: Option<i64>,
    pub bonus_tickets: i64,
    pub min_age_days: i32,
    pub question: Option<String>,
    pub claim_seconds: Option<i64>,
    pub points: i64,
    pub repeats: bool,
    pub opened_by: Option<Uuid>,
    pub closes_at: Option<DateTime<Utc>>,
    pub commitment: String,
}

/// One under its lock.
#[derive(Clone, Debug)]
pub struct StoredDraw {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub number: i64,
    pub kind: DrawKind,
    pub state: DrawState,
    pub prize: String,
    pub channel_id: i64,
    pub winners: i32,
    pub keyword: Option<String>,
    pub role_id: Option<i64>,
    pub bonus_role_id: Option<i64>,
    pub bonus_tickets: i64,
    pub min_age_days: i32,
    pub question: Option<String>,
    pub claim_seconds: Option<i64>,
    pub points: i64,
    pub repeats: bool,
    pub opened_by: Option<Uuid>,
    pub opened_at: DateTime<Utc>,
    pub closes_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub commitment: String,
    pub entries_hash: Option<String>,
    pub beacon: Option<String>,
    pub beacon_round: Option<i64>,
    pub draw_after: Option<DateTime<Utc>>,
    pub beacon_random: Option<String>,
    pub beacon_missed: bool,
    pub seed: Option<String>,
}

impl StoredDraw {
    /// The public randomness that goes into it, once it is known.
    pub fn beacon(&self) -> Option<Beacon> {
        let random = self.beacon_random.clone()?;
        Some(Beacon { round: u64::try_from(self.beacon_round?).ok()?, random })
    }

    /// Whether it waits for the public randomness.
    pub fn waits_for_beacon(&self) -> bool {
        self.beacon_round.is_some() && self.beacon_random.is_none() && !self.beacon_missed
    }
}

struct Row {
    id: Uuid,
    guild_id: i64,
    number: i64,
    kind: String,
    state: String,
    prize: String,
    channel_id: i64,
    winners: i32,
    keyword: Option<String>,
    role_id: Option<i64>,
    bonus_role_id: Option<i64>,
    bonus_tickets: i64,
    min_age_days: i32,
    question: Option<String>,
    claim_seconds: Option<i64>,
    points: i64,
    repeats: bool,
    opened_by: Option<Uuid>,
    opened_at: DateTime<Utc>,
    closes_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    commitment: String,
    entries_hash: Option<String>,
    beacon: Option<String>,
    beacon_round: Option<i64>,
    draw_after: Option<DateTime<Utc>>,
    beacon_random: Option<String>,
    beacon_missed: bool,
    seed: Option<String>,
}

impl From<Row> for StoredDraw {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            guild_id: GuildId(row.guild_id),
            number: row.number,
            kind: DrawKind::parse(&row.kind).unwrap_or(DrawKind::Giveaway),
            state: DrawState::parse(&row.state).unwrap_or(DrawState::Cancelled),
            prize: row.prize,
            channel_id: row.channel_id,
            winners: row.winners,
            keyword: row.keyword,
            role_id: row.role_id,
            bonus_role_id: row.bonus_role_id,
            bonus_tickets: row.bonus_tickets,
            min_age_days: row.min_age_days,
            question: row.question,
            claim_seconds: row.claim_seconds,
            points: row.points,
            repeats: row.repeats,
            opened_by: row.opened_by,
            opened_at: row.opened_at,
            closes_at: row.closes_at,
            closed_at: row.closed_at,
            commitment: row.commitment,
            entries_hash: row.entries_hash,
            beacon: row.beacon,
            beacon_round: row.beacon_round,
            draw_after: row.draw_after,
            beacon_random: row.beacon_random,
            beacon_missed: row.beacon_missed,
            seed: row.seed,
        }
    }
}

/// Opens one, under the server's next number. The caller has the server's turn.
pub async fn insert_draw(tx: &mut Tx, new: &NewDraw, now: DateTime<Utc>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO draw (id, guild_id, number, kind, prize, channel_id, winners, keyword, role_id, bonus_role_id,
             bonus_tickets, min_age_days, question, claim_seconds, points, repeats, opened_by, opened_at, closes_at,
             commitment, next_at, tickets_at)
         SELECT $1, $2, COALESCE((SELECT max(number) FROM draw WHERE guild_id = $2), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10,
             $11, $12, $13, $14, $15, $16, $17::timestamptz, $18::timestamptz, $19, $18::timestamptz,
             CASE $3::text WHEN 'raffle' THEN $17::timestamptz END
         RETURNING number",
        new.id,
        new.guild_id.0,
        new.kind.as_str(),
        new.prize,
        new.channel_id,
        new.winners,
        new.keyword,
        new.role_id,
        new.bonus_role_id,
        new.bonus_tickets,
        new.min_age_days,
        new.question,
        new.claim_seconds,
        new.points,
        new.repeats,
        new.opened_by,
        now,
        new.closes_at,
        new.commitment
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Locks one of this server until the transaction ends.
pub async fn lock_draw(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<Option<StoredDraw>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, guild_id, number, kind, state, prize, channel_id, winners, keyword, role_id, bonus_role_id, bonus_tickets,
             min_age_days, question, claim_seconds, points, repeats, opened_by, opened_at, closes_at, closed_at, commitment,
             entries_hash, beacon, beacon_round, draw_after, beacon_random, beacon_missed, seed
         FROM draw WHERE guild_id = $1 AND id = $2 FOR UPDATE",
        guild_id.0,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(StoredDraw::from))
}

/// The same without locking it.
pub async fn read_draw(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<Option<StoredDraw>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, guild_id, number, kind, state, prize, channel_id, winners, keyword, role_id, bonus_role_id, bonus_tickets,
             min_age_days, question, claim_seconds, points, repeats, opened_by, opened_at, closes_at, closed_at, commitment,
             entries_hash, beacon, beacon_round, draw_after, beacon_random, beacon_missed, seed
         FROM draw WHERE guild_id = $1 AND id = $2",
        guild_id.0,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(StoredDraw::from))
}

/// The code under which somebody takes part.
pub async fn find_entry_of(tx: &mut Tx, guild_id: GuildId, draw_id: Uuid, person_id: Uuid) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM draw_entry WHERE guild_id = $1 AND draw_id = $2 AND person_id = $3",
        guild_id.0,
        draw_id,
        person_id
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// The draw that was made last.
pub async fn find_newest_drawn(tx: &mut Tx, guild_id: GuildId) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM draw WHERE guild_id = $1 AND state = 'drawn' ORDER BY drawn_at DESC, id LIMIT 1",
        guild_id.0
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Somebody who wants to take part.
#[derive(Clone, Debug)]
pub struct NewEntry {
    pub id: Uuid,
    pub draw_id: Uuid,
    pub guild_id: GuildId,
    pub person_id: Uuid,
    pub name: String,
    pub tickets: i64,
    pub answer: Option<String>,
}

/// How an attempt to join ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    Joined,
    Already,
    Closed,
}

/// Joins a giveaway. The database itself takes nobody once it is closed.
pub async fn insert_entry(tx: &mut Tx, new: &NewEntry, now: DateTime<Utc>) -> Result<Inserted> {
    let done = sqlx::query!(
        "INSERT INTO draw_entry (id, draw_id, guild_id, person_id, name, tickets, answer, entered_at)
         SELECT $1, d.id, d.guild_id, $4, $5, $6, $7, $8 FROM draw d
         WHERE d.id = $2 AND d.guild_id = $3 AND d.state = 'open' FOR SHARE OF d
         ON CONFLICT ON CONSTRAINT draw_entry_once DO NOTHING",
        new.id,
        new.draw_id,
        new.guild_id.0,
        new.person_id,
        new.name,
        new.tickets,
        new.answer,
        now
    )
    .execute(&mut **tx)
    .await;
    match done {
        Ok(done) if done.rows_affected() == 1 => Ok(Inserted::Joined),
        Ok(_) => {
            let is_there = sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT 1 FROM draw_entry WHERE draw_id = $1 AND guild_id = $2 AND person_id = $3) AS "it!""#,
                new.draw_id,
                new.guild_id.0,
                new.person_id
            )
            .fetch_one(&mut **tx)
            .await?;
            Ok(if is_there { Inserted::Already } else { Inserted::Closed })
        }
        Err(error) => Err(StoreError::from(error)),
    }
}

/// Who joined in chat and linked the account since is the member: of two entries the one from chat goes, a single one becomes
/// the member's.
pub async fn merge_linked(tx: &mut Tx, guild_id: GuildId, draw_id: Uuid) -> Result<()> {
    sqlx::query!(
        "DELETE FROM draw_entry e USING kick_link k, draw_entry o
         WHERE e.guild_id = $1 AND e.draw_id = $2 AND k.guild_id = $1 AND o.draw_id = $2
           AND k.viewer_id = e.person_id AND o.person_id = k.member_id",
        guild_id.0,
        draw_id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE draw_entry e SET person_id = k.member_id FROM kick_link k
         WHERE e.guild_id = $1 AND e.draw_id = $2 AND k.guild_id = $1 AND k.viewer_id = e.person_id",
        guild_id.0,
        draw_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Gives the entries their places, by their codes, which say nothing of anybody. Returns them as they are published.
pub async fn place_entries(tx: &mut Tx, guild_id: GuildId, draw_id: Uuid) -> Result<Vec<Ticketed>> {
    sqlx::query!(
        "UPDATE draw_entry e SET position = t.n
         FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM draw_entry WHERE guild_id = $1 AND draw_id = $2) t
         WHERE e.id = t.id AND e.guild_id = $1",
        guild_id.0,
        draw_id
    )
    .execute(&mut **tx)
    .await?;
    list_entries(tx, guild_id, draw_id).await
}

/// The published list of a draw that is closed.
pub async fn list_entries(tx: &mut Tx, guild_id: GuildId, draw_id: Uuid) -> Result<Vec<Ticketed>> {
    let rows = sqlx::query!(
        "SELECT id, tickets FROM draw_entry WHERE guild_id = $1 AND draw_id = $2 AND position IS NOT NULL ORDER BY position",
        guild_id.0,
        draw_id
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| Ticketed { id: row.id, tickets: row.tickets.unsigned_abs() }).collect())
}

/// What is published at the close.
pub struct Closing<'a> {
    pub entries_hash: &'a str,
    pub entries: i64,
    pub tickets: i64,
    /// The beacon's address and the round that counts.
    pub beacon: Option<(&'a str, i64)>,
    pub draw_after: DateTime<Utc>,
}

pub async fn mark_closed(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    closing: &Closing<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE draw SET state = 'closed', tickets_at = NULL, closed_at = $3, entries_hash = $4, entry_count = $5, ticket_count = $6, beacon = $7,
             beacon_round = $8, draw_after = $9, next_at = $9
         WHERE guild_id = $1 AND id = $2 AND state = 'open'",
        guild_id.0,
        id,
        now,
        closing.entries_hash,
        closing.entries,
        closing.tickets,
        closing.beacon.map(|(url, _)| url),
        closing.beacon.map(|(_, round)| round),
        closing.draw_after
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn mark_cancelled(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<()> {
    sqlx::query!("UPDATE draw SET state = 'cancelled', next_at = NULL WHERE guild_id = $1 AND id = $2", guild_id.0, id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What the beacon said; the first answer stands.
pub async fn save_beacon(tx: &mut Tx, guild_id: GuildId, id: Uuid, random: &str, signature: &str) -> Result<()> {
    sqlx::query!(
        "UPDATE draw SET beacon_random = $3, beacon_signature = $4
         WHERE guild_id = $1 AND id = $2 AND beacon_random IS NULL AND NOT beacon_missed",
        guild_id.0,
        id,
        random,
        signature
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// It goes on without the beacon, and says so.
pub async fn miss_beacon(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<()> {
    sqlx::query!(
        "UPDATE draw SET beacon_missed = true WHERE guild_id = $1 AND id = $2 AND beacon_random IS NULL",
        guild_id.0,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// When it is looked at next; `None`: not before something happens to it.
pub async fn set_next_look(tx: &mut Tx, guild_id: GuildId, id: Uuid, at: Option<DateTime<Utc>>) -> Result<()> {
    sqlx::query!("UPDATE draw SET next_at = $3 WHERE guild_id = $1 AND id = $2", guild_id.0, id, at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The seed is published.
pub async fn mark_drawn(tx: &mut Tx, guild_id: GuildId, id: Uuid, seed: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE draw SET state = 'drawn', seed = $3, drawn_at = $4 WHERE guild_id = $1 AND id = $2 AND state = 'closed'",
        guild_id.0,
        id,
        seed,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
