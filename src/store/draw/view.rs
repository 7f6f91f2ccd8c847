//! Draws as people look at them: the card, the list, somebody's own tickets, and all that is published.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::community::proof::Ticketed;
use crate::id::{ChannelId, GuildId};
use crate::routing::board::draw::{DrawKind, DrawState, DrawView, WinnerView};
use crate::store::{Result, Store, Tx};

/// Entrants with most tickets that a raffle's card names.
const TOP: i64 = 5;

/// A draw in a list.
#[derive(Clone, Debug)]
pub struct Draws {
    pub id: Uuid,
    pub number: i64,
    pub kind: DrawKind,
    pub state: DrawState,
    pub prize: String,
    pub keyword: Option<String>,
    pub closes_at: Option<DateTime<Utc>>,
}

/// What somebody has in a draw.
#[derive(Clone, Debug)]
pub struct Mine {
    /// Set once there is an entry: the code by which the published list has it.
    pub entry_id: Option<Uuid>,
    pub position: Option<i64>,
    pub tickets: i64,
    pub all_tickets: i64,
}

/// Somebody who was drawn, as it is published.
#[derive(Clone, Debug)]
pub struct PublishedWinner {
    pub place: i32,
    pub entry_id: Uuid,
    pub total: i64,
    pub ticket: i64,
    pub proof: String,
    pub passed: bool,
}

/// All that is published about a draw that was closed or drawn; the seed only once it is drawn.
#[derive(Clone, Debug)]
pub struct PublishedDraw {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub number: i64,
    pub kind: DrawKind,
    pub state: DrawState,
    pub prize: String,
    pub winner_count: i32,
    pub opened_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    pub drawn_at: Option<DateTime<Utc>>,
    pub commitment: String,
    pub entries_hash: Option<String>,
    pub beacon: Option<String>,
    pub beacon_round: Option<i64>,
    pub beacon_random: Option<String>,
    pub beacon_signature: Option<String>,
    pub beacon_missed: bool,
    pub draw_after: Option<DateTime<Utc>>,
    pub seed: Option<String>,
    pub entries: Vec<Ticketed>,
    pub winners: Vec<PublishedWinner>,
}

fn kind(word: &str) -> DrawKind {
    DrawKind::parse(word).unwrap_or(DrawKind::Giveaway)
}

fn state(word: &str) -> DrawState {
    DrawState::parse(word).unwrap_or(DrawState::Cancelled)
}

/// A mention, or the name in chat, or nobody's any more.
fn who(user: Option<i64>, name: &str) -> String {
    match user {
        Some(user) => format!("<@{user}>"),
        None if name.is_empty() => "someone".to_owned(),
        None => name.to_owned(),
    }
}

