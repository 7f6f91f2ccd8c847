//! Traces: one per event, whose id is the event's, so that the steps of several processes, and those
//! after a restart, meet in it without anything being stored. A step is noted when it is over.
//!
//! Without the cargo feature `otel`, and while no collector is configured, nothing is noted.

#[cfg(feature = "otel")]
pub mod otlp;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// Takes finished steps. Cheap to clone; the default takes none.
#[derive(Clone, Default)]
pub struct Traces {
    #[cfg(feature = "otel")]
    exporter: Option<std::sync::Arc<otlp::Exporter>>,
}

/// One step of an event's way.
#[derive(Clone, Debug)]
pub struct Step {
    pub name: &'static str,
    pub event_id: Uuid,
    /// The first step of all, below which the others are shown.
    pub is_first: bool,
    pub began_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    pub attributes: Vec<(&'static str, String)>,
    /// What went wrong, in words for operators.
    pub error: Option<String>,
}

impl Step {
    pub fn new(name: &'static str, event_id: Uuid, began_at: DateTime<Utc>, ended_at: DateTime<Utc>) -> Self {
        // A clock that was set back in between makes no negative time.
        let ended_at = ended_at.max(began_at + TimeDelta::microseconds(1));
        Self { name, event_id, is_first: false, began_at, ended_at, attributes: Vec::new(), error: None }
    }

    pub fn first(self) -> Self {
        Self { is_first: true, ..self }
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    pub fn failed(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }
}

impl Traces {
    /// Steps go to this exporter.
    #[cfg(feature = "otel")]
    pub fn to(exporter: otlp::Exporter) -> Self {
        Self { exporter: Some(std::sync::Arc::new(exporter)) }
    }

    pub fn is_on(&self) -> bool {
        #[cfg(feature = "otel")]
        return self.exporter.is_some();
        #[cfg(not(feature = "otel"))]
        false
    }

    /// The step is made only when somebody wants it.
    pub fn note(&self, step: impl FnOnce() -> Step) {
        #[cfg(feature = "otel")]
        if let Some(exporter) = &self.exporter {
            exporter.note(step());
        }
        #[cfg(not(feature = "otel"))]
        drop(step);
    }

    /// Sends what waits. Blocks, so it is not for a thread of the runtime.
    pub fn flush(&self) {
        #[cfg(feature = "otel")]
        if let Some(exporter) = &self.exporter {
            exporter.flush();
        }
    }
}
