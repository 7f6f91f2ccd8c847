//! What a person says about a system: how its requests are signed and what in them means what. Stored as JSON.

use serde::{Deserialize, Serialize};

use super::action::{self, Action, OfferRule};

/// Everything about one source but its name and its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// The preset it was made from.
    pub preset: String,
    pub verification: Verification,
    #[serde(default)]
    pub mapping: Mapping,
    /// What may be done about its cards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
}

/// By what a request is believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "snake_case", deny_unknown_fields)]
pub enum Verification {
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature`, or the same names with `svix-`
    /// (<https://www.standardwebhooks.com>, "Webhook headers").
    StandardWebhooks {
        #[serde(default = "five_minutes")]
        tolerance_seconds: u32,
    },
    Hmac(Hmac),
    /// The secret itself, behind a prefix such as `Bearer `.
    Token {
        header: String,
        #[serde(default)]
        prefix: String,
    },
    /// The secret as the password of this user.
    Basic {
        user: String,
    },
    /// The secret is the last part of the address.
    Url,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hmac {
    /// Where the signature is; several are separated by commas or spaces.
    pub header: String,
    #[serde(default)]
    pub algorithm: Algorithm,
    #[serde(default)]
    pub encoding: Encoding,
    /// What stands before the signature, such as `sha256=`.
    #[serde(default)]
    pub prefix: String,
    /// The text that is signed: `{body}`, and perhaps `{timestamp}` and `{id}`.
    #[serde(default = "body_alone")]
    pub signed: String,
    #[serde(default)]
    pub timestamp: Option<Timestamp>,
    /// Names one delivery, the same when it is repeated; it counts where `signed` holds it.
    #[serde(default)]
    pub id_header: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timestamp {
    pub header: String,
    #[serde(default)]
    pub unit: Unit,
    #[serde(default = "five_minutes")]
    pub tolerance_seconds: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Only where a preset's system knows nothing better.
    Sha1,
    #[default]
    Sha256,
    Sha512,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    #[default]
    Hex,
    Base64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    #[default]
    Seconds,
    Milliseconds,
}

/// Expressions over `body`, `headers` and, where `each` is given, `item`. What is empty is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// A list: each of its elements is an event of its own.
    pub each: String,
    /// `github.push`
    pub kind: String,
    /// The lasting thing that it is about; events of one subject share a living card.
    pub subject: String,
    /// In a word, such as `firing`.
    pub state: String,
    /// Whether the matter is over: true or false.
    pub resolved: String,
    pub severity: String,
    pub time: String,
    pub title: String,
    pub text: String,
    pub url: String,
    /// Equal for repeats of one event.
    pub dedup: String,
    pub fields: Vec<Field>,
    /// Which of the source's actions a card carries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<OfferRule>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    pub name: String,
    pub value: String,
}

fn five_minutes() -> u32 {
    300
}

fn body_alone() -> String {
    "{body}".into()
}

/// A day: who retries later than that is not believed.
const MAX_TOLERANCE: u32 = 86_400;

impl SourceConfig {
    /// What is wrong with it, apart from the expressions; in words for the person who wrote it.
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        match &self.verification {
            Verification::StandardWebhooks { tolerance_seconds } => tolerance(*tolerance_seconds, &mut found),
            Verification::Hmac(hmac) => hmac.problems(super::preset::may_use_sha1(&self.preset), &mut found),
            Verification::Token { header, .. } => header_name(header, &mut found),
            Verification::Basic { user } if user.is_empty() || user.contains(':') => {
                found.push("user should be a name without a colon".into());
            }
            Verification::Basic { .. } | Verification::Url => {}
        }
        action::problems(self, &mut found);
        found
    }
}

impl Hmac {
    fn problems(&self, sha1: bool, found: &mut Vec<String>) {
        header_name(&self.header, found);
        if self.algorithm == Algorithm::Sha1 && !sha1 {
            found.push("algorithm sha1 is broken: use sha256 or sha512".into());
        }
        if let Err(problem) = super::verify::Template::parse(&self.signed).map(|template| template.check(self, found)) {
            found.push(problem);
        }
        if let Some(timestamp) = &self.timestamp {
            header_name(&timestamp.header, found);
            tolerance(timestamp.tolerance_seconds, found);
        }
        if let Some(header) = &self.id_header {
            header_name(header, found);
        }
    }
}

fn tolerance(seconds: u32, found: &mut Vec<String>) {
    if seconds == 0 || seconds > MAX_TOLERANCE {
        found.push(format!("tolerance_seconds should be from 1 to {MAX_TOLERANCE}"));
    }
}

fn header_name(name: &str, found: &mut Vec<String>) {
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !is_name {
        found.push(format!("`{name}` is not the name of a header"));
    }
}
