//! The names under which people have played. They follow the lines: what a round adds is added, so that a round costs the
//! same after ten years; of whoever lost a line they are made anew from all that is there.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::write::NewRound;
use crate::id::GuildId;
use crate::store::{Result, Tx};

/// Somebody had a name in a round.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Played {
    pub guid: String,
    pub name: String,
    /// When the round ended.
    pub at: DateTime<Utc>,
}

impl Played {
    /// All of a round but bots, which share their GUID.
    pub fn in_round(round: &NewRound) -> impl Iterator<Item = Played> {
        let lines = round.lines.iter().filter(|line| !line.is_bot && line.alias.is_empty());
        lines.map(|line| Played { guid: line.guid.clone(), name: line.name.clone(), at: round.ended_at })
    }
}

/// What a transaction adds and removes: a round that is written again does both.
#[derive(Clone, Debug, Default)]
pub struct AliasChanges(BTreeMap<Played, i64>);

impl AliasChanges {
    pub fn add(&mut self, played: Played) {
        *self.0.entry(played).or_default() += 1;
    }

    pub fn remove(&mut self, played: Played) {
        *self.0.entry(played).or_default() -= 1;
    }

    /// What is only added to, and whose names are to be made anew.
    fn settle(self) -> (Vec<Alias>, BTreeSet<String>) {
        let lost: BTreeSet<String> =
            self.0.iter().filter(|(_, count)| **count < 0).map(|(played, _)| played.guid.clone()).collect();
        let mut more: Vec<Alias> = Vec::new();
        for (Played { guid, name, at }, rounds) in self.0 {
            if rounds <= 0 || lost.contains(&guid) {
                continue;
            }
            // In the order of person, name and time.
            match more.last_mut() {
                Some(alias) if alias.guid == guid && alias.name == name => {
                    alias.rounds += rounds;
                    alias.last_at = at;
                }
                _ => more.push(Alias { guid, name, rounds, first_at: at, last_at: at }),
            }
        }
        (more, lost)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Alias {
    guid: String,
    name: String,
    rounds: i64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

pub async fn apply_alias_changes(tx: &mut Tx, guild_id: GuildId, changes: AliasChanges) -> Result<()> {
    let (more, lost) = changes.settle();
    if !lost.is_empty() {
        refresh_aliases(tx, guild_id, Some(&lost)).await?;
    }
    if !more.is_empty() {
        extend(tx, guild_id, &more).await?;
    }
    Ok(())
}

async fn extend(tx: &mut Tx, guild_id: GuildId, more: &[Alias]) -> Result<()> {
    let texts = |of: fn(&Alias) -> &str| -> Vec<&str> { more.iter().map(of).collect() };
    let times = |of: fn(&Alias) -> DateTime<Utc>| -> Vec<DateTime<Utc>> { more.iter().map(of).collect() };
    let rounds: Vec<i64> = more.iter().map(|alias| alias.rounds).collect();
    sqlx::query!(
        "INSERT INTO stats_alias AS a (guild_id, guid, name, rounds, first_at, last_at)
         SELECT $1, t.guid, t.name, t.rounds, t.first_at, t.last_at
         FROM UNNEST($2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[])
             AS t (guid, name, rounds, first_at, last_at)
         ON CONFLICT (guild_id, guid, name) DO UPDATE SET rounds = a.rounds + EXCLUDED.rounds,
             first_at = LEAST(a.first_at, EXCLUDED.first_at), last_at = GREATEST(a.last_at, EXCLUDED.last_at)",
        guild_id.0,
        &texts(|alias| &alias.guid) as &[&str],
        &texts(|alias| &alias.name) as &[&str],
        &rounds,
        &times(|alias| alias.first_at),
        &times(|alias| alias.last_at)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Makes the names of these people, or of all, anew from their lines.
pub async fn refresh_aliases(tx: &mut Tx, guild_id: GuildId, guids: Option<&BTreeSet<String>>) -> Result<()> {
    let guids: Option<Vec<String>> = guids.map(|guids| guids.iter().cloned().collect());
    sqlx::query!(
        "WITH fresh AS (
             SELECT l.guid, l.name, count(*) AS rounds, min(r.ended_at) AS first_at, max(r.ended_at) AS last_at
             FROM stats_line l JOIN stats_round r ON r.id = l.round_id
             WHERE l.guild_id = $1 AND ($2::text[] IS NULL OR l.guid = ANY ($2)) AND l.alias = '' AND NOT l.is_bot
             GROUP BY l.guid, l.name
         ), gone AS (
             DELETE FROM stats_alias a WHERE a.guild_id = $1 AND ($2::text[] IS NULL OR a.guid = ANY ($2))
                 AND NOT EXISTS (SELECT FROM fresh f WHERE f.guid = a.guid AND f.name = a.name)
         )
         INSERT INTO stats_alias (guild_id, guid, name, rounds, first_at, last_at)
         SELECT $1, guid, name, rounds, first_at, last_at FROM fresh
         ON CONFLICT (guild_id, guid, name) DO UPDATE
             SET rounds = EXCLUDED.rounds, first_at = EXCLUDED.first_at, last_at = EXCLUDED.last_at
             WHERE (stats_alias.rounds, stats_alias.first_at, stats_alias.last_at)
                 IS DISTINCT FROM (EXCLUDED.rounds, EXCLUDED.first_at, EXCLUDED.last_at)",
        guild_id.0,
        guids.as_deref()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn played(guid: &str, name: &str, minute: i64) -> Played {
        Played { guid: guid.into(), name: name.into(), at: DateTime::UNIX_EPOCH + TimeDelta::minutes(minute) }
    }

    #[test]
    fn what_is_written_again_changes_nothing_and_what_is_lost_is_made_anew() {
        let mut changes = AliasChanges::default();
        for (name, minute) in [("ada", 3), ("ada", 1), ("ada", 1), ("eve", 2)] {
            changes.add(played("01", name, minute));
        }
        changes.remove(played("01", "ada", 1));
        changes.add(played("02", "di", 4));
        changes.remove(played("02", "di", 5));
        changes.add(played("03", "bo", 6));
        changes.remove(played("03", "bo", 6));
        let (more, lost) = changes.settle();
        let told: Vec<String> = more
            .iter()
            .map(|alias| {
                let minutes = [alias.first_at, alias.last_at].map(|at| at.timestamp() / 60);
                format!("{} {} {} {minutes:?}", alias.guid, alias.name, alias.rounds)
            })
            .collect();
        assert_eq!(told, ["01 ada 2 [1, 3]", "01 eve 1 [2, 2]"]);
        assert_eq!(lost, BTreeSet::from(["02".to_owned()]));
    }
}
