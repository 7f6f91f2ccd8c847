//! What was computed of files: rounds and their players, sessions, awards. Written anew where it changed, and nowhere else.

use std::collections::HashMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::alias::Played;
use crate::id::GuildId;
use crate::source::etlegacy::tally::{Field, Tally};
use crate::source::etlegacy::weapon::{Counts, WeaponUse};
use crate::store::{Result, Tx};

/// A round as it is to be there.
#[derive(Clone, Debug)]
pub struct NewRound {
    pub id: Uuid,
    pub name: String,
    pub stem: String,
    pub match_id: String,
    pub map: String,
    pub round: i16,
    pub ended_at: DateTime<Utc>,
    pub server: String,
    pub config: String,
    pub defender: Option<i16>,
    pub winner: Option<i16>,
    pub limit_seconds: i32,
    pub elapsed_seconds: Option<i32>,
    pub elapsed_basis: &'static str,
    pub outcome: Option<&'static str>,
    pub confidence: &'static str,
    pub status: &'static str,
    pub invalid: Vec<&'static str>,
    pub session_key: String,
    pub axis_team: i16,
    /// Of the first and the second team.
    pub points: Option<(i16, i16)>,
    pub surrendered: Option<i16>,
    pub end_reason: Option<String>,
    pub pauses: Option<i32>,
    pub paused_seconds: Option<i32>,
    pub notes: Vec<String>,
    pub lines: Vec<NewLine>,
    /// Of all of the above.
    pub digest: [u8; 32],
}

