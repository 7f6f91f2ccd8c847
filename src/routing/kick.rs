//! How what Kick tells looks: notices, the living card of a stream, the card of a redemption. Pure.

use serde::Deserialize;
use serde_json::Value;

use super::card::{ApprovalView, timeline, with_approval};
use super::duration::span;
use super::embed::{
    DESCRIPTION, Embed, FIELD_VALUE, Link, MessageBody, Picture, TITLE, escape, fit, relative, web_address,
};
use super::notice::{capitalised, footer};
use super::subject::SubjectState;
use crate::event::Event;
use crate::source::kick::event::{ENDED, REDEMPTION, RENEWAL, UPDATED, payload_of};
use crate::source::kick::parse::{Ban, Gifted, Kicks, Payload, Redemption, StreamInfo, Subscribed, User};

const GREEN: u32 = 0x53_FC18;
const RED: u32 = 0xE7_4C3C;
const GREY: u32 = 0x95_A5A6;
const AMBER: u32 = 0xF1_C40F;
/// Short values are cut, so that a whole card stays below Discord's 6,000 characters.
const SHORT: usize = 200;
/// Names of who was given something.
const GIFTEES: usize = 20;
const PAGE: &str = "https://kick.com";

/// The embed of an event of kind `kick.*`.
pub fn render(event: &Event) -> Embed {
    let embed = Embed { footer: footer(&event.kind), timestamp: Some(event.occurred_at), ..Embed::default() };
    match payload_of(event) {
        Some(Payload::Followed(f)) => {
            let title = format!("💚 {} follows {}", who(&f.follower), who(&f.broadcaster));
            Embed { title: fit(&title, TITLE), color: GREEN, ..linked(embed, &f.broadcaster) }
        }
        Some(Payload::Subscribed(s)) => subscribed(&s, event, embed),
        Some(Payload::Gifted(g)) => gifted(&g, embed),
        Some(Payload::Kicks(k)) => kicks(&k, embed),
        Some(Payload::Banned(b)) => banned(&b, embed),
        Some(Payload::Redeemed(r)) => redemption(&r, embed),
        Some(Payload::Status(_) | Payload::Metadata(_)) => {
            let mut alone = SubjectState::default();
            alone.apply(event);
            Embed { fields: without_timeline(stream(&alone)), ..stream(&alone) }
        }
        Some(Payload::Chat(_)) | None => embed,
    }
}

fn without_timeline(embed: Embed) -> Vec<super::embed::Field> {
    embed.fields.into_iter().filter(|field| field.name != "Timeline").collect()
}

/// The card of a stream: live, as it changes, and what it was when it is over.
pub fn stream_card(state: &SubjectState) -> MessageBody {
    let broadcaster = broadcaster(state);
    let mut links = Vec::new();
    if let Some(page) = page(&broadcaster) {
        let label = if is_over(state) { "Channel" } else { "Watch" };
        links.push(Link { url: page, label: label.to_owned(), emoji: Some("📺") });
        if !is_over(state)
            && let Some(slug) = &broadcaster.channel_slug
        {
            let url = format!("{PAGE}/popout/{}/chat", segment(slug));
            links.push(Link { url, label: "Chat".to_owned(), emoji: Some("💬") });
        }
    }
    MessageBody { embeds: vec![stream(state)], links, ..MessageBody::default() }
}

/// Whether a stream has ended.
pub fn is_over(state: &SubjectState) -> bool {
    state.has(ENDED)
}

fn stream(state: &SubjectState) -> Embed {
    let broadcaster = broadcaster(state);
    let info: StreamInfo = part(state, "metadata");
    let title = title(state, &info);
    let latest = state.latest();
    let kind = latest.map_or("", |entry| entry.kind.as_str());
    let (symbol, words, color) = match (is_over(state), kind == UPDATED && state.timeline.len() == 1) {
        (true, _) => ("⚫", "was live", GREY),
        (false, true) => ("📝", "changed the stream", GREEN),
        (false, false) => ("🔴", "is live", GREEN),
    };
    let category = info.category();
    let embed = Embed {
        title: fit(&format!("{symbol} {} {words}", who(&broadcaster)), TITLE),
        description: fit(&escape(&title), DESCRIPTION / 4),
        color,
        footer: footer(kind),
        timestamp: latest.map(|entry| entry.key.time),
        thumbnail: category.and_then(|c| picture(c.thumbnail.as_deref()?)),
        image: state.text("thumbnail").and_then(|text| picture(&text)).filter(|_| !is_over(state)),
        ..linked(Embed::default(), &broadcaster)
    };
    let short = |text: Option<&String>| text.map(|text| fit(&escape(text), SHORT)).unwrap_or_default();
    let embed = embed
        .field("Category", short(category.and_then(|c| c.name.as_ref())), true)
        .field("Language", short(info.language.as_ref()), true)
        .field("Content", if info.has_mature_content == Some(true) { "🔞 Mature" } else { "" }, true);
    let embed = if is_over(state) { summed_up(state, embed) } else { embed };
    let began = time(state, "started_at").map(relative).unwrap_or_default();
    embed.field("Started", began, true).field("Timeline", timeline(state), false)
}

