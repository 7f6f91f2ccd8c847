//! Values: settings, durations, cursors, the headers by which Discord limits.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta};
use signalbox::config::{self, Given};
use signalbox::delivery::limit::{Action, Gate, LimitHeaders, Limiter, Limits, RouteKey};
use signalbox::web::api::page::{LARGEST, Wanted};
use uuid::Uuid;

use crate::harness::{fuzz, text};

/// What a bot needs at least, and these.
fn load(more: &[(&str, &str)]) -> Result<config::Loaded, String> {
    let mut all: Vec<(String, String)> = [
        ("DISCORD_TOKEN", "MTE4MDAwMDAwMDAwMDAwMDAwMQ.GhIjKl.abcdefghijklmnopqrstuvwxyz0123456789AB"),
        ("DISCORD_GUILD_ID", "1180000000000000001"),
        ("WEBHOOK_SECRET", "a-secret-of-the-fuzzer"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    all.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    config::load(Given::new(all)).map_err(|problems| problems.to_string())
}

#[test]
fn webhook_channels() {
    let words = [
        "{",
        "}",
        "[",
        "]",
        "\"default\":",
        "\"ticket.created\":",
        "\"alert.*\":",
        "\"914986636629143562\"",
        ",",
        "914986636629143562",
    ];
    fuzz("webhook_channels", &words, |bytes| {
        let text = text(bytes);
        match load(&[("DISCORD_WEBHOOK_CHANNELS", &text)]) {
            Ok(loaded) => assert!(loaded.config.routing.seeds.len() <= text.len() + 1),
            Err(problems) => {
                assert!(problems.contains("DISCORD_WEBHOOK_CHANNELS"), "{problems}");
                assert!(!problems.contains("a-secret-of-the-fuzzer"));
            }
        }
    });
}

#[test]
fn durations() {
    let names = [
        "DELIVERY_BATCH_WINDOW",
        "DELIVERY_RETRY_SCHEDULE",
        "SHUTDOWN_TIMEOUT",
        "APPROVALS_EXPIRE_AFTER",
        "APPROVALS_REMIND_AFTER",
        "APPROVALS_NEEDED",
        "APPROVALS_UNDO_SECONDS",
        "OUTBOUND_ALLOWED_NETWORKS",
        "TRUSTED_PROXIES",
        "EVENT_DAYS",
        "PUBLIC_URL",
        "WEBHOOK_PORT",
    ];
    fuzz(
        "durations",
        &["ms", "s", "m", "h", "d", "1", "99999999999999999999", ",", " ", "=", "*", "/8", "off", "0"],
        |bytes| {
            let text = text(bytes);
            for name in names {
                let _ = load(&[(name, &text)]);
            }
            let millis = text.bytes().fold(0i64, |sum, byte| sum.wrapping_mul(31).wrapping_add(i64::from(byte)));
            if let Some(time) = TimeDelta::try_milliseconds(millis) {
                assert!(signalbox::routing::duration::span(time).len() < 60);
            }
        },
    );
}

#[test]
fn cursors() {
    let ids: Vec<Uuid> = (1..4).map(Uuid::from_u128).collect();
    fuzz("cursors", &["eyJ", "=", "-", "_", "sources:", "00000000-0000-0000-0000-000000000001"], |bytes| {
        let text = text(bytes);
        if let Ok(wanted) = Wanted::<Uuid>::read("sources", Some(&text), None) {
            assert!(wanted.rows() <= i64::from(LARGEST) + 1);
            let after = wanted.after.expect("a cursor names a place");
            let page = Wanted::<Uuid>::read("sources", None, Some(1)).unwrap().page(
                "sources",
                vec![after, after],
                |id| *id,
                |id| id,
            );
            let again =
                Wanted::<Uuid>::read("sources", page.next_cursor.as_deref(), None).ok().and_then(|wanted| wanted.after);
            assert_eq!(again, Some(after), "a cursor leads back to its place");
        }
        let limit = bytes.first().copied().map(u32::from);
        let is_size = limit.is_none_or(|limit| (1..=LARGEST).contains(&limit));
        let first = Wanted::<Uuid>::read("sources", None, limit);
        assert_eq!(first.is_ok(), is_size);
        if let Ok(first) = first {
            let next = first.page("sources", ids.repeat(100), |id| *id, |id| id).next_cursor.unwrap();
            assert!(Wanted::<Uuid>::read("events", Some(&next), None).is_err(), "of another list");
        }
    });
}

#[test]
fn limit_headers() {
    let words = [
        "x-ratelimit-limit: ",
        "x-ratelimit-remaining: ",
        "x-ratelimit-reset-after: ",
        "retry-after: ",
        "x-ratelimit-bucket: ",
        "x-ratelimit-scope: user",
        "\n",
        "1e3",
        "NaN",
        "inf",
        "-0",
        "604800",
    ];
    fuzz("limit_headers", &words, |bytes| {
        let text = text(bytes);
        let named: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once(": ")).collect();
        let headers = LimitHeaders::read(|name| named.get(name).copied());
        for time in [headers.reset_after, headers.retry_after].into_iter().flatten() {
            assert!((TimeDelta::zero()..=TimeDelta::days(7)).contains(&time), "{time}");
        }
        let now = DateTime::from_timestamp(1_767_348_000, 0).unwrap();
        let mut limiter = Limiter::new(Limits::without_priors());
        for n in 0..6 {
            let route = RouteKey::new(Action::CreateMessage, n % 2);
            let at = now + TimeDelta::seconds(n);
            if let Gate::Go = limiter.check(&route, at) {
                limiter.observe(&route, &headers, at);
            }
        }
        let later = now + TimeDelta::days(8);
        let gate = limiter.check(&RouteKey::new(Action::CreateMessage, 0), later);
        assert!(matches!(gate, Gate::Go), "nothing holds for longer than a week: {gate:?}");
    });
}
