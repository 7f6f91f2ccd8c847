//! Public randomness: drand's network `quicknet`, which publishes a number every three seconds that nobody knew before
//! (<https://docs.drand.love/dev-guide/developer/http-api>). Its signature is not checked here: whoever wants to be sure
//! asks another node for the same round.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use url::Url;

use super::guard::{Reach, guarded};
use crate::id::sha256_hex;

/// The network's id, when its first round was, and the seconds between two.
const CHAIN: &str = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";
const GENESIS: i64 = 1_692_803_367;
const PERIOD: i64 = 3;
const TIMEOUT: Duration = Duration::from_secs(10);

/// The first round that is published later than this.
pub fn round_after(at: DateTime<Utc>) -> i64 {
    (at.timestamp() - GENESIS).div_euclid(PERIOD).max(0) + 2
}

/// When a round is published.
pub fn time_of(round: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(GENESIS + (round - 1) * PERIOD, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Where anybody can look a round up.
pub fn address(base: &str, round: i64) -> String {
    format!("{}/{CHAIN}/public/{round}", base.trim_end_matches('/'))
}

/// A round's number, in hex, and the signature that it is the hash of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    pub random: String,
    pub signature: String,
}

#[derive(Debug, thiserror::Error)]
pub enum BeaconError {
    /// Not reachable, or the round is not there yet: try again.
    #[error("the beacon does not answer: {0}")]
    Away(String),
    #[error("the beacon's answer is not what it should be")]
    Wrong,
}

#[derive(Deserialize)]
struct Answer {
    round: i64,
    randomness: String,
    signature: String,
}

#[derive(Clone, Debug)]
pub struct BeaconClient {
    http: reqwest::Client,
    base: Url,
}

impl BeaconClient {
    pub fn new(base: Url) -> Result<Self, reqwest::Error> {
        let http = guarded(&Reach::Operator)
            .timeout(TIMEOUT)
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, base })
    }

    /// As it is published with a draw.
    pub fn base(&self) -> &str {
        self.base.as_str()
    }

    pub async fn get_round(&self, round: i64) -> Result<Round, BeaconError> {
        let away = |error: reqwest::Error| BeaconError::Away(error.without_url().to_string());
        let answer = self.http.get(address(self.base(), round)).send().await.map_err(away)?;
        let answer = answer.error_for_status().map_err(away)?;
        let found: Answer = answer.json().await.map_err(|_| BeaconError::Wrong)?;
        let signature = hex::decode(&found.signature).map_err(|_| BeaconError::Wrong)?;
        let is_it = found.round == round && sha256_hex(&signature) == found.randomness.to_ascii_lowercase();
        is_it
            .then(|| Round { random: sha256_hex(&signature), signature: hex::encode(&signature) })
            .ok_or(BeaconError::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_is_the_first_one_after() {
        let genesis = DateTime::from_timestamp(GENESIS, 0).unwrap();
        assert_eq!(time_of(1), genesis);
        for seconds in 0..10 {
            let at = genesis + chrono::TimeDelta::seconds(seconds);
            let round = round_after(at);
            assert!(time_of(round) > at && time_of(round - 1) <= at, "{seconds}");
        }
    }
}
