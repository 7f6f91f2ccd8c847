//! What becomes of bodies of every kind and shape.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn received_at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_755_256_803, 0).unwrap()
}

fn read(body: &str) -> Result<Event, ParseError> {
    parse(body.as_bytes(), Uuid::from_u128(1), GuildId(7), Uuid::from_u128(2), received_at())
}

fn event(body: &Value) -> Event {
    read(&body.to_string()).unwrap()
}

fn fetched(payload: &Value) -> Event {
    let later = received_at() + TimeDelta::hours(3);
    from_delivery(payload, Uuid::from_u128(1), GuildId(7), Uuid::from_u128(3), later).unwrap()
}

#[test]
fn a_ticket() {
    let e = event(&json!({"event_type": "ticket.created", "data": {"id": "t-1", "severity": "critical"},
        "company_id": "c-1", "timestamp": 1_755_256_800}));
    assert_eq!((e.kind.as_str(), e.subject.as_deref()), ("ticket.created", Some("ticket:t-1")));
    assert_eq!(e.severity, Severity::Info);
    assert_eq!(e.occurred_at.timestamp(), 1_755_256_800);
    assert_eq!((e.source_id, e.guild_id, e.id), (Uuid::from_u128(1), GuildId(7), Uuid::from_u128(2)));
    assert_eq!(e.data["company_id"], "c-1");
    assert!(e.dedup_key.starts_with("ticket.created:t-1:1755256800:"), "{}", e.dedup_key);
}

#[test]
fn subjects_per_kind() {
    let subject = |kind: &str, data: Value| event(&json!({"event_type": kind, "data": data})).subject;
    assert_eq!(subject("machine.registered", json!({"id": 1, "asset_id": "a"})).as_deref(), Some("machine:a"));
    assert_eq!(subject("machine.approved", json!({"id": 5})).as_deref(), Some("machine:5"));
    assert_eq!(subject("asset.updated", json!({"id": "x", "asset_id": "a"})).as_deref(), Some("asset:x"));
    assert_eq!(subject("asset.created", json!({"asset_id": "a", "id": " "})).as_deref(), Some("asset:a"));
    assert_eq!(subject("ticket.closed", json!({"id": null})), None);
    assert_eq!(subject("alert.triggered", json!({"id": "alert"})), None);
    let long = subject("ticket.created", json!({"id": "x".repeat(5000)})).unwrap();
    assert_eq!(long.len(), "ticket:".len() + 64);
}

#[test]
fn severity_is_the_alert_s_own_and_the_table_s_for_the_rest() {
    let severity = |kind: &str, said: Value| event(&json!({"event_type": kind, "data": {"severity": said}})).severity;
    assert_eq!(severity("alert.triggered", json!("Critical")), Severity::Critical);
    assert_eq!(severity("alert.triggered", json!("purple")), Severity::Error);
    assert_eq!(severity("alert.triggered", json!(null)), Severity::Error);
    assert_eq!(severity("machine.registered", json!("critical")), Severity::Warning);
    assert_eq!(severity("invoice.paid", json!(null)), Severity::Info);
}

#[test]
fn times_in_every_spelling_and_none() {
    let at = |stamp: Value| event(&json!({"event_type": "x", "timestamp": stamp})).occurred_at;
    let expected = DateTime::from_timestamp(1_755_256_800, 0).unwrap();
    for stamp in [
        json!(1_755_256_800),
        json!(1_755_256_800_000_i64),
        json!(1_755_256_800.0),
        json!("1755256800"),
        json!("2025-08-15T11:20:00Z"),
        json!("2025-08-15T11:20:00"),
        json!("2025-08-15T13:20:00+02:00"),
    ] {
        assert_eq!(at(stamp.clone()), expected, "{stamp}");
    }
    for absurd in [json!(null), json!(0), json!(-5), json!("soon"), json!(4_000_000_000_u32), json!(1e300), json!([1])]
    {
        assert_eq!(at(absurd.clone()), received_at(), "{absurd}");
    }
    assert_eq!(event(&json!({"event_type": "x"})).occurred_at, received_at());
}

