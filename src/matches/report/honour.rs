//! Firsts, personal bests, records of maps and milestones: what is worth a word beside the numbers. All of it is judged
//! against what was played before, so that it does not depend on when a file arrived.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::TeamNames;
use super::round::{PlayerLine, shown};
use crate::matches::outcome::StopwatchState;
use crate::matches::record::{Record, RoundRecord};
use crate::matches::sum::Sum;

/// Rounds, of a player or on a map, before which a best says nothing, because anything would be one.
const ROUNDS_FOR_A_BEST: u32 = 5;
const KILLS: [(u32, &str); 6] = [
    (100, "First Blood Century"),
    (500, "Killing Machine"),
    (1000, "Thousand Killer"),
    (2500, "Elite Warrior"),
    (5000, "Death Incarnate"),
    (10_000, "Legendary Slayer"),
];
const ROUNDS: [u32; 6] = [10, 50, 100, 250, 500, 1000];

/// What was before, and what people are called.
#[derive(Clone, Debug, Default)]
pub struct Context {
    pub history: History,
    /// Names that were chosen, by GUID; who chose none is called as the round has it.
    pub names: BTreeMap<String, String>,
    /// What teams may be called; see [`TeamNames::chosen`].
    pub team_names: Vec<String>,
}

impl Context {
    pub fn name(&self, guid: &str, otherwise: &str) -> String {
        self.names.get(guid).map_or(otherwise, String::as_str).to_owned()
    }

    /// What the teams of a session are called, by the stem of its first round.
    pub fn teams(&self, stem: &str) -> TeamNames {
        TeamNames::chosen(&self.team_names, stem)
    }
}

/// Of the rounds that count, before a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// By GUID.
    pub players: BTreeMap<String, PlayerHistory>,
    pub maps: BTreeMap<String, MapHistory>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlayerHistory {
    pub rounds: u32,
    pub kills: u32,
    /// The most in one round.
    pub best: Best,
}

/// Of one round.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Best {
    pub kills: u32,
    pub damage: u32,
    pub headshots: u32,
    pub revives: u32,
    pub spree: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MapHistory {
    pub rounds: u32,
    /// Seconds of the fastest attack that got there.
    pub fastest: Option<u32>,
    pub best: Best,
}

/// Something that was never so before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "honour", rename_all = "snake_case")]
pub enum Honour {
    FirstRound {
        player: String,
    },
    FirstOnMap {
        map: String,
    },
    PersonalBest {
        player: String,
        what: What,
        value: u32,
        before: u32,
    },
    /// `players` of the attackers, or whoever did it.
    MapRecord {
        map: String,
        players: Vec<String>,
        what: What,
        value: u32,
        before: u32,
    },
    Milestone {
        player: String,
        what: What,
        value: u32,
        title: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Kills,
    Damage,
    Headshots,
    Revives,
    Spree,
    Rounds,
    /// Seconds of an attack; less is better.
    FastestAttack,
}

impl Honour {
    /// Said of a map again, because its rounds are shown together.
    pub fn is_of_map(&self) -> bool {
        matches!(self, Honour::MapRecord { .. } | Honour::FirstOnMap { .. })
    }
}

impl Best {
    pub fn of(sum: &Sum) -> Best {
        Best {
            kills: sum.kills(),
            damage: sum.damage_given,
            headshots: sum.headshots(),
            revives: sum.revives_given,
            spree: sum.killing_spree,
        }
    }

    fn values(self) -> [(What, u32); 5] {
        [
            (What::Kills, self.kills),
            (What::Damage, self.damage),
            (What::Headshots, self.headshots),
            (What::Revives, self.revives),
            (What::Spree, self.spree),
        ]
    }

