//! Who an account is, and how a channel stands now.

use chrono::{DateTime, Utc};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::Value;

use super::{KickClient, Result, list, text, unreadable};

/// Ids in one question.
const AT_ONCE: usize = 50;

/// An account. Only the id stays the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KickUser {
    pub user_id: i64,
    pub name: String,
}

/// A channel as `GET /public/v1/channels` has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelInfo {
    pub broadcaster_user_id: i64,
    pub slug: String,
    pub title: Option<String>,
    pub category: Option<String>,
    /// `None`: it is not live.
    pub stream: Option<StreamInfo>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StreamInfo {
    pub started_at: Option<DateTime<Utc>>,
    pub viewers: Option<i64>,
    pub thumbnail: Option<String>,
}

impl KickClient {
    /// Whose token it is.
    pub async fn own_user(&self, token: &SecretString) -> Result<KickUser> {
        let data = self.call(Method::GET, &["public", "v1", "users"], Some(token), |request| request).await?;
        let found = list("the list of users", &data, |user| {
            Some(KickUser { user_id: user.get("user_id")?.as_i64()?, name: text(user, "name").unwrap_or_default() })
        })?;
        found.into_iter().next().ok_or_else(|| unreadable("the account", "it has no user_id"))
    }

    /// The channel of whose token it is.
    pub async fn own_channel(&self, token: &SecretString) -> Result<ChannelInfo> {
        let data = self.call(Method::GET, &["public", "v1", "channels"], Some(token), |request| request).await?;
        let found = list("the list of channels", &data, read)?;
        found.into_iter().next().ok_or_else(|| unreadable("the channel", "the account has none"))
    }

    /// Channels by their broadcasters; those that Kick does not know are left out.
    pub async fn channels(&self, token: &SecretString, broadcasters: &[i64]) -> Result<Vec<ChannelInfo>> {
        let mut all = Vec::new();
        for some in broadcasters.chunks(AT_ONCE) {
            let query: Vec<(&str, i64)> = some.iter().map(|id| ("broadcaster_user_id", *id)).collect();
            let path = ["public", "v1", "channels"];
            let data = self.call(Method::GET, &path, Some(token), |request| request.query(&query)).await?;
            all.extend(list("the list of channels", &data, read)?);
        }
        Ok(all)
    }
}

fn read(channel: &Value) -> Option<ChannelInfo> {
    let stream = channel.get("stream").filter(|stream| stream.get("is_live").and_then(Value::as_bool) == Some(true));
    Some(ChannelInfo {
        broadcaster_user_id: channel.get("broadcaster_user_id")?.as_i64()?,
        slug: text(channel, "slug").unwrap_or_default(),
        title: text(channel, "stream_title"),
        category: channel.get("category").and_then(|category| text(category, "name")),
        stream: stream.map(|stream| StreamInfo {
            started_at: text(stream, "start_time").and_then(|at| real_time(&at)),
            viewers: stream.get("viewer_count").and_then(Value::as_i64),
            thumbnail: text(stream, "thumbnail"),
        }),
    })
}

/// A channel that was never live has started in the year 1.
fn real_time(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (at.timestamp() > 0).then_some(at)
}
