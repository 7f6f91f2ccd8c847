//! The events that are made of what Kick sends, one for each server that is connected with the channel.
//!
//! An event is known again by what it means, not by the id of its delivery: a subscription that exists twice delivers
//! twice, and so does whoever passes on what another app was sent. What is the same delivery means the same, so its id
//! adds nothing where the body says enough; where it does not, the id stands in.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::parse::{Metadata, Payload, Redemption, User, read};
use super::verify::Signed;
use super::{BANNED, FOLLOWED, GIFTED, KICKS, METADATA, REDEEMED, RENEWED, STATUS, SUBSCRIBED};
use crate::event::activity::ChatMessage;
use crate::event::{Event, NewEvent, SIGNAL_SUBJECT, Severity, Via, clean, kind};
use crate::id::{GuildId, sha256_hex};
use crate::routing::offer::OFFERS;

/// What was signed longer ago than this is stored and counts, but is not announced, and no command in it is followed.
pub const STALE: TimeDelta = TimeDelta::minutes(15);

pub const STARTED: &str = "kick.livestream.started";
pub const UPDATED: &str = "kick.livestream.updated";
pub const ENDED: &str = "kick.livestream.ended";
pub const FOLLOW: &str = "kick.channel.followed";
pub const SUBSCRIPTION: &str = "kick.subscription.new";
pub const RENEWAL: &str = "kick.subscription.renewal";
pub const GIFTS: &str = "kick.subscription.gifts";
pub const REDEMPTION: &str = "kick.reward.redemption";
pub const BAN: &str = "kick.moderation.banned";
pub const KICKS_GIFTED: &str = "kick.kicks.gifted";

/// Parts of an event's data that are ours; all else is Kick's body.
pub const CHANNEL_ID: &str = "kick_channel_id";
pub const SIGNED_AT: &str = "signed_at";
pub const IS_STALE: &str = "stale";
/// The API said it, and no event came.
pub const BY_API: &str = "by_api";

/// A channel as one server is connected with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connected {
    pub guild_id: GuildId,
    pub source_id: Uuid,
    pub kick_channel_id: Uuid,
}

/// A delivery that is believed and says something.
pub struct Delivery<'a> {
    /// Kick's name of the event.
    pub kind: &'a str,
    pub payload: &'a Payload,
    /// The body, as JSON.
    pub data: &'a Value,
    pub raw: &'a [u8],
    pub signed: &'a Signed,
    pub received_at: DateTime<Utc>,
    pub via: Via,
}

/// A message of chat as it goes on the activity stream.
pub fn chat(to: &Connected, chat: &super::parse::Chat, signed: &Signed) -> ChatMessage {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().replace('\0', "\u{FFFD}");
    let kinds = chat.sender.identity.badges.iter().filter_map(|badge| badge.kind.clone());
    ChatMessage {
        guild_id: to.guild_id,
        kick_channel_id: to.kick_channel_id,
        message_id: text(&chat.message_id),
        viewer: chat.sender.user_id.unwrap_or_default(),
        username: text(&chat.sender.username),
        content: text(&chat.content),
        badges: kinds.map(|kind| kind.replace('\0', "\u{FFFD}")).collect(),
        replies_to: chat.replies_to.message_id.as_ref().map(|id| id.replace('\0', "\u{FFFD}")),
        // Bodies of old say nothing of it.
        at: chat.created_at.unwrap_or(signed.signed_at),
        sent_at: Some(signed.signed_at),
    }
}

/// The event for one server; `None` for chat, which is activity.
pub fn event(id: Uuid, to: &Connected, delivery: &Delivery<'_>) -> Option<NewEvent> {
    let signed = delivery.signed;
    let made = Made::of(delivery.kind, delivery.payload, signed)?;
    let mut data = clean(delivery.data.clone());
    let stale = delivery.received_at - signed.signed_at > STALE;
    if let Some(map) = data.as_object_mut() {
        map.insert(CHANNEL_ID.into(), json!(to.kick_channel_id));
        map.insert(SIGNED_AT.into(), json!(signed.signed_at));
        map.remove(IS_STALE);
        if stale {
            map.insert(IS_STALE.into(), json!(true));
        }
        map.extend(made.more);
    }
    let event = Event {
        id,
        source_id: to.source_id,
        guild_id: to.guild_id,
        kind: made.kind.to_owned(),
        subject: made.subject,
        occurred_at: made.occurred_at,
        received_at: delivery.received_at,
        severity: kind::find(made.kind).map_or(Severity::Info, |kind| kind.severity),
        dedup_key: made.key,
        data,
    };
    Some(NewEvent { event, raw: delivery.raw.to_vec(), data_in_raw: false, via: delivery.via })
}

