//! Which routes an event takes, and what is said of the others.

use super::*;
use crate::event::Event;
use crate::id::GuildId;
use chrono::DateTime;
use proptest::prelude::*;
use serde_json::json;

pub(in crate::routing) fn event(kind: &str) -> Event {
    let at = DateTime::from_timestamp(1_755_256_800, 0).unwrap();
    Event {
        id: Uuid::nil(),
        source_id: Uuid::from_u128(1),
        guild_id: GuildId(1),
        kind: kind.into(),
        subject: kind::find(kind).and_then(|k| k.subject).map(|s| format!("{}:x", s.as_str())),
        occurred_at: at,
        received_at: at,
        severity: Severity::Info,
        dedup_key: "k".into(),
        data: json!({ "priority": "low" }),
    }
}

pub(in crate::routing) fn route(n: u128, pattern: &str) -> Route {
    Route {
        id: Uuid::from_u128(n),
        name: format!("r{n}"),
        version: 1,
        source_id: None,
        pattern: pattern.into(),
        min_severity: Severity::Debug,
        filter: None,
        destination_ids: vec![Uuid::from_u128(100 + n)],
        mentions: vec![],
        mode: None,
        template: None,
        continues: false,
        paused: false,
        noise: Arc::default(),
    }
}

pub(in crate::routing) fn filter(text: &str) -> Option<RouteFilter> {
    Some(RouteFilter { text: text.into(), compiled: Filter::compile(text).map(Arc::new) })
}

fn decided(event: &Event, routes: &[Route]) -> Decision {
    decide(&EventView::new(event, "xtsystems"), routes)
}

fn hit_ids(event: &Event, routes: &[Route]) -> Vec<u128> {
    decided(event, routes).hits.iter().map(|h| h.route_id.as_u128()).collect()
}

#[test]
fn patterns() {
    assert!(pattern_matches("ticket.*", "ticket.created"));
    assert!(pattern_matches("ticket_created", "ticket.created"));
    assert!(pattern_matches("*", "anything.at.all"));
    assert!(pattern_matches("***.created", "ticket.created"));
    assert!(pattern_matches("*.created", "ticket.created"));
    assert!(pattern_matches("*a*b", "aab_b.ab"));
    assert!(!pattern_matches("ticket.*", "machine.registered"));
    assert!(!pattern_matches("ticket", "ticket.created"));
    assert!(!pattern_matches("*.created", "ticket.created.late"));
}

#[test]
fn first_match_wins_unless_it_continues() {
    let e = event("ticket.created");
    let mut routes = vec![route(1, "ticket.*"), route(2, "ticket.created"), route(3, "default")];
    assert_eq!(hit_ids(&e, &routes), [1]);
    routes[0].continues = true;
    assert_eq!(hit_ids(&e, &routes), [1, 2]);
}

#[test]
fn default_is_last_wherever_it_stands() {
    let routes = vec![route(1, "default"), route(2, "ticket.*")];
    assert_eq!(hit_ids(&event("ticket.created"), &routes), [2]);
    assert_eq!(hit_ids(&event("something.new"), &routes), [1]);
}

#[test]
fn severity_and_source_narrow_a_route() {
    let mut critical = route(1, "alert.*");
    critical.min_severity = Severity::Critical;
    let mut other = route(2, "*");
    other.source_id = Some(Uuid::from_u128(9));
    let routes = vec![critical, other];
    let mut alert = event("alert.triggered");
    alert.severity = Severity::Critical;
    assert_eq!(hit_ids(&alert, &routes), [1]);
    alert.severity = Severity::Error;
    assert!(decided(&alert, &routes).hits.is_empty());
}

#[test]
fn a_destination_is_served_once() {
    let mut first = route(1, "*");
    first.continues = true;
    let mut second = route(2, "*");
    second.destination_ids = first.destination_ids.clone();
    let decision = decided(&event("ticket.created"), &[first, second]);
    assert_eq!(decision.hits.iter().map(|h| h.destination_ids.len()).sum::<usize>(), 1);
}

#[test]
fn cards_for_lasting_things_posts_for_the_rest() {
    assert_eq!(decided(&event("ticket.created"), &[route(1, "*")]).hits[0].mode, Mode::Card);
    assert_eq!(decided(&event("alert.triggered"), &[route(1, "*")]).hits[0].mode, Mode::Post);
    assert!(decided(&event("webhook.test"), &[route(1, "*")]).hits.is_empty());
}

