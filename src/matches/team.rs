//! The two teams of a session (Facts 5). They are people, not sides: sides change after each round. The first round seeds
//! them; who comes later belongs to those they play with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::source::etlegacy::Side;

use super::identity::PlayerKey;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Team {
    One,
    Two,
}

impl Team {
    pub fn other(self) -> Team {
        match self {
            Team::One => Team::Two,
            Team::Two => Team::One,
        }
    }
}

/// Who was on which side of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineup {
    pub players: Vec<(PlayerKey, Side)>,
    /// Whether it is the second round of the map whose first stands before it.
    pub is_second: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Teams {
    /// For each round which team was Axis.
    pub axis: Vec<Team>,
    pub members: BTreeMap<PlayerKey, Member>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where they played most rounds; of two that are even, the one that they came with.
    pub team: Team,
    /// Rounds in each team. Both: a substitute, or somebody who changed.
    pub rounds_one: u32,
    pub rounds_two: u32,
    latest: Team,
    came_with: Team,
}

impl Member {
    fn new(team: Team) -> Member {
        Member { team, rounds_one: 0, rounds_two: 0, latest: team, came_with: team }
    }

    fn played(&mut self, team: Team) {
        match team {
            Team::One => self.rounds_one += 1,
            Team::Two => self.rounds_two += 1,
        }
        self.latest = team;
        self.team = match self.rounds_one.cmp(&self.rounds_two) {
            std::cmp::Ordering::Greater => Team::One,
            std::cmp::Ordering::Less => Team::Two,
            std::cmp::Ordering::Equal => self.came_with,
        };
    }

    pub fn changed(&self) -> bool {
        self.rounds_one > 0 && self.rounds_two > 0
    }
}

/// The rounds of a session, in the order of time.
pub fn teams(rounds: &[Lineup]) -> Teams {
    let mut teams = Teams::default();
    for round in rounds {
        let axis = axis_of(round, &teams);
        teams.axis.push(axis);
        for (player, side) in &round.players {
            let team = if *side == Side::Axis { axis } else { axis.other() };
            teams.members.entry(player.clone()).or_insert_with(|| Member::new(team)).played(team);
        }
    }
    teams
}

/// The team that most of those on the Axis side were in before, and the fewest of the Allies.
fn axis_of(round: &Lineup, teams: &Teams) -> Team {
    let vote = |(player, side): &(PlayerKey, Side)| match teams.members.get(player) {
        Some(member) if (member.latest == Team::One) == (*side == Side::Axis) => 1,
        Some(_) => -1,
        None => 0,
    };
    match round.players.iter().map(vote).sum::<i32>() {
        1.. => Team::One,
        ..0 => Team::Two,
        // Nobody decides it: after a first round the sides have changed.
        0 => match teams.axis.last() {
            Some(before) if round.is_second => before.other(),
            _ => Team::One,
        },
    }
}
