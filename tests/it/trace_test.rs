//! Traces, as a collector receives them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::support::town::{Setup, Town, run_with};

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>);

impl Collector {
    /// Its address.
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(take)).with_state(self.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        origin
    }

    fn spans(&self) -> Vec<Span> {
        let received = self.0.lock().unwrap();
        let resources = received.iter().flat_map(|(_, request)| &request.resource_spans);
        resources.flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans).cloned().collect()
    }
}

async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let request = ExportTraceServiceRequest::decode(body).expect("it is OTLP");
    collector.0.lock().unwrap().push((headers, request));
    StatusCode::OK
}

/// What waits is sent now, instead of within five seconds.
async fn flush(town: &Town) {
    let traces = town.app.ports.traces.clone();
    tokio::task::spawn_blocking(move || traces.flush()).await.unwrap();
}

fn setup(endpoint: String) -> Setup {
    let env = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20house".to_owned()),
        ("OTEL_SERVICE_NAME", "signalbox-of-the-tests".to_owned()),
    ];
    Setup { env, ..Setup::default() }
}

fn text(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        _ => String::new(),
    }
}

#[tokio::test]
async fn one_trace_tells_the_way_of_an_event_to_the_call() {
    let collector = Collector::default();
    run_with(setup(collector.start().await), async |town| {
        town.machine("web-07").await;
        town.fault("create_message", "status:500", 1);
        town.press("approver", "machines", "Approve").await;
        town.messages("machines");
        flush(town).await;
        let event = &town.column("SELECT id::text FROM event WHERE kind = 'machine.registered'").await[0];
        let spans = collector.spans();
        let mut of_event: Vec<&Span> = spans.iter().filter(|span| text(span, "event.id") == *event).collect();
        of_event.sort_by_key(|span| span.name.clone());
        let names: Vec<&str> = of_event.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["approval call", "intake", "plan", "send"]);
        let first = of_event.iter().find(|span| span.name == "intake").unwrap();
        assert_eq!(hex::encode(&first.trace_id), event.replace('-', ""), "the trace has the event's id");
        assert!(first.parent_span_id.is_empty());
        for span in &of_event {
            assert_eq!(span.trace_id, first.trace_id, "{}", span.name);
            assert!(span.name == "intake" || span.parent_span_id == first.span_id, "{}", span.name);
            assert!(span.end_time_unix_nano > span.start_time_unix_nano);
        }
        let told: BTreeMap<&str, String> = [("plan.note", 2), ("send.state", 3), ("approval.verb", 0)]
            .map(|(name, at)| (name, text(of_event[at], name)))
            // The route's id is another one each time.
            .map(|(name, text)| (name, text.split(" 0").next().unwrap().to_owned()))
            .into();
        insta::assert_debug_snapshot!(told, @r#"
        {
            "approval.verb": "approve",
            "plan.note": "routed by machine.registered",
            "send.state": "delivered",
        }
        "#);

        let received = collector.0.lock().unwrap();
        let (headers, request) = &received[0];
        assert_eq!(
            (&headers["x-tenant"], &headers["content-type"]),
            (&"a house".parse().unwrap(), &"application/x-protobuf".parse().unwrap())
        );
        let resource = request.resource_spans[0].resource.as_ref().unwrap();
        assert!(resource.attributes.iter().any(|a| format!("{a:?}").contains("signalbox-of-the-tests")));
    })
    .await;
}

#[tokio::test]
async fn an_attempt_that_failed_says_so() {
    let collector = Collector::default();
    run_with(setup(collector.start().await), async |town| {
        town.fault("create_message", "status:500", 1);
        town.send("alert.triggered", crate::support::delivery::alert("one")).await;
        town.advance(chrono::TimeDelta::seconds(7)).await;
        town.messages("alerts");
        flush(town).await;
        let sends: Vec<String> = collector
            .spans()
            .iter()
            .filter(|span| span.name == "send")
            .map(|span| {
                let status = span.status.as_ref().map(|s| s.message.clone()).unwrap_or_default();
                format!("{} {status}", text(span, "send.state"))
            })
            .collect();
        insta::assert_debug_snapshot!(sends, @r#"
        [
            "open unknown",
            "delivered ",
        ]
        "#);
    })
    .await;
}

#[tokio::test]
async fn a_collector_that_is_away_disturbs_nothing() {
    run_with(setup("http://127.0.0.1:1".to_owned()), async |town| {
        town.send("alert.triggered", crate::support::delivery::alert("one")).await;
        flush(town).await;
        assert_eq!(town.lines("alerts"), "one");
        town.send("alert.triggered", crate::support::delivery::alert("two")).await;
        assert_eq!(town.lines("alerts"), "one\ntwo");
    })
    .await;
}
