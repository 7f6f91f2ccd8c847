//! What is in a delivery. Of a user only the id is needed, and even that is missing of who gives anonymously; everything
//! else is optional. Names change: people are known by `user_id` alone.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::{BANNED, CHAT, FOLLOWED, GIFTED, KICKS, METADATA, REDEEMED, RENEWED, STATUS, SUBSCRIBED, lax};
use crate::event::lenient::{LenientError, parse_json};

/// Giftees that are looked at.
const GIFTEES: usize = 1000;

/// A delivery that says something.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    Chat(Chat),
    Followed(Followed),
    /// New or renewed.
    Subscribed(Subscribed),
    Gifted(Gifted),
    Redeemed(Redemption),
    Status(Status),
    Metadata(Metadata),
    Banned(Ban),
    Kicks(Kicks),
}

/// Why a body says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    #[error(transparent)]
    Json(#[from] LenientError),
    #[error("{0} is not what a body of this kind is")]
    Shape(&'static str),
    #[error("it does not say {0}")]
    Lacks(&'static str),
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct User {
    #[serde(deserialize_with = "lax::read")]
    pub user_id: Option<i64>,
    #[serde(deserialize_with = "lax::read")]
    pub username: Option<String>,
    /// Differs from the name: `_` becomes `-`.
    #[serde(deserialize_with = "lax::read")]
    pub channel_slug: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub profile_picture: Option<String>,
    /// Chat only.
    #[serde(deserialize_with = "lax::part")]
    pub identity: Identity,
}

impl User {
    /// The name, or nothing for who gives anonymously.
    pub fn name(&self) -> &str {
        self.username.as_deref().unwrap_or_default()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Identity {
    #[serde(deserialize_with = "lax::list")]
    pub badges: Vec<Badge>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Badge {
    /// `subscriber`, `moderator`, …; an open set.
    #[serde(rename = "type", deserialize_with = "lax::read")]
    pub kind: Option<String>,
}

/// `chat.message.sent`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Chat {
    #[serde(deserialize_with = "lax::read")]
    pub message_id: Option<String>,
    #[serde(deserialize_with = "lax::part")]
    pub replies_to: RepliesTo,
    #[serde(deserialize_with = "lax::part")]
    pub broadcaster: User,
    #[serde(deserialize_with = "lax::part")]
    pub sender: User,
    #[serde(deserialize_with = "lax::read")]
    pub content: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub created_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RepliesTo {
    #[serde(deserialize_with = "lax::read")]
    pub message_id: Option<String>,
}

/// `channel.followed`; says neither when nor under which id.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Followed {
    #[serde(deserialize_with = "lax::part")]
    pub broadcaster: User,
    #[serde(deserialize_with = "lax::part")]
    pub follower: User,
}

/// `channel.subscription.new` and `channel.subscription.renewal`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Subscribed {
    #[serde(deserialize_with = "lax::part")]
    pub broadcaster: User,
    #[serde(deserialize_with = "lax::part")]
    pub subscriber: User,
    /// Months.
    #[serde(deserialize_with = "lax::read")]
    pub duration: Option<i64>,
    #[serde(deserialize_with = "lax::read")]
    pub created_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lax::read")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// `channel.subscription.gifts`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Gifted {
    #[serde(deserialize_with = "lax::part")]
    pub broadcaster: User,
    /// Without an id: anonymous, whatever the flag says.
    #[serde(deserialize_with = "lax::part")]
    pub gifter: User,
    #[serde(deserialize_with = "lax::list")]
    pub giftees: Vec<User>,
    #[serde(deserialize_with = "lax::read")]
    pub created_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lax::read")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// `channel.reward.redemption.updated`; the same id comes again with each change of its status.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Redemption {
    #[serde(deserialize_with = "lax::read")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lax::part")]
    pub broadcaster: User,
    #[serde(deserialize_with = "lax::part")]
    pub redeemer: User,
    #[serde(deserialize_with = "lax::read")]
    pub user_input: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub status: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub redeemed_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lax::part")]
    pub reward: Reward,
}

impl Redemption {
    pub fn is_pending(&self) -> bool {
        self.status.as_deref().is_none_or(|status| status.eq_ignore_ascii_case("pending"))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Reward {
    #[serde(deserialize_with = "lax::read")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub title: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub cost: Option<i64>,
}

/// `livestream.status.updated`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Status {
    #[serde(deserialize_with = "lax::part")]
    pub broadcaster: User,
    #[serde(deserialize_with = "lax::read")]
    pub is_live: Option<bool>,
    #[serde(deserialize_with = "lax::read")]
    pub title: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lax::read")]
    pub ended_at: Option<DateTime<Utc>>,
}

/// `livestream.metadata.updated`; says neither when nor of which stream.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Metadata {
    #[serde(deserialize_with = "lax::part")]
    pub broadcaster: User,
    #[serde(deserialize_with = "lax::part")]
    pub metadata: StreamInfo,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamInfo {
    #[serde(deserialize_with = "lax::read")]
    pub title: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub language: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub has_mature_content: Option<bool>,
    #[serde(deserialize_with = "lax::maybe")]
    pub category: Option<Category>,
    /// The same, as Kick spelled it for a time; both were seen in one body.
    #[serde(rename = "Category", skip_serializing, deserialize_with = "lax::maybe")]
    pub capital: Option<Category>,
}

impl StreamInfo {
    pub fn category(&self) -> Option<&Category> {
        self.category.as_ref().or(self.capital.as_ref())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Category {
    #[serde(deserialize_with = "lax::read")]
    pub id: Option<i64>,
    #[serde(deserialize_with = "lax::read")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub thumbnail: Option<String>,
}

/// `moderation.banned`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Ban {
    #[serde(deserialize_with = "lax::part")]
    pub broadcaster: User,
    #[serde(deserialize_with = "lax::part")]
    pub moderator: User,
    #[serde(deserialize_with = "lax::part")]
    pub banned_user: User,
    #[serde(deserialize_with = "lax::part")]
    pub metadata: BanTerms,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BanTerms {
    #[serde(deserialize_with = "lax::read")]
    pub reason: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub created_at: Option<DateTime<Utc>>,
    /// `None`: for good.
    #[serde(deserialize_with = "lax::read")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// `kicks.gifted`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Kicks {
    #[serde(deserialize_with = "lax::part")]
    pub broadcaster: User,
    #[serde(deserialize_with = "lax::part")]
    pub sender: User,
    #[serde(deserialize_with = "lax::part")]
    pub gift: Gift,
    #[serde(deserialize_with = "lax::read")]
    pub created_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Gift {
    #[serde(deserialize_with = "lax::read")]
    pub amount: Option<i64>,
    #[serde(deserialize_with = "lax::read")]
    pub name: Option<String>,
    #[serde(rename = "type", deserialize_with = "lax::read")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub tier: Option<String>,
    #[serde(deserialize_with = "lax::read")]
    pub message: Option<String>,
}

/// A message of chat, straight from the bytes: most of what comes is chat.
pub fn chat(body: &[u8]) -> Result<Chat, ParseError> {
    let chat = match serde_json::from_slice(body) {
        Ok(chat) => chat,
        // Numbers that no f64 holds and halves of surrogate pairs are mended; what is no JSON is told as such.
        Err(_) => typed(&parse_json(body)?)?,
    };
    check_chat(chat)
}

/// What a body of one of Kick's kinds says; `Ok(None)` for a kind that nobody knows.
pub fn read(kind: &str, data: &Value) -> Result<Option<Payload>, ParseError> {
    Ok(Some(match kind {
        CHAT => Payload::Chat(check_chat(typed(data)?)?),
        FOLLOWED => Payload::Followed(followed(typed(data)?)?),
        SUBSCRIBED | RENEWED => Payload::Subscribed(subscribed(typed(data)?)?),
        GIFTED => Payload::Gifted(gifted(typed(data)?)?),
        REDEEMED => Payload::Redeemed(redeemed(typed(data)?)?),
        STATUS => Payload::Status(status(typed(data)?)?),
        METADATA => Payload::Metadata(metadata(data)?),
        BANNED => Payload::Banned(banned(typed(data)?)?),
        KICKS => Payload::Kicks(kicks(typed(data)?)?),
        _ => return Ok(None),
    }))
}

/// Whose channel it is about, whatever the body is otherwise.
pub fn broadcaster(data: &Value) -> Option<i64> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Of {
        #[serde(deserialize_with = "lax::part")]
        broadcaster: User,
    }
    Of::deserialize(data).ok()?.broadcaster.user_id
}

fn typed<T: DeserializeOwned>(data: &Value) -> Result<T, ParseError> {
    // Its parts are read whatever they are; the error would quote what was met.
    T::deserialize(data).map_err(|_| ParseError::Shape(what(data)))
}

fn what(data: &Value) -> &'static str {
    match data {
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        Value::Null => "null",
        _ => "a single value",
    }
}

fn lacks<T>(value: &Option<T>, what: &'static str) -> Result<(), ParseError> {
    value.as_ref().map(|_| ()).ok_or(ParseError::Lacks(what))
}

fn check_chat(chat: Chat) -> Result<Chat, ParseError> {
    lacks(&chat.message_id, "message_id")?;
    lacks(&chat.broadcaster.user_id, "broadcaster.user_id")?;
    lacks(&chat.sender.user_id, "sender.user_id")?;
    Ok(chat)
}

fn followed(read: Followed) -> Result<Followed, ParseError> {
    lacks(&read.broadcaster.user_id, "broadcaster.user_id")?;
    lacks(&read.follower.user_id, "follower.user_id")?;
    Ok(read)
}

fn subscribed(read: Subscribed) -> Result<Subscribed, ParseError> {
    lacks(&read.broadcaster.user_id, "broadcaster.user_id")?;
    lacks(&read.subscriber.user_id, "subscriber.user_id")?;
    Ok(read)
}

fn gifted(mut read: Gifted) -> Result<Gifted, ParseError> {
    lacks(&read.broadcaster.user_id, "broadcaster.user_id")?;
    read.giftees.truncate(GIFTEES);
    if read.giftees.iter().all(|giftee| giftee.user_id.is_none()) {
        return Err(ParseError::Lacks("giftees"));
    }
    Ok(read)
}

fn redeemed(read: Redemption) -> Result<Redemption, ParseError> {
    lacks(&read.broadcaster.user_id, "broadcaster.user_id")?;
    lacks(&read.id, "id")?;
    lacks(&read.status, "status")?;
    Ok(read)
}

fn status(read: Status) -> Result<Status, ParseError> {
    lacks(&read.broadcaster.user_id, "broadcaster.user_id")?;
    lacks(&read.is_live, "is_live")?;
    lacks(&read.started_at, "started_at")?;
    Ok(read)
}

fn metadata(data: &Value) -> Result<Metadata, ParseError> {
    let read: Metadata = typed(data)?;
    lacks(&read.broadcaster.user_id, "broadcaster.user_id")?;
    // A ban has a part of that name, too.
    let has = |name: &str| data.get("metadata").and_then(|part| part.get(name)).is_some();
    if !["title", "language", "category", "Category", "has_mature_content"].into_iter().any(has) {
        return Err(ParseError::Lacks("metadata"));
    }
    Ok(read)
}

fn banned(read: Ban) -> Result<Ban, ParseError> {
    lacks(&read.broadcaster.user_id, "broadcaster.user_id")?;
    lacks(&read.banned_user.user_id, "banned_user.user_id")?;
    Ok(read)
}

fn kicks(read: Kicks) -> Result<Kicks, ParseError> {
    lacks(&read.broadcaster.user_id, "broadcaster.user_id")?;
    lacks(&read.gift.amount, "gift.amount")?;
    Ok(read)
}

#[cfg(test)]
mod tests;