/// What an event says, if it is one of Kick's and its data is as it came.
pub fn payload_of(event: &Event) -> Option<Payload> {
    let kind = match event.kind.as_str() {
        STARTED | ENDED => STATUS,
        UPDATED => METADATA,
        FOLLOW => FOLLOWED,
        SUBSCRIPTION => SUBSCRIBED,
        RENEWAL => RENEWED,
        GIFTS => GIFTED,
        REDEMPTION => REDEEMED,
        BAN => BANNED,
        KICKS_GIFTED => KICKS,
        _ => return None,
    };
    read(kind, &event.data).ok()?
}

/// The channel that an event came from, as its server is connected with it.
pub fn channel_of(event: &Event) -> Option<Uuid> {
    event.data.get(CHANNEL_ID)?.as_str()?.parse().ok()
}

/// The subject of a stream's events.
pub fn stream_subject(broadcaster_user_id: i64, started_at: DateTime<Utc>) -> String {
    format!("stream:{broadcaster_user_id}:{}", started_at.timestamp())
}

/// What follows from a payload, whichever server it is for.
struct Made {
    kind: &'static str,
    subject: Option<String>,
    occurred_at: DateTime<Utc>,
    /// What it means. The last field but one is a time where there is one (see [`crate::event::dedup_hash`]).
    key: String,
    more: serde_json::Map<String, Value>,
}

impl Made {
    fn of(kind: &str, payload: &Payload, signed: &Signed) -> Option<Self> {
        let more = serde_json::Map::new();
        let made = |kind, at: Option<DateTime<Utc>>, key| {
            Some(Self { kind, subject: None, occurred_at: at.unwrap_or(signed.signed_at), key, more: more.clone() })
        };
        // By the time of the thing itself; where the body does not say it, by the delivery.
        let timed = |name: &str, who: String, at: Option<DateTime<Utc>>, tail: &str| match at {
            Some(at) => format!("{name}:{who}:{}:{tail}", at.timestamp_millis()),
            None => format!("{name}:{who}:{}:{}", signed.signed_at.timestamp(), signed.message_id),
        };
        match payload {
            Payload::Chat(_) => None,
            // Once and for all: who leaves and follows again is no new follower.
            Payload::Followed(f) => {
                made(FOLLOW, None, format!("kick.follow:{}:{}", id(&f.broadcaster), id(&f.follower)))
            }
            Payload::Subscribed(s) => {
                // The name in the header is not signed, and both have the same body: one of them counts.
                let who = format!("{}:{}", id(&s.broadcaster), id(&s.subscriber));
                let kind = if kind == RENEWED { RENEWAL } else { SUBSCRIPTION };
                made(kind, s.created_at, timed("kick.subscription", who, s.created_at, "-"))
            }
            Payload::Gifted(g) => {
                let mut giftees: Vec<i64> = g.giftees.iter().filter_map(|giftee| giftee.user_id).collect();
                giftees.sort_unstable();
                let giftees: Vec<String> = giftees.iter().map(i64::to_string).collect();
                let who = format!("{}:{}", id(&g.broadcaster), id(&g.gifter));
                let tail = sha256_hex(giftees.join(",").as_bytes());
                made(GIFTS, g.created_at, timed("kick.gifts", who, g.created_at, &tail[..16]))
            }
            Payload::Kicks(k) => {
                let who = format!("{}:{}", id(&k.broadcaster), id(&k.sender));
                let gift = format!("{:?}", (k.gift.amount, &k.gift.name, &k.gift.message));
                let tail = sha256_hex(gift.as_bytes());
                made(KICKS_GIFTED, k.created_at, timed("kick.kicks", who, k.created_at, &tail[..16]))
            }
            Payload::Banned(b) => {
                let who = format!("{}:{}", id(&b.broadcaster), id(&b.banned_user));
                let at = b.metadata.created_at;
                made(BAN, at, timed("kick.ban", who, at, "-"))
            }
            Payload::Redeemed(r) => {
                let (redemption, status) = (r.id.as_deref()?, r.status.as_deref()?.to_lowercase());
                // What came of it is newer than the wish, however fast it was.
                let wished = r.redeemed_at.unwrap_or(signed.signed_at);
                let decided = (status != "pending").then(|| signed.signed_at.max(wished + TimeDelta::milliseconds(1)));
                let made =
                    made(REDEMPTION, decided.or(Some(wished)), format!("kick.redemption:{redemption}:{status}"))?;
                let subject = Some(format!("{SIGNAL_SUBJECT}redemption:{redemption}"));
                Some(Self { subject, more: offered(r), ..made })
            }
            Payload::Status(s) => Self::of_status(s, signed),
            Payload::Metadata(m) => {
                // It says neither when nor of which stream: the same again changes nothing.
                let key = timed("kick.metadata", id(&m.broadcaster), None, "");
                let made = made(UPDATED, None, key)?;
                Some(Self { more: info(m), ..made })
            }
        }
    }

