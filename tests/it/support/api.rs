//! Somebody with an API key: requests as they are sent, answers as they are read.

use std::collections::BTreeMap;

use serde_json::Value;
use signalbox::api_key::{self, Scope, Wanted};
use signalbox::id::GuildId;

use super::town::Town;

/// Headers that a caller looks at.
const SHOWN: [&str; 7] =
    ["allow", "etag", "idempotency-replayed", "location", "retry-after", "www-authenticate", "content-type"];

/// A key for the town's server with these scopes.
pub async fn key(town: &Town, scopes: &[&str]) -> String {
    key_of(town, GuildId::from(town.discord.guild_id()), scopes).await
}

/// The same for another server.
pub async fn key_of(town: &Town, guild_id: GuildId, scopes: &[&str]) -> String {
    let scopes: Vec<Scope> = scopes.iter().map(|word| word.parse().unwrap()).collect();
    let name = format!("test {}", town.clock.uuid());
    let wanted = Wanted { guild_id, name, scopes, expires_at: None, person_id: None };
    api_key::create(town.store(), &town.clock, wanted).await.unwrap().1
}

/// One that may do everything.
pub async fn any_key(town: &Town) -> String {
    let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    key(town, &all).await
}

/// A request to be sent.
pub struct Request<'a> {
    town: &'a Town,
    builder: reqwest::RequestBuilder,
}

/// `"GET /events"`, below `/api/v1`.
pub fn ask<'a>(town: &'a Town, key: &str, what: &str) -> Request<'a> {
    let (method, path) = what.split_once(' ').expect("a method and an address");
    let url = format!("http://{}/api/v1{path}", town.app.address);
    let builder = town.http.request(method.parse().unwrap(), url);
    let builder = if key.is_empty() { builder } else { builder.bearer_auth(key) };
    Request { town, builder }
}

impl Request<'_> {
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { builder: self.builder.header(name, value), ..self }
    }

    pub fn json(self, body: &Value) -> Self {
        Self { builder: self.builder.json(body), ..self }
    }

    pub fn body(self, content_type: &str, body: &str) -> Self {
        Self { builder: self.builder.header("content-type", content_type).body(body.to_owned()), ..self }
    }

    pub async fn send(self) -> Answer {
        let guild = self.town.discord.guild_id().to_string();
        let response = self.builder.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        let headers: BTreeMap<String, String> = headers.collect();
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, json, guild }
    }
}

pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub text: String,
    pub json: Value,
    guild: String,
}

impl Answer {
    /// Status, headers and body, with what differs from run to run replaced.
    pub fn read(&self) -> String {
        let shown = SHOWN.iter().filter(|name| self.headers.contains_key(**name));
        let shown = shown.filter(|name| **name != "content-type" || self.headers[**name] != "application/json");
        let headers: Vec<String> = shown.map(|name| format!("{name}: {}\n", self.headers[*name])).collect();
        let body = if self.json.is_null() { self.text.clone() } else { format!("{:#}", still(&self.json)) };
        let body = plain(&body).replace(&self.guild, "GUILD");
        format!("{}\n{}{body}", self.status, plain(&headers.concat()))
    }
}

/// Without what is measured.
fn still(json: &Value) -> Value {
    match json {
        Value::Array(all) => all.iter().map(still).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| match name.as_str() {
                "duration_ms" => (name.clone(), "MEASURED".into()),
                _ => (name.clone(), still(value)),
            });
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

/// Ids, tags and references by their order.
pub fn plain(text: &str) -> String {
    let mut known: Vec<String> = Vec::new();
    let mut out = String::new();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.split(|c| !is_word(c)).next().unwrap_or_default();
        if word.is_empty() {
            let c = rest.chars().next().unwrap_or_default();
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        if uuid::Uuid::try_parse(word).is_ok() {
            let at = known.iter().position(|k| k == word).unwrap_or_else(|| {
                known.push(word.to_owned());
                known.len() - 1
            });
            out.push_str(&format!("ID-{}", at + 1));
        } else if word.len() == 22 && word.bytes().all(|b| b.is_ascii_hexdigit()) {
            out.push_str("TAG");
        } else if word.len() == 9 && word.as_bytes()[4] == b'-' && word.to_ascii_uppercase() == word {
            out.push_str("REFERENCE");
        } else {
            out.push_str(word);
        }
        rest = &rest[word.len()..];
    }
    out
}
