//! What people see of a stream and of what viewers do.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::event::{Severity, kind};
use crate::id::GuildId;
use crate::routing::embed::TOTAL;
use crate::source::kick::event::{BAN, FOLLOW, GIFTS, KICKS_GIFTED, STARTED, SUBSCRIPTION};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_348_000 + seconds, 0).unwrap()
}

fn event(kind: &str, seconds: i64, data: Value) -> Event {
    Event {
        id: Uuid::from_u128(seconds as u128),
        source_id: Uuid::nil(),
        guild_id: GuildId(1),
        kind: kind.into(),
        subject: Some("stream:1:1767348000".into()),
        occurred_at: at(seconds),
        received_at: at(seconds) + TimeDelta::seconds(1),
        severity: kind::find(kind).map_or(Severity::Info, |kind| kind.severity),
        dedup_key: String::new(),
        data,
    }
}

fn user(id: i64, name: &str) -> Value {
    json!({ "user_id": id, "username": name, "channel_slug": name.replace('_', "-") })
}

fn shown(embed: &Embed) -> String {
    let mut lines = vec![format!("{} <{}>", embed.title, embed.url)];
    lines.extend((!embed.description.is_empty()).then(|| embed.description.clone()));
    lines.extend(embed.fields.iter().map(|field| format!("{}: {}", field.name, field.value)));
    lines.extend(embed.thumbnail.iter().map(|picture| format!("[{}]", picture.url)));
    lines.push(embed.footer.text.clone());
    lines.join("\n")
}

