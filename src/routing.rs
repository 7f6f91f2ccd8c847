//! Which destinations an event goes to. Pure: routes and an event in, a decision out.

pub mod card;
pub mod duration;
pub mod embed;
pub mod notice;
pub mod panel;
pub mod party;
pub mod post;
pub mod reminder;
pub mod signal;
pub mod subject;
pub mod ticket;

use uuid::Uuid;

use crate::event::{Event, Severity, SubjectKind, kind};

/// The pattern that is tried after all others.
pub const DEFAULT_PATTERN: &str = "default";

/// How a route shows what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A message of its own for each event.
    Post,
    /// One living message per subject and destination.
    Card,
}

#[derive(Clone, Debug)]
pub struct Route {
    pub id: Uuid,
    /// `None` matches every source of the guild.
    pub source_id: Option<Uuid>,
    /// `ticket.created`, `ticket.*`, `*` or `default`.
    pub pattern: String,
    pub min_severity: Severity,
    pub destination_ids: Vec<Uuid>,
    /// Users and roles to ping, as `<@id>` / `<@&id>`.
    pub mentions: Vec<String>,
    /// `None`: a card where the kind has a lasting subject, else a post.
    pub mode: Option<Mode>,
    pub continues: bool,
}

/// One route's part in the plan of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub route_id: Uuid,
    pub mode: Mode,
    pub destination_ids: Vec<Uuid>,
    pub mentions: Vec<String>,
}

/// Where an event goes, with the reason in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub hits: Vec<Hit>,
    pub note: String,
}

/// First match wins unless the route continues; `default` is tried last, and only when nothing matched.
/// `routes` are in their order.
pub fn decide(event: &Event, routes: &[Route]) -> Decision {
    if kind::find(&event.kind).is_some_and(|k| !k.shown) {
        return Decision { hits: Vec::new(), note: format!("{} is recorded, not shown", event.kind) };
    }
    let mut hits = Vec::new();
    let mut seen = Vec::new();
    let ordered = routes.iter().filter(|r| r.pattern != DEFAULT_PATTERN);
    for route in ordered {
        if !matches(route, event) {
            continue;
        }
        push_hit(route, event, &mut hits, &mut seen);
        if !route.continues {
            break;
        }
    }
    if hits.is_empty()
        && let Some(route) = routes.iter().find(|r| r.pattern == DEFAULT_PATTERN && fits(r, event))
    {
        push_hit(route, event, &mut hits, &mut seen);
    }
    let note = match hits.first() {
        None => format!("no route matches {}", event.kind),
        Some(_) => {
            let ids: Vec<String> = hits.iter().map(|h| h.route_id.to_string()).collect();
            format!("routed by {}", ids.join(", "))
        }
    };
    Decision { hits, note }
}

/// A destination that an earlier hit already covers is not served twice.
fn push_hit(route: &Route, event: &Event, hits: &mut Vec<Hit>, seen: &mut Vec<Uuid>) {
    let mut destination_ids = Vec::new();
    for id in &route.destination_ids {
        if !seen.contains(id) {
            seen.push(*id);
            destination_ids.push(*id);
        }
    }
    let is_signal = event.subject_kind() == Some(SubjectKind::Signal);
    let has_subject = is_signal || event.subject.is_some() && kind::opens_card(&event.kind);
    let mode = match route.mode {
        Some(Mode::Post) => Mode::Post,
        _ if has_subject => Mode::Card,
        _ => Mode::Post,
    };
    hits.push(Hit { route_id: route.id, mode, destination_ids, mentions: route.mentions.clone() });
}

fn matches(route: &Route, event: &Event) -> bool {
    fits(route, event) && pattern_matches(&route.pattern, &event.kind)
}

fn fits(route: &Route, event: &Event) -> bool {
    route.source_id.is_none_or(|id| id == event.source_id) && event.severity >= route.min_severity
}

