//! How the platform answers: as it should, or one of the ways in which it fails its callers.

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
    /// Does nothing and answers `status` with `{"detail": text}`.
    Refuse {
        #[serde(default = "forbidden")]
        status: u16,
        #[serde(default = "refusal")]
        text: String,
    },
    /// Does nothing and answers `code`.
    Status {
        #[serde(default = "internal_error")]
        code: u16,
    },
    /// Does nothing and does not answer for `ms`; a caller that still waits then gets 504.
    Timeout {
        #[serde(default = "a_minute")]
        ms: u64,
    },
    /// Somebody else was faster: a pending machine gets this decision without an event, the caller gets
    /// 409 `{"detail": "Machine already approved"}`. `verb` is `approved` or `denied`.
    AlreadyDecided {
        #[serde(default = "approved")]
        verb: String,
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
}

/// Which calls a mode is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// `POST /v1/machine/approve`
    Approve,
    /// `POST /v1/machine/deny`
    Deny,
    /// Everything below `/v1/webhooks` except the list of deliveries.
    Webhooks,
    /// `POST /v1/webhooks` and `PUT /v1/webhooks/{id}`; [`Place::Webhooks`] is about them as well.
    Registration,
    /// `GET /v1/webhooks/{id}/deliveries`
    Deliveries,
    /// `GET /v1/companies/{id}/machines` and `GET /v1/machine/status`
    Machines,
    /// Everything below `/v1/tickets`.
    Tickets,
    /// Every call that needs a key.
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
    pub fn refuse(status: u16, text: &str) -> Self {
        let text = text.to_owned();
        Self::new(Behaviour::Refuse { status, text })
    }
    pub fn status(code: u16) -> Self {
        Self::new(Behaviour::Status { code })
    }
    pub fn timeout_ms(ms: u64) -> Self {
        Self::new(Behaviour::Timeout { ms })
    }
    pub fn already(verb: &str) -> Self {
        let verb = verb.to_owned();
        Self::new(Behaviour::AlreadyDecided { verb })
    }
    pub fn effect_then_500() -> Self {
        Self::new(Behaviour::EffectThenStatus { code: 500 })
    }
    pub fn effect_then_hang_ms(ms: u64) -> Self {
        Self::new(Behaviour::EffectThenHang { ms })
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
        let wider = |mode: &Mode| mode.place == Place::Webhooks && place == Place::Registration;
        let fits = |mode: &Mode| mode.place == place || mode.place == Place::Any || wider(mode);
        let Some(i) = self.0.iter().rposition(fits) else {
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
            "/v1/machine/approve" => Self::Approve,
            "/v1/machine/deny" => Self::Deny,
            "/v1/machine/status" => Self::Machines,
            p if p.starts_with("/v1/companies/") && p.ends_with("/machines") => Self::Machines,
            p if p.starts_with("/v1/webhooks") && p.ends_with("/deliveries") => Self::Deliveries,
            p if p.starts_with("/v1/webhooks") && !p.ends_with("/test") && matches!(method, "POST" | "PUT") => {
                Self::Registration
            }
            p if p.starts_with("/v1/webhooks") => Self::Webhooks,
            p if p.starts_with("/v1/tickets") => Self::Tickets,
            _ => Self::Any,
        }
    }
}

fn forbidden() -> u16 {
    403
}
fn refusal() -> String {
    "Not permitted for this key".to_owned()
}
fn internal_error() -> u16 {
    500
}
fn a_minute() -> u64 {
    60_000
}
fn approved() -> String {
    "approved".to_owned()
}
