//! Spans for an OpenTelemetry collector, over HTTP, in batches, from a thread of the exporter's own: a
//! collector that is away costs the spans that it does not get, and nothing else.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HttpClient;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracer, SdkTracerProvider};
use secrecy::ExposeSecret as _;

use super::Step;
use crate::config::TracesConfig;

/// A collector that takes longer gets nothing of that batch.
pub const TIMEOUT: Duration = Duration::from_secs(5);

pub struct Exporter {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Exporter {
    pub fn new(config: &TracesConfig, http: impl HttpClient + 'static) -> Result<Self> {
        let headers: HashMap<String, String> =
            config.headers.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect();
        let spans = SpanExporter::builder()
            .with_http()
            .with_http_client(http)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(config.url.as_str())
            .with_headers(headers)
            .with_timeout(TIMEOUT)
            .build()
            .context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        let resource = Resource::builder_empty()
            .with_service_name(config.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_id_generator(Ids)
            .with_resource(resource)
            .with_batch_exporter(spans)
            .build();
        let tracer = provider.tracer("signalbox");
        Ok(Self { provider, tracer })
    }

    pub(super) fn note(&self, step: Step) {
        let trace = TraceId::from_bytes(*step.event_id.as_bytes());
        // The half of a UUIDv7 that is random.
        let first = SpanId::from((step.event_id.as_u128() & u128::from(u64::MAX)) as u64);
        let mut builder = self.tracer.span_builder(step.name).with_start_time(step.began_at);
        builder.span_kind = Some(if step.is_first { SpanKind::Server } else { SpanKind::Internal });
        let event = KeyValue::new("event.id", step.event_id.to_string());
        let others = step.attributes.into_iter().map(|(name, value)| KeyValue::new(name, value));
        builder.attributes = Some(std::iter::once(event).chain(others).collect());
        let parent = if step.is_first {
            NEXT.set(Some((trace, first)));
            Context::new()
        } else {
            let remote = SpanContext::new(trace, first, TraceFlags::SAMPLED, true, TraceState::NONE);
            Context::new().with_remote_span_context(remote)
        };
        let mut span = self.tracer.build_with_context(builder, &parent);
        NEXT.set(None);
        if let Some(error) = step.error {
            span.set_status(Status::error(error));
        }
        span.end_with_timestamp(step.ended_at.into());
    }

    pub(super) fn flush(&self) {
        // What cannot be sent now will not be sent.
        let _ = self.provider.force_flush();
    }
}

thread_local! {
    /// The ids of the first step that is being made on this thread.
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Gives the first step of an event the ids that follow from the event.
#[derive(Debug)]
struct Ids;

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get().map_or_else(|| RandomIdGenerator::default().new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().map_or_else(|| RandomIdGenerator::default().new_span_id(), |(_, span)| span)
    }
}
