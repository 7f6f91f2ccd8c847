//! What can go wrong on the way to XTSystems and back, and what to do about it.

use std::error::Error as _;

use thiserror::Error;

/// Texts from XTSystems in here are clean: at most 300 characters, no control characters, no key.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{}", self.told())]
pub enum UpstreamError {
    /// Nothing was asked: the settings can't work.
    Unusable(String),
    /// Certainly not executed.
    NotSent {
        origin: String,
        why: String,
    },
    /// May have been executed.
    TimedOut {
        origin: String,
        seconds: f32,
    },
    /// May have been executed.
    Broken {
        origin: String,
        why: String,
    },
    Unauthorized {
        status: u16,
        text: String,
    },
    Forbidden {
        status: u16,
        text: String,
    },
    NotFound {
        status: u16,
        text: String,
    },
    Refused {
        status: u16,
        text: String,
    },
    Redirected {
        status: u16,
        to: String,
    },
    /// May have been executed.
    Server {
        status: u16,
        text: String,
    },
    Unreadable {
        what: String,
        why: String,
    },
}

/// What is known of the effect of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Certainly not done; the same call may work later.
    NotDone,
    /// May have been done or not.
    Unknown,
    /// Not done, and repeating it unchanged will not help.
    Refused,
}

fn colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl UpstreamError {
    /// What happened, without a full stop.
    pub fn summary(&self) -> String {
        match self {
            Self::Unusable(why) => format!("XTSystems can't be asked: {why}"),
            Self::NotSent { origin, why } => format!("no connection to XTSystems at {origin}: {why}"),
            Self::TimedOut { origin, seconds } => format!("XTSystems at {origin} did not answer within {seconds} s"),
            Self::Broken { origin, why } => format!("the connection to XTSystems at {origin} broke: {why}"),
            Self::Unauthorized { status, text } => {
                format!("XTSystems does not accept the API key ({status}{})", colon(text))
            }
            Self::Forbidden { status, text } => {
                format!("the API key may not do this in XTSystems ({status}{})", colon(text))
            }
            Self::NotFound { status, text } => format!("XTSystems does not have it ({status}{})", colon(text)),
            Self::Refused { status, text } => format!("XTSystems refused ({status}{})", colon(text)),
            Self::Redirected { status, to } => format!("XTSystems redirects ({status}) to {to}"),
            Self::Server { status, text } => format!("XTSystems has a fault of its own ({status}{})", colon(text)),
            Self::Unreadable { what, why } => format!("{what} of XTSystems can't be read: {why}"),
        }
    }

    /// What to do about it, where that is known.
    pub fn fix(&self) -> Option<&'static str> {
        match self {
            Self::NotSent { .. } => Some("Check XTSYSTEMS_API_URL, and that the server runs"),
            Self::Unauthorized { .. } => {
                Some("Check XTSYSTEMS_API_KEY, and whether it is to be sent as a bearer token or raw")
            }
            Self::Forbidden { .. } => Some("Give the key's user the permission"),
            Self::NotFound { .. } => Some("If nothing is found, check XTSYSTEMS_API_URL"),
            Self::Redirected { .. } => Some("Set XTSYSTEMS_API_URL to the address it answers at"),
            Self::Server { .. } => Some("Try again later"),
            Self::Unreadable { .. } => Some("Check that XTSYSTEMS_API_URL leads to XTSystems"),
            Self::Unusable(_) | Self::TimedOut { .. } | Self::Broken { .. } | Self::Refused { .. } => None,
        }
    }

    fn told(&self) -> String {
        self.fix().map_or_else(|| self.summary(), |fix| format!("{}. {fix}", self.summary()))
    }

    /// The error of a status that is no 2xx.
    pub(super) fn of_status(status: u16, text: String, location: Option<String>) -> Self {
        match status {
            300..=399 => Self::Redirected { status, to: location.unwrap_or_else(|| "nowhere".into()) },
            401 => Self::Unauthorized { status, text },
            403 => Self::Forbidden { status, text },
            404 => Self::NotFound { status, text },
            500.. => Self::Server { status, text },
            _ => Self::Refused { status, text },
        }
    }

    /// Whether what was asked may have been done.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Unusable(_) | Self::NotSent { .. } => Fate::NotDone,
            // "Slow down" is said before anything is done.
            Self::Refused { status: 425 | 429, .. } => Fate::NotDone,
            Self::TimedOut { .. } | Self::Broken { .. } | Self::Server { .. } | Self::Unreadable { .. } => {
                Fate::Unknown
            }
            Self::Refused { status: 408, .. } => Fate::Unknown,
            _ => Fate::Refused,
        }
    }

    /// The status of the answer, where there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Unauthorized { status, .. }
            | Self::Forbidden { status, .. }
            | Self::NotFound { status, .. }
            | Self::Refused { status, .. }
            | Self::Redirected { status, .. }
            | Self::Server { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// XTSystems' own words where it refused, else ours.
    pub fn words(&self) -> String {
        match self {
            Self::Refused { text, .. } if !text.is_empty() => text.clone(),
            other => other.to_string(),
        }
    }

    /// True when the same request may succeed later without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NotSent { .. } | Self::TimedOut { .. } | Self::Broken { .. } | Self::Server { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 425 | 429),
            _ => false,
        }
    }
}

/// How far a request came that got no answer.
#[derive(Debug)]
pub(in crate::upstream) enum Transport {
    /// No connection came about: certainly not executed.
    NotSent(String),
    TimedOut,
    Broken(String),
}

impl Transport {
    /// `is_connect` covers name resolution, refused connections and TLS: all before the request's bytes.
    pub fn of(error: &reqwest::Error, clean: impl Fn(&str) -> String) -> Self {
        if error.is_connect() || error.is_builder() {
            Self::NotSent(clean(&innermost(error)))
        } else if error.is_timeout() {
            Self::TimedOut
        } else {
            Self::Broken(clean(&innermost(error)))
        }
    }

    /// An answer had begun, so the request was certainly sent.
    pub fn after_bytes(self) -> Self {
        match self {
            Self::NotSent(why) => Self::Broken(why),
            other => other,
        }
    }
}

/// The last cause in the chain: the outer ones only say that a request failed.
pub(in crate::upstream) fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut words = None;
    while let Some(inner) = cause {
        words = Some(inner.to_string());
        cause = inner.source();
    }
    let words = words.unwrap_or_else(|| error.to_string());
    // The system's number tells a person nothing.
    words.split_once(" (os error").map_or(words.clone(), |(plain, _)| plain.to_owned())
}
