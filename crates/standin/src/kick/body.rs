//! The bodies of webhooks, as Kick writes them: compact JSON in the order of its documentation
//! (<https://docs.kick.com/events/event-types>), with `<`, `>` and `&` as Go's encoder escapes them.
//!
//! A receiver that serialises a body again before it verifies gets other bytes.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::world::{Category, Channel, ChatMessage, Redemption, Reward, User, World};

/// A person as most events show them.
#[derive(Serialize)]
pub(super) struct Person {
    is_anonymous: bool,
    user_id: Option<i64>,
    username: Option<String>,
    is_verified: Option<bool>,
    profile_picture: Option<String>,
    channel_slug: Option<String>,
    identity: Option<Identity>,
}

/// A person as the newer events show them (redemptions, kicks, the state of a stream).
#[derive(Serialize)]
pub(super) struct Brief {
    user_id: i64,
    username: String,
    is_verified: Option<bool>,
    profile_picture: String,
    channel_slug: String,
}

#[derive(Serialize)]
pub(super) struct Identity {
    username_color: String,
    badges: Vec<Badge>,
}

#[derive(Serialize)]
struct Badge {
    text: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

#[derive(Serialize)]
struct Emote {
    emote_id: String,
    positions: Vec<Position>,
}

/// In characters; `e` is the last one of it.
#[derive(Serialize)]
struct Position {
    s: usize,
    e: usize,
}

impl Person {
    pub fn of(user: &User) -> Self {
        Self {
            is_anonymous: false,
            user_id: Some(user.user_id),
            username: Some(user.username.clone()),
            is_verified: user.is_verified,
            profile_picture: Some(user.profile_picture.clone()),
            channel_slug: Some(super::world::slug_of(&user.username)),
            identity: None,
        }
    }

    /// Every field is null.
    pub fn anonymous() -> Self {
        Self {
            is_anonymous: true,
            user_id: None,
            username: None,
            is_verified: None,
            profile_picture: None,
            channel_slug: None,
            identity: None,
        }
    }

