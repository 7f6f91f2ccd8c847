//! Matches of ET:Legacy: what the files of rounds mean together. Everything here is computed anew from all rounds, so that it
//! does not matter in which order files arrive: a late first round repairs its orphan by being there.

pub mod differential;
pub mod elapsed;
pub mod identity;
pub mod leaderboard;
pub mod outcome;
pub mod pair;
pub mod rate;
pub mod rating;
pub mod record;
pub mod report;
pub mod score;
pub mod session;
pub mod sum;
pub mod team;
