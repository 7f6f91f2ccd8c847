//! Counters and latencies, counted where things come in and go out, for `/metrics`. Each process counts
//! for itself; what the database knows is asked there when somebody looks (`web::metrics`).
//!
//! Every label has a bounded set of values: no id, no address and no text of anybody is one.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

const REQUESTS: &str = "signalbox_webhook_requests_total";
const API: &str = "signalbox_api_requests_total";
const EVENTS: &str = "signalbox_events_total";
const SENDS: &str = "signalbox_sends_total";
const LIMITED: &str = "signalbox_discord_rate_limited_total";
const PRESSES: &str = "signalbox_presses_total";
const CALLS: &str = "signalbox_upstream_calls_total";
const GATEWAY: &str = "signalbox_gateway_connections_total";
const VISIBLE: &str = "signalbox_event_visible_seconds";
const SEND_SECONDS: &str = "signalbox_send_seconds";
const CALL_SECONDS: &str = "signalbox_upstream_call_seconds";

const COUNTERS: &[(&str, &str)] = &[
    (REQUESTS, "Requests at our doors (webhooks, interactions), by what became of them."),
    (API, "Requests to the REST interface, by method, address and class of the answer."),
    (EVENTS, "Events stored, by source, kind and the door they came through."),
    (SENDS, "Requests to Discord that show something, by action and what the answer means."),
    (LIMITED, "Answers of Discord that ask to wait, by scope."),
    (PRESSES, "Presses of buttons and forms, by what became of them."),
    (CALLS, "Requests to other systems, by outcome."),
    (GATEWAY, "Gateway sessions, by how they began or ended."),
];
const SECONDS: &[(&str, &str, &[f64])] = &[
    (
        VISIBLE,
        "From an event's arrival to its message in Discord.",
        &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0],
    ),
    (SEND_SECONDS, "How long a request to Discord took.", &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
    (CALL_SECONDS, "How long a request to another system took.", &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
];

/// Where it all is counted. Cheap to clone; nothing is kept while metrics are off, which is the default.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Counting>>);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_on() { "Metrics(on)" } else { "Metrics(off)" })
    }
}

struct Counting {
    recorder: PrometheusRecorder,
    page: PrometheusHandle,
}

const METADATA: Metadata<'static> = Metadata::new("signalbox", Level::INFO, None);

impl Metrics {
    /// Counts from here on.
    pub fn on() -> Self {
        let mut builder = PrometheusBuilder::new();
        for (name, _, buckets) in SECONDS {
            // It fails for an empty list of buckets, which none of these is.
            builder = builder
                .set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)
                .expect("every histogram has buckets");
        }
        let recorder = builder.build_recorder();
        for (name, what) in COUNTERS {
            recorder.describe_counter(KeyName::from(*name), None, (*what).into());
        }
        for (name, what, _) in SECONDS {
            recorder.describe_histogram(KeyName::from(*name), None, (*what).into());
        }
        let page = recorder.handle();
        Self(Some(Arc::new(Counting { recorder, page })))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The counters in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.as_ref().map(|counting| counting.page.render()).unwrap_or_default()
    }

    /// Takes the latencies noted since into the histograms; now and then, so that they do not pile up
    /// while nobody looks.
    pub fn tidy(&self) {
        if let Some(counting) = &self.0 {
            counting.page.run_upkeep();
        }
    }

    pub fn request(&self, source: &'static str, outcome: &'static str) {
        self.count(REQUESTS, || vec![Label::new("source", source), Label::new("outcome", outcome)]);
    }

    /// `route` is an address as the router knows it, without what stands in it; `None` where nothing is.
    pub fn api(&self, method: &'static str, route: Option<&str>, class: &'static str) {
        self.count(API, || {
            let route = route.unwrap_or("other").to_owned();
            vec![Label::new("method", method), Label::new("route", route), Label::new("class", class)]
        });
    }

    /// `kind` is one of the table of kinds, or `other`.
    pub fn event(&self, source: &'static str, kind: &'static str, via: &'static str) {
        self.count(EVENTS, || vec![Label::new("source", source), Label::new("kind", kind), Label::new("via", via)]);
    }

    pub fn send(&self, action: &'static str, verdict: &'static str, took: Duration) {
        self.count(SENDS, || vec![Label::new("action", action), Label::new("verdict", verdict)]);
        self.seconds(SEND_SECONDS, took, || vec![Label::new("action", action)]);
    }

    pub fn limited(&self, scope: &'static str) {
        self.count(LIMITED, || vec![Label::new("scope", scope)]);
    }

    pub fn press(&self, feature: &'static str, outcome: &'static str) {
        self.count(PRESSES, || vec![Label::new("feature", feature), Label::new("outcome", outcome)]);
    }

    pub fn call(&self, upstream: &'static str, outcome: &'static str, took: Duration) {
        self.count(CALLS, || vec![Label::new("upstream", upstream), Label::new("outcome", outcome)]);
        self.seconds(CALL_SECONDS, took, || vec![Label::new("upstream", upstream)]);
    }

    pub fn gateway(&self, what: &'static str) {
        self.count(GATEWAY, || vec![Label::new("what", what)]);
    }

    /// From the arrival of an event to its message.
    pub fn visible(&self, after: Duration) {
        self.seconds(VISIBLE, after, Vec::new);
    }

    fn count(&self, name: &'static str, labels: impl FnOnce() -> Vec<Label>) {
        if let Some(counting) = &self.0 {
            counting.recorder.register_counter(&Key::from_parts(name, labels()), &METADATA).increment(1);
        }
    }

    fn seconds(&self, name: &'static str, took: Duration, labels: impl FnOnce() -> Vec<Label>) {
        if let Some(counting) = &self.0 {
            counting
                .recorder
                .register_histogram(&Key::from_parts(name, labels()), &METADATA)
                .record(took.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_on_the_page() {
        let metrics = Metrics::on();
        metrics.request("xtsystems", "accepted");
        metrics.request("xtsystems", "accepted");
        metrics.visible(Duration::from_millis(300));
        let page = metrics.render();
        assert!(
            page.contains(r#"signalbox_webhook_requests_total{source="xtsystems",outcome="accepted"} 2"#),
            "{page}"
        );
        assert!(page.contains("# HELP signalbox_event_visible_seconds From an event's arrival"), "{page}");
        assert!(page.contains(r#"signalbox_event_visible_seconds_bucket{le="0.5"} 1"#), "{page}");
        assert!(page.contains(r#"signalbox_event_visible_seconds_bucket{le="0.25"} 0"#), "{page}");
    }

    #[test]
    fn switched_off_it_keeps_nothing() {
        let metrics = Metrics::default();
        metrics.press("approval", "decided");
        assert_eq!(metrics.render(), "");
    }
}
