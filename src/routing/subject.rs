//! The current state of a thing that events are about: newest by the sender's time, not by arrival.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::event::{Event, OrderKey};

/// Timeline entries kept; the first one always stays.
const TIMELINE_KEPT: usize = 40;
/// A part of the data that holds what was sent as a whole: it is the event's, not the thing's.
const WHOLE: &str = "payload";

/// Fields and timeline of a subject. Applying events in any order, any number of times, ends the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SubjectState {
    pub fields: BTreeMap<String, FieldValue>,
    pub timeline: Vec<TimelineEntry>,
}

/// A field with the order key of the event that set it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldValue {
    pub value: Value,
    pub key: OrderKey,
    pub event_id: Uuid,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    pub key: OrderKey,
    pub event_id: Uuid,
    pub kind: String,
    /// Who did it, as the sender names them.
    pub by: Option<String>,
}

impl SubjectState {
    /// Takes an event in. An older event fills gaps and joins the timeline; it never overwrites.
    pub fn apply(&mut self, event: &Event) {
        self.absorb(event);
        let key = event.order_key();
        if self.timeline.iter().any(|entry| entry.event_id == event.id) {
            return;
        }
        let by = ["approved_by", "updated_by", "closed_by", "created_by"].iter().find_map(|name| {
            let value = event.data.get(name)?.as_str()?;
            (!value.is_empty()).then(|| value.to_owned())
        });
        self.timeline.push(TimelineEntry { key, event_id: event.id, kind: event.kind.clone(), by });
        self.timeline.sort_by_key(|entry| (entry.key, entry.event_id));
        if self.timeline.len() > TIMELINE_KEPT {
            self.timeline.remove(1);
        }
    }

    /// As [`SubjectState::apply`], without a line in the timeline: for an event that tells what is known.
    pub fn absorb(&mut self, event: &Event) {
        let key = event.order_key();
        if let Value::Object(map) = &event.data {
            for (name, value) in map {
                if value.is_null() || name == WHOLE {
                    continue;
                }
                let stands = self.fields.get(name).is_some_and(|field| (field.key, field.event_id) >= (key, event.id));
                if !stands {
                    self.fields.insert(name.clone(), FieldValue { value: value.clone(), key, event_id: event.id });
                }
            }
        }
    }

    /// A field as text: strings as they are, numbers and booleans spelled, nothing for the rest.
    pub fn text(&self, name: &str) -> Option<String> {
        plain(&self.fields.get(name)?.value)
    }

    /// The newest event, by order key.
    pub fn latest(&self) -> Option<&TimelineEntry> {
        self.timeline.last()
    }

    /// True when an event of this kind is part of the state.
    pub fn has(&self, kind: &str) -> bool {
        self.timeline.iter().any(|entry| entry.kind == kind)
    }
}

/// A JSON scalar as text.
pub fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Severity;
    use crate::id::GuildId;
    use chrono::{DateTime, TimeDelta};
    use proptest::prelude::*;
    use serde_json::json;

    fn event(n: u8, seconds: i64, kind: &str, data: Value) -> Event {
        let at = DateTime::from_timestamp(1_755_256_800, 0).unwrap();
        Event {
            id: Uuid::from_u128(u128::from(n)),
            source_id: Uuid::nil(),
            guild_id: GuildId(1),
            kind: kind.into(),
            subject: Some("ticket:1".into()),
            occurred_at: at + TimeDelta::seconds(seconds),
            received_at: at + TimeDelta::seconds(1000 + i64::from(n)),
            severity: Severity::Info,
            dedup_key: n.to_string(),
            data,
        }
    }

    #[test]
    fn a_late_older_event_fills_gaps_and_never_overwrites() {
        let mut state = SubjectState::default();
        state.apply(&event(1, 20, "ticket.updated", json!({"status": "in_progress"})));
        state.apply(&event(2, 10, "ticket.created", json!({"status": "open", "description": "d"})));
        assert_eq!(state.text("status").as_deref(), Some("in_progress"));
        assert_eq!(state.text("description").as_deref(), Some("d"));
        assert_eq!(state.latest().map(|e| e.kind.as_str()), Some("ticket.updated"));
    }

    #[test]
    fn of_the_same_second_closed_beats_updated_beats_created() {
        let mut state = SubjectState::default();
        state.apply(&event(1, 0, "ticket.closed", json!({"status": "closed"})));
        state.apply(&event(2, 0, "ticket.updated", json!({"status": "in_progress"})));
        state.apply(&event(3, 0, "ticket.created", json!({"status": "open"})));
        assert_eq!(state.text("status").as_deref(), Some("closed"));
    }

    proptest! {
        #[test]
        fn any_order_and_any_repetition_end_the_same(
            order in Just((0..12u8).collect::<Vec<_>>()).prop_shuffle(),
            repeats in proptest::collection::vec(0..12usize, 0..8),
            times in proptest::collection::vec(0i64..4, 12),
        ) {
            let kinds = ["ticket.created", "ticket.updated", "ticket.closed"];
            let events: Vec<Event> = (0..12u8)
                .map(|n| event(n, times[n as usize], kinds[n as usize % 3], json!({"status": n, (format!("f{}", n % 4)): n})))
                .collect();
            let mut straight = SubjectState::default();
            events.iter().for_each(|e| straight.apply(e));
            let mut shuffled = SubjectState::default();
            for &n in &order {
                shuffled.apply(&events[n as usize]);
            }
            for &n in &repeats {
                shuffled.apply(&events[n]);
            }
            prop_assert_eq!(straight, shuffled);
        }
    }
}
