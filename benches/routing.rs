//! How long the routing of one event takes: `cargo bench --bench routing`.
#![allow(clippy::disallowed_methods, reason = "it measures real time")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use chrono::DateTime;
use serde_json::json;
use signalbox::event::{Event, Severity};
use signalbox::id::GuildId;
use signalbox::routing::filter::Filter;
use signalbox::routing::rule::RouteFilter;
use signalbox::routing::template::{Parts, Template};
use signalbox::routing::view::EventView;
use signalbox::routing::{Route, decide};
use uuid::Uuid;

fn event() -> Event {
    let at = DateTime::from_timestamp(1_767_348_000, 0).expect("a time");
    Event {
        id: Uuid::nil(),
        source_id: Uuid::nil(),
        guild_id: GuildId(1),
        kind: "alert.triggered".into(),
        subject: None,
        occurred_at: at,
        received_at: at,
        severity: Severity::Error,
        dedup_key: "k".into(),
        data: json!({ "alert_type": "disk", "message": "91 % used", "severity": "high", "source": "db-01",
            "details": { "mount": "/var", "used": 0.91 } }),
    }
}

fn route(n: u128, pattern: &str, filter: &str) -> Route {
    let text = filter.to_owned();
    let filter = RouteFilter { compiled: Filter::compile(&text).map(Arc::new), text };
    Route {
        id: Uuid::from_u128(n),
        name: format!("route {n}"),
        version: 1,
        source_id: None,
        pattern: pattern.into(),
        min_severity: Severity::Debug,
        filter: Some(filter),
        destination_ids: vec![Uuid::from_u128(n)],
        mentions: vec![],
        mode: None,
        template: None,
        continues: false,
        paused: false,
        noise: Default::default(),
    }
}

fn measure(what: &str, times: u32, mut once: impl FnMut()) {
    for _ in 0..times / 10 {
        once();
    }
    let began = Instant::now();
    for _ in 0..times {
        once();
    }
    println!("{what}: {:.2} µs", began.elapsed().as_secs_f64() * 1e6 / f64::from(times));
}

fn main() {
    let event = event();
    let filter = Filter::compile("data.severity in ['low', 'medium']").expect("a filter");
    let view = EventView::new(&event, "xtsystems");
    measure("one filter", 100_000, || drop(black_box(filter.judge(&view))));
    let others: Vec<Route> = (0..100).map(|n| route(n, "ticket.*", "data.severity == 'low'")).collect();
    measure("100 routes for other types", 20_000, || drop(black_box(decide(&EventView::new(&event, "x"), &others))));
    let filtered: Vec<Route> = (0..100).map(|n| route(n, "alert.*", "data.severity in ['low', 'medium']")).collect();
    measure("100 filters, none true", 2_000, || drop(black_box(decide(&EventView::new(&event, "x"), &filtered))));
    let parts = Parts {
        title: "{{ data.alert_type|title }}".into(),
        description: "{{ data.message }} on **{{ data.source }}** {{ time|relative }}".into(),
        color: "{% if severity == 'error' %}red{% else %}blue{% endif %}".into(),
        ..Parts::default()
    };
    let template = Template::compile(Uuid::nil(), "t", 1, parts).expect("a template");
    measure("one template", 20_000, || drop(black_box(template.render(&EventView::new(&event, "x")))));
}