#[test]
fn each_kind_says_who_did_what_where() {
    let b = user(1, "ada_live");
    let all = [
        event(FOLLOW, 0, json!({ "broadcaster": b, "follower": user(2, "*bob*") })),
        event(SUBSCRIPTION, 0, json!({ "broadcaster": b, "subscriber": user(2, "bob"), "duration": 1 })),
        event(RENEWAL, 0, json!({ "broadcaster": b, "subscriber": user(2, "bob"), "duration": 12 })),
        event(GIFTS, 0, json!({ "broadcaster": b, "gifter": {}, "giftees": [user(3, "cy"), user(4, "di")] })),
        event(
            KICKS_GIFTED,
            0,
            json!({ "broadcaster": b, "sender": user(2, "bob"),
            "gift": { "amount": 12500, "name": "Rage Quit", "message": "w" } }),
        ),
        event(
            BAN,
            0,
            json!({ "broadcaster": b, "moderator": user(5, "mo"), "banned_user": user(6, "eve"),
            "metadata": { "reason": "spam", "expires_at": at(600) } }),
        ),
        event(BAN, 0, json!({ "broadcaster": b, "banned_user": user(6, "eve"), "metadata": {} })),
    ];
    let all: Vec<String> = all.iter().map(|event| shown(&render(event))).collect();
    insta::assert_snapshot!(all.join("\n\n"), @r"
    💚 \*bob\* follows ada\_live <https://kick.com/ada-live>
    Kick · kick.channel.followed

    ⭐ bob subscribed to ada\_live <https://kick.com/ada-live>
    Kick · kick.subscription.new

    ⭐ bob subscribed to ada\_live again <https://kick.com/ada-live>
    For: 12 months
    Kick · kick.subscription.renewal

    🎁 Somebody gifted 2 subscriptions in ada\_live <https://kick.com/ada-live>
    To: cy, di
    Kick · kick.subscription.gifts

    💎 bob sent 12,500 Kicks to ada\_live <https://kick.com/ada-live>
    w
    Gift: Rage Quit
    Kick · kick.kicks.gifted

    ⏳ eve was timed out in ada\_live <https://kick.com/ada-live>
    By: mo
    Until: <t:1767348600:R>
    Reason: spam
    Kick · kick.moderation.banned

    🔨 eve was banned in ada\_live <https://kick.com/ada-live>
    Kick · kick.moderation.banned
    ");
}

#[test]
fn a_stream_is_followed_from_start_to_end() {
    let b = user(1, "ada_live");
    let mut state = SubjectState::default();
    let mut looks = Vec::new();
    let started = json!({ "broadcaster": b, "is_live": true, "title": "Speedrun", "started_at": at(0) });
    let updated = json!({ "broadcaster": b, "metadata": { "title": "Chess now", "language": "en",
        "has_mature_content": true, "category": { "name": "Chess", "thumbnail": "https://files.kick.com/c.png" } } });
    let ended = json!({ "broadcaster": b, "is_live": false, "title": "Chess now", "started_at": at(0), "ended_at": at(12_000),
        "facts": { "followers": 12, "subscriptions": 0, "gifted": 5, "kicks": 1500, "peak_viewers": 2345, "peak_at": at(6000) } });
    for event in [event(STARTED, 0, started), event(UPDATED, 60, updated), event(ENDED, 12_000, ended)] {
        state.apply(&event);
        let body = stream_card(&state);
        let links: Vec<String> = body.links.iter().map(|link| format!("({} {})", link.label, link.url)).collect();
        looks.push(format!("{}\n{}", shown(&body.embeds[0]), links.join(" ")));
    }
    insta::assert_snapshot!(looks.join("\n\n"), @r"
    🔴 ada\_live is live <https://kick.com/ada-live>
    Speedrun
    Started: <t:1767348000:R>
    Timeline: <t:1767348000:R> started
    Kick · kick.livestream.started
    (Watch https://kick.com/ada-live) (Chat https://kick.com/popout/ada-live/chat)

    🔴 ada\_live is live <https://kick.com/ada-live>
    Chess now
    Category: Chess
    Language: en
    Content: 🔞 Mature
    Started: <t:1767348000:R>
    Timeline: <t:1767348000:R> started
    <t:1767348060:R> updated
    [https://files.kick.com/c.png]
    Kick · kick.livestream.updated
    (Watch https://kick.com/ada-live) (Chat https://kick.com/popout/ada-live/chat)

    ⚫ ada\_live was live <https://kick.com/ada-live>
    Chess now
    Category: Chess
    Language: en
    Content: 🔞 Mature
    Lasted: 3 h 20 min
    Most Viewers: 2,345 <t:1767354000:R>
    New Followers: 12
    Gifted: 5
    Kicks: 1,500
    Started: <t:1767348000:R>
    Timeline: <t:1767348000:R> started
    <t:1767348060:R> updated
    <t:1767360000:R> ended
    [https://files.kick.com/c.png]
    Kick · kick.livestream.ended
    (Channel https://kick.com/ada-live)
    ");
}

#[test]
fn the_longest_of_everything_fits() {
    let long = |n: usize| "ж*".repeat(n);
    let b = json!({ "user_id": 1, "username": long(300), "channel_slug": "x".repeat(3000) });
    let giftees: Vec<Value> = (0..1000).map(|n| user(n, &long(200))).collect();
    let mut state = SubjectState::default();
    for n in 0..30 {
        state.apply(&event(
            UPDATED,
            n,
            json!({ "broadcaster": b, "title": long(5000), "thumbnail": "javascript:1",
            "metadata": { "title": long(5000), "language": long(5000), "category": { "name": long(5000) } } }),
        ));
    }
    let redeemed = json!({ "id": "r", "status": long(900), "broadcaster": b, "redeemer": b, "user_input": long(9000),
        "reward": { "title": long(9000), "cost": i64::MIN } });
    let embeds = [
        render(&event(GIFTS, 0, json!({ "broadcaster": b, "gifter": b, "giftees": giftees }))),
        render(&event(
            KICKS_GIFTED,
            0,
            json!({ "broadcaster": b, "gift": { "amount": i64::MAX, "name": long(900), "message": long(9000) } }),
        )),
        render(&event(
            BAN,
            0,
            json!({ "broadcaster": b, "moderator": b, "banned_user": b, "metadata": { "reason": long(9000) } }),
        )),
        render(&event(REDEMPTION, 0, redeemed)),
        stream_card(&state).embeds.remove(0),
    ];
    for embed in embeds {
        assert!(embed.len() <= TOTAL - 100, "{}: {}", embed.title, embed.len());
        assert!(embed.image.is_none(), "no address");
    }
}

#[test]
fn numbers_are_grouped() {
    let all = [0, 999, 1000, 1_234_567, -1000, i64::MIN].map(grouped);
    assert_eq!(all, ["0", "999", "1,000", "1,234,567", "-1,000", "-9,223,372,036,854,775,808"]);
}