    fn with_badges(user: &User, channel: &Channel) -> Self {
        let identity = Identity { username_color: user.username_color.clone(), badges: badges(user, channel) };
        Self { identity: Some(identity), ..Self::of(user) }
    }
}

impl Brief {
    pub fn of(user: &User) -> Self {
        Self {
            user_id: user.user_id,
            username: user.username.clone(),
            is_verified: user.is_verified,
            profile_picture: user.profile_picture.clone(),
            channel_slug: super::world::slug_of(&user.username),
        }
    }
}

fn badges(user: &User, channel: &Channel) -> Vec<Badge> {
    let badge = |text: &str, kind: &str, count| Badge { text: text.to_owned(), kind: kind.to_owned(), count };
    let mut all = Vec::new();
    if user.user_id == channel.broadcaster_user_id {
        all.push(badge("Broadcaster", "broadcaster", None));
    }
    for kind in channel.badges.get(&user.user_id).into_iter().flatten() {
        all.push(badge(&titled(kind), kind, None));
    }
    if let Some(given) = channel.gifted.get(&user.user_id) {
        all.push(badge("Sub Gifter", "sub_gifter", Some(*given)));
    }
    if let Some(months) = channel.subscribers.get(&user.user_id) {
        all.push(badge("Subscriber", "subscriber", Some(*months)));
    }
    all
}

fn titled(kind: &str) -> String {
    match kind {
        "vip" | "og" => kind.to_uppercase(),
        other => other.chars().take(1).flat_map(char::to_uppercase).chain(other.chars().skip(1)).collect(),
    }
}

pub(super) fn chat(world: &World, channel: &Channel, message: &ChatMessage) -> Option<String> {
    #[derive(Serialize)]
    struct RepliesTo {
        message_id: String,
        content: String,
        sender: Person,
    }
    #[derive(Serialize)]
    struct Body {
        message_id: String,
        replies_to: Option<RepliesTo>,
        broadcaster: Person,
        sender: Person,
        content: String,
        emotes: Option<Vec<Emote>>,
        created_at: String,
    }
    let parent = message.replies_to.as_ref().and_then(|id| channel.chat.iter().find(|m| m.message_id == *id));
    let replies_to = parent.and_then(|parent| {
        let sender = Person::of(world.user(parent.user_id)?);
        Some(RepliesTo { message_id: parent.message_id.clone(), content: parent.content.clone(), sender })
    });
    let emotes = emotes(&message.content);
    Some(written(&Body {
        message_id: message.message_id.clone(),
        replies_to,
        broadcaster: Person::of(world.user(channel.broadcaster_user_id)?),
        sender: Person::with_badges(world.user(message.user_id)?, channel),
        content: message.content.clone(),
        // An empty Go slice is null (KickDevDocs #210).
        emotes: (!emotes.is_empty()).then_some(emotes),
        created_at: seconds(message.created_at),
    }))
}

/// Finds `[emote:<id>:<NAME>]`.
fn emotes(content: &str) -> Vec<Emote> {
    let mut all: Vec<Emote> = Vec::new();
    let mut from = 0;
    while let Some(start) = content[from..].find("[emote:").map(|at| from + at) {
        let Some(end) = content[start..].find(']').map(|at| start + at) else { break };
        from = end + 1;
        let Some((id, _)) = content[start + 7..end].split_once(':') else { continue };
        let position = Position { s: content[..start].chars().count(), e: content[..end].chars().count() };
        match all.iter_mut().find(|emote| emote.emote_id == id) {
            Some(known) => known.positions.push(position),
            None => all.push(Emote { emote_id: id.to_owned(), positions: vec![position] }),
        }
    }
    all
}

pub(super) fn followed(broadcaster: &User, follower: &User) -> String {
    #[derive(Serialize)]
    struct Body {
        broadcaster: Person,
        follower: Person,
    }
    written(&Body { broadcaster: Person::of(broadcaster), follower: Person::of(follower) })
}

/// `channel.subscription.new` and `channel.subscription.renewal`; it lasts a month.
pub(super) fn subscribed(broadcaster: &User, subscriber: &User, duration: u32, at: DateTime<Utc>) -> String {
    #[derive(Serialize)]
    struct Body {
        broadcaster: Person,
        subscriber: Person,
        duration: u32,
        created_at: String,
        expires_at: String,
    }
    written(&Body {
        broadcaster: Person::of(broadcaster),
        subscriber: Person::of(subscriber),
        duration,
        created_at: seconds(at),
        expires_at: seconds(at + chrono::Months::new(1)),
    })
}

pub(super) fn gifted(broadcaster: &User, gifter: Option<&User>, giftees: &[User], at: DateTime<Utc>) -> String {
    #[derive(Serialize)]
    struct Body {
        broadcaster: Person,
        gifter: Person,
        giftees: Vec<Person>,
        created_at: String,
        expires_at: String,
    }
    written(&Body {
        broadcaster: Person::of(broadcaster),
        gifter: gifter.map_or_else(Person::anonymous, Person::of),
        giftees: giftees.iter().map(Person::of).collect(),
        created_at: seconds(at),
        expires_at: seconds(at + chrono::Months::new(1)),
    })
}

/// In the shape of the delivery that Kick signed in 2025: no `is_anonymous`, no `identity`.
pub(super) fn status(
    broadcaster: &User,
    title: &str,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
) -> String {
    #[derive(Serialize)]
    struct Body {
        broadcaster: Brief,
        is_live: bool,
        title: String,
        started_at: String,
        ended_at: Option<String>,
    }
    written(&Body {
        broadcaster: Brief::of(broadcaster),
        is_live: ended_at.is_none(),
        title: title.to_owned(),
        started_at: seconds(started_at),
        ended_at: ended_at.map(seconds),
    })
}

pub(super) fn metadata(broadcaster: &User, channel: &Channel) -> String {
    #[derive(Serialize)]
    struct Metadata {
        title: String,
        language: String,
        has_mature_content: bool,
        category: Category,
    }
    #[derive(Serialize)]
    struct Body {
        broadcaster: Person,
        metadata: Metadata,
    }
    let metadata = Metadata {
        title: channel.title.clone(),
        language: channel.language.clone(),
        has_mature_content: channel.mature,
        category: channel.category.clone(),
    };
    written(&Body { broadcaster: Person::of(broadcaster), metadata })
}

pub(super) fn banned(
    broadcaster: &User,
    moderator: &User,
    banned_user: &User,
    reason: &str,
    at: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
) -> String {
    #[derive(Serialize)]
    struct Metadata {
        reason: String,
        created_at: String,
        expires_at: Option<String>,
    }
    #[derive(Serialize)]
    struct Body {
        broadcaster: Person,
        moderator: Person,
        banned_user: Person,
        metadata: Metadata,
    }
    let metadata = Metadata { reason: reason.to_owned(), created_at: seconds(at), expires_at: until.map(seconds) };
    written(&Body {
        broadcaster: Person::of(broadcaster),
        moderator: Person::of(moderator),
        banned_user: Person::of(banned_user),
        metadata,
    })
}

pub(super) fn redemption(broadcaster: &User, redeemer: &User, reward: &Reward, redemption: &Redemption) -> String {
    #[derive(Serialize)]
    struct RewardBody {
        id: String,
        title: String,
        cost: u64,
        description: String,
    }
    #[derive(Serialize)]
    struct Body {
        id: String,
        user_input: String,
        status: String,
        redeemed_at: String,
        reward: RewardBody,
        redeemer: Brief,
        broadcaster: Brief,
    }
    written(&Body {
        id: redemption.id.clone(),
        user_input: redemption.user_input.clone(),
        status: redemption.status.clone(),
        redeemed_at: redemption.redeemed_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        reward: RewardBody {
            id: reward.id.clone(),
            title: reward.title.clone(),
            cost: reward.cost,
            description: reward.description.clone(),
        },
        redeemer: Brief::of(redeemer),
        broadcaster: Brief::of(broadcaster),
    })
}

pub(super) fn kicks(
    broadcaster: &User,
    sender: &User,
    amount: u64,
    gift: &str,
    message: &str,
    at: DateTime<Utc>,
) -> String {
    #[derive(Serialize)]
    struct Gift {
        amount: u64,
        name: String,
        #[serde(rename = "type")]
        kind: &'static str,
        tier: &'static str,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pinned_time_seconds: Option<u32>,
    }
    #[derive(Serialize)]
    struct Body {
        broadcaster: Brief,
        sender: Brief,
        gift: Gift,
        created_at: String,
    }
    let big = amount >= 500;
    let gift = Gift {
        amount,
        name: gift.to_owned(),
        kind: if big { "LEVEL_UP" } else { "BASIC" },
        tier: if big { "MID" } else { "BASIC" },
        message: message.to_owned(),
        pinned_time_seconds: big.then_some(600),
    };
    let created_at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    written(&Body { broadcaster: Brief::of(broadcaster), sender: Brief::of(sender), gift, created_at })
}

/// A value that a caller made, in the bytes that Kick would send.
pub(super) fn of_value(value: &Value) -> String {
    written(value)
}

/// What `encoding/json` of Go writes: these characters only occur inside of texts.
fn written(body: &impl Serialize) -> String {
    let text = serde_json::to_string(body).unwrap_or_else(|_| json!({}).to_string());
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn seconds(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
