//! What was computed, as it is stored. Pure.

use std::collections::HashMap;

use uuid::Uuid;

use super::surroundings::Surroundings;
use crate::id::{GuildId, derived, sha256};
use crate::matches::differential::Origin;
use crate::matches::elapsed::Basis;
use crate::matches::outcome::{ScoreConfidence, StopwatchState};
use crate::matches::record::{Invalid, PlayerRecord, RoundRecord, Session, Status};
use crate::matches::sum::Sum;
use crate::matches::team::Team;
use crate::source::etlegacy::ready::{EndReason, RoundReady};
use crate::source::etlegacy::weapon::{Counts, WeaponUse};
use crate::source::etlegacy::{Side, colour};
use crate::store::stats::write::{NewLine, NewRound};

/// Hand and rifle grenades.
const GRENADES: [u8; 2] = [11, 18];

/// The id of a round, by the name of its file.
pub fn round_id(guild_id: GuildId, name: &str) -> Uuid {
    derived(&["stats round", &guild_id.to_string(), name])
}

/// All rounds, in the order of time; `keys` are those of the sessions.
pub fn rounds(guild_id: GuildId, around: &Surroundings, keys: &[String]) -> Vec<NewRound> {
    let record = &around.record;
    let mut rows = Vec::with_capacity(record.rounds.len());
    for (session, key) in record.sessions.iter().zip(keys) {
        let points = points(session);
        for at in session.rounds.clone() {
            let round = &record.rounds[at];
            let axis = session.teams.axis[at - session.rounds.start];
            let mut row = row(guild_id, round, key, axis, session, around.ready.get(&round.name));
            row.server = around.servers.get(&round.name).cloned().unwrap_or_default();
            row.config = around.configs.get(&round.name).cloned().unwrap_or_default();
            row.notes = around.notes.get(&round.name).cloned().unwrap_or_default();
            row.points = points.get(&at).copied();
            row.digest = sha256(format!("{row:?}").as_bytes());
            rows.push(row);
        }
    }
    rows
}

/// What maps brought the two teams, by the index of their second round.
fn points(session: &Session) -> HashMap<usize, (i16, i16)> {
    let of = |map: &crate::matches::record::MapResult| {
        let (second, team, score) = (map.second?, map.attacked_first?, map.score?);
        let (first, other) = (i16::from(score.attacked_first), i16::from(score.attacked_second));
        Some((second, if team == Team::One { (first, other) } else { (other, first) }))
    };
    session.maps.iter().filter_map(of).collect()
}

fn row(
    guild_id: GuildId,
    round: &RoundRecord,
    key: &str,
    axis: Team,
    session: &Session,
    ready: Option<&RoundReady>,
) -> NewRound {
    NewRound {
        id: round_id(guild_id, &round.name),
        name: round.name.clone(),
        stem: round.stem.clone(),
        match_id: round.match_id.clone(),
        map: round.map.clone(),
        round: round.round.get().into(),
        ended_at: round.at,
        server: String::new(),
        config: String::new(),
        defender: round.defender.map(side),
        winner: round.winner.map(side),
        limit_seconds: number(round.limit),
        elapsed_seconds: round.elapsed.seconds.map(number),
        elapsed_basis: basis(round.elapsed.basis),
        outcome: round.outcome.state.map(state),
        confidence: confidence(round.outcome.confidence),
        status: status(round.status),
        invalid: round.invalid.iter().map(|why| invalid(*why)).collect(),
        session_key: key.to_owned(),
        axis_team: team(axis),
        points: None,
        surrendered: ready.and_then(|ready| ready.surrender.as_ref()).map(|surrender| side(surrender.side)),
        end_reason: ready.map(end_reason),
        pauses: ready.map(|ready| number(ready.pauses)),
        paused_seconds: ready.map(|ready| number(ready.paused)),
        notes: Vec::new(),
        lines: round.players.iter().map(|player| line(round, player, session)).collect(),
        digest: [0; 32],
    }
}

fn line(round: &RoundRecord, player: &PlayerRecord, session: &Session) -> NewLine {
    let sum = Sum::of(&player.numbers, round.elapsed);
    let grenades = player.numbers.weapons.iter().filter(|one| GRENADES.contains(&one.weapon.bit()));
    NewLine {
        guid: player.key.guid.clone(),
        alias: player.key.name.clone().unwrap_or_default(),
        nth: i16::try_from(player.key.nth).unwrap_or(i16::MAX),
        raw_name: player.raw_name.clone(),
        name: colour::clean(&player.raw_name),
        is_bot: player.is_bot,
        side: player.side.map(side),
        team: session.teams.members.get(&player.key).map(|member| team(member.team)),
        all: sum.all,
        light: sum.light,
        grenades: grenades.fold(Counts::default(), |sum, WeaponUse { counts, .. }| sum.plus(*counts)),
        revives_given: sum.revives_given,
        tally: player.numbers.tally.clone(),
        weapons: player.numbers.weapons.clone(),
        origin: origin(player.numbers.origin),
    }
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn side(side: Side) -> i16 {
    side.get().into()
}

fn team(team: Team) -> i16 {
    match team {
        Team::One => 1,
        Team::Two => 2,
    }
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Header => "header",
        Basis::Capped => "capped",
        Basis::Held => "held",
        Basis::Playtime => "playtime",
        Basis::Unknown => "unknown",
    }
}

fn state(state: StopwatchState) -> &'static str {
    match state {
        StopwatchState::FullHold => "full_hold",
        StopwatchState::TimeSet => "time_set",
    }
}

fn confidence(confidence: ScoreConfidence) -> &'static str {
    match confidence {
        ScoreConfidence::VerifiedHeader => "verified_header",
        ScoreConfidence::TimeFallback => "time_fallback",
        ScoreConfidence::Ambiguous => "ambiguous",
        ScoreConfidence::Missing => "missing",
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Completed => "completed",
        Status::OtherTimeToBeat => "other_time_to_beat",
        Status::Replaced => "replaced",
        Status::OrphanSecond => "orphan_second",
    }
}

fn invalid(why: Invalid) -> &'static str {
    match why {
        Invalid::FillerMap => "filler_map",
        Invalid::Bots => "bots",
        Invalid::Orphan => "orphan",
        Invalid::Replaced => "replaced",
    }
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::AsWritten => "as_written",
        Origin::Subtracted => "subtracted",
        Origin::Reset => "reset",
        Origin::OnlyInSecond => "only_in_second",
    }
}

fn end_reason(ready: &RoundReady) -> String {
    match &ready.end {
        EndReason::Objective => "objective".to_owned(),
        EndReason::Surrender => "surrender".to_owned(),
        EndReason::TimeExpired => "time_expired".to_owned(),
        EndReason::Other(other) => other.clone(),
    }
}
