//! How long a round was played (Facts 3, "Empirical law"). The header's `nextTimeLimit` says it, except that a second round
//! may say `0:00` when the defenders held out, and more than its limit when the script miscounted.

use serde::{Deserialize, Serialize};

use crate::source::etlegacy::header::Header;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed {
    /// Not above the limit. `None`: nothing says it.
    pub seconds: Option<u32>,
    pub basis: Basis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    Header,
    /// The header said more than the limit.
    Capped,
    /// The header said nothing, and the defenders won: the whole limit.
    Held,
    /// The header's ninth field, because its `nextTimeLimit` said nothing.
    Playtime,
    Unknown,
}

pub fn elapsed(header: &Header<'_>) -> Elapsed {
    let known = |seconds, basis| Elapsed { seconds: Some(seconds), basis };
    // A map without a limit caps nothing.
    let cap = if header.limit == 0 { u32::MAX } else { header.limit };
    match header.next_limit {
        0 if header.limit > 0 && header.winner.is_some() && header.winner == header.defender => {
            known(header.limit, Basis::Held)
        }
        0 => match header.playtime_seconds() {
            Some(seconds) => known(seconds.min(cap), Basis::Playtime),
            None => Elapsed { seconds: None, basis: Basis::Unknown },
        },
        next if next > cap => known(cap, Basis::Capped),
        next => known(next, Basis::Header),
    }
}
