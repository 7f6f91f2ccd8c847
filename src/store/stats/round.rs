//! Rounds as people look them up, and what each player did in them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::sums::Which;
use crate::id::GuildId;
use crate::source::etlegacy::Side;
use crate::source::etlegacy::tally::{Field, Tally};
use crate::source::etlegacy::weapon::{Counts, Weapon, WeaponUse};
use crate::store::{Result, Store};

/// A round, whether it counts or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsRound {
    pub id: Uuid,
    /// Of its file.
    pub name: String,
    pub stem: String,
    pub match_id: String,
    pub map: String,
    pub round: i16,
    pub ended_at: DateTime<Utc>,
    pub session_key: String,
    pub defender: Option<i16>,
    pub winner: Option<i16>,
    pub limit_seconds: i32,
    pub elapsed_seconds: Option<i32>,
    /// `full_hold`, `time_set`.
    pub outcome: Option<String>,
    pub confidence: String,
    pub status: String,
    /// Why it does not count.
    pub invalid: Vec<String>,
    /// Of a second round: what the map brought the two teams.
    pub points_one: Option<i16>,
    pub points_two: Option<i16>,
    pub players: i64,
    /// What was unusual in the file.
    pub notes: Vec<String>,
}

/// One player in one round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsLine {
    pub round_id: Uuid,
    pub stem: String,
    pub map: String,
    pub round: i16,
    pub ended_at: DateTime<Utc>,
    pub is_valid: bool,
    pub elapsed_seconds: Option<i32>,
    pub guid: String,
    pub name: String,
    pub is_bot: bool,
    pub side: Option<Side>,
    /// Of the session: 1 or 2.
    pub team: Option<i16>,
    pub kills: i32,
    pub deaths: i32,
    pub headshots: i32,
    pub tally: Tally,
    pub weapons: Vec<WeaponUse>,
}

/// A round that several people played, and how it went for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matchup {
    pub round_id: Uuid,
    pub match_id: String,
    pub map: String,
    pub round: i16,
    pub ended_at: DateTime<Utc>,
    /// Of the first ones.
    pub side: i16,
    pub winner: Option<i16>,
}

