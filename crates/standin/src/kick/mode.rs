//! How Kick answers its callers: as it should, or one of the ways in which it fails them.

use serde::{Deserialize, Serialize};

/// A way to answer, where, and how often. Without `times` it stays until `Mode::ok()` ends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mode {
    #[serde(flatten)]
    pub what: Behaviour,
    #[serde(rename = "where", default)]
    pub place: Place,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Behaviour {
    /// Answers normally, and ends every other mode of the same place (`any`: of all places).
    Ok,
    /// Does nothing and answers this status in Kick's envelope; `data` as Kick gives it: a text, an object or null.
    Status {
        #[serde(default = "internal_error")]
        code: u16,
        #[serde(default)]
        data: Option<String>,
    },
    /// 429; Kick does not always say for how long.
    RateLimited {
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// The 403 of the proxy before Kick, in its own shape (KickDevDocs #216, #281).
    Cloudflare,
    /// 400 of the token endpoint, as for a refresh token that died.
    InvalidGrant,
    /// Does nothing and does not answer for `ms`; a caller that still waits then gets 504.
    Timeout {
        #[serde(default = "a_minute")]
        ms: u64,
    },
    /// Does what was asked, then answers 500.
    EffectThenStatus {
        #[serde(default = "internal_error")]
        code: u16,
    },
    /// Does what was asked, then does not answer for `ms`.
    EffectThenHang {
        #[serde(default = "a_minute")]
        ms: u64,
    },
    /// Subscribing answers 200, with this error at the items of these events (all, when none is named).
    PartialError {
        #[serde(default = "not_enabled")]
        text: String,
        #[serde(default)]
        events: Vec<String>,
    },
    /// Subscribing answers 400 "event subscription limit reached".
    LimitReached,
    /// Subscribing answers 200 and an id, but the subscription is never listed and nothing comes (KickDevDocs #419).
    NeverListed,
}

/// Which calls a mode is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// `POST /oauth/token`
    Token,
    /// `POST /oauth/token/introspect`
    Introspect,
    /// `POST /oauth/revoke`
    Revoke,
    Users,
    Channels,
    Livestreams,
    /// `GET` and `DELETE` of subscriptions.
    Subscriptions,
    /// `POST` of subscriptions.
    Subscribe,
    Chat,
    /// Everything below `/public/v1/channels/rewards`.
    Rewards,
    PublicKey,
    /// Every call.
    #[default]
    Any,
}

impl Mode {
    pub fn new(what: Behaviour) -> Self {
        let (place, times) = (Place::Any, None);
        Self { what, place, times }
    }
    pub fn ok() -> Self {
        Self::new(Behaviour::Ok)
    }
    pub fn status(code: u16) -> Self {
        Self::new(Behaviour::Status { code, data: None })
    }
    /// A refusal that says why, such as 400 "Channel not found".
    pub fn refuse(code: u16, data: &str) -> Self {
        Self::new(Behaviour::Status { code, data: Some(data.to_owned()) })
    }
    pub fn rate_limited(retry_after: Option<u64>) -> Self {
        Self::new(Behaviour::RateLimited { retry_after })
    }
    pub fn cloudflare() -> Self {
        Self::new(Behaviour::Cloudflare).at(Place::Any)
    }
    pub fn invalid_grant() -> Self {
        Self::new(Behaviour::InvalidGrant).at(Place::Token)
    }
    pub fn timeout_ms(ms: u64) -> Self {
        Self::new(Behaviour::Timeout { ms })
    }
    pub fn effect_then_500() -> Self {
        Self::new(Behaviour::EffectThenStatus { code: 500 })
    }
    pub fn effect_then_hang_ms(ms: u64) -> Self {
        Self::new(Behaviour::EffectThenHang { ms })
    }
    /// For these events, or for all when none is named.
    pub fn partial_error(events: &[&str]) -> Self {
        let events = events.iter().map(|&event| event.to_owned()).collect();
        Self::new(Behaviour::PartialError { text: not_enabled(), events }).at(Place::Subscribe)
    }
    pub fn limit_reached() -> Self {
        Self::new(Behaviour::LimitReached).at(Place::Subscribe)
    }
    pub fn never_listed() -> Self {
        Self::new(Behaviour::NeverListed).at(Place::Subscribe)
    }
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

/// The modes that are on, newest last.
#[derive(Default)]
pub(super) struct Modes(Vec<Mode>);

impl Modes {
    pub fn set(&mut self, mode: Mode) {
        self.0.retain(|old| mode.place != Place::Any && old.place != mode.place);
        if mode.what != Behaviour::Ok && mode.times != Some(0) {
            self.0.push(mode);
        }
    }

    /// The behaviour for one call to this place; uses it up once.
    pub fn take(&mut self, place: Place) -> Behaviour {
        let Some(i) = self.0.iter().rposition(|mode| mode.place == place || mode.place == Place::Any) else {
            return Behaviour::Ok;
        };
        let what = self.0[i].what.clone();
        match &mut self.0[i].times {
            Some(1) => drop(self.0.remove(i)),
            Some(left) => *left -= 1,
            None => {}
        }
        what
    }

    pub fn list(&self) -> &[Mode] {
        &self.0
    }
}

impl Place {
    /// The place of a call by its method and path.
    pub(super) fn of(method: &str, path: &str) -> Self {
        match path.trim_end_matches('/') {
            "/oauth/token" => Self::Token,
            "/oauth/token/introspect" | "/public/v1/token/introspect" => Self::Introspect,
            "/oauth/revoke" => Self::Revoke,
            "/public/v1/users" => Self::Users,
            "/public/v1/channels" => Self::Channels,
            "/public/v1/livestreams" | "/public/v2/livestreams" | "/public/v1/users/livestreams" => Self::Livestreams,
            "/public/v1/events/subscriptions" if method == "POST" => Self::Subscribe,
            "/public/v1/events/subscriptions" => Self::Subscriptions,
            "/public/v1/chat" => Self::Chat,
            "/public/v1/public-key" => Self::PublicKey,
            p if p.starts_with("/public/v1/channels/rewards") => Self::Rewards,
            _ => Self::Any,
        }
    }
}

fn internal_error() -> u16 {
    500
}
fn a_minute() -> u64 {
    60_000
}
fn not_enabled() -> String {
    "webhooks are not enabled for app".to_owned()
}
