//! Our own public address, asked as anybody would: does it lead to a Signalbox, and to which one?

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::guard::{Reach, guarded};

/// An answer of `/health` is a few hundred bytes.
const LONGEST: usize = 16 * 1024;

/// A Signalbox answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Answered {
    pub instance: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Unanswered {
    NotReached(String),
    Status(u16),
    /// Something else than a Signalbox.
    NotOurs,
}

/// Asks `<url>/health`. The outer error: the client cannot be made.
pub async fn health(url: &Url) -> Result<Result<Answered, Unanswered>, reqwest::Error> {
    let client = guarded(&Reach::Operator)
        .timeout(Duration::from_secs(6))
        .connect_timeout(Duration::from_secs(4))
        .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .build()?;
    if let Err(refused) = Reach::Operator.check(url) {
        return Ok(Err(Unanswered::NotReached(refused.to_string())));
    }
    let sent = client.get(format!("{}/health", url.as_str().trim_end_matches('/'))).send().await;
    let mut response = match sent {
        Ok(response) => response,
        Err(error) => return Ok(Err(Unanswered::NotReached(reason(&error)))),
    };
    if !response.status().is_success() {
        return Ok(Err(Unanswered::Status(response.status().as_u16())));
    }
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Ok(Err(Unanswered::NotOurs));
        }
    }
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if answer["service"] != "signalbox" {
        return Ok(Err(Unanswered::NotOurs));
    }
    Ok(Ok(Answered { instance: answer["instance"].as_str().map(str::to_owned) }))
}

fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let words = cause.to_string();
    words.split_once(" (os error").map_or(words.clone(), |(plain, _)| plain.to_owned())
}