    fn of_status(status: &super::parse::Status, signed: &Signed) -> Option<Self> {
        let started_at = status.started_at?.trunc_subsecs(0);
        let broadcaster = status.broadcaster.user_id?;
        let subject = Some(stream_subject(broadcaster, started_at));
        let mut more = serde_json::Map::new();
        more.insert("started_at".into(), json!(started_at));
        let key = |what: &str| format!("kick.stream:{broadcaster}:{}:{what}", started_at.timestamp());
        if status.is_live? {
            return Some(Self { kind: STARTED, subject, occurred_at: started_at, key: key("live"), more });
        }
        let ended_at = status.ended_at.unwrap_or(signed.signed_at).max(started_at);
        more.insert("ended_at".into(), json!(ended_at));
        Some(Self { kind: ENDED, subject, occurred_at: ended_at, key: key("ended"), more })
    }
}

/// The ids of what a redemption's event offers, and the fields that each holds.
pub const ACCEPT: &str = "accept";
pub const REJECT: &str = "reject";
pub const REDEMPTION_ID: &str = "redemption_id";
pub const BROADCASTER: &str = "broadcaster_user_id";

/// What the event of a redemption says beside Kick's body: what is offered, and by which name people know it.
fn offered(redeemed: &Redemption) -> serde_json::Map<String, Value> {
    let title = format!(
        "{} for {}",
        redeemed.reward.title.as_deref().unwrap_or("a reward"),
        if redeemed.redeemer.name().is_empty() { "somebody" } else { redeemed.redeemer.name() }
    );
    let fields = json!({
        (REDEMPTION_ID): redeemed.id,
        (BROADCASTER): redeemed.broadcaster.user_id.unwrap_or_default().to_string(),
    });
    let offer =
        |id: &str, label: &str, style: &str| json!({ "id": id, "label": label, "style": style, "fields": fields });
    let offers = if redeemed.is_pending() {
        json!([offer(ACCEPT, "Accept", "success"), offer(REJECT, "Reject", "danger")])
    } else {
        json!([])
    };
    let more = json!({ "signal_source": "Kick", "title": title, (OFFERS): offers });
    match more {
        Value::Object(more) => more,
        _ => serde_json::Map::new(),
    }
}

/// An id as part of a key; who gives anonymously has none.
fn id(user: &User) -> String {
    user.user_id.map_or_else(|| "-".to_owned(), |id| id.to_string())
}

/// The category under its one name.
fn info(metadata: &Metadata) -> serde_json::Map<String, Value> {
    let info = &metadata.metadata;
    let mut normal = info.clone();
    normal.category = info.category().cloned();
    [("metadata".to_owned(), json!(normal))].into_iter().collect()
}

/// A stream as Kick's API tells of it, of which no event came.
pub struct SeenStream<'a> {
    pub broadcaster_user_id: i64,
    pub slug: &'a str,
    pub name: &'a str,
    pub title: Option<&'a str>,
    pub category: Option<&'a str>,
    /// A picture of what is on.
    pub thumbnail: Option<&'a str>,
    pub started_at: DateTime<Utc>,
    /// It is over, and was live until then at least.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The event that did not come. Should it come after all, a start is known already, and an end is the better one.
pub fn seen(event_id: Uuid, to: &Connected, seen: &SeenStream<'_>, now: DateTime<Utc>) -> Option<NewEvent> {
    let mut body = json!({
        "broadcaster": { "user_id": seen.broadcaster_user_id, "username": seen.name, "channel_slug": seen.slug },
        "is_live": seen.ended_at.is_none(),
        "title": seen.title,
        "started_at": seen.started_at,
        "ended_at": seen.ended_at,
        "thumbnail": seen.thumbnail,
        (BY_API): true,
    });
    if let Some(category) = seen.category {
        body["metadata"] = json!({ "title": seen.title, "category": { "name": category } });
    }
    let payload = read(STATUS, &body).ok()??;
    // As old as what it tells of: what was over long ago is not announced.
    let signed = Signed { message_id: String::new(), signed_at: seen.ended_at.unwrap_or(now).min(now) };
    let raw = body.to_string();
    let delivery = Delivery {
        kind: STATUS,
        payload: &payload,
        data: &body,
        raw: raw.as_bytes(),
        signed: &signed,
        received_at: now,
        via: Via::CatchUp,
    };
    let mut new = event(event_id, to, &delivery)?;
    if seen.ended_at.is_some() {
        new.event.dedup_key.push_str(" by the API");
    }
    Some(new)
}

#[cfg(test)]
mod tests;
