//! Every look against the genuine samples, and the living card.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::event::{Event, Severity};
use crate::id::GuildId;
use crate::source::party::parse;

const AT: &str = "2026-02-14T18:30:00.000Z";

fn event(n: u32, name: &str, body: Value) -> Event {
    let read = parse(name, body, Some("https://discord.gg/abc123")).unwrap_or_else(|error| panic!("{name}: {error}"));
    let at: DateTime<Utc> = AT.parse().unwrap();
    Event {
        id: Uuid::from_u128(u128::from(n)),
        source_id: Uuid::nil(),
        guild_id: GuildId(1),
        kind: read.kind.to_owned(),
        subject: None,
        occurred_at: at + TimeDelta::seconds(i64::from(n)),
        received_at: at + TimeDelta::seconds(i64::from(n)),
        severity: Severity::Info,
        dedup_key: "k".into(),
        data: read.data,
    }
}

fn samples() -> Vec<(&'static str, &'static str, Value)> {
    let party = "Friday Night Gaming";
    vec![
        ("party-created", "party_created", json!({ "party_id": "party-123", "party_name": party, "host": "Alice" })),
        ("peer-joined", "peer-joined", json!({ "peer_name": "Bob", "party_name": party })),
        ("peer-left", "peer_left", json!({ "peer": "Bob", "party": party })),
        ("game-started", "game_started", json!({ "game_name": "Minecraft", "players": ["Alice", "Bob", "Charlie"] })),
        ("game-ended", "game_ended", json!({ "game": "Minecraft", "duration": 3600, "avg_latency": 45.2 })),
        ("test", "test", json!({})),
    ]
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    #[allow(clippy::disallowed_methods)]
    let (named, ci) = (std::env::var_os("SIGNALBOX_CORPUS"), std::env::var("CI").is_ok_and(|value| value == "true"));
    let root = named.map_or(beside, PathBuf::from).join("party");
    if root.exists() {
        return Some(root);
    }
    assert!(!ci, "CI=true insists on the corpus");
    println!("1 corpus tests not run: no corpus");
    None
}

#[test]
fn every_sample_of_the_corpus_is_drawn() {
    let Some(corpus) = corpus() else { return };
    for (file, name, body) in samples() {
        let text = std::fs::read_to_string(corpus.join(format!("webhook-{file}.json"))).unwrap();
        let mut sample: Value = serde_json::from_str(&text).unwrap();
        let mut drawn = json!(render(&event(0, name, body)));
        for embed in [&mut sample["embeds"][0], &mut drawn] {
            let at: DateTime<Utc> = serde_json::from_value(embed["timestamp"].clone()).unwrap();
            embed["timestamp"] = json!(at);
        }
        assert_eq!(drawn, sample["embeds"][0], "{file}");
    }
}

#[test]
fn durations_in_words() {
    let words = |seconds: f64| Duration::Seconds(seconds).words();
    assert_eq!([9.9, 60.0, 3599.0, 3600.0, 7322.0].map(words), ["9s", "1m 0s", "59m 59s", "1h 0m", "2h 2m"]);
    assert_eq!([-1.0, f64::NAN].map(words), ["0s", "0s"]);
}

fn shown(state: &SubjectState) -> String {
    let body = card(state);
    let embed = &body.embeds[0];
    let fields: Vec<String> = embed.fields.iter().map(|f| format!("{}: {}", f.name, f.value)).collect();
    format!("[{}]\n{}\n{}", embed.title, embed.description, fields.join("\n"))
}

#[test]
fn the_card_follows_who_comes_and_goes() {
    let mut state = SubjectState::default();
    let party = "Friday Night Gaming";
    state.apply(&event(0, "party_created", json!({ "party_id": "party-123", "party_name": party, "host": "Alice" })));
    // Events that overtake each other count by their own time.
    state.apply(&event(3, "peer_left", json!({ "peer": "Bob", "party": party })));
    state.apply(&event(1, "peer_joined", json!({ "peer": "Bob", "party": party })));
    state.apply(&event(2, "peer_joined", json!({ "peer": "Cleo_1", "party": party })));
    state.apply(&event(4, "game_started", json!({ "game": "Minecraft", "players": ["Alice"], "party": party })));
    insta::assert_snapshot!(shown(&state), @r"
    [🎮 Party Created: Friday Night Gaming]
    **Host**: Alice
    **Party ID**: `party-123`

    [Join Voice Chat](https://discord.gg/abc123)
    Members: 2 · Alice, Cleo\_1
    Game: Minecraft
    Since: <t:1771093800:R>
    ");
    state.apply(&event(5, "game_ended", json!({ "game": "Minecraft", "duration": 60, "party": party })));
    assert!(shown(&state).contains("Game: –"));
}

#[test]
fn a_notification_that_is_none_says_what_to_change() {
    let told = |name: &str, body: Value| parse(name, body, None).unwrap_err().to_string();
    insta::assert_snapshot!(told("peer_joined", json!({ "party": "x" })), @"peer is required");
    insta::assert_snapshot!(told("party_created", json!({ "party_name": "x", "host": "y" })), @"party_id is required");
    insta::assert_snapshot!(told("peer_left", json!({ "peer": "x".repeat(51), "party": "y" })), @"peer should have at most 50 characters");
    insta::assert_snapshot!(told("nonsense", json!({})), @"there is no kind nonsense; there are party_created, peer_joined, peer_left, game_started, game_ended, test, message");
}

#[test]
fn names_of_others_are_no_markup() {
    let joined =
        render(&event(0, "peer_joined", json!({ "peer": "**Bob** @everyone", "party": "[x](https://evil.example)" })));
    assert_eq!(joined.title, r"👋 \*\*Bob\*\* @everyone joined");
    assert_eq!(joined.description, r"Welcome to **\[x\](https://evil.example)**!");
}
