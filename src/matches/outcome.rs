//! How a round ended for the attackers, and how sure that is (Facts 4).

use serde::{Deserialize, Serialize};

use crate::source::etlegacy::Side;
use crate::source::etlegacy::header::Header;

use super::elapsed::{Basis, Elapsed};

/// So close to the limit that the defenders are taken to have held out, when the header names no sides.
const ABOUT_THE_LIMIT: u32 = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopwatchState {
    /// The attackers did not get there.
    FullHold,
    /// They did, and set the time.
    TimeSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreConfidence {
    /// Winner and defender are named, and the time agrees.
    VerifiedHeader,
    /// Told from the time alone.
    TimeFallback,
    /// Winner and defender are named, and the time says something else.
    Ambiguous,
    /// Neither is there.
    Missing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub state: Option<StopwatchState>,
    pub confidence: ScoreConfidence,
}

/// `surrendered`: the side that gave up, where a message about the round told it; that side has failed.
pub fn outcome(header: &Header<'_>, elapsed: Elapsed, surrendered: Option<Side>) -> Outcome {
    let (Some(defender), Some(winner)) = (header.defender, header.winner) else { return by_time(header, elapsed) };
    if let Some(side) = surrendered {
        let state = if side == defender { StopwatchState::TimeSet } else { StopwatchState::FullHold };
        return Outcome { state: Some(state), confidence: ScoreConfidence::VerifiedHeader };
    }
    let held = winner == defender;
    let state = if held { StopwatchState::FullHold } else { StopwatchState::TimeSet };
    let at_limit = elapsed.seconds == Some(header.limit);
    let agrees = match elapsed.basis {
        Basis::Header | Basis::Playtime => held == at_limit,
        Basis::Held | Basis::Capped => held,
        Basis::Unknown => false,
    };
    let confidence = if agrees { ScoreConfidence::VerifiedHeader } else { ScoreConfidence::Ambiguous };
    Outcome { state: Some(state), confidence }
}

fn by_time(header: &Header<'_>, elapsed: Elapsed) -> Outcome {
    let Some(seconds) = elapsed.seconds.filter(|_| header.limit > 0) else {
        return Outcome { state: None, confidence: ScoreConfidence::Missing };
    };
    let held = header.limit.saturating_sub(seconds) <= ABOUT_THE_LIMIT;
    let state = if held { StopwatchState::FullHold } else { StopwatchState::TimeSet };
    Outcome { state: Some(state), confidence: ScoreConfidence::TimeFallback }
}