impl Store {
    /// Rounds, the newest first.
    pub async fn list_stats_rounds(
        &self,
        guild_id: GuildId,
        which: &Which,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<StatsRound>> {
        Ok(sqlx::query_as!(
            StatsRound,
            r#"SELECT id, name, stem, match_id, map, round, ended_at, session_key, defender, winner, limit_seconds,
                   elapsed_seconds, outcome, confidence, status, invalid, points_one, points_two, notes,
                   (SELECT count(*) FROM stats_line l WHERE l.round_id = r.id AND l.guild_id = $1) AS "players!"
               FROM stats_round r
               WHERE guild_id = $1 AND ($2::text IS NULL OR map = $2) AND ($3::timestamptz IS NULL OR ended_at >= $3)
                 AND ($4::timestamptz IS NULL OR ended_at < $4) AND ($5::text IS NULL OR session_key = $5)
                 AND ($6::uuid[] IS NULL OR id = ANY ($6))
                 AND ($7::text IS NULL OR EXISTS (SELECT FROM stats_line l WHERE l.round_id = r.id AND l.guild_id = $1 AND l.guid = $7))
               ORDER BY ended_at DESC, name DESC OFFSET $8 LIMIT $9"#,
            guild_id.0,
            which.map.as_deref(),
            which.since,
            which.before,
            which.session.as_deref(),
            which.rounds.as_deref(),
            which.guid.as_deref(),
            offset,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Players of rounds, valid or not; the newest rounds first, of one round by damage. Bots are there, too.
    pub async fn list_stats_lines(&self, guild_id: GuildId, which: &Which, limit: i64) -> Result<Vec<StatsLine>> {
        let rows = sqlx::query!(
            r#"SELECT l.round_id, r.stem, r.map, r.round, r.ended_at, r.is_valid, r.elapsed_seconds, l.guid, l.name, l.is_bot,
                 l.side, l.team, l.kills, l.deaths, l.headshots, l.tally AS "tally: Vec<Option<i32>>", l.weapons
             FROM stats_line l JOIN stats_round r ON r.id = l.round_id
             WHERE l.guild_id = $1 AND ($2::text IS NULL OR r.map = $2) AND ($3::timestamptz IS NULL OR r.ended_at >= $3)
               AND ($4::timestamptz IS NULL OR r.ended_at < $4) AND ($5::text IS NULL OR r.session_key = $5)
               AND ($6::uuid[] IS NULL OR l.round_id = ANY ($6)) AND ($7::text IS NULL OR (l.guid = $7 AND l.alias = ''))
             ORDER BY r.ended_at DESC, r.name DESC, l.tally[1] DESC NULLS LAST, l.guid, l.alias, l.nth LIMIT $8"#,
            guild_id.0,
            which.map.as_deref(),
            which.since,
            which.before,
            which.session.as_deref(),
            which.rounds.as_deref(),
            which.guid.as_deref(),
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let line = rows.into_iter().map(|r| StatsLine {
            round_id: r.round_id,
            stem: r.stem,
            map: r.map,
            round: r.round,
            ended_at: r.ended_at,
            is_valid: r.is_valid,
            elapsed_seconds: r.elapsed_seconds,
            guid: r.guid,
            name: r.name,
            is_bot: r.is_bot,
            side: r.side.and_then(|side| Side::new(i64::from(side))),
            team: r.team,
            kills: r.kills,
            deaths: r.deaths,
            headshots: r.headshots,
            // PostgreSQL can have NULL in any array; a macro cannot know that here they mean something.
            tally: tally(&r.tally),
            weapons: weapons(&r.weapons),
        });
        Ok(line.collect())
    }

    /// Valid rounds in which all of `a` were on one side and all of `b` on the other; without `b`: in which all of `a` were
    /// on one side. The newest first.
    pub async fn list_stats_matchups(
        &self,
        guild_id: GuildId,
        a: &[String],
        b: &[String],
        limit: i64,
    ) -> Result<Vec<Matchup>> {
        Ok(sqlx::query_as!(
            Matchup,
            r#"SELECT round_id AS "round_id!", match_id AS "match_id!", map AS "map!", round AS "round!", ended_at AS "ended_at!",
                   min(side) FILTER (WHERE guid = ANY ($2)) AS "side!", winner
               FROM stats_counted WHERE guild_id = $1 AND guid = ANY ($2 || $3) AND side IS NOT NULL
               GROUP BY round_id, match_id, map, round, ended_at, winner
               HAVING count(*) = cardinality($2::text[]) + cardinality($3::text[])
                 AND count(DISTINCT side) FILTER (WHERE guid = ANY ($2)) = 1
                 AND count(DISTINCT side) FILTER (WHERE guid = ANY ($3)) = LEAST(cardinality($3::text[]), 1)
                 AND (cardinality($3::text[]) = 0
                      OR min(side) FILTER (WHERE guid = ANY ($2)) <> min(side) FILTER (WHERE guid = ANY ($3)))
               ORDER BY ended_at DESC LIMIT $4"#,
            guild_id.0,
            a,
            b,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }
}

/// As it was stored; NULL is what was not recorded.
fn tally(stored: &[Option<i32>]) -> Tally {
    let mut tally = Tally::empty();
    for (field, value) in Field::ALL.into_iter().zip(stored) {
        tally.set(field, *value);
    }
    tally
}

fn weapons(stored: &[i32]) -> Vec<WeaponUse> {
    let count = |number: i32| u32::try_from(number).unwrap_or_default();
    let one = |of: &[i32]| match *of {
        [bit, hits, shots, kills, deaths, headshots] => {
            let weapon = Weapon::new(u8::try_from(bit).ok()?)?;
            let (hits, shots, kills) = (count(hits), count(shots), count(kills));
            Some(WeaponUse {
                weapon,
                counts: Counts { hits, shots, kills, deaths: count(deaths), headshots: count(headshots) },
            })
        }
        _ => None,
    };
    stored.chunks(6).filter_map(one).collect()
}
