//! Rewards that viewers redeem: accepted or rejected by the channel.

use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;

use super::{KickClient, Result, list, text};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedemptionVerb {
    Accept,
    Reject,
}

/// One that Kick did not change: `NOT_PENDING`, `NOT_FOUND`, `NOT_OWNED` or `UNKNOWN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRedemption {
    pub id: String,
    pub reason: String,
}

impl KickClient {
    /// Decides about one redemption. `None`: it is done.
    pub async fn decide_redemption(
        &self,
        token: &SecretString,
        verb: RedemptionVerb,
        id: &str,
    ) -> Result<Option<FailedRedemption>> {
        let verb = match verb {
            RedemptionVerb::Accept => "accept",
            RedemptionVerb::Reject => "reject",
        };
        let path = ["public", "v1", "channels", "rewards", "redemptions", verb];
        let data = self.call(Method::POST, &path, Some(token), |request| request.json(&json!({ "ids": [id] }))).await?;
        let failed = list("the failed redemptions", &data, |item| {
            Some(FailedRedemption { id: text(item, "id")?, reason: text(item, "reason").unwrap_or_default() })
        })?;
        Ok(failed.into_iter().find(|failed| failed.id == id))
    }

    /// How a redemption stands: `pending`, `accepted`, `rejected`; `None`: Kick does not have it.
    pub async fn redemption_status(&self, token: &SecretString, id: &str) -> Result<Option<String>> {
        let path = ["public", "v1", "channels", "rewards", "redemptions"];
        let data = self.call(Method::GET, &path, Some(token), |request| request.query(&[("id", id)])).await?;
        let groups = list("the redemptions", &data, |group| {
            let items = group.get("redemptions")?.as_array()?;
            items.iter().find(|item| item["id"] == id).and_then(|item| text(item, "status"))
        })?;
        Ok(groups.into_iter().next())
    }
}
