//! Misbehaviour on demand: what a test or a person tells the stand-in to do wrong, and how often.

use std::time::Duration;

use serde_json::Value;

/// One kind of misbehaviour, armed for a number of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// A route's name (`create_message`, `callback`, `list_messages` …), `commands`, `gateway` or `any`.
    pub place: String,
    pub what: What,
    /// How many requests it still hits.
    pub times: u32,
    /// For `hang` and `429`: how long. A `hang` without it never ends.
    pub ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// No effect, no answer: the connection is dropped.
    Drop,
    /// The effect happens, but the connection is dropped instead of an answer.
    AcceptThenDrop,
    /// Waits; afterwards goes on as usual (or never, without `ms`).
    Hang,
    /// Answers with this status. True: after the effect has happened.
    Status(u16, bool),
    /// An HTML page as from a proxy in front of Discord.
    Html(u16),
    /// `user`, `global`, `shared`, or `bare`: HTML without any rate limit header.
    Limited(String),
    /// Gateway: a close frame with this code, or without one.
    Close(Option<u16>),
    /// Gateway: the socket stays open, but nothing is read or sent any more.
    HalfOpen,
    /// Gateway: op 9. True: resumable.
    InvalidSession(bool),
    /// Gateway: op 7.
    Reconnect,
    /// The memory of nonces is lost.
    ForgetNonces,
    /// An interaction is delivered twice, as around the takeover of a session.
    Twice,
}

impl Fault {
    pub fn new(place: &str, what: What) -> Fault {
        Fault { place: place.to_owned(), what, times: 1, ms: None }
    }

    pub fn times(mut self, times: u32) -> Fault {
        self.times = times;
        self
    }

    pub fn ms(mut self, ms: u64) -> Fault {
        self.ms = Some(ms);
        self
    }

    /// From the control face: `{"where", "what", "times", "ms"}`.
    pub fn parse(value: &Value) -> Result<Fault, String> {
        let place = value["where"].as_str().unwrap_or("any");
        if !PLACES.contains(&place) {
            return Err(format!("unknown `where` {place:?}: one of {}", PLACES.join(", ")));
        }
        let what = value["what"].as_str().ok_or("`what` is missing")?;
        let what = What::parse(what).ok_or_else(|| format!("unknown `what` {what:?}: {KINDS}"))?;
        if what.of_gateway() && place != "gateway" {
            return Err("this `what` needs `\"where\":\"gateway\"`".into());
        }
        let times = match &value["times"] {
            Value::Null => 1,
            times => times
                .as_u64()
                .and_then(|times| u32::try_from(times).ok())
                .ok_or("`times` must be a small whole number")?,
        };
        let ms = match &value["ms"] {
            Value::Null => None,
            ms => Some(ms.as_u64().ok_or("`ms` must be a whole number")?),
        };
        let place = place.to_owned();
        Ok(Fault { place, what, times, ms })
    }

    pub fn hits(&self, route: &str) -> bool {
        let edits = ["edit_webhook_message", "edit_original"];
        self.times > 0
            && match self.place.as_str() {
                "any" => route != "interaction",
                "commands" => route.ends_with("_command") || route.ends_with("_commands"),
                "edit_message" => route == "edit_message" || edits.contains(&route),
                place => place == route,
            }
    }

    pub fn wait(&self) -> Option<Duration> {
        self.ms.map(Duration::from_millis)
    }
}

const PLACES: &[&str] = &[
    "any",
    "gateway",
    "interaction",
    "create_message",
    "edit_message",
    "edit_webhook_message",
    "edit_original",
    "get_message",
    "list_messages",
    "delete_message",
    "execute_webhook",
    "callback",
    "followup",
    "get_channel",
    "get_guild",
    "get_gateway",
    "get_gateway_bot",
    "get_application",
    "get_user",
    "get_member",
    "commands",
    "create_thread",
    "get_webhook",
];
const KINDS: &str = "accept_then_drop, drop, hang, status:500, status:500:done, html:502, 429:user, 429:global, 429:bare, 429:shared, \
    close:4000, close:none, half_open, invalid_session, invalid_session:resumable, reconnect, forget_nonces, twice (where: interaction)";

impl What {
    pub fn parse(text: &str) -> Option<What> {
        let mut parts = text.split(':');
        let first = parts.next()?;
        let second = parts.next();
        let third = parts.next();
        let status = || second?.parse().ok().filter(|s| (100..1000).contains(s));
        Some(match (first, second, third) {
            ("drop", None, _) => What::Drop,
            ("accept_then_drop", None, _) => What::AcceptThenDrop,
            ("hang" | "delay", None, _) => What::Hang,
            ("status", Some(_), None) => What::Status(status()?, false),
            ("status", Some(_), Some("done")) => What::Status(status()?, true),
            ("html", Some(_), None) => What::Html(status()?),
            ("429", Some("user" | "global" | "bare" | "shared"), None) => What::Limited(second?.to_owned()),
            ("close", Some("none"), None) => What::Close(None),
            ("close", Some(code), None) => What::Close(Some(code.parse().ok()?)),
            ("half_open", None, _) => What::HalfOpen,
            ("invalid_session", None, _) => What::InvalidSession(false),
            ("invalid_session", Some("resumable"), None) => What::InvalidSession(true),
            ("reconnect", None, _) => What::Reconnect,
            ("forget_nonces", None, _) => What::ForgetNonces,
            ("twice", None, _) => What::Twice,
            _ => return None,
        })
    }

    pub fn of_gateway(&self) -> bool {
        matches!(self, What::Close(_) | What::HalfOpen | What::InvalidSession(_) | What::Reconnect)
    }
}
