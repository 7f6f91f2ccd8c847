//! Guess the Balance: sessions and guesses.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::GuildId;
use crate::routing::board::gtb::{GtbSession, GtbState, GtbView, GtbWinner};

/// A session under its lock.
#[derive(Clone, Debug)]
pub struct StoredGtb {
    pub id: Uuid,
    pub number: i64,
    pub winners: i32,
}

/// A guess; a later one of the same person replaces it.
#[derive(Clone, Debug)]
pub struct NewGuess {
    pub person_id: Uuid,
    pub name: String,
    pub cents: i64,
}

/// Opens a session under the server's next number; the caller has the server's turn. `None`: one is open.
pub async fn open_gtb(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    winners: i32,
    opened_by: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO gtb_session (id, guild_id, number, winners, opened_by, opened_at)
         SELECT $1, $2, COALESCE((SELECT max(number) FROM gtb_session WHERE guild_id = $2), 0) + 1, $3, $4, $5
         ON CONFLICT (guild_id) WHERE state = 'open' DO NOTHING RETURNING number",
        id,
        guild_id.0,
        winners,
        opened_by,
        now
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Closes the open session. Returns its number and its guesses.
pub async fn close_gtb(tx: &mut Tx, guild_id: GuildId, now: DateTime<Utc>) -> Result<Option<(i64, i64)>> {
    let row = sqlx::query!(
        r#"UPDATE gtb_session s SET state = 'closed', closed_at = $2 WHERE s.guild_id = $1 AND s.state = 'open'
           RETURNING s.number, (SELECT count(*) FROM gtb_guess g WHERE g.session_id = s.id) AS "guesses!""#,
        guild_id.0,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| (row.number, row.guesses)))
}

/// Locks the newest session in this state.
pub async fn lock_gtb(tx: &mut Tx, guild_id: GuildId, state: GtbState) -> Result<Option<StoredGtb>> {
    Ok(sqlx::query_as!(
        StoredGtb,
        "SELECT id, number, winners FROM gtb_session WHERE guild_id = $1 AND state = $2 ORDER BY number DESC LIMIT 1 FOR UPDATE",
        guild_id.0,
        state.as_str()
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Takes a guess into the open session. Returns its number; `None`: none is open.
pub async fn insert_guess(
    tx: &mut Tx,
    guild_id: GuildId,
    guess: &NewGuess,
    guessed_at: DateTime<Utc>,
) -> Result<Option<i64>> {
    let session =
        sqlx::query!("SELECT id, number FROM gtb_session WHERE guild_id = $1 AND state = 'open' FOR SHARE", guild_id.0)
            .fetch_optional(&mut **tx)
            .await?;
    let Some(session) = session else { return Ok(None) };
    // Guesses may overtake each other: the one that was made last counts.
    sqlx::query!(
        "INSERT INTO gtb_guess (session_id, guild_id, person_id, name, cents, guessed_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (session_id, person_id) DO UPDATE SET name = EXCLUDED.name, cents = EXCLUDED.cents,
             guessed_at = EXCLUDED.guessed_at
         WHERE gtb_guess.guessed_at <= EXCLUDED.guessed_at",
        session.id,
        guild_id.0,
        guess.person_id,
        guess.name,
        guess.cents,
        guessed_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(Some(session.number))
}

/// Completes a closed session: the nearest guesses get their ranks, ties by time. Returns how many there are.
pub async fn complete_gtb(
    tx: &mut Tx,
    guild_id: GuildId,
    session: &StoredGtb,
    result_cents: i64,
    now: DateTime<Utc>,
) -> Result<u64> {
    let ranked = sqlx::query!(
        "UPDATE gtb_guess g SET rank = t.n
         FROM (SELECT person_id, (row_number() OVER (ORDER BY abs(cents - $3), guessed_at, person_id))::integer AS n
               FROM gtb_guess WHERE guild_id = $1 AND session_id = $2) t
         WHERE g.guild_id = $1 AND g.session_id = $2 AND g.person_id = t.person_id AND t.n <= $4",
        guild_id.0,
        session.id,
        result_cents,
        session.winners
    )
    .execute(&mut **tx)
    .await?;
    if ranked.rows_affected() == 0 {
        return Ok(0);
    }
    sqlx::query!(
        "UPDATE gtb_session SET state = 'completed', result_cents = $3, completed_at = $4 WHERE guild_id = $1 AND id = $2",
        guild_id.0,
        session.id,
        result_cents,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(ranked.rows_affected())
}

/// The winners of a session that is completed in this transaction, best first.
pub async fn list_gtb_winners(tx: &mut Tx, guild_id: GuildId, session_id: Uuid, result: i64) -> Result<Vec<GtbWinner>> {
    Ok(sqlx::query_as!(
        GtbWinner,
        r#"SELECT rank AS "rank!", name AS who, cents, abs(cents - $3) AS "difference!" FROM gtb_guess
           WHERE guild_id = $1 AND session_id = $2 AND rank IS NOT NULL ORDER BY rank"#,
        guild_id.0,
        session_id,
        result
    )
    .fetch_all(&mut **tx)
    .await?)
}

impl Store {
    /// What the board shows.
    pub async fn get_gtb(&self, guild_id: GuildId) -> Result<GtbView> {
        let rows = sqlx::query!(
            r#"SELECT s.id, s.number, s.state, s.opened_at, s.result_cents, p.discord_user_id AS "opened_by?",
                   (SELECT count(*) FROM gtb_guess g WHERE g.session_id = s.id) AS "guesses!"
               FROM gtb_session s LEFT JOIN person p ON p.id = s.opened_by
               WHERE s.guild_id = $1 ORDER BY s.number DESC LIMIT 2"#,
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?;
        let mut sessions = Vec::new();
        for row in rows {
            let winners = sqlx::query_as!(
                GtbWinner,
                r#"SELECT rank AS "rank!", name AS who, cents, abs(cents - $3) AS "difference!" FROM gtb_guess
                   WHERE guild_id = $1 AND session_id = $2 AND rank IS NOT NULL ORDER BY rank"#,
                guild_id.0,
                row.id,
                row.result_cents.unwrap_or(0)
            )
            .fetch_all(&self.pool)
            .await?;
            sessions.push(GtbSession {
                number: row.number,
                state: GtbState::parse(&row.state).unwrap_or(GtbState::Completed),
                guesses: row.guesses,
                opened_by: row.opened_by.map(|user| format!("<@{user}>")),
                opened_at: row.opened_at,
                result_cents: row.result_cents,
                winners,
            });
        }
        let mut sessions = sessions.into_iter();
        let newest = sessions.next();
        Ok(GtbView { newest, last: sessions.next().filter(|session| session.state == GtbState::Completed) })
    }
}
