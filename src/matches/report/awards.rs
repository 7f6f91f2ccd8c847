//! The report of a file of awards, with whose rows are whose where it is known.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::honour::Context;
use super::round::shown;
use crate::matches::record::{PlayerRecord, RoundRecord};
use crate::source::etlegacy::awards::AwardsFile;
use crate::source::etlegacy::awards::known::{Category, category_of};
use crate::source::etlegacy::awards::owner::{Person, Unknown, recover};
use crate::source::etlegacy::colour;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwardsReport {
    /// Of the round's file.
    pub name: String,
    pub match_id: String,
    pub at: DateTime<Utc>,
    pub map: String,
    /// 1: of that round. 2: of the whole map.
    pub round: u8,
    /// In the order in which they are shown; empty ones are left out.
    pub groups: Vec<Group>,
    /// Who killed whom how often: each pair once.
    pub duels: Vec<Duel>,
    /// Why there are no duels although the file has rows.
    pub owners_unknown: Option<OwnersUnknown>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub category: Category,
    pub awards: Vec<Given>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Given {
    pub award: String,
    pub player: String,
    /// With its unit, as the script wrote it.
    pub value: String,
}

/// Two opponents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duel {
    pub one: String,
    pub other: String,
    pub kills_of_one: u32,
    pub kills_of_other: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnersUnknown {
    /// A name that nobody of the round has, or several have.
    Names,
    NothingFits,
    SeveralFit,
    TooMany,
}

const ORDER: [Category; 8] = [
    Category::Combat,
    Category::Skills,
    Category::Weapons,
    Category::Teamwork,
    Category::Objectives,
    Category::Timing,
    Category::Deaths,
    Category::Other,
];

pub fn awards(round: &RoundRecord, file: &AwardsFile<'_>, context: &Context) -> AwardsReport {
    let people: Vec<Person> = round.players.iter().map(person).collect();
    let names: Vec<String> =
        round.players.iter().map(|one| context.name(&one.key.guid, &shown(&one.raw_name))).collect();
    let owners = owners_of(round, file);
    let (duels, owners_unknown) = match owners {
        Ok(owners) => (duels(file, &people, &names, &owners), None),
        Err(why) => (Vec::new(), Some(why)),
    };
    AwardsReport {
        name: round.name.clone(),
        match_id: round.match_id.clone(),
        at: round.at,
        map: round.map.clone(),
        round: round.round.get(),
        groups: ORDER.into_iter().filter_map(|category| group(category, file, &people, &names)).collect(),
        duels,
        owners_unknown,
    }
}

fn person(player: &PlayerRecord) -> Person {
    Person {
        name: colour::clean(&player.raw_name),
        side: player.side,
        other_name: colour::clean_of_letters_and_digits(&player.raw_name),
    }
}

fn group(category: Category, file: &AwardsFile<'_>, people: &[Person], names: &[String]) -> Option<Group> {
    let of = |name: &str| category_of(name).unwrap_or(Category::Other);
    let awards = file.awards.iter().filter(|award| of(&award.name) == category);
    let awards: Vec<Given> = awards
        .map(|award| Given {
            award: award.name.to_string(),
            player: only(people, &award.player).map_or_else(|| shown(&award.player), |at| names[at].clone()),
            value: award.value.text.to_string(),
        })
        .collect();
    (!awards.is_empty()).then_some(Group { category, awards })
}

/// Who is called so, when it is one.
fn only(people: &[Person], name: &str) -> Option<usize> {
    let mut called = (0..people.len()).filter(|at| people[*at].is_called(name));
    called.next().filter(|_| called.next().is_none())
}

/// For each row whose it is, as an index of the round's players: as the file says it, else as it can be found out.
pub fn owners_of(round: &RoundRecord, file: &AwardsFile<'_>) -> Result<Vec<Option<usize>>, OwnersUnknown> {
    let people: Vec<Person> = round.players.iter().map(person).collect();
    if file.rows.is_empty() {
        return Ok(Vec::new());
    }
    let said = file.blocks.iter().map(|block| block.rows.len()).sum::<usize>() == file.rows.len();
    if !said {
        return recover(&file.rows, &people).map_err(OwnersUnknown::from);
    }
    let mut owners = vec![None; file.rows.len()];
    for block in &file.blocks {
        let owner = only(&people, &block.owner).ok_or(OwnersUnknown::Names)?;
        owners[block.rows.clone()].fill(Some(owner));
    }
    Ok(owners)
}

impl From<Unknown> for OwnersUnknown {
    fn from(why: Unknown) -> OwnersUnknown {
        match why {
            Unknown::Stranger { .. } | Unknown::Namesakes { .. } => OwnersUnknown::Names,
            Unknown::None => OwnersUnknown::NothingFits,
            Unknown::Several => OwnersUnknown::SeveralFit,
            Unknown::TooMany => OwnersUnknown::TooMany,
        }
    }
}

fn duels(file: &AwardsFile<'_>, people: &[Person], names: &[String], owners: &[Option<usize>]) -> Vec<Duel> {
    let mut seen: Vec<(usize, usize)> = Vec::new();
    let mut duels = Vec::new();
    for (row, owner) in file.rows.iter().zip(owners) {
        let (Some(owner), Some(opponent)) = (*owner, only(people, &row.opponent)) else { continue };
        if seen.contains(&(opponent, owner)) || (row.kills, row.deaths) == (0, 0) {
            continue;
        }
        seen.push((owner, opponent));
        let (one, other) = (names[owner].clone(), names[opponent].clone());
        duels.push(Duel { one, other, kills_of_one: row.kills, kills_of_other: row.deaths });
    }
    duels.sort_by_key(|duel| std::cmp::Reverse(u64::from(duel.kills_of_one) + u64::from(duel.kills_of_other)));
    duels
}
