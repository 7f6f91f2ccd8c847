//! A service that cuts clips: it is told which moment of which stream, and answers where the clip is.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::guard::{Reach, Refused, guarded};

/// For one request; leases are longer. A clip may be cut while we wait.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of an answer that are read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// What a clip is wanted of.
#[derive(Clone, Copy, Debug)]
pub struct ClipWish<'a> {
    /// The same for every attempt: a service that has seen it makes no second clip.
    pub id: &'a str,
    /// The channel's name in addresses of Kick.
    pub channel: Option<&'a str>,
    pub title: &'a str,
    /// Who marked the moment.
    pub username: &'a str,
    /// Seconds of the clip.
    pub duration: i32,
    /// Seconds into the stream.
    pub stream_time: Option<i64>,
    /// When it was marked, RFC 3339.
    pub marked_at: &'a str,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClipError {
    /// It may be so another time.
    #[error("{0}")]
    Away(String),
    /// It will be so every time.
    #[error("{0}")]
    Refused(String),
}

#[derive(Clone, Debug)]
pub struct ClipClient {
    http: reqwest::Client,
    base: Url,
    key: SecretString,
}

impl ClipClient {
    pub fn new(base: Url, key: SecretString) -> Result<Self, reqwest::Error> {
        let http = guarded(&Reach::Operator)
            .timeout(TIMEOUT)
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, base, key })
    }

    /// Where the clip is; `None` where the service does not say.
    pub async fn create(&self, wish: &ClipWish<'_>) -> Result<Option<String>, ClipError> {
        Reach::Operator.check(&self.base).map_err(|refused: Refused| ClipError::Refused(refused.to_string()))?;
        let body = json!({
            "channel": wish.channel,
            "title": wish.title,
            "duration": wish.duration,
            "stream_time": wish.stream_time,
            "username": wish.username,
            "marked_at": wish.marked_at,
            "id": wish.id,
        });
        let sent = self
            .http
            .post(format!("{}/api/clips/create", self.base.as_str().trim_end_matches('/')))
            .header("X-API-Key", self.key.expose_secret())
            .header("Idempotency-Key", wish.id)
            .json(&body)
            .send()
            .await;
        let mut response = sent.map_err(|error| {
            ClipError::Away(if error.is_timeout() { "no answer in time" } else { "no connection" }.to_owned())
        })?;
        match response.status().as_u16() {
            200..300 => {}
            status @ (408 | 409 | 425 | 429 | 500..) => return Err(ClipError::Away(format!("HTTP {status}"))),
            status => return Err(ClipError::Refused(format!("HTTP {status}"))),
        }
        let mut bytes = Vec::new();
        while bytes.len() < LONGEST_ANSWER
            && let Ok(Some(chunk)) = response.chunk().await
        {
            bytes.extend_from_slice(&chunk);
        }
        Ok(link(&self.base, &serde_json::from_slice(&bytes).unwrap_or_default()))
    }
}

/// The address in an answer, whatever it is called there; one without a host is of the service itself.
fn link(base: &Url, answer: &Value) -> Option<String> {
    let places = [answer, &answer["clip"], &answer["data"]];
    let found =
        places.iter().find_map(|place| ["clip_url", "url", "link"].iter().find_map(|name| place[name].as_str()))?;
    let url = base.join(found).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_found_in_the_usual_places() {
        let base = Url::parse("https://clips.example.org").unwrap();
        let of = |answer: Value| link(&base, &answer);
        let there = Some("https://cdn.example.org/1.mp4".to_owned());
        assert_eq!(of(json!({ "clip_url": "https://cdn.example.org/1.mp4" })), there);
        assert_eq!(of(json!({ "clip": { "url": "https://cdn.example.org/1.mp4" } })), there);
        assert_eq!(of(json!({ "url": "/clips/1" })).as_deref(), Some("https://clips.example.org/clips/1"));
        assert_eq!(
            [of(json!({ "url": "javascript:alert(1)" })), of(json!({ "success": true })), of(json!([]))],
            [None, None, None]
        );
    }
}
