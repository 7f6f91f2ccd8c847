//! `/metrics` for Prometheus, on an address of its own: the counters of this process, and what the
//! database says at this moment. While the database is away the counters are still answered.

use std::fmt::{Display, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;

use crate::config::MetricsConfig;
use crate::event::kind;
use crate::ports::Ports;
use crate::store::gauges::Gauges;

/// A database that takes longer counts as away: Prometheus itself waits 10 s.
const PATIENCE: Duration = Duration::from_secs(3);
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

struct Page {
    ports: Ports,
    config: MetricsConfig,
}

/// Binds the configured address.
pub async fn bind(config: &MetricsConfig) -> Result<TcpListener> {
    let address = config.bind;
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: is another program there? Set METRICS_BIND"))
}

/// Serves until the process stops.
pub async fn serve(ports: Ports, config: MetricsConfig, listener: TcpListener) {
    let lifecycle = ports.lifecycle.clone();
    let router = Router::new().route("/metrics", get(metrics)).with_state(Arc::new(Page { ports, config }));
    super::serve::serve(router, listener, &lifecycle).await;
}

async fn metrics(
    State(page): State<Arc<Page>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let ip = peer.ip().to_canonical();
    if !page.config.allowed.iter().any(|network| network.contains(&ip)) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if !may_read(&page.config, &headers) {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"metrics\"")]).into_response();
    }
    ([(header::CONTENT_TYPE, TEXT)], page.render().await).into_response()
}

fn may_read(config: &MetricsConfig, headers: &HeaderMap) -> bool {
    let Some((name, password)) = &config.login else { return true };
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Basic ")).and_then(|value| STANDARD.decode(value).ok());
    let expected = format!("{name}:{}", password.expose_secret());
    given.is_some_and(|given| verify_slices_are_equal(&given, expected.as_bytes()).is_ok())
}

impl Page {
    async fn render(&self) -> String {
        let now = self.ports.clock.now();
        let kinds: Vec<String> = kind::names().map(str::to_owned).collect();
        let asked = tokio::time::timeout(PATIENCE, self.ports.store.read_gauges(&kinds, now)).await;
        let gauges = match asked {
            Ok(Ok(gauges)) => Some(gauges),
            Ok(Err(error)) => {
                tracing::debug!(%error, "no gauges: the database does not answer");
                None
            }
            Err(_) => None,
        };
        let mut out = Lines(self.ports.metrics.render());
        out.gauge("signalbox_database_up", "Whether PostgreSQL answered just now.", [("", u8::from(gauges.is_some()))]);
        if let Some(gauges) = gauges {
            out.gauges(&gauges, now);
        }
        out.0
    }
}

/// Prometheus' text format, <https://prometheus.io/docs/instrumenting/exposition_formats/>.
struct Lines(String);

impl Lines {
    fn gauges(&mut self, g: &Gauges, now: chrono::DateTime<chrono::Utc>) {
        let age = |at: chrono::DateTime<chrono::Utc>| (now - at).num_milliseconds().max(0) as f64 / 1000.0;
        self.gauge("signalbox_events_unplanned", "Events that are stored and not yet planned.", [("", g.unplanned)]);
        let what = "Messages that wait for their turn, and those that Discord refused for good.";
        self.gauge("signalbox_outbox_messages", what, [("state=\"queued\"", g.queued), ("state=\"dead\"", g.dead)]);
        let what = "Messages on their way: open, in doubt, unresolved, or set aside so that others pass.";
        let sends = [
            ("state=\"open\"", g.open),
            ("state=\"in_doubt\"", g.in_doubt),
            ("state=\"unresolved\"", g.unresolved),
            ("state=\"set_aside\"", g.set_aside),
        ];
        self.gauge("signalbox_sends", what, sends);
        let what = "Age of the oldest message that could go out now; 0 when there is none.";
        self.gauge("signalbox_outbox_oldest_due_age_seconds", what, [("", g.oldest_due.map_or(0.0, age))]);
        let what = "Destinations whose messages wait for a limit or a retry.";
        self.gauge("signalbox_lanes_waiting", what, [("", g.lanes_waiting)]);
        self.gauge("signalbox_lanes_leased", "Destinations that a process is working on.", [("", g.lanes_leased)]);
        self.gauge("signalbox_destinations", "Channels and webhooks that are routed to.", [("", g.destinations)]);
        let what = "Destinations that Discord does not let us use.";
        self.gauge("signalbox_destinations_disabled", what, [("", g.destinations_disabled)]);
        self.gauge("signalbox_quarantined", "Entries that could not be taken in and are kept.", [("", g.quarantined)]);
        let approvals = g.approvals.iter().map(|(state, count)| (format!("state=\"{state}\""), *count));
        self.gauge("signalbox_approvals_open", "Approvals that are not settled, by state.", approvals);
        let sources = g.sources.iter().filter_map(|source| {
            let labels = format!("source=\"{}\",guild_id=\"{}\"", source.kind, source.guild_id);
            Some((labels, age(source.last_event_at?)))
        });
        self.gauge("signalbox_source_last_event_age_seconds", "Since the newest event of a source.", sources);
    }

    fn gauge<L: Display, V: Display>(&mut self, name: &str, what: &str, values: impl IntoIterator<Item = (L, V)>) {
        // Writing to a string does not fail.
        let _ = write!(self.0, "# HELP {name} {what}\n# TYPE {name} gauge\n");
        for (labels, value) in values {
            let labels = labels.to_string();
            let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
            let _ = writeln!(self.0, "{name}{labels} {value}");
        }
    }
}
