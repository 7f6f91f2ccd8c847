//! What can go wrong on the way to Kick and back. Its answers have no error codes: the status tells, and whether the
//! answer is Kick's own at all (specification of Kick, Facts 1).

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::super::xtsystems::error::Transport;

/// Texts of Kick in here are clean: one line, short, no secret.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum KickError {
    /// Certainly not executed.
    #[error("no connection to Kick: {0}")]
    NotSent(String),
    /// May have been executed.
    #[error("Kick did not answer in time")]
    TimedOut,
    /// May have been executed.
    #[error("the connection to Kick broke: {0}")]
    Broken(String),
    /// 401: the token is not, or no longer, good.
    #[error("Kick does not accept the token{}", colon(.0))]
    Unauthorized(String),
    /// OAuth `invalid_grant`: a person has to connect the account again.
    #[error("Kick no longer knows the authorisation{}", colon(.0))]
    InvalidGrant(String),
    /// 403 in Kick's own shape: a scope is missing, or the account may not.
    #[error("the account may not do this at Kick{}", colon(.0))]
    Forbidden(String),
    /// 403 of the guard before Kick: not looked at.
    #[error("Kick's guard (Cloudflare) blocks requests{}", colon(.0))]
    Blocked(String),
    /// 429: not executed.
    #[error("Kick wants fewer requests{}", colon(.text))]
    Limited { retry_after: Option<Duration>, text: String },
    #[error("Kick does not have it{}", colon(.0))]
    NotFound(String),
    /// Any other 4xx.
    #[error("Kick refused ({status}{})", colon(.text))]
    Refused { status: u16, text: String },
    /// May have been executed.
    #[error("Kick has a fault of its own ({status}{})", colon(.text))]
    Server { status: u16, text: String },
    #[error("{what} of Kick can't be read: {why}")]
    Unreadable { what: String, why: String },
}

fn colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl KickError {
    /// Whether nobody can say if it was done.
    pub fn is_doubtful(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Broken(_) | Self::Server { .. } | Self::Unreadable { .. })
    }

    /// Whether the same request may work later without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        self.is_doubtful() || matches!(self, Self::NotSent(_) | Self::Blocked(_) | Self::Limited { .. })
    }

    /// Kick's own words, where it gave some.
    pub fn words(&self) -> String {
        match self {
            Self::Refused { text, .. } | Self::NotFound(text) | Self::Forbidden(text) if !text.is_empty() => {
                text.clone()
            }
            other => other.to_string(),
        }
    }
}

impl From<Transport> for KickError {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::NotSent(why) => Self::NotSent(why),
            Transport::TimedOut => Self::TimedOut,
            Transport::Broken(why) => Self::Broken(why),
        }
    }
}

/// The error of a status that is no 2xx.
pub(super) fn of_answer(
    status: u16,
    body: &[u8],
    retry_after: Option<Duration>,
    clean: impl Fn(&str) -> String,
) -> KickError {
    let answer = serde_json::from_slice::<Value>(body).ok();
    let said = |name: &str| answer.as_ref()?.get(name)?.as_str().filter(|text| !text.is_empty());
    // `data` may be the text of the error, `message` then is only its class.
    let words =
        said("data").or_else(|| said("error_description")).or_else(|| said("message")).or_else(|| said("error"));
    let text = clean(words.unwrap_or_default());
    let is_its_own = answer.as_ref().is_some_and(|a| a.get("message").is_some() || a.get("data").is_some());
    match status {
        400 | 401 if said("error") == Some("invalid_grant") => KickError::InvalidGrant(text),
        401 => KickError::Unauthorized(text),
        403 if !is_its_own => KickError::Blocked(text),
        403 => KickError::Forbidden(text),
        404 => KickError::NotFound(text),
        429 => KickError::Limited { retry_after, text },
        500.. => KickError::Server { status, text },
        _ => KickError::Refused { status, text },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> KickError {
        of_answer(status, body.as_bytes(), None, str::to_owned)
    }

    #[test]
    fn the_status_and_the_shape_tell() {
        let blocked = r#"{"error":"Request blocked by security policy.","reference":"af0f6626"}"#;
        assert_eq!(of(403, blocked), KickError::Blocked("Request blocked by security policy.".into()));
        assert_eq!(of(403, "<html>Attention Required</html>"), KickError::Blocked(String::new()));
        assert_eq!(of(403, r#"{"data":{},"message":"Forbidden"}"#), KickError::Forbidden("Forbidden".into()));
        assert_eq!(of(401, r#"{"data":{},"message":"Unauthorized"}"#), KickError::Unauthorized("Unauthorized".into()));
        let grant = r#"{"error":"invalid_grant","error_description":"expired"}"#;
        assert_eq!(of(400, grant), KickError::InvalidGrant("expired".into()));
        assert!(matches!(of(401, r#"{"error":"invalid_client"}"#), KickError::Unauthorized(_)));
        let limit = r#"{"data":"event subscription limit reached","message":"Bad request"}"#;
        assert_eq!(of(400, limit).words(), "event subscription limit reached");
        assert!(of(500, "").is_doubtful() && of(502, "<html>").is_passing() && !of(400, limit).is_passing());
        assert!(of(429, "").is_passing() && !of(429, "").is_doubtful());
    }

    #[test]
    fn what_is_said_names_no_address() {
        assert_eq!(of(404, "null").to_string(), "Kick does not have it");
        assert_eq!(
            of(429, r#"{"message":"Too many requests"}"#).to_string(),
            "Kick wants fewer requests: Too many requests"
        );
    }
}