/// A player in it.
#[derive(Clone, Debug)]
pub struct NewLine {
    pub guid: String,
    pub alias: String,
    pub nth: i16,
    pub raw_name: String,
    pub name: String,
    pub is_bot: bool,
    pub side: Option<i16>,
    pub team: Option<i16>,
    pub all: Counts,
    pub light: Counts,
    pub grenades: Counts,
    pub revives_given: u32,
    pub tally: Tally,
    pub weapons: Vec<WeaponUse>,
    pub origin: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    pub key: String,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    pub rounds: i32,
    pub maps: i32,
    pub players: i32,
    pub score: (i32, i32),
    pub due_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub struct NewAward {
    pub round_id: Uuid,
    pub position: i32,
    pub award: String,
    pub player: String,
    pub guid: Option<String>,
    pub value: String,
    pub amount: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct NewDuel {
    pub round_id: Uuid,
    pub position: i32,
    pub owner: (String, Option<String>),
    pub opponent: (String, Option<String>),
    pub kills: i32,
    pub deaths: i32,
}

/// The digests of the rounds of a stretch of time, by id.
pub async fn list_round_digests(
    tx: &mut Tx,
    guild_id: GuildId,
    (first, last): (DateTime<Utc>, DateTime<Utc>),
) -> Result<HashMap<Uuid, Vec<u8>>> {
    let rows = sqlx::query!(
        "SELECT id, digest FROM stats_round WHERE guild_id = $1 AND ended_at BETWEEN $2 AND $3",
        guild_id.0,
        first,
        last
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|r| (r.id, r.digest)).collect())
}

/// Removes rounds with their lines. Returns who had played in them.
pub async fn delete_rounds(tx: &mut Tx, guild_id: GuildId, ids: &[Uuid]) -> Result<Vec<Played>> {
    let lines = sqlx::query!(
        r#"DELETE FROM stats_line l USING stats_round r
           WHERE l.guild_id = $1 AND l.round_id = ANY ($2) AND r.id = l.round_id
           RETURNING l.guid, l.name, r.ended_at, l.alias = '' AND NOT l.is_bot AS "is_somebody!""#,
        guild_id.0,
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    sqlx::query!("DELETE FROM stats_round WHERE guild_id = $1 AND id = ANY ($2)", guild_id.0, ids)
        .execute(&mut **tx)
        .await?;
    let people = lines.into_iter().filter(|line| line.is_somebody);
    Ok(people.map(|line| Played { guid: line.guid, name: line.name, at: line.ended_at }).collect())
}

/// Rounds whose file does not count any more.
pub async fn delete_stray_rounds(tx: &mut Tx, guild_id: GuildId) -> Result<()> {
    let strays = sqlx::query_scalar!(
        "SELECT r.id FROM stats_round r WHERE guild_id = $1 AND NOT EXISTS (SELECT FROM stats_file f
             WHERE f.guild_id = $1 AND f.name = r.name AND f.kind = 'round' AND f.state IN ('waiting', 'done'))",
        guild_id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    delete_rounds(tx, guild_id, &strays).await?;
    sqlx::query!(
        "DELETE FROM stats_session s WHERE guild_id = $1
         AND NOT EXISTS (SELECT FROM stats_round r WHERE r.guild_id = $1 AND r.session_key = s.key)",
        guild_id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn insert_rounds(tx: &mut Tx, guild_id: GuildId, rounds: &[&NewRound]) -> Result<()> {
    let texts =
        |of: fn(&NewRound) -> &str| -> Vec<String> { rounds.iter().map(|round| of(round).to_owned()).collect() };
    let small =
        |of: fn(&NewRound) -> Option<i16>| -> Vec<Option<i16>> { rounds.iter().map(|round| of(round)).collect() };
    let numbers =
        |of: fn(&NewRound) -> Option<i32>| -> Vec<Option<i32>> { rounds.iter().map(|round| of(round)).collect() };
    let ids: Vec<Uuid> = rounds.iter().map(|round| round.id).collect();
    let ended: Vec<DateTime<Utc>> = rounds.iter().map(|round| round.ended_at).collect();
    let invalid: Vec<String> = rounds.iter().map(|round| round.invalid.join(",")).collect();
    let notes: Vec<String> = rounds.iter().map(|round| round.notes.join("\n")).collect();
    let outcomes: Vec<Option<&str>> = rounds.iter().map(|round| round.outcome).collect();
    let reasons: Vec<Option<&str>> = rounds.iter().map(|round| round.end_reason.as_deref()).collect();
    let digests: Vec<&[u8]> = rounds.iter().map(|round| round.digest.as_slice()).collect();
    sqlx::query!(
        "INSERT INTO stats_round (id, guild_id, name, stem, match_id, map, round, ended_at, server, config, defender, winner,
             limit_seconds, elapsed_seconds, elapsed_basis, outcome, confidence, status, invalid, session_key, axis_team,
             points_one, points_two, surrendered, end_reason, pauses, paused_seconds, notes, digest)
         SELECT t.id, $1, t.name, t.stem, t.match_id, t.map, t.round, t.ended_at, t.server, t.config, t.defender, t.winner,
             t.limit_seconds, t.elapsed_seconds, t.elapsed_basis, t.outcome, t.confidence, t.status,
             string_to_array(t.invalid, ','), t.session_key, t.axis_team, t.points_one, t.points_two, t.surrendered,
             t.end_reason, t.pauses, t.paused_seconds, string_to_array(t.notes, chr(10)), t.digest
         FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::timestamptz[], $9::text[],
             $10::text[], $11::smallint[], $12::smallint[], $13::integer[], $14::integer[], $15::text[], $16::text[], $17::text[],
             $18::text[], $19::text[], $20::text[], $21::smallint[], $22::smallint[], $23::smallint[], $24::smallint[],
             $25::text[], $26::integer[], $27::integer[], $28::text[], $29::bytea[])
             AS t (id, name, stem, match_id, map, round, ended_at, server, config, defender, winner, limit_seconds,
                 elapsed_seconds, elapsed_basis, outcome, confidence, status, invalid, session_key, axis_team, points_one,
                 points_two, surrendered, end_reason, pauses, paused_seconds, notes, digest)",
        guild_id.0,
        &ids,
        &texts(|round| &round.name),
        &texts(|round| &round.stem),
        &texts(|round| &round.match_id),
        &texts(|round| &round.map),
        &small(|round| Some(round.round)) as &[Option<i16>],
        &ended,
        &texts(|round| &round.server),
        &texts(|round| &round.config),
        &small(|round| round.defender) as &[Option<i16>],
        &small(|round| round.winner) as &[Option<i16>],
        &numbers(|round| Some(round.limit_seconds)) as &[Option<i32>],
        &numbers(|round| round.elapsed_seconds) as &[Option<i32>],
        &texts(|round| round.elapsed_basis),
        &outcomes as &[Option<&str>],
        &texts(|round| round.confidence),
        &texts(|round| round.status),
        &invalid,
        &texts(|round| &round.session_key),
        &small(|round| Some(round.axis_team)) as &[Option<i16>],
        &small(|round| round.points.map(|points| points.0)) as &[Option<i16>],
        &small(|round| round.points.map(|points| points.1)) as &[Option<i16>],
        &small(|round| round.surrendered) as &[Option<i16>],
        &reasons as &[Option<&str>],
        &numbers(|round| round.pauses) as &[Option<i32>],
        &numbers(|round| round.paused_seconds) as &[Option<i32>],
        &notes,
        &digests as &[&[u8]]
    )
    .execute(&mut **tx)
    .await?;
    let lines: Vec<(Uuid, &NewLine)> =
        rounds.iter().flat_map(|round| round.lines.iter().map(|line| (round.id, line))).collect();
    insert_lines(tx, guild_id, &lines).await
}

async fn insert_lines(tx: &mut Tx, guild_id: GuildId, lines: &[(Uuid, &NewLine)]) -> Result<()> {
    let texts =
        |of: fn(&NewLine) -> &str| -> Vec<String> { lines.iter().map(|(_, line)| of(line).to_owned()).collect() };
    let small =
        |of: fn(&NewLine) -> Option<i16>| -> Vec<Option<i16>> { lines.iter().map(|(_, line)| of(line)).collect() };
    let counts = |of: fn(&NewLine) -> u32| -> Vec<i32> { lines.iter().map(|(_, line)| number(of(line))).collect() };
    let rounds: Vec<Uuid> = lines.iter().map(|(round, _)| *round).collect();
    let bots: Vec<bool> = lines.iter().map(|(_, line)| line.is_bot).collect();
    let tallies: Vec<String> = lines.iter().map(|(_, line)| tally(&line.tally)).collect();
    let weapons: Vec<String> = lines.iter().map(|(_, line)| weapons(&line.weapons)).collect();
    sqlx::query!(
        "INSERT INTO stats_line (round_id, guild_id, guid, alias, nth, raw_name, name, is_bot, side, team, kills, deaths,
             headshots, hits, shots, light_hits, light_shots, light_kills, light_deaths, light_headshots, grenade_hits,
             grenade_shots, grenade_kills, revives_given, tally, weapons, origin)
         SELECT t.round_id, $1, t.guid, t.alias, t.nth, t.raw_name, t.name, t.is_bot, t.side, t.team, t.kills, t.deaths,
             t.headshots, t.hits, t.shots, t.light_hits, t.light_shots, t.light_kills, t.light_deaths, t.light_headshots,
             t.grenade_hits, t.grenade_shots, t.grenade_kills, t.revives_given, t.tally::integer[], t.weapons::integer[], t.origin
         FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::boolean[], $9::smallint[],
             $10::smallint[], $11::integer[], $12::integer[], $13::integer[], $14::integer[], $15::integer[], $16::integer[],
             $17::integer[], $18::integer[], $19::integer[], $20::integer[], $21::integer[], $22::integer[], $23::integer[],
             $24::integer[], $25::text[], $26::text[], $27::text[])
             AS t (round_id, guid, alias, nth, raw_name, name, is_bot, side, team, kills, deaths, headshots, hits, shots,
                 light_hits, light_shots, light_kills, light_deaths, light_headshots, grenade_hits, grenade_shots,
                 grenade_kills, revives_given, tally, weapons, origin)",
        guild_id.0,
        &rounds,
        &texts(|line| &line.guid),
        &texts(|line| &line.alias),
        &small(|line| Some(line.nth)) as &[Option<i16>],
        &texts(|line| &line.raw_name),
        &texts(|line| &line.name),
        &bots,
        &small(|line| line.side) as &[Option<i16>],
        &small(|line| line.team) as &[Option<i16>],
        &counts(|line| line.all.kills),
        &counts(|line| line.all.deaths),
        &counts(|line| line.all.headshots),
        &counts(|line| line.all.hits),
        &counts(|line| line.all.shots),
        &counts(|line| line.light.hits),
        &counts(|line| line.light.shots),
        &counts(|line| line.light.kills),
        &counts(|line| line.light.deaths),
        &counts(|line| line.light.headshots),
        &counts(|line| line.grenades.hits),
        &counts(|line| line.grenades.shots),
        &counts(|line| line.grenades.kills),
        &counts(|line| line.revives_given),
        &tallies,
        &weapons,
        &texts(|line| line.origin)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// As PostgreSQL writes an array.
fn tally(tally: &Tally) -> String {
    let mut text = String::with_capacity(120);
    for field in Field::ALL {
        text.push(if text.is_empty() { '{' } else { ',' });
        match tally.get(field) {
            // Writing to a string does not fail.
            Some(value) => write!(text, "{value}").unwrap_or_default(),
            None => text.push_str("NULL"),
        }
    }
    text.push('}');
    text
}

fn weapons(uses: &[WeaponUse]) -> String {
    let mut text = String::from("{");
    for WeaponUse { weapon, counts } in uses {
        if text.len() > 1 {
            text.push(',');
        }
        let Counts { hits, shots, kills, deaths, headshots } = *counts;
        let [hits, shots, kills, deaths, headshots] = [hits, shots, kills, deaths, headshots].map(number);
        write!(text, "{},{hits},{shots},{kills},{deaths},{headshots}", weapon.bit()).unwrap_or_default();
    }
    text.push('}');
    text
}

/// The sessions that have a part in a stretch of time are these.
pub async fn replace_sessions(
    tx: &mut Tx,
    guild_id: GuildId,
    (first, last): (DateTime<Utc>, DateTime<Utc>),
    sessions: &[NewSession],
) -> Result<()> {
    let keys: Vec<&str> = sessions.iter().map(|session| session.key.as_str()).collect();
    sqlx::query!(
        "DELETE FROM stats_session WHERE guild_id = $1 AND last_at >= $2 AND first_at <= $3 AND NOT key = ANY ($4)",
        guild_id.0,
        first,
        last,
        &keys as &[&str]
    )
    .execute(&mut **tx)
    .await?;
    for session in sessions {
        sqlx::query!(
            "INSERT INTO stats_session (guild_id, key, first_at, last_at, rounds, maps, players, score_one, score_two, due_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (guild_id, key) DO UPDATE SET first_at = $3, last_at = $4, rounds = $5, maps = $6, players = $7,
                 score_one = $8, score_two = $9, due_at = $10",
            guild_id.0,
            session.key,
            session.first_at,
            session.last_at,
            session.rounds,
            session.maps,
            session.players,
            session.score.0,
            session.score.1,
            session.due_at
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// The awards and duels of these rounds are these.
pub async fn replace_awards(
    tx: &mut Tx,
    guild_id: GuildId,
    rounds: &[Uuid],
    awards: &[NewAward],
    duels: &[NewDuel],
) -> Result<()> {
    sqlx::query!("DELETE FROM stats_award WHERE guild_id = $1 AND round_id = ANY ($2)", guild_id.0, rounds)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("DELETE FROM stats_duel WHERE guild_id = $1 AND round_id = ANY ($2)", guild_id.0, rounds)
        .execute(&mut **tx)
        .await?;
    insert_awards(tx, guild_id, awards).await?;
    insert_duels(tx, guild_id, duels).await
}

async fn insert_awards(tx: &mut Tx, guild_id: GuildId, awards: &[NewAward]) -> Result<()> {
    let rounds: Vec<Uuid> = awards.iter().map(|award| award.round_id).collect();
    let positions: Vec<i32> = awards.iter().map(|award| award.position).collect();
    let names: Vec<&str> = awards.iter().map(|award| award.award.as_str()).collect();
    let players: Vec<&str> = awards.iter().map(|award| award.player.as_str()).collect();
    let guids: Vec<Option<&str>> = awards.iter().map(|award| award.guid.as_deref()).collect();
    let values: Vec<&str> = awards.iter().map(|award| award.value.as_str()).collect();
    let amounts: Vec<Option<i64>> = awards.iter().map(|award| award.amount).collect();
    sqlx::query!(
        "INSERT INTO stats_award (guild_id, round_id, position, award, player, guid, value, amount)
         SELECT $1, * FROM UNNEST($2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[])",
        guild_id.0,
        &rounds,
        &positions,
        &names as &[&str],
        &players as &[&str],
        &guids as &[Option<&str>],
        &values as &[&str],
        &amounts as &[Option<i64>]
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn insert_duels(tx: &mut Tx, guild_id: GuildId, duels: &[NewDuel]) -> Result<()> {
    let rounds: Vec<Uuid> = duels.iter().map(|duel| duel.round_id).collect();
    let positions: Vec<i32> = duels.iter().map(|duel| duel.position).collect();
    let owners: Vec<&str> = duels.iter().map(|duel| duel.owner.0.as_str()).collect();
    let owner_guids: Vec<Option<&str>> = duels.iter().map(|duel| duel.owner.1.as_deref()).collect();
    let opponents: Vec<&str> = duels.iter().map(|duel| duel.opponent.0.as_str()).collect();
    let opponent_guids: Vec<Option<&str>> = duels.iter().map(|duel| duel.opponent.1.as_deref()).collect();
    let kills: Vec<i32> = duels.iter().map(|duel| duel.kills).collect();
    let deaths: Vec<i32> = duels.iter().map(|duel| duel.deaths).collect();
    sqlx::query!(
        "INSERT INTO stats_duel (guild_id, round_id, position, owner, owner_guid, opponent, opponent_guid, kills, deaths)
         SELECT $1, * FROM UNNEST($2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[],
             $9::integer[])",
        guild_id.0,
        &rounds,
        &positions,
        &owners as &[&str],
        &owner_guids as &[Option<&str>],
        &opponents as &[&str],
        &opponent_guids as &[Option<&str>],
        &kills,
        &deaths
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
