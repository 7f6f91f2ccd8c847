//! Requests to the intake as a stranger, a forger or XTSystems would send them.

use super::town::{SECRET, Town, sign};
use serde_json::{Value, json};

/// What the sender gets: status, `Retry-After`, body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub body: Value,
}

impl Answer {
    /// `401 Invalid signature`, `202`, `200 duplicate`.
    pub fn line(&self) -> String {
        let duplicate = if self.body["duplicate"] == true { " duplicate" } else { "" };
        let error = self.body["error"].as_str().map(|e| format!(" {e}")).unwrap_or_default();
        format!("{}{duplicate}{error}", self.status)
    }
}

/// A request under construction; without changes it is a genuine one.
pub struct Knock<'a> {
    town: &'a Town,
    body: Vec<u8>,
    secret: &'a str,
    timestamp: Option<String>,
    separator: &'a str,
    signature: Option<String>,
    unsigned: bool,
    headers: Vec<(&'a str, String)>,
}

pub fn knock(town: &Town) -> Knock<'_> {
    Knock {
        town,
        body: alert("disk full").into_bytes(),
        secret: SECRET,
        timestamp: Some(town.clock.now().timestamp().to_string()),
        separator: "",
        signature: None,
        unsigned: false,
        headers: vec![],
    }
}

/// An alert, so that each message is a notice of its own.
pub fn alert(message: &str) -> String {
    json!({ "event_type": "alert.triggered", "data": { "alert_type": "disk", "severity": "high", "source": "db-1", "message": message },
        "company_id": "c-1", "timestamp": super::town::start().timestamp() })
    .to_string()
}

impl<'a> Knock<'a> {
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
    pub fn secret(mut self, secret: &'a str) -> Self {
        self.secret = secret;
        self
    }
    /// Seconds away from now.
    pub fn skew(mut self, seconds: i64) -> Self {
        self.timestamp = Some((self.town.clock.now().timestamp() + seconds).to_string());
        self
    }
    /// The header's text, signed as it is.
    pub fn timestamp(mut self, text: Option<&str>) -> Self {
        self.timestamp = text.map(str::to_owned);
        self
    }
    pub fn separator(mut self, separator: &'a str) -> Self {
        self.separator = separator;
        self
    }
    /// The header's text instead of the right one.
    pub fn signature(mut self, text: &str) -> Self {
        self.signature = Some(text.to_owned());
        self
    }
    pub fn unsigned(mut self) -> Self {
        self.unsigned = true;
        self
    }
    pub fn header(mut self, name: &'a str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub async fn send(self) -> Answer {
        let town = self.town;
        let url = format!("http://{}/webhooks/xtsystems", town.app.address);
        let mut request = town.http.post(url);
        let stamp = self.timestamp.clone().unwrap_or_default();
        let right = sign(self.secret, &format!("{stamp}{}", self.separator), &self.body);
        if !self.unsigned {
            request = request.header("x-xtsystems-signature", self.signature.unwrap_or(right));
        }
        if let Some(timestamp) = self.timestamp {
            request = request.header("x-xtsystems-timestamp", timestamp);
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let response = request.body(self.body).send().await.unwrap();
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
        Answer { status, retry_after, body: response.json().await.unwrap_or_default() }
    }
}

/// The refusals as the admins' log keeps them.
pub async fn refusals(town: &Town) -> String {
    town.column("SELECT concat_ws(' ↳ ', rule, variant) FROM refusal ORDER BY id").await.join("\n")
}

/// The notices of a channel, however many a message holds: the embeds, oldest first.
pub fn notices(town: &Town, channel: &str) -> Vec<Value> {
    town.messages(channel).iter().flat_map(|m| m["embeds"].as_array().cloned().unwrap_or_default()).collect()
}
