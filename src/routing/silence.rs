//! Silences: which events are kept back for a time. Pure. The language is that of routes.

pub mod receipt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::filter::Outcome;
use super::pattern_matches;
use super::rule::RouteFilter;
use super::view::EventView;
use crate::event::Severity;

pub use receipt::Receipt;

/// A silence with what it needs to judge an event.
#[derive(Clone, Debug)]
pub struct Silence {
    pub id: Uuid,
    /// `None` matches every source of the guild.
    pub source_id: Option<Uuid>,
    pub pattern: String,
    pub min_severity: Severity,
    pub filter: Option<RouteFilter>,
    /// The thing that the event has to be about.
    pub subject: Option<String>,
    pub ends_at: DateTime<Utc>,
}

impl Silence {
    /// A filter that fails keeps nothing back.
    pub fn matches(&self, view: &EventView<'_>) -> bool {
        let event = view.event;
        pattern_matches(&self.pattern, &event.kind)
            && (!must_be_named(&event.kind) || is_exact(&self.pattern))
            && self.source_id.is_none_or(|id| id == event.source_id)
            && event.severity >= self.min_severity
            && self.subject.as_ref().is_none_or(|subject| event.subject.as_ref() == Some(subject))
            && self.filter.as_ref().is_none_or(|filter| {
                filter.compiled.as_ref().is_ok_and(|compiled| compiled.judge(view) == Outcome::True)
            })
    }

    /// For the plan of an event.
    pub fn words(&self) -> String {
        format!("the silence of {} until <t:{}:f>", self.pattern, self.ends_at.timestamp())
    }
}

/// What somebody has to decide, and what the program says of itself, is kept back only by its full name.
pub fn must_be_named(kind: &str) -> bool {
    kind == "machine.registered" || kind.starts_with("signalbox.")
}

/// True for a pattern that names one type.
pub fn is_exact(pattern: &str) -> bool {
    !pattern.contains('*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::rule::tests::{event, filter};

    fn silence(pattern: &str) -> Silence {
        Silence {
            id: Uuid::nil(),
            source_id: None,
            pattern: pattern.into(),
            min_severity: Severity::Debug,
            filter: None,
            subject: None,
            ends_at: DateTime::UNIX_EPOCH,
        }
    }

    fn matches(silence: &Silence, kind: &str) -> bool {
        silence.matches(&EventView::new(&event(kind), "xtsystems"))
    }

    #[test]
    fn every_condition_has_to_hold() {
        assert!(matches(&silence("ticket.*"), "ticket.created"));
        assert!(!matches(&silence("ticket.*"), "alert.triggered"));
        assert!(!matches(&Silence { min_severity: Severity::Error, ..silence("*") }, "ticket.created"));
        assert!(!matches(&Silence { source_id: Some(Uuid::nil()), ..silence("*") }, "ticket.created"));
        assert!(matches(&Silence { subject: Some("ticket:x".into()), ..silence("*") }, "ticket.created"));
        assert!(!matches(&Silence { subject: Some("ticket:y".into()), ..silence("*") }, "ticket.created"));
        assert!(matches(&Silence { filter: filter("data.priority == 'low'"), ..silence("*") }, "ticket.created"));
        assert!(!matches(&Silence { filter: filter("data.priority == 'high'"), ..silence("*") }, "ticket.created"));
        assert!(!matches(&Silence { filter: filter("data.priority + 1 > 2"), ..silence("*") }, "ticket.created"));
    }

    #[test]
    fn what_is_to_be_decided_is_kept_back_by_its_name_alone() {
        assert!(!matches(&silence("*"), "machine.registered"));
        assert!(!matches(&silence("machine.*"), "machine.registered"));
        assert!(matches(&silence("machine.registered"), "machine.registered"));
        assert!(!matches(&silence("*"), "signalbox.notice"));
        assert!(matches(&silence("*"), "machine.approved"));
    }
}