#[test]
fn odd_data_is_kept() {
    let data = |body: Value| event(&body).data;
    assert_eq!(data(json!({"event_type": "x", "company_id": null})), json!({}));
    assert_eq!(
        data(json!({"event_type": "x", "data": [1, 2], "company_id": 3})),
        json!({"value": [1, 2], "company_id": 3})
    );
    let own = json!({"event_type": "x", "data": {"company_id": "inner"}, "company_id": "outer"});
    assert_eq!(data(own), json!({"company_id": "inner"}));
    let huge = read(r#"{"event_type":"x\u0000","data":{"n":1e999,"s":"\ud800"}}"#).unwrap();
    assert_eq!((huge.kind.as_str(), huge.data), ("x\u{FFFD}", json!({"n": "1e999", "s": "\u{FFFD}"})));
}

#[test]
fn what_is_wrong_is_said() {
    let said = |body: &str| read(body).unwrap_err().to_string();
    assert_eq!(said("[]"), "the body is a list, not an object with event_type, data, company_id and timestamp");
    assert_eq!(said("{}"), "event_type is missing");
    assert_eq!(said(r#"{"event_type":null}"#), "event_type is missing");
    assert_eq!(said(r#"{"event_type":3}"#), "event_type is a number, not a text");
    assert_eq!(said(r#"{"event_type":" "}"#), "event_type is empty");
    assert_eq!(said("{"), "the body is malformed JSON at line 1, column 1: EOF while parsing an object");
}

#[test]
fn the_key_is_of_the_content_not_of_its_spelling() {
    let sent = r#"{"event_type":"ticket.updated","data":{"id":"t","note":"\u2705","n":1e999},"timestamp":1755256800}"#;
    let spaced =
        r#"{ "timestamp": 1755256800, "data": {"note": "✅", "n": 1e999, "id": "t"}, "event_type": "ticket.updated" }"#;
    let other = sent.replace("2705", "2706");
    assert_eq!(read(sent).unwrap().dedup_key, read(spaced).unwrap().dedup_key);
    assert_ne!(read(sent).unwrap().dedup_key, read(&other).unwrap().dedup_key);
    assert_eq!(fetched(&json!(sent)).dedup_key, read(sent).unwrap().dedup_key);
    let long = json!({"event_type": "k".repeat(9000), "data": {"id": "i".repeat(9000)}, "timestamp": "9".repeat(9000)});
    assert!(event(&long).dedup_key.len() < 600);
}

#[test]
fn every_kind_of_the_corpus_is_read() {
    let sibling = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    #[allow(clippy::disallowed_methods)]
    let (named, ci) = (std::env::var_os("SIGNALBOX_CORPUS"), std::env::var("CI").is_ok_and(|value| value == "true"));
    let folder = named.map_or(sibling, Into::into).join("xtsystems/events");
    let Ok(files) = std::fs::read_dir(folder) else {
        assert!(!ci, "CI=true insists on the corpus");
        println!("1 corpus tests not run: no corpus");
        return;
    };
    let mut kinds = Vec::new();
    for file in files {
        let body = std::fs::read(file.unwrap().path()).unwrap();
        let e = parse(&body, Uuid::nil(), GuildId(1), Uuid::nil(), received_at()).unwrap();
        let spec = kind::find(&e.kind).expect("a known kind");
        assert_eq!(e.subject.is_some(), spec.subject.is_some(), "{}", e.kind);
        assert_eq!(e.occurred_at.timestamp(), 1_755_256_800);
        assert_eq!(e.dedup_key, fetched(&serde_json::from_slice(&body).unwrap()).dedup_key);
        kinds.push(e.kind);
    }
    kinds.sort();
    let mut expected: Vec<&str> = kind::xtsystems_kinds().collect();
    expected.sort_unstable();
    assert_eq!(kinds, expected);
}

proptest! {
    #[test]
    fn a_delivery_fetched_later_meets_the_same_key(
        kind in "[a-z]{1,8}\\.[a-z]{1,8}",
        id in proptest::option::of(any::<String>()),
        fields in proptest::collection::btree_map("\\PC{1,6}", any::<String>(), 0..5),
        stamp in proptest::option::of(any::<i64>()),
    ) {
        let mut data: Map<String, Value> = fields.into_iter().map(|(k, v)| (k, v.into())).collect();
        data.insert("id".into(), json!(id));
        let body = json!({"event_type": kind, "data": data, "timestamp": stamp});
        let sent = event(&body);
        prop_assert_eq!(&sent.dedup_key, &fetched(&body).dedup_key);
        prop_assert_eq!(&sent.dedup_key, &fetched(&json!(serde_json::to_string_pretty(&body).unwrap())).dedup_key);
    }

    #[test]
    fn nothing_panics(kind in any::<String>(), stamp in any::<f64>(), text in any::<String>()) {
        let _ = read(&json!({"event_type": kind, "timestamp": stamp, "data": text}).to_string());
        let _ = read(&json!({"event_type": kind, "timestamp": text, "company_id": stamp}).to_string());
    }
}