/// Those who were drawn, as a card names them.
pub async fn list_winner_views(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<Vec<WinnerView>> {
    let rows = sqlx::query!(
        r#"SELECT w.place, w.ticket, w.total, e.tickets, e.name, p.discord_user_id AS "user_id?", w.claim_until,
               w.claimed_at IS NOT NULL AS "claimed!", w.passed_at IS NOT NULL AS "passed!"
           FROM draw_winner w JOIN draw_entry e ON e.id = w.entry_id
           LEFT JOIN kick_link k ON k.guild_id = e.guild_id AND k.viewer_id = e.person_id
           LEFT JOIN person p ON p.id = COALESCE(k.member_id, e.person_id)
           WHERE w.guild_id = $1 AND w.draw_id = $2 ORDER BY w.place"#,
        guild_id.0,
        id
    )
    .fetch_all(&mut **tx)
    .await?;
    let view = rows.into_iter().map(|row| WinnerView {
        place: row.place,
        who: who(row.user_id, &row.name),
        ticket: row.ticket,
        total: row.total,
        tickets: row.tickets,
        claim_until: row.claim_until,
        claimed: row.claimed,
        passed: row.passed,
    });
    Ok(view.collect())
}

impl Store {
    /// A draw of this server as its card shows it.
    pub async fn find_draw(&self, guild_id: GuildId, id: Uuid) -> Result<Option<DrawView>> {
        let row = sqlx::query!(
            r#"SELECT d.number, d.kind, d.state, d.prize, d.winners, d.keyword, d.role_id, d.bonus_role_id, d.bonus_tickets,
                   d.min_age_days, d.points, d.opened_at, d.closes_at, d.closed_at, d.drawn_at, d.draw_after, d.commitment,
                   d.entries_hash, d.beacon_round, d.beacon_missed,
                   COALESCE(d.entry_count, CASE d.kind
                       WHEN 'giveaway' THEN (SELECT count(*) FROM draw_entry e WHERE e.draw_id = d.id)
                       ELSE (SELECT count(*) FROM draw_holding t WHERE t.draw_id = d.id) END) AS "entries!",
                   COALESCE(d.ticket_count, CASE d.kind
                       WHEN 'giveaway' THEN (SELECT sum(e.tickets) FROM draw_entry e WHERE e.draw_id = d.id)
                       ELSE (SELECT sum(t.tickets) FROM draw_ticket t WHERE t.draw_id = d.id) END, 0)::bigint AS "tickets!"
               FROM draw d WHERE d.guild_id = $1 AND d.id = $2"#,
            guild_id.0,
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (kind, state) = (kind(&row.kind), state(&row.state));
        let is_running_raffle = kind == DrawKind::Raffle && state == DrawState::Open;
        let top = if is_running_raffle { self.list_top_tickets(guild_id, id, TOP).await? } else { Vec::new() };
        let winners = list_winner_views(&mut self.begin().await?, guild_id, id).await?;
        Ok(Some(DrawView {
            id,
            number: row.number,
            kind,
            state,
            prize: row.prize,
            winners_wanted: row.winners,
            keyword: row.keyword,
            role_id: row.role_id,
            bonus_role_id: row.bonus_role_id,
            bonus_tickets: row.bonus_tickets,
            min_age_days: row.min_age_days,
            points: row.points,
            opened_at: row.opened_at,
            closes_at: row.closes_at,
            closed_at: row.closed_at,
            drawn_at: row.drawn_at,
            draw_after: row.draw_after,
            commitment: row.commitment,
            entries_hash: row.entries_hash,
            beacon_round: row.beacon_round,
            beacon_missed: row.beacon_missed,
            entries: row.entries,
            tickets: row.tickets,
            top,
            winners,
        }))
    }

    /// Who has most tickets of a raffle.
    pub async fn list_top_tickets(&self, guild_id: GuildId, id: Uuid, limit: i64) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query!(
            r#"SELECT p.discord_user_id AS "user_id!", t.tickets AS "tickets!"
               FROM draw_holding t JOIN person p ON p.id = t.person_id AND p.discord_user_id IS NOT NULL
               WHERE t.guild_id = $1 AND t.draw_id = $2 ORDER BY t.tickets DESC, t.first_at, t.person_id LIMIT $3"#,
            guild_id.0,
            id,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (who(Some(row.user_id), ""), row.tickets)).collect())
    }

    /// A server's draws, the newest first.
    pub async fn list_draws(&self, guild_id: GuildId, only_open: bool, limit: i64) -> Result<Vec<Draws>> {
        let rows = sqlx::query!(
            "SELECT id, number, kind, state, prize, keyword, closes_at FROM draw
             WHERE guild_id = $1 AND (NOT $2 OR state = 'open') ORDER BY number DESC LIMIT $3",
            guild_id.0,
            only_open,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let draw = rows.into_iter().map(|row| Draws {
            id: row.id,
            number: row.number,
            kind: kind(&row.kind),
            state: state(&row.state),
            prize: row.prize,
            keyword: row.keyword,
            closes_at: row.closes_at,
        });
        Ok(draw.collect())
    }

    /// Where the newest raffle's card is.
    pub async fn find_raffle_channel(&self, guild_id: GuildId) -> Result<Option<ChannelId>> {
        let channel = sqlx::query_scalar!(
            "SELECT channel_id FROM draw WHERE guild_id = $1 AND kind = 'raffle' ORDER BY number DESC LIMIT 1",
            guild_id.0
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(channel.map(ChannelId))
    }

    /// What a member has in a draw.
    pub async fn find_mine(&self, guild_id: GuildId, id: Uuid, user_id: i64) -> Result<Option<Mine>> {
        let row = sqlx::query!(
            r#"SELECT e.id AS "entry_id?", e.position AS "position?",
                   COALESCE(e.tickets, (SELECT t.tickets FROM draw_holding t WHERE t.draw_id = d.id AND t.person_id = p.id),
                       0) AS "tickets!",
                   COALESCE(d.ticket_count, (SELECT sum(t.tickets) FROM draw_ticket t WHERE t.draw_id = d.id),
                       (SELECT sum(x.tickets) FROM draw_entry x WHERE x.draw_id = d.id), 0)::bigint AS "all_tickets!"
               FROM draw d LEFT JOIN person p ON p.discord_user_id = $3
               LEFT JOIN draw_entry e ON e.draw_id = d.id AND e.person_id = p.id
               WHERE d.guild_id = $1 AND d.id = $2"#,
            guild_id.0,
            id,
            user_id
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Mine {
            entry_id: row.entry_id,
            position: row.position,
            tickets: row.tickets,
            all_tickets: row.all_tickets,
        }))
    }

    /// Draws that something is due for, in all servers.
    pub async fn list_due_draws(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<(GuildId, Uuid)>> {
        let rows =
            sqlx::query!("SELECT guild_id, id FROM draw WHERE next_at <= $1 ORDER BY next_at, id LIMIT $2", now, limit)
                .fetch_all(&self.pool)
                .await?;
        Ok(rows.into_iter().map(|row| (GuildId(row.guild_id), row.id)).collect())
    }

    pub async fn next_draw_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(r#"SELECT min(next_at) AS "at" FROM draw WHERE next_at IS NOT NULL"#)
            .fetch_one(&self.pool)
            .await?)
    }

    /// All that anybody may know of a draw. Its page is for everyone who has its address.
    pub async fn find_published_draw(&self, id: Uuid) -> Result<Option<PublishedDraw>> {
        let row = sqlx::query!(
            "SELECT guild_id, number, kind, state, prize, winners, opened_at, closed_at, drawn_at, commitment, entries_hash,
                 beacon, beacon_round, beacon_random, beacon_signature, beacon_missed, draw_after, seed
             FROM draw WHERE id = $1",
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let guild_id = GuildId(row.guild_id);
        let (entries, winners) = self.list_published(guild_id, id).await?;
        Ok(Some(PublishedDraw {
            id,
            guild_id,
            number: row.number,
            kind: kind(&row.kind),
            state: state(&row.state),
            prize: row.prize,
            winner_count: row.winners,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
            drawn_at: row.drawn_at,
            commitment: row.commitment,
            entries_hash: row.entries_hash,
            beacon: row.beacon,
            beacon_round: row.beacon_round,
            beacon_random: row.beacon_random,
            beacon_signature: row.beacon_signature,
            beacon_missed: row.beacon_missed,
            draw_after: row.draw_after,
            seed: row.seed,
            entries,
            winners,
        }))
    }

    async fn list_published(&self, guild_id: GuildId, id: Uuid) -> Result<(Vec<Ticketed>, Vec<PublishedWinner>)> {
        let entries = sqlx::query!(
            "SELECT id, tickets FROM draw_entry WHERE guild_id = $1 AND draw_id = $2 AND position IS NOT NULL
             ORDER BY position",
            guild_id.0,
            id
        )
        .fetch_all(&self.pool)
        .await?;
        let winners = sqlx::query_as!(
            PublishedWinner,
            r#"SELECT place, entry_id, total, ticket, proof, passed_at IS NOT NULL AS "passed!"
               FROM draw_winner WHERE guild_id = $1 AND draw_id = $2 ORDER BY place"#,
            guild_id.0,
            id
        )
        .fetch_all(&self.pool)
        .await?;
        let entries = entries.into_iter().map(|row| Ticketed { id: row.id, tickets: row.tickets.unsigned_abs() });
        Ok((entries.collect(), winners))
    }
}