/// By whichever said it last: the stream itself, or a change of the channel.
fn title(state: &SubjectState, info: &StreamInfo) -> String {
    let key = |name: &str| state.fields.get(name).map(|field| field.key);
    let of_stream = || state.text("title");
    let said = if key("title") > key("metadata") { of_stream() } else { info.title.clone().or_else(of_stream) };
    said.unwrap_or_default()
}

/// How long it was, and what came in meanwhile.
fn summed_up(state: &SubjectState, embed: Embed) -> Embed {
    let facts = state.fields.get("facts").map(|field| &field.value);
    let number = |name: &str| facts.and_then(|facts| facts.get(name)).and_then(Value::as_i64).filter(|n| *n > 0);
    let some = |name: &str| number(name).map(grouped).unwrap_or_default();
    let lasted = time(state, "started_at").zip(time(state, "ended_at")).map(|(from, until)| span(until - from));
    let peak_at = facts.and_then(|facts| instant(facts.get("peak_at")?)).map(relative);
    let peak = number("peak_viewers").map(|viewers| match peak_at {
        Some(at) => format!("{} {at}", grouped(viewers)),
        None => grouped(viewers),
    });
    embed
        .field("Lasted", lasted.unwrap_or_default(), true)
        .field("Most Viewers", peak.unwrap_or_default(), true)
        .field("New Followers", some("followers"), true)
        .field("Subscriptions", some("subscriptions"), true)
        .field("Gifted", some("gifted"), true)
        .field("Kicks", some("kicks"), true)
}

/// The card of a redemption, with what can be done about it.
pub fn redemption_card(state: &SubjectState, approval: Option<&ApprovalView>) -> MessageBody {
    let redeemed = redemption_of(state);
    let latest = state.latest();
    let frame = Embed {
        footer: footer(latest.map_or("", |entry| entry.kind.as_str())),
        timestamp: latest.map(|entry| entry.key.time),
        ..Embed::default()
    };
    let body = MessageBody { embeds: vec![redemption(&redeemed, frame)], ..MessageBody::default() };
    let mut body = with_approval(body, approval);
    if !redeemed.is_pending() {
        body.buttons.clear();
    }
    body
}

/// True for the card of a redemption, among those of [`crate::event::SubjectKind::Signal`].
pub fn is_redemption(state: &SubjectState) -> bool {
    state.latest().is_some_and(|entry| entry.kind == REDEMPTION)
}

/// Whether a redemption was accepted or rejected.
pub fn is_settled(state: &SubjectState) -> bool {
    !redemption_of(state).is_pending()
}

fn redemption_of(state: &SubjectState) -> Redemption {
    let values: serde_json::Map<String, Value> =
        state.fields.iter().map(|(name, field)| (name.clone(), field.value.clone())).collect();
    Redemption::deserialize(Value::Object(values)).unwrap_or_default()
}

fn redemption(redeemed: &Redemption, embed: Embed) -> Embed {
    let (symbol, status, color) = match redeemed.status.as_deref().map(str::to_lowercase).as_deref() {
        Some("accepted") => ("✅", "✅ Accepted".to_owned(), GREEN),
        Some("rejected") => ("⛔", "⛔ Rejected".to_owned(), RED),
        None | Some("pending") => ("🎟️", "🟠 Pending".to_owned(), AMBER),
        Some(other) => ("🎟️", fit(&escape(&capitalised(other)), SHORT), GREY),
    };
    let reward = redeemed.reward.title.as_deref().unwrap_or("a reward");
    let title = format!("{symbol} {} redeemed {}", who(&redeemed.redeemer), escape(&fit(reward, 80)));
    let cost = redeemed.reward.cost.map(|cost| format!("{} points", grouped(cost)));
    let input = redeemed.user_input.as_deref().map(escape).unwrap_or_default();
    Embed { title: fit(&title, TITLE), description: fit(&input, 1000), color, ..linked(embed, &redeemed.broadcaster) }
        .field("Status", status, true)
        .field("Cost", cost.unwrap_or_default(), true)
        .field("Channel", who(&redeemed.broadcaster), true)
}

