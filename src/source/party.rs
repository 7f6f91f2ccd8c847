//! The LAN party program: its notifications, and the addresses that people give for it. Pure.

mod address;
pub mod live;

pub use address::{WebhookUrl, invite, webhook};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::event::clean;

/// Longest name of a party, a peer or a game.
const NAME: usize = 50;
/// Longest id of a party.
const ID: usize = 20;
const TEXT: usize = 2000;
const PLAYERS: usize = 64;

#[derive(Clone, Debug, PartialEq, Error)]
#[error("{0}")]
pub struct BadNotification(String);

/// A notification as it is kept: what was said, and what it changes about its party.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// `party.peer_joined`
    pub kind: &'static str,
    /// Which party it is about, by its id; else by its name.
    pub party_id: Option<String>,
    pub party_name: Option<String>,
    pub data: Value,
}

/// The fields of all kinds; which of them are needed, the kind says.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
    #[serde(alias = "party", skip_serializing_if = "Option::is_none")]
    pub party_name: Option<String>,
    #[serde(alias = "host_name", skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(alias = "peer_name", skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    #[serde(alias = "game_name", skip_serializing_if = "Option::is_none")]
    pub game: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub players: Vec<String>,
    /// Seconds, or as the program writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// Milliseconds.
    #[serde(alias = "avg_latency_ms", skip_serializing_if = "Option::is_none")]
    pub avg_latency: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<u32>,
    /// The voice invite at the time of the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
    /// The game that is played there now; empty when none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playing: Option<String>,
    /// `member Bob`: whether Bob is there.
    #[serde(flatten)]
    pub members: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Duration {
    Seconds(f64),
    Text(String),
}

impl Duration {
    /// `1h 5m`, `3m 20s`, `9s`.
    pub fn words(&self) -> String {
        match self {
            Duration::Text(text) => text.clone(),
            Duration::Seconds(seconds) => {
                let whole = seconds.clamp(0.0, 1e9) as u64;
                let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
                match (hours, minutes) {
                    (1.., _) => format!("{hours}h {minutes}m"),
                    (0, 1..) => format!("{minutes}m {seconds}s"),
                    _ => format!("{seconds}s"),
                }
            }
        }
    }
}

/// The kinds by their names in `POST /api/discord/notify/{kind}`.
pub const KINDS: [(&str, &str); 7] = [
    ("party_created", "party.created"),
    ("peer_joined", "party.peer_joined"),
    ("peer_left", "party.peer_left"),
    ("game_started", "party.game_started"),
    ("game_ended", "party.game_ended"),
    ("test", "party.test"),
    ("message", "party.message"),
];

/// How a member is named among the fields of a party.
pub const MEMBER: &str = "member ";

/// Reads a notification. `invite` is the voice invite that stands.
pub fn parse(name: &str, body: Value, invite: Option<&str>) -> Result<Notification, BadNotification> {
    let bad = |text: String| BadNotification(text);
    let name = name.replace('-', "_");
    let kind = KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    let kind = kind.ok_or_else(|| {
        bad(format!("there is no kind {name:.40}; there are {}", KINDS.map(|(known, _)| known).join(", ")))
    })?;
    let body = if body.is_null() { Value::Object(serde_json::Map::new()) } else { clean(body) };
    let given: Fields = serde_json::from_value(body).map_err(|error| bad(error.to_string()))?;
    let mut kept = Fields {
        party_id: optional("party_id", given.party_id, ID)?,
        party_name: optional("party_name", given.party_name, NAME)?,
        ..Fields::default()
    };
    let mut member = |name: &str, is_there: bool| {
        kept.members.insert(format!("{MEMBER}{name}"), Value::Bool(is_there));
    };
    match kind {
        "party.created" => {
            let host = required("host", given.host)?;
            member(&host, true);
            kept.host = Some(host);
            needed("party_name", &kept.party_name)?;
            needed("party_id", &kept.party_id)?;
            kept.invite = invite.map(str::to_owned);
        }
        "party.peer_joined" | "party.peer_left" => {
            let peer = required("peer", given.peer)?;
            member(&peer, kind == "party.peer_joined");
            kept.peer = Some(peer);
            needed("party_name", &kept.party_name)?;
        }
        "party.game_started" => {
            let game = required("game", given.game)?;
            if given.players.len() > PLAYERS {
                return Err(bad(format!("players should be at most {PLAYERS}")));
            }
            for player in given.players {
                kept.players.push(required("players", Some(player))?);
            }
            kept.playing = Some(game.clone());
            kept.game = Some(game);
        }
        "party.game_ended" => {
            kept.game = Some(required("game", given.game)?);
            kept.playing = Some(String::new());
            kept.duration = Some(given.duration.ok_or_else(|| bad("duration is required".into()))?);
            kept.avg_latency = given.avg_latency.filter(|latency| latency.is_finite());
        }
        "party.message" => {
            kept.title = Some(named("title", given.title, 200)?);
            kept.description = optional("description", given.description, TEXT)?;
            kept.color = given.color.filter(|color| *color <= 0xFF_FFFF);
        }
        _ => {}
    }
    let data = serde_json::to_value(&kept).map_err(|error| bad(error.to_string()))?;
    Ok(Notification { kind, party_id: kept.party_id, party_name: kept.party_name, data })
}

fn required(what: &str, given: Option<String>) -> Result<String, BadNotification> {
    named(what, given, NAME)
}

fn named(what: &str, given: Option<String>, longest: usize) -> Result<String, BadNotification> {
    optional(what, given, longest)?.ok_or_else(|| BadNotification(format!("{what} is required")))
}

fn needed(what: &str, given: &Option<String>) -> Result<(), BadNotification> {
    given.as_ref().map(|_| ()).ok_or_else(|| BadNotification(format!("{what} is required")))
}

fn optional(what: &str, given: Option<String>, longest: usize) -> Result<Option<String>, BadNotification> {
    let text = given.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match text {
        Some(text) if text.chars().count() > longest => {
            Err(BadNotification(format!("{what} should have at most {longest} characters")))
        }
        text => Ok(text),
    }
}