    pub fn raise(&mut self, other: Best) {
        self.kills = self.kills.max(other.kills);
        self.damage = self.damage.max(other.damage);
        self.headshots = self.headshots.max(other.headshots);
        self.revives = self.revives.max(other.revives);
        self.spree = self.spree.max(other.spree);
    }
}

impl History {
    /// Of rounds in any order; those that do not count, and bots, are left out.
    pub fn of<'a>(rounds: impl IntoIterator<Item = &'a RoundRecord>) -> History {
        let mut history = History::default();
        rounds.into_iter().for_each(|round| history.take(round));
        history
    }

    /// As it stood before a round of the record: what was before, and the rounds of the same session until then.
    fn until(&self, record: &Record, at: usize) -> History {
        let mut history = self.clone();
        let session = record.sessions.iter().find(|session| session.rounds.contains(&at));
        let start = session.map_or(at, |session| session.rounds.start);
        record.rounds[start..at].iter().for_each(|round| history.take(round));
        history
    }

    fn take(&mut self, round: &RoundRecord) {
        if !round.invalid.is_empty() {
            return;
        }
        let map = self.maps.entry(round.map.clone()).or_default();
        map.rounds += 1;
        if let Some(seconds) = attack(round) {
            map.fastest = Some(map.fastest.map_or(seconds, |known| known.min(seconds)));
        }
        for player in round.players.iter().filter(|player| !player.is_bot) {
            let sum = Sum::of(&player.numbers, round.elapsed);
            map.best.raise(Best::of(&sum));
            let known = self.players.entry(player.key.guid.clone()).or_default();
            known.rounds += 1;
            known.kills = known.kills.saturating_add(sum.kills());
            known.best.raise(Best::of(&sum));
        }
    }
}

/// How long the attackers took who got there.
fn attack(round: &RoundRecord) -> Option<u32> {
    round.elapsed.seconds.filter(|_| round.outcome.state == Some(StopwatchState::TimeSet))
}

/// `players` are those of the round.
pub(super) fn of_round(record: &Record, at: usize, players: &[PlayerLine], context: &Context) -> Vec<Honour> {
    let history = context.history.until(record, at);
    let mut honours = of_map(&record.rounds[at], players, &history);
    for line in players.iter().filter(|line| !line.is_bot) {
        let Some(known) = history.players.get(&line.guid) else {
            honours.push(Honour::FirstRound { player: line.name.clone() });
            continue;
        };
        if known.rounds >= ROUNDS_FOR_A_BEST {
            honours.extend(better(known.best, Best::of(&line.sum)).map(|(what, value, before)| Honour::PersonalBest {
                player: line.name.clone(),
                what,
                value,
                before,
            }));
        }
    }
    honours
}

/// What exceeds a best that there was.
fn better(before: Best, now: Best) -> impl Iterator<Item = (What, u32, u32)> {
    let pairs = before.values().into_iter().zip(now.values());
    pairs
        .filter(|((_, before), (_, now))| *before > 0 && now > before)
        .map(|((what, before), (_, now))| (what, now, before))
}

fn of_map(round: &RoundRecord, players: &[PlayerLine], history: &History) -> Vec<Honour> {
    let map = round.map.clone();
    let Some(known) = history.maps.get(&map) else { return vec![Honour::FirstOnMap { map }] };
    let mut honours = Vec::new();
    if known.rounds < ROUNDS_FOR_A_BEST {
        return honours;
    }
    if let (Some(before), Some(seconds)) = (known.fastest, attack(round))
        && seconds < before
    {
        let attackers = players.iter().filter(|line| line.side.is_some() && line.side != round.defender);
        let players = attackers.map(|line| line.name.clone()).collect();
        honours.push(Honour::MapRecord {
            map: map.clone(),
            players,
            what: What::FastestAttack,
            value: seconds,
            before,
        });
    }
    let mut best = Best::default();
    let people = || players.iter().filter(|line| !line.is_bot);
    people().for_each(|line| best.raise(Best::of(&line.sum)));
    for (what, value, before) in better(known.best, best) {
        let has_it = |line: &&PlayerLine| Best::of(&line.sum).values().contains(&(what, value));
        let players = people().filter(has_it).map(|line| line.name.clone()).collect();
        honours.push(Honour::MapRecord { map: map.clone(), players, what, value, before });
    }
    honours
}