/// `*` stands for any run of characters; dots and underscores are the same.
pub fn pattern_matches(pattern: &str, kind: &str) -> bool {
    fn go(pattern: &[u8], kind: &[u8]) -> bool {
        match (pattern.first(), kind.first()) {
            (None, None) => true,
            (Some(b'*'), _) => go(&pattern[1..], kind) || (!kind.is_empty() && go(pattern, &kind[1..])),
            (Some(a), Some(b)) => (a == b || (is_separator(*a) && is_separator(*b))) && go(&pattern[1..], &kind[1..]),
            _ => false,
        }
    }
    fn is_separator(byte: u8) -> bool {
        byte == b'.' || byte == b'_'
    }
    // Two stars in a row would only multiply the work.
    let mut short = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        if !(c == '*' && short.ends_with('*')) {
            short.push(c);
        }
    }
    go(short.as_bytes(), kind.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::GuildId;
    use chrono::DateTime;
    use serde_json::json;

    fn event(kind: &str, severity: Severity) -> Event {
        let at = DateTime::from_timestamp(1_755_256_800, 0).unwrap();
        Event {
            id: Uuid::nil(),
            source_id: Uuid::from_u128(1),
            guild_id: GuildId(1),
            kind: kind.into(),
            subject: kind::find(kind).and_then(|k| k.subject).map(|s| format!("{}:x", s.as_str())),
            occurred_at: at,
            received_at: at,
            severity,
            dedup_key: "k".into(),
            data: json!({}),
        }
    }

    fn route(n: u128, pattern: &str) -> Route {
        Route {
            id: Uuid::from_u128(n),
            source_id: None,
            pattern: pattern.into(),
            min_severity: Severity::Debug,
            destination_ids: vec![Uuid::from_u128(100 + n)],
            mentions: vec![],
            mode: None,
            continues: false,
        }
    }

    fn hit_ids(event: &Event, routes: &[Route]) -> Vec<u128> {
        decide(event, routes).hits.iter().map(|h| h.route_id.as_u128()).collect()
    }

    #[test]
    fn patterns() {
        assert!(pattern_matches("ticket.*", "ticket.created"));
        assert!(pattern_matches("ticket_created", "ticket.created"));
        assert!(pattern_matches("*", "anything.at.all"));
        assert!(pattern_matches("***.created", "ticket.created"));
        assert!(!pattern_matches("ticket.*", "machine.registered"));
        assert!(!pattern_matches("ticket", "ticket.created"));
    }

    #[test]
    fn first_match_wins_unless_it_continues() {
        let e = event("ticket.created", Severity::Info);
        let mut routes = vec![route(1, "ticket.*"), route(2, "ticket.created"), route(3, "default")];
        assert_eq!(hit_ids(&e, &routes), [1]);
        routes[0].continues = true;
        assert_eq!(hit_ids(&e, &routes), [1, 2]);
    }

    #[test]
    fn default_is_last_wherever_it_stands() {
        let routes = vec![route(1, "default"), route(2, "ticket.*")];
        assert_eq!(hit_ids(&event("ticket.created", Severity::Info), &routes), [2]);
        assert_eq!(hit_ids(&event("something.new", Severity::Info), &routes), [1]);
    }

    #[test]
    fn severity_and_source_narrow_a_route() {
        let mut critical = route(1, "alert.*");
        critical.min_severity = Severity::Critical;
        let mut other = route(2, "*");
        other.source_id = Some(Uuid::from_u128(9));
        let routes = vec![critical, other];
        assert_eq!(hit_ids(&event("alert.triggered", Severity::Critical), &routes), [1]);
        assert!(decide(&event("alert.triggered", Severity::Error), &routes).hits.is_empty());
    }

    #[test]
    fn a_destination_is_served_once() {
        let mut first = route(1, "*");
        first.continues = true;
        let mut second = route(2, "*");
        second.destination_ids = first.destination_ids.clone();
        let decision = decide(&event("ticket.created", Severity::Info), &[first, second]);
        assert_eq!(decision.hits.iter().map(|h| h.destination_ids.len()).sum::<usize>(), 1);
    }

    #[test]
    fn cards_for_lasting_things_posts_for_the_rest() {
        assert_eq!(decide(&event("ticket.created", Severity::Info), &[route(1, "*")]).hits[0].mode, Mode::Card);
        assert_eq!(decide(&event("alert.triggered", Severity::Info), &[route(1, "*")]).hits[0].mode, Mode::Post);
        assert!(decide(&event("webhook.test", Severity::Info), &[route(1, "*")]).hits.is_empty());
    }
}
