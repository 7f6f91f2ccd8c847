//! The routes that the environment seeds: which kind of event goes to which channels.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

use super::nearest::did_you_mean;
use super::reader::Reader;
use super::value::{named, snowflake, snowflakes};
use super::variable::{Section, Variable};
use crate::event::kind;
use crate::id::ChannelId;

/// The routes of the environment.
#[derive(Clone, Debug, Default)]
pub struct RoutingConfig {
    /// In the order in which they were written; each pattern once.
    pub seeds: Vec<RouteSeed>,
}

/// One route of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteSeed {
    /// `ticket.created`, `ticket.*`, or `default`.
    pub pattern: String,
    /// Empty: events of this pattern are shown nowhere.
    pub channels: Vec<ChannelId>,
}

const DEFAULT: &str = "default";
const EXAMPLE: &str = r#"{"ticket.created": ["914986636629143562"], "default": ["914986636629143563"]}"#;

pub(super) static SECTION: Section = Section {
    title: "Routes",
    about: "Which event goes to which channels. Routes can also be set in Discord; these stand before those.",
    variables: &[
        Variable::new(
            "DISCORD_WEBHOOK_CHANNELS",
            "A JSON object: event to channel ids. ticket.* stands for all of tickets, default for everything else.",
            EXAMPLE,
        ),
        Variable::new(
            "MONITOR_CHANNELS",
            "Channel ids separated by commas: the default when DISCORD_WEBHOOK_CHANNELS names none.",
            "914986636629143562,914986636629143563",
        ),
    ],
};

pub(super) fn read(r: &mut Reader) -> RoutingConfig {
    let mut seeds = Vec::new();
    let object = r.optional("DISCORD_WEBHOOK_CHANNELS", parse_object);
    for (key, value) in object.map_or_else(Vec::new, |object| object.0) {
        let pattern = pattern(&key);
        let channels = channels(&key, value);
        for problem in pattern.as_ref().err().into_iter().chain(channels.as_ref().err().into_iter().flatten()) {
            r.refuse("DISCORD_WEBHOOK_CHANNELS", problem);
        }
        let (Ok(pattern), Ok(channels)) = (pattern, channels) else { continue };
        if seeds.iter().any(|seed: &RouteSeed| seed.pattern == pattern) {
            r.refuse(
                "DISCORD_WEBHOOK_CHANNELS",
                format!("has the event {pattern} twice; put its channels in one list"),
            );
        } else {
            seeds.push(RouteSeed { pattern, channels });
        }
    }
    let monitor = r.optional("MONITOR_CHANNELS", snowflakes("a channel"));
    if let Some(channels) = monitor
        && !seeds.iter().any(|seed| seed.pattern == DEFAULT)
    {
        seeds.push(RouteSeed { pattern: DEFAULT.into(), channels });
    }
    RoutingConfig { seeds }
}

fn parse_object(text: &str) -> Result<Object, String> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        let quotes = if text.contains('"') || !text.starts_with('{') {
            ""
        } else {
            ". It holds no double quotes: in .env and in a shell put it in single quotes"
        };
        let what = if error.is_data() {
            "should be a JSON object".into()
        } else {
            format!("is not valid JSON ({place} of the value)")
        };
        format!("{what}{quotes}. Example: {EXAMPLE}")
    })
}

/// The dotted pattern of a key; underscores are accepted for the first dot.
fn pattern(key: &str) -> Result<String, String> {
    let dotted = if key.contains('.') { key.trim().to_owned() } else { key.trim().replacen('_', ".", 1) };
    if dotted == DEFAULT || kind::find(&dotted).is_some() {
        return Ok(dotted);
    }
    let families = || kind::KINDS.iter().filter_map(|kind| kind.name.split_once('.')).map(|(family, _)| family);
    if let Some(family) = dotted.strip_suffix(".*")
        && families().any(|known| known == family)
    {
        return Ok(dotted);
    }
    if dotted == "*" {
        return Err(format!("has the key \"*\"; everything else is called \"{DEFAULT}\""));
    }
    let names = kind::KINDS.iter().map(|kind| kind.name.to_owned());
    let known = names.chain(families().map(|family| format!("{family}.*"))).chain([DEFAULT.to_owned()]);
    let near = did_you_mean(&dotted, known);
    // A kind that resembles no known one may be new at the sender: it is routed by its name.
    if near.is_empty() {
        return Ok(dotted);
    }
    Err(format!("names the event {}, which nothing sends{near}", named(key)))
}

/// One id or a list of them, each as text or as a number.
fn channels(key: &str, value: Value) -> Result<Vec<ChannelId>, Vec<String>> {
    let items = match value {
        Value::Array(items) => items,
        single => vec![single],
    };
    let (mut channels, mut problems) = (Vec::new(), Vec::new());
    for (i, item) in items.iter().enumerate() {
        let text = match item {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Null => "null".into(),
            Value::Bool(value) => value.to_string(),
            Value::Array(_) => "a list".into(),
            Value::Object(_) => "an object".into(),
        };
        match snowflake(&text).map(ChannelId) {
            Some(channel) if channels.contains(&channel) => {}
            Some(channel) => channels.push(channel),
            None => problems.push(format!(
                "has {} as channel {} of {}; a channel id has 15 to 19 digits, such as 914986636629143562",
                named(&text),
                i + 1,
                named(key),
            )),
        }
    }
    if problems.is_empty() { Ok(channels) } else { Err(problems) }
}

/// A JSON object in the order of its keys, with repeated keys kept.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}
