//! Sends a file of statistics to the bot, from the machine of the game server: the raw file as the body, signed as Standard
//! Webhooks asks. The `webhook-id` is the file's name, so the name is signed, too, and the same in each attempt.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Client;
use secrecy::SecretString;
use url::Url;

use super::guard::{Reach, guarded};
use super::outbound::{beginning, sign};

const TIMEOUT: Duration = Duration::from_secs(20);

pub struct UploadClient {
    http: Client,
    url: Url,
    secret: SecretString,
}

/// What the bot, or something before it, answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The beginning of it.
    pub text: String,
    pub retry_after: Option<TimeDelta>,
}

/// Why there is no answer. Never names the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("no connection")]
    NoConnection,
    #[error("no answer in time")]
    TimeOut,
    #[error("the connection was lost")]
    Lost,
}

impl UploadClient {
    pub fn new(url: &Url, secret: &SecretString) -> Result<Self, reqwest::Error> {
        let name = concat!("Signalbox/", env!("CARGO_PKG_VERSION"), " notify-stats");
        let http = guarded(&Reach::Operator).timeout(TIMEOUT).user_agent(name).build()?;
        Ok(Self { http, url: url.clone(), secret: secret.clone() })
    }

    /// Where it sends to.
    pub fn url(&self) -> &Url {
        &self.url
    }

    pub async fn send(&self, name: &str, bytes: Vec<u8>, at: DateTime<Utc>) -> Result<Answer, NoAnswer> {
        let seconds = at.timestamp();
        let request = self
            .http
            .post(self.url.clone())
            .header("content-type", "text/plain; charset=utf-8")
            .header("webhook-id", name)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", sign(&self.secret, name, seconds, &bytes));
        match request.body(bytes).send().await {
            Ok(response) => {
                let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
                let retry_after = header.and_then(|text| text.trim().parse().ok()).and_then(TimeDelta::try_seconds);
                let status = response.status().as_u16();
                Ok(Answer { status, text: beginning(response).await, retry_after })
            }
            Err(error) if error.is_connect() => Err(NoAnswer::NoConnection),
            Err(error) if error.is_timeout() => Err(NoAnswer::TimeOut),
            Err(_) => Err(NoAnswer::Lost),
        }
    }
}
