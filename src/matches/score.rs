//! The score of a map (Facts 5, "BOX"): two points for who attacked better, one each when nobody got there.

use super::outcome::StopwatchState;

/// How an attack went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attack {
    pub state: Option<StopwatchState>,
    /// Seconds.
    pub elapsed: Option<u32>,
}

/// Points of the team that attacked in the first round, and of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapScore {
    pub attacked_first: u8,
    pub attacked_second: u8,
}

impl MapScore {
    const FIRST: MapScore = MapScore { attacked_first: 2, attacked_second: 0 };
    const SECOND: MapScore = MapScore { attacked_first: 0, attacked_second: 2 };
    const NOBODY: MapScore = MapScore { attacked_first: 1, attacked_second: 1 };
}

/// `None`: what is known does not decide it.
pub fn map_score(first: Attack, second: Attack) -> Option<MapScore> {
    use StopwatchState::{FullHold, TimeSet};
    match (first.state?, second.state?) {
        (FullHold, FullHold) => Some(MapScore::NOBODY),
        (TimeSet, FullHold) => Some(MapScore::FIRST),
        (FullHold, TimeSet) => Some(MapScore::SECOND),
        // Who has to beat a time and only reaches it has not beaten it.
        (TimeSet, TimeSet) if first.elapsed? <= second.elapsed? => Some(MapScore::FIRST),
        (TimeSet, TimeSet) => Some(MapScore::SECOND),
    }
}