/// What each route tried says of itself.
fn trace(decision: &Decision) -> String {
    let lines = decision.plan.tried.iter().map(|t| match t.matched {
        true => format!("{}: matches", t.name),
        false => format!("{}: {}", t.name, t.because),
    });
    lines.chain([format!("and {} others; {}", decision.plan.others, decision.plan.note)]).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_first_condition_that_failed_is_said() {
    let mut routes: Vec<Route> = (1..=7).map(|n| route(n, "ticket.*")).collect();
    routes[0].pattern = "machine.*".into();
    routes[1].source_id = Some(Uuid::from_u128(9));
    routes[2].min_severity = Severity::Warning;
    routes[3].filter = filter("data.priority in ['high', 'critical']");
    routes[4].filter = filter("data.title + 1 > 2");
    routes[5].paused = true;
    let mut event = event("ticket.created");
    event.data = json!({ "priority": "low", "title": [] });
    let decision = decided(&event, &routes);
    insta::assert_snapshot!(trace(&decision), @"
    r1: type ticket.created is not machine.*
    r2: source xtsystems is not the one of this route
    r3: severity info is below warning
    r4: filter `data.priority in ['high', 'critical']` is false: data.priority = low
    r5: filter failed: invalid operation: tried to use + operator on unsupported types sequence and number
    r6: it is paused; everything else fits
    r7: matches
    and 0 others; routed by r7
    ");
    assert_eq!(decision.failures.len(), 1);
    assert_eq!(decision.plan.nearest_miss().unwrap().name, "r6");
}

#[test]
fn the_nearest_misses_are_kept() {
    let mut routes: Vec<Route> = (1..=100).map(|n| route(n, "machine.*")).collect();
    routes[98].pattern = "ticket.*".into();
    routes[98].filter = filter("data.priority == 'high'");
    let plan = decided(&event("ticket.created"), &routes).plan;
    assert_eq!((plan.tried.len(), plan.others), (MISSES, 100 - MISSES));
    assert!(plan.tried.iter().any(|t| t.name == "r99" && t.because.contains("data.priority = low")));
    let stored = serde_json::to_value(&plan).unwrap();
    assert_eq!(serde_json::from_value::<Plan>(stored).unwrap(), plan);
}

/// The rule as the specification says it, without caring for anything else.
fn naive(event: &Event, routes: &[Route]) -> Vec<Uuid> {
    let fits = |r: &Route| {
        let filtered = r.filter.as_ref().is_none_or(|f| f.text == "data.priority == 'low'");
        !r.paused && filtered && event.severity >= r.min_severity && r.source_id.is_none_or(|id| id == event.source_id)
    };
    let simple = |r: &Route| {
        r.pattern == "*" || r.pattern == event.kind || (r.pattern == "ticket.*" && event.kind.starts_with("ticket."))
    };
    let mut hit = Vec::new();
    for r in routes.iter().filter(|r| r.pattern != "default" && simple(r) && fits(r)) {
        hit.push(r.id);
        if !r.continues {
            return hit;
        }
    }
    if hit.is_empty() {
        hit.extend(routes.iter().find(|r| r.pattern == "default" && fits(r)).map(|r| r.id));
    }
    hit
}

fn any_route() -> impl Strategy<Value = Route> {
    let pattern = prop::sample::select(vec!["*", "ticket.*", "ticket.created", "alert.triggered", "default"]);
    let text = prop::sample::select(vec!["", "data.priority == 'low'", "data.priority == 'high'", "data.x.y + 1"]);
    let severity = prop::sample::select(vec![Severity::Debug, Severity::Info, Severity::Error]);
    let source = prop::option::of(1u128..3);
    (pattern, text, severity, source, any::<bool>(), prop::bool::weighted(0.2)).prop_map(
        |(pattern, text, min_severity, source, continues, paused)| Route {
            min_severity,
            continues,
            paused,
            source_id: source.map(Uuid::from_u128),
            filter: (!text.is_empty()).then(|| filter(text)).flatten(),
            ..route(0, pattern)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn it_is_what_the_rule_says(mut routes in prop::collection::vec(any_route(), 0..30), alert in any::<bool>()) {
        for (n, route) in routes.iter_mut().enumerate() {
            route.id = Uuid::from_u128(n as u128);
        }
        let event = event(if alert { "alert.triggered" } else { "ticket.created" });
        let decision = decided(&event, &routes);
        prop_assert_eq!(&decision.plan.matched, &naive(&event, &routes));
        prop_assert!(decision.plan.tried.len() <= MISSES + decision.hits.len());
    }

    #[test]
    fn patterns_end(pattern in "[a.*_]{0,40}", kind in "[a._]{0,40}") {
        pattern_matches(&pattern, &kind);
    }
}
