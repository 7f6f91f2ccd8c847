//! What operators see of the sending: counters, latencies, and a span of each attempt in the traces of
//! its events. Nothing depends on it, and nothing fails with it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Delivery;
use super::classify::Verdict;
use super::limit::{LimitHeaders, Scope};
use crate::store::send::{Send, SendState};
use crate::telemetry::traces::Step;
use crate::upstream::discord::Answer;

impl Delivery {
    /// Counts one request that was to show something.
    pub(super) fn watch_answer(&self, action: &'static str, verdict: &Verdict, answer: &Answer) {
        let took = std::time::Duration::from_millis(u64::try_from(answer.duration_ms).unwrap_or(0));
        self.ports.metrics.send(action, word(verdict), took);
        if answer.reply.status == 429 {
            self.ports.metrics.limited(scope(answer.reply.is_json, answer.reply.global, &answer.limits));
        }
    }

    /// A question that was answered with a 429.
    pub(super) fn watch_limit(&self, limits: &LimitHeaders) {
        self.ports.metrics.limited(scope(true, limits.global, limits));
    }

    /// Measures and traces one attempt of a send, if anybody wants to know.
    pub(super) async fn watch_send(
        &self,
        send: &Send,
        began_at: DateTime<Utc>,
        state: SendState,
        verdict: &Verdict,
        events: Option<HashMap<Uuid, DateTime<Utc>>>,
    ) {
        let (metrics, traces) = (&self.ports.metrics, &self.ports.traces);
        if !metrics.is_on() && !traces.is_on() {
            return;
        }
        let now = self.ports.clock.now();
        let events = match events {
            Some(events) => events,
            None => match self.ports.store.list_send_events(&send.message_ids).await {
                Ok(events) => events.into_iter().collect(),
                Err(error) => return tracing::debug!(%error, "a send is missing from metrics and traces"),
            },
        };
        for (event_id, received_at) in events {
            if state == SendState::Delivered {
                metrics.visible((now - received_at).to_std().unwrap_or_default());
            }
            traces.note(|| {
                let failed = (state != SendState::Delivered).then(|| word(verdict).to_owned());
                Step::new("send", event_id, began_at, now)
                    .with("send.id", send.id)
                    .with("send.attempt", send.attempts + 1)
                    .with("send.state", state.as_str())
                    .failed(failed)
            });
        }
    }
}

/// One word per verdict, for a label.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Done(_) => "done",
        Verdict::NotSent(_) => "not_sent",
        Verdict::Unknown(_) => "unknown",
        Verdict::Wait(..) | Verdict::EditWait(..) => "wait",
        Verdict::WaitAll(..) => "wait_all",
        Verdict::Stop(_) => "token_refused",
        Verdict::Unusable(..) => "destination_refused",
        Verdict::DeliveredAndDeleted => "delivered_and_deleted",
        Verdict::Gone => "gone",
        Verdict::Rejected(_) => "rejected",
    }
}

/// Whose limit a 429 speaks of.
fn scope(is_json: bool, is_global: bool, limits: &LimitHeaders) -> &'static str {
    match limits.scope {
        _ if !is_json => "not_discord",
        _ if is_global => "global",
        Some(Scope::Global) => "global",
        Some(Scope::Shared) => "shared",
        Some(Scope::User) | None => "user",
    }
}
