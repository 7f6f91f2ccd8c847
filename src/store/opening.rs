//! What viewers had elsewhere, by the name that they had there. It is given to whoever is first seen under that name,
//! once: minutes into their sum, points by an entry of the ledger.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::ledger::{NewLedgerEntry, insert_ledger_entries};
use super::{Result, Tx};
use crate::id::GuildId;

/// A line of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOpening {
    pub name_key: String,
    pub minutes: i64,
    pub points: i64,
}

/// Notes what is to be given. Names that were imported before stay as they are. Returns how many are new.
pub async fn insert_openings(
    tx: &mut Tx,
    guild_id: GuildId,
    openings: &[NewOpening],
    by: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<u64> {
    let names: Vec<String> = openings.iter().map(|o| o.name_key.clone()).collect();
    let minutes: Vec<i64> = openings.iter().map(|o| o.minutes).collect();
    let points: Vec<i64> = openings.iter().map(|o| o.points).collect();
    let done = sqlx::query!(
        "INSERT INTO viewer_opening (guild_id, name_key, minutes, points, imported_at, set_by_id)
         SELECT $1, u.name_key, u.minutes, u.points, $5, $6
         FROM UNNEST($2::text[], $3::bigint[], $4::bigint[]) AS u (name_key, minutes, points) ORDER BY 2
         ON CONFLICT DO NOTHING",
        guild_id.0,
        &names,
        &minutes,
        &points,
        now,
        by
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Gives what waits for these names to whoever has them now: person and name, in one server each.
pub async fn give_openings(tx: &mut Tx, seen: &[(GuildId, Uuid, String)], now: DateTime<Utc>) -> Result<usize> {
    let guilds: Vec<i64> = seen.iter().map(|(guild, ..)| guild.0).collect();
    let persons: Vec<Uuid> = seen.iter().map(|(_, person, _)| *person).collect();
    let names: Vec<String> = seen.iter().map(|(.., name)| name.to_lowercase()).collect();
    let given = sqlx::query!(
        r#"UPDATE viewer_opening o SET person_id = u.person_id, given_at = $4
           FROM UNNEST($1::bigint[], $2::uuid[], $3::text[]) AS u (guild_id, person_id, name_key)
           WHERE o.guild_id = u.guild_id AND o.name_key = u.name_key AND o.person_id IS NULL
           RETURNING o.guild_id, o.name_key, o.minutes, o.points, o.person_id AS "person_id!""#,
        &guilds,
        &persons,
        &names,
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    if given.is_empty() {
        return Ok(0);
    }
    let (guilds, persons): (Vec<i64>, Vec<Uuid>) = given.iter().map(|row| (row.guild_id, row.person_id)).unzip();
    let minutes: Vec<i64> = given.iter().map(|row| row.minutes).collect();
    // Somebody may have had two names.
    sqlx::query!(
        "UPDATE viewer v SET minutes = v.minutes + u.minutes
         FROM (SELECT guild_id, person_id, sum(minutes)::bigint AS minutes
               FROM UNNEST($1::bigint[], $2::uuid[], $3::bigint[]) AS u (guild_id, person_id, minutes) GROUP BY 1, 2) u
         WHERE v.guild_id = u.guild_id AND v.person_id = u.person_id",
        &guilds,
        &persons,
        &minutes
    )
    .execute(&mut **tx)
    .await?;
    let mut entries = Vec::with_capacity(given.len());
    for row in &given {
        let cause = format!("opening:{}", row.name_key);
        let entry = NewLedgerEntry::new(GuildId(row.guild_id), row.person_id, row.points, "opening", cause);
        entries.push(entry.with(json!({ "minutes": row.minutes })));
    }
    insert_ledger_entries(tx, now, &entries).await?;
    Ok(given.len())
}

/// The same for all whom a server knows already.
pub async fn give_openings_to_known(tx: &mut Tx, guild_id: GuildId, now: DateTime<Utc>) -> Result<usize> {
    let known = sqlx::query!(
        r#"SELECT DISTINCT ON (v.name_key) v.person_id, v.name_key FROM viewer_opening o
           JOIN viewer v ON v.guild_id = o.guild_id AND v.name_key = o.name_key
           WHERE o.guild_id = $1 AND o.person_id IS NULL ORDER BY v.name_key, v.seen_at DESC"#,
        guild_id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let known: Vec<(GuildId, Uuid, String)> =
        known.into_iter().map(|row| (guild_id, row.person_id, row.name_key)).collect();
    give_openings(tx, &known, now).await
}