fn subscribed(s: &Subscribed, event: &Event, embed: Embed) -> Embed {
    let again = event.kind == RENEWAL;
    let title =
        format!("⭐ {} subscribed to {}{}", who(&s.subscriber), who(&s.broadcaster), if again { " again" } else { "" });
    let months = s.duration.filter(|months| *months > 1).map(|months| format!("{} months", grouped(months)));
    Embed { title: fit(&title, TITLE), color: GREEN, ..linked(embed, &s.broadcaster) }
        .field("For", months.unwrap_or_default(), true)
        .field("Until", s.expires_at.map(relative).unwrap_or_default(), true)
}

fn gifted(g: &Gifted, embed: Embed) -> Embed {
    let count = g.giftees.len();
    let plural = if count == 1 { "a subscription".to_owned() } else { format!("{count} subscriptions") };
    let title = format!("🎁 {} gifted {plural} in {}", who(&g.gifter), who(&g.broadcaster));
    let mut names: Vec<String> = g.giftees.iter().take(GIFTEES).map(who).collect();
    if count > GIFTEES {
        names.push(format!("and {} more", count - GIFTEES));
    }
    Embed { title: fit(&title, TITLE), color: GREEN, ..linked(embed, &g.broadcaster) }.field(
        "To",
        fit(&names.join(", "), FIELD_VALUE),
        false,
    )
}

fn kicks(k: &Kicks, embed: Embed) -> Embed {
    let amount = grouped(k.gift.amount.unwrap_or_default());
    let title = format!("💎 {} sent {amount} Kicks to {}", who(&k.sender), who(&k.broadcaster));
    let message = k.gift.message.as_deref().map(escape).unwrap_or_default();
    Embed { title: fit(&title, TITLE), description: fit(&message, 1000), color: GREEN, ..linked(embed, &k.broadcaster) }
        .field("Gift", k.gift.name.as_deref().map(|name| fit(&escape(name), SHORT)).unwrap_or_default(), true)
}

fn banned(b: &Ban, embed: Embed) -> Embed {
    let (symbol, words) = match b.metadata.expires_at {
        Some(_) => ("⏳", "was timed out"),
        None => ("🔨", "was banned"),
    };
    let title = format!("{symbol} {} {words} in {}", who(&b.banned_user), who(&b.broadcaster));
    let by = if b.moderator.name().is_empty() { String::new() } else { who(&b.moderator) };
    Embed { title: fit(&title, TITLE), color: RED, ..linked(embed, &b.broadcaster) }
        .field("By", by, true)
        .field("Until", b.metadata.expires_at.map(relative).unwrap_or_default(), true)
        .field("Reason", b.metadata.reason.as_deref().map(|r| fit(&escape(r), 1000)).unwrap_or_default(), false)
}

/// A name as it may stand in a text; who gives anonymously has none.
fn who(user: &User) -> String {
    match user.name() {
        "" => "Somebody".to_owned(),
        name => escape(&fit(name, 60)),
    }
}

fn linked(embed: Embed, broadcaster: &User) -> Embed {
    Embed { url: page(broadcaster).unwrap_or_default(), ..embed }
}

fn page(broadcaster: &User) -> Option<String> {
    web_address(&format!("{PAGE}/{}", segment(broadcaster.channel_slug.as_deref()?)))
}

fn picture(address: &str) -> Option<Picture> {
    web_address(address).map(|url| Picture { url })
}

/// What can stand between two slashes of an address.
fn segment(slug: &str) -> String {
    slug.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).take(80).collect()
}

fn broadcaster(state: &SubjectState) -> User {
    part(state, "broadcaster")
}

fn part<T: serde::de::DeserializeOwned + Default>(state: &SubjectState, name: &str) -> T {
    state.fields.get(name).and_then(|field| T::deserialize(&field.value).ok()).unwrap_or_default()
}

fn time(state: &SubjectState, name: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    instant(&state.fields.get(name)?.value)
}

fn instant(value: &Value) -> Option<chrono::DateTime<chrono::Utc>> {
    chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|at| at.to_utc())
}

/// `12,345`
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        out.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests;