/// Each thing once, the best of the session; and the milestones that were passed in it. `rounds` are those that count.
pub(super) fn of_session(record: &Record, rounds: &[usize], context: &Context) -> Vec<Honour> {
    let new = newcomers(record, rounds, context);
    // Somebody's first evenings better each other with every round.
    let says_little = |honour: &Honour| matches!(honour, Honour::PersonalBest { player, .. } if new.contains(player));
    let mut best: Vec<Honour> = Vec::new();
    let all = rounds.iter().flat_map(|at| super::round(record, *at, context).honours);
    for honour in all.filter(|honour| !says_little(honour)) {
        match best.iter_mut().find(|known| is_same_thing(known, &honour)) {
            Some(known) => raise(known, honour),
            None => best.push(honour),
        }
    }
    best.extend(milestones(record, rounds, context));
    best
}

/// Names of those who had played too little before the session.
fn newcomers(record: &Record, rounds: &[usize], context: &Context) -> BTreeSet<String> {
    let players = rounds.iter().flat_map(|at| &record.rounds[*at].players);
    let before = |guid: &str| context.history.players.get(guid).map_or(0, |known| known.rounds);
    let new = players.filter(|player| before(&player.key.guid) < ROUNDS_FOR_A_BEST);
    new.map(|player| context.name(&player.key.guid, &shown(&player.raw_name))).collect()
}

fn is_same_thing(one: &Honour, other: &Honour) -> bool {
    match (one, other) {
        (Honour::PersonalBest { player, what, .. }, Honour::PersonalBest { player: of, what: which, .. }) => {
            (player, what) == (of, which)
        }
        (Honour::MapRecord { map, what, .. }, Honour::MapRecord { map: of, what: which, .. }) => {
            (map, what) == (of, which)
        }
        _ => one == other,
    }
}

/// What was bettered twice in a session is told once: from what was before to the best.
fn raise(known: &mut Honour, newer: Honour) {
    match (known, newer) {
        (Honour::PersonalBest { value, .. }, Honour::PersonalBest { value: best, .. }) => *value = best,
        (Honour::MapRecord { value, players, .. }, Honour::MapRecord { value: best, players: by, .. }) => {
            (*value, *players) = (best, by);
        }
        _ => {}
    }
}

fn milestones(record: &Record, rounds: &[usize], context: &Context) -> Vec<Honour> {
    let mut played: BTreeMap<&str, (String, u32, u32)> = BTreeMap::new();
    let all =
        rounds.iter().map(|at| &record.rounds[*at]).flat_map(|round| round.players.iter().map(move |one| (round, one)));
    for (round, player) in all.filter(|(_, player)| !player.is_bot) {
        let (name, rounds, kills) = played.entry(&player.key.guid).or_default();
        *name = context.name(&player.key.guid, &shown(&player.raw_name));
        *rounds += 1;
        *kills = kills.saturating_add(Sum::of(&player.numbers, round.elapsed).kills());
    }
    let mut honours = Vec::new();
    for (guid, (player, rounds, kills)) in played {
        let before = context.history.players.get(guid).cloned().unwrap_or_default();
        let passed = |from: u32, by: u32, mark: u32| from < mark && from.saturating_add(by) >= mark;
        // Of several that were passed at once the highest.
        if let Some((mark, title)) = KILLS.into_iter().rfind(|(mark, _)| passed(before.kills, kills, *mark)) {
            let title = Some(title.to_owned());
            honours.push(Honour::Milestone { player: player.clone(), what: What::Kills, value: mark, title });
        }
        if let Some(mark) = ROUNDS.into_iter().rfind(|mark| passed(before.rounds, rounds, *mark)) {
            honours.push(Honour::Milestone { player, what: What::Rounds, value: mark, title: None });
        }
    }
    honours
}
