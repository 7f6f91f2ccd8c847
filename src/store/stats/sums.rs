//! Sums over the rounds that count.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::GuildId;
use crate::matches::sum::Sum;
use crate::source::etlegacy::weapon::{Counts, Weapon, WeaponUse};
use crate::store::{Result, Store};

/// Which rounds, and of whom; what is `None` is not asked for.
#[derive(Clone, Debug, Default)]
pub struct Which {
    pub guid: Option<String>,
    pub map: Option<String>,
    /// From then on.
    pub since: Option<DateTime<Utc>>,
    /// Earlier than that.
    pub before: Option<DateTime<Utc>>,
    /// The key of a session.
    pub session: Option<String>,
    pub rounds: Option<Vec<Uuid>>,
}

/// What each sum is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// All of it; the key is empty.
    All,
    /// The key is the GUID.
    Player,
    Map,
    /// The key of the session.
    Session,
    /// `2025-10`, by UTC.
    Month,
    /// The round's id.
    Round,
}

impl By {
    fn as_str(self) -> &'static str {
        match self {
            By::All => "all",
            By::Player => "player",
            By::Map => "map",
            By::Session => "session",
            By::Month => "month",
            By::Round => "round",
        }
    }
}

/// Sums of one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Summed {
    pub key: String,
    pub sum: Sum,
    /// Of hand and rifle grenades.
    pub grenades: Counts,
}

fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

