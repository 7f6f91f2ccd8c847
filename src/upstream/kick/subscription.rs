//! Which events Kick sends (specification of Kick, Facts 4). All of them belong to the application, so one token of its own
//! is enough for every channel.

use chrono::{DateTime, Utc};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{KickClient, Result, list, text};

/// One that Kick lists.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    pub id: String,
    pub broadcaster_user_id: i64,
    /// Such as `chat.message.sent`.
    pub kind: String,
    pub version: i32,
    pub created_at: Option<DateTime<Utc>>,
}

/// What came of one wish: Kick may grant some and refuse others in the same answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Created {
    pub kind: String,
    pub version: i32,
    /// The new subscription's id, or why there is none.
    pub outcome: std::result::Result<String, String>,
}

/// Ids in one request; the address has to stay short.
const AT_ONCE: usize = 50;

impl KickClient {
    pub async fn subscriptions(&self, token: &SecretString, broadcaster: i64) -> Result<Vec<Subscription>> {
        let query = [("broadcaster_user_id", broadcaster)];
        let path = ["public", "v1", "events", "subscriptions"];
        let data = self.call(Method::GET, &path, Some(token), |request| request.query(&query)).await?;
        let all = list("the list of subscriptions", &data, |item| {
            Some(Subscription {
                id: text(item, "id")?,
                broadcaster_user_id: item.get("broadcaster_user_id")?.as_i64()?,
                kind: text(item, "event")?,
                version: version(item),
                created_at: text(item, "created_at")
                    .and_then(|at| DateTime::parse_from_rfc3339(&at).ok())
                    .map(|at| at.to_utc()),
            })
        })?;
        // Where Kick overlooks the question's condition, others' channels stay out of it.
        Ok(all.into_iter().filter(|s| s.broadcaster_user_id == broadcaster).collect())
    }

    pub async fn subscribe(&self, token: &SecretString, broadcaster: i64, kinds: &[&str]) -> Result<Vec<Created>> {
        let events: Vec<Value> = kinds.iter().map(|kind| json!({ "name": kind, "version": 1 })).collect();
        let body = json!({ "broadcaster_user_id": broadcaster, "events": events, "method": "webhook" });
        let path = ["public", "v1", "events", "subscriptions"];
        let data = self.call(Method::POST, &path, Some(token), |request| request.json(&body)).await?;
        list("the new subscriptions", &data, |item| {
            let refused = || text(item, "error").unwrap_or_else(|| "Kick gave no id".into());
            let outcome = match text(item, "error") {
                Some(error) => Err(super::clean(&error, "")),
                None => text(item, "subscription_id").ok_or_else(refused),
            };
            Some(Created { kind: text(item, "name")?, version: version(item), outcome })
        })
    }

    /// Those that are gone already count as gone.
    pub async fn unsubscribe(&self, token: &SecretString, ids: &[String]) -> Result<()> {
        for some in ids.chunks(AT_ONCE) {
            let query: Vec<(&str, &str)> = some.iter().map(|id| ("id", id.as_str())).collect();
            let path = ["public", "v1", "events", "subscriptions"];
            match self.call(Method::DELETE, &path, Some(token), |request| request.query(&query)).await {
                Ok(_) | Err(super::KickError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn version(item: &Value) -> i32 {
    item.get("version").and_then(Value::as_i64).and_then(|version| i32::try_from(version).ok()).unwrap_or(1)
}
