//! Signed requests to other systems, as Standard Webhooks asks: `webhook-id`, `webhook-timestamp` and
//! `webhook-signature` over id, time and body. Their addresses are given by people, so the guard is before them.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::guard::{GuardedClient, Reach, Refused};

/// What the secrets of Standard Webhooks begin with.
pub const SECRET_PREFIX: &str = "whsec_";
/// For one request; leases are longer.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are looked at.
const LONGEST_ANSWER: usize = 2000;

/// What is sent, and how.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub method: &'static str,
    pub id: &'a str,
    pub body: &'a str,
    /// Headers of the receiver's own wish.
    pub headers: &'a [(String, String)],
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `None`: there was no answer, or only part of one.
    pub status: Option<u16>,
    /// The beginning of the answer, or why there is none; nothing of the request.
    pub text: String,
    /// Nothing can have arrived.
    pub certainly_not_sent: bool,
    /// The address leads where nothing is sent.
    pub forbidden: bool,
}

impl Answer {
    /// What came of nothing being sent.
    pub fn not_sent(text: impl Into<String>) -> Self {
        Self { status: None, text: text.into(), certainly_not_sent: true, forbidden: false }
    }

    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct OutboundClient {
    http: GuardedClient,
    reach: Reach,
}

impl OutboundClient {
    /// `allowed` are networks beside the public ones.
    pub fn new(allowed: Arc<[IpNet]>) -> Result<Self, reqwest::Error> {
        Ok(Self { http: GuardedClient::new(allowed.clone(), TIMEOUT)?, reach: Reach::People { allowed } })
    }

    /// All that can be said of an address before it is used.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        self.reach.check(url)
    }

    /// The same, and where its name leads to now.
    pub async fn check_now(&self, url: &Url) -> Result<(), Refused> {
        self.reach.check_now(url).await
    }

    /// Sends a body under an id, signed with each of the secrets.
    pub async fn send(&self, url: &Url, message: &Message<'_>, secrets: &[SecretString], at: DateTime<Utc>) -> Answer {
        let Message { method, id, body, headers } = *message;
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST);
        let request = match self.http.request(method, url) {
            Ok(request) => request,
            Err(refused) => return Answer { forbidden: true, ..Answer::not_sent(refused.to_string()) },
        };
        let seconds = at.timestamp();
        let signatures: Vec<String> = secrets.iter().map(|secret| sign(secret, id, seconds, body.as_bytes())).collect();
        let own_name = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
        let name = (!own_name).then_some(("user-agent", concat!("Signalbox/", env!("CARGO_PKG_VERSION"))));
        let given = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request = given
            .chain(name)
            .fold(request, |request, (name, value)| request.header(name, value))
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signatures.join(" "));
        match request.body(body.to_owned()).send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let text = beginning(response).await;
                Answer { status: Some(status), text, certainly_not_sent: false, forbidden: false }
            }
            Err(error) => {
                let refusal = refusal_in(&error).filter(|_| error.is_connect());
                let forbidden = refusal.is_some();
                let text = if error.is_timeout() {
                    "no answer in time".to_owned()
                } else if error.is_connect() {
                    refusal.unwrap_or_else(|| "no connection".to_owned())
                } else {
                    "the connection was lost".to_owned()
                };
                Answer { status: None, text, certainly_not_sent: error.is_connect(), forbidden }
            }
        }
    }
}

/// What the guard said, when it was the guard.
fn refusal_in(error: &reqwest::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return Some(refused.to_string());
        }
        cause = error.source();
    }
    None
}

pub(super) async fn beginning(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST_ANSWER
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend_from_slice(&chunk[..chunk.len().min(LONGEST_ANSWER - bytes.len())]);
    }
    let text = String::from_utf8_lossy(&bytes);
    text.chars().filter(|c| !c.is_control() || *c == '\n').collect::<String>().trim().to_owned()
}

/// `v1,<base64>`
pub fn sign(secret: &SecretString, id: &str, seconds: i64, body: &[u8]) -> String {
    let text = secret.expose_secret();
    let bytes = BASE64.decode(text.strip_prefix(SECRET_PREFIX).unwrap_or(text)).unwrap_or_else(|_| text.into());
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &bytes));
    context.update(format!("{id}.{seconds}.").as_bytes());
    context.update(body);
    format!("v1,{}", BASE64.encode(context.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_library_signs_the_same() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let theirs =
            standardwebhooks::Webhook::new(secret).unwrap().sign("msg_1", 1_767_348_000, b"{\"a\":1}").unwrap();
        assert_eq!(sign(&secret.into(), "msg_1", 1_767_348_000, b"{\"a\":1}"), theirs);
    }
}