impl Store {
    /// Sums by key, in the order of the keys. Where it is not of one player, rounds and their time count for each player.
    pub async fn sum_stats(&self, guild_id: GuildId, which: &Which, by: By) -> Result<Vec<Summed>> {
        let rows = sqlx::query!(
            r#"SELECT CASE $8 WHEN 'player' THEN guid WHEN 'map' THEN map WHEN 'session' THEN session_key
                   WHEN 'month' THEN to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM') WHEN 'round' THEN round_id::text ELSE '' END
                   COLLATE "C" AS "key!",
               count(*) AS "rounds!", COALESCE(sum(elapsed_seconds), 0) AS "timed_seconds!",
               COALESCE(sum(damage_given) FILTER (WHERE elapsed_seconds IS NOT NULL), 0) AS "timed_damage!",
               sum(hits) AS "hits!", sum(shots) AS "shots!", sum(kills) AS "kills!", sum(deaths) AS "deaths!",
               sum(headshots) AS "headshots!", sum(light_hits) AS "light_hits!", sum(light_shots) AS "light_shots!",
               sum(light_kills) AS "light_kills!", sum(light_deaths) AS "light_deaths!", sum(light_headshots) AS "light_headshots!",
               sum(grenade_hits) AS "grenade_hits!", sum(grenade_shots) AS "grenade_shots!", sum(grenade_kills) AS "grenade_kills!",
               sum(damage_given) AS "damage_given!", sum(damage_received) AS "damage_received!",
               sum(team_damage_given) AS "team_damage_given!", sum(team_damage_received) AS "team_damage_received!",
               sum(gibs) AS "gibs!", sum(selfkills) AS "selfkills!", sum(full_selfkills) AS "full_selfkills!",
               sum(teamkills) AS "teamkills!", sum(teamgibs) AS "teamgibs!", sum(xp) AS "xp!",
               sum(kill_assists) AS "kill_assists!", sum(kill_steals) AS "kill_steals!", sum(headshot_kills) AS "headshot_kills!",
               sum(objectives_stolen) AS "objectives_stolen!", sum(objectives_returned) AS "objectives_returned!",
               sum(dynamites_planted) AS "dynamites_planted!", sum(dynamites_defused) AS "dynamites_defused!",
               sum(times_revived) AS "times_revived!", sum(revives_given) AS "revives_given!",
               sum(tenths_played) AS "played!", sum(tenths_dead) AS "dead!",
               sum(useful_kills) AS "useful_kills!", sum(useless_kills) AS "useless_kills!",
               sum(denied_seconds) AS "denied_seconds!", sum(double_kills) AS "double_kills!",
               sum(triple_kills) AS "triple_kills!", sum(quad_kills) AS "quad_kills!", sum(penta_kills) AS "penta_kills!",
               sum(hexa_kills) AS "hexa_kills!", sum(repairs) AS "repairs!",
               max(killing_spree) AS "killing_spree!", max(death_spree) AS "death_spree!"
               FROM stats_counted
               WHERE guild_id = $1 AND ($2::text IS NULL OR guid = $2) AND ($3::text IS NULL OR map = $3)
                 AND ($4::timestamptz IS NULL OR ended_at >= $4) AND ($5::timestamptz IS NULL OR ended_at < $5)
                 AND ($6::text IS NULL OR session_key = $6) AND ($7::uuid[] IS NULL OR round_id = ANY ($7))
               GROUP BY 1 ORDER BY 1"#,
            guild_id.0,
            which.guid.as_deref(),
            which.map.as_deref(),
            which.since,
            which.before,
            which.session.as_deref(),
            which.rounds.as_deref(),
            by.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        let summed = rows.into_iter().map(|r| {
            let sum = Sum {
                rounds: count(r.rounds),
                timed_seconds: count(r.timed_seconds),
                timed_damage: count(r.timed_damage),
                all: Counts {
                    hits: count(r.hits),
                    shots: count(r.shots),
                    kills: count(r.kills),
                    deaths: count(r.deaths),
                    headshots: count(r.headshots),
                },
                light: Counts {
                    hits: count(r.light_hits),
                    shots: count(r.light_shots),
                    kills: count(r.light_kills),
                    deaths: count(r.light_deaths),
                    headshots: count(r.light_headshots),
                },
                killing_spree: count(r.killing_spree.into()),
                death_spree: count(r.death_spree.into()),
                xp: r.xp,
                revives_given: count(r.revives_given),
                played: count(r.played),
                dead: count(r.dead),
                multikills: [r.double_kills, r.triple_kills, r.quad_kills, r.penta_kills, r.hexa_kills].map(count),
                damage_given: count(r.damage_given),
                damage_received: count(r.damage_received),
                team_damage_given: count(r.team_damage_given),
                team_damage_received: count(r.team_damage_received),
                gibs: count(r.gibs),
                selfkills: count(r.selfkills),
                full_selfkills: count(r.full_selfkills),
                teamkills: count(r.teamkills),
                teamgibs: count(r.teamgibs),
                assists: count(r.kill_assists),
                kill_steals: count(r.kill_steals),
                headshot_kills: count(r.headshot_kills),
                objectives_stolen: count(r.objectives_stolen),
                objectives_returned: count(r.objectives_returned),
                dynamites_planted: count(r.dynamites_planted),
                dynamites_defused: count(r.dynamites_defused),
                times_revived: count(r.times_revived),
                useful_kills: count(r.useful_kills),
                useless_kills: count(r.useless_kills),
                denied_seconds: count(r.denied_seconds),
                repairs: count(r.repairs),
            };
            let (hits, shots, kills) = (count(r.grenade_hits), count(r.grenade_shots), count(r.grenade_kills));
            Summed { key: r.key, sum, grenades: Counts { hits, shots, kills, ..Counts::default() } }
        });
        Ok(summed.collect())
    }

    /// What was done with which weapon, by weapon.
    pub async fn sum_stats_weapons(&self, guild_id: GuildId, which: &Which) -> Result<Vec<WeaponUse>> {
        let rows = sqlx::query!(
            r#"SELECT c.weapons[n] AS "bit!", sum(c.weapons[n + 1]) AS "hits!", sum(c.weapons[n + 2]) AS "shots!",
                   sum(c.weapons[n + 3]) AS "kills!", sum(c.weapons[n + 4]) AS "deaths!", sum(c.weapons[n + 5]) AS "headshots!"
               FROM stats_counted c, generate_series(1, cardinality(c.weapons), 6) AS n
               WHERE guild_id = $1 AND ($2::text IS NULL OR guid = $2) AND ($3::text IS NULL OR map = $3)
                 AND ($4::timestamptz IS NULL OR ended_at >= $4) AND ($5::timestamptz IS NULL OR ended_at < $5)
                 AND ($6::text IS NULL OR session_key = $6) AND ($7::uuid[] IS NULL OR round_id = ANY ($7))
               GROUP BY 1 ORDER BY 1"#,
            guild_id.0,
            which.guid.as_deref(),
            which.map.as_deref(),
            which.since,
            which.before,
            which.session.as_deref(),
            which.rounds.as_deref()
        )
        .fetch_all(&self.pool)
        .await?;
        let weapons = rows.into_iter().filter_map(|r| {
            let weapon = Weapon::new(u8::try_from(r.bit).ok()?)?;
            let (hits, shots, kills) = (count(r.hits), count(r.shots), count(r.kills));
            let counts = Counts { hits, shots, kills, deaths: count(r.deaths), headshots: count(r.headshots) };
            Some(WeaponUse { weapon, counts })
        });
        Ok(weapons.collect())
    }
}
