//! How the program is watched and stopped: metrics, traces, the deadline of a stop.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::reader::Reader;
use super::value::{duration, http_url, networks};
use super::variable::{Section, Variable};

/// Everything an operator sets and a user never sees.
#[derive(Clone, Debug)]
pub struct OperationConfig {
    /// `None`: nothing is measured and nothing listens.
    pub metrics: Option<MetricsConfig>,
    /// `None`: no traces.
    pub traces: Option<TracesConfig>,
    /// What is under way at a stop gets this long.
    pub shutdown_timeout: Duration,
}

/// The page for Prometheus.
#[derive(Clone, Debug)]
pub struct MetricsConfig {
    pub bind: SocketAddr,
    pub allowed: Vec<IpNet>,
    /// The user name and password of HTTP basic authentication.
    pub login: Option<(String, SecretString)>,
}

/// An OpenTelemetry collector.
#[derive(Clone, Debug)]
pub struct TracesConfig {
    /// Where spans are posted to, `/v1/traces` included.
    pub url: Url,
    /// Names and values, as `OTEL_EXPORTER_OTLP_HEADERS` has them.
    pub headers: Vec<(String, SecretString)>,
    pub service_name: String,
}

pub(super) static SECTION: Section = Section {
    title: "Operation",
    about: "Metrics, traces and the end of the program.",
    variables: &[
        Variable::new(
            "METRICS_BIND",
            "Address and port of /metrics for Prometheus, apart from the web server. Unset: no metrics.",
            "127.0.0.1:9464",
        ),
        Variable::new(
            "METRICS_ALLOWED_NETWORKS",
            "Who may read /metrics: addresses or networks separated by commas.",
            "127.0.0.1,10.0.0.0/8",
        )
        .default("127.0.0.0/8,::1"),
        Variable::new(
            "METRICS_USERNAME",
            "The user name of /metrics, together with METRICS_PASSWORD; such as prometheus.",
            "",
        ),
        Variable::new("METRICS_PASSWORD", "The password of /metrics.", "").secret(),
        Variable::new(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "An OpenTelemetry collector that takes OTLP over HTTP. Unset: no traces.",
            "http://localhost:4318",
        ),
        Variable::new(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "Headers for the collector: name=value, separated by commas, percent-encoded.",
            "",
        )
        .secret(),
        Variable::new("OTEL_SERVICE_NAME", "The name of this program in traces.", "signalbox").default("signalbox"),
        Variable::new(
            "SHUTDOWN_TIMEOUT",
            "How long requests and sends under way may take at a stop. A send to Discord takes 10 s at most.",
            "15s",
        )
        .default("15s"),
    ],
};

pub(super) fn read(r: &mut Reader) -> Option<OperationConfig> {
    let bind = r.optional("METRICS_BIND", socket_address);
    let allowed = r.value("METRICS_ALLOWED_NETWORKS", networks);
    let username = r.optional("METRICS_USERNAME", user_name);
    let password = r.secret("METRICS_PASSWORD", |_| Ok(()));
    if username.is_some() != password.is_some() {
        let (lonely, other) = match username {
            Some(_) => ("METRICS_USERNAME", "METRICS_PASSWORD"),
            None => ("METRICS_PASSWORD", "METRICS_USERNAME"),
        };
        if !r.is_set(other) {
            r.refuse(lonely, format!("needs {other} beside it"));
        }
    }
    let endpoint = r.optional("OTEL_EXPORTER_OTLP_ENDPOINT", http_url);
    let headers = r.secret("OTEL_EXPORTER_OTLP_HEADERS", |text| headers(text).map(drop));
    let service_name = r.value("OTEL_SERVICE_NAME", |text| Ok(text.to_owned()));
    let shutdown_timeout = r.value("SHUTDOWN_TIMEOUT", wait);
    if endpoint.is_some() && !cfg!(feature = "otel") {
        r.warn("OTEL_EXPORTER_OTLP_ENDPOINT has no effect: this program was built without the feature otel");
    }
    let service_name = service_name?;
    Some(OperationConfig {
        metrics: match bind {
            Some(bind) => Some(MetricsConfig { bind, allowed: allowed?, login: username.zip(password) }),
            None => None,
        },
        traces: endpoint.map(|url| TracesConfig {
            url: traces_url(&url),
            headers: headers.map(|text| split_headers(&text)).unwrap_or_default(),
            service_name,
        }),
        shutdown_timeout: shutdown_timeout?,
    })
}

/// As the specification of OTLP has it: the endpoint is a base, and traces go to `v1/traces` below it.
fn traces_url(endpoint: &Url) -> Url {
    let mut url = endpoint.clone();
    url.set_path(&format!("{}/v1/traces", endpoint.path().trim_end_matches('/')));
    url
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let should = || "should be address and port, such as 127.0.0.1:9464 or [::1]:9464".to_owned();
    let address: SocketAddr = text.parse().map_err(|_| should())?;
    Ok(SocketAddr::new(IpAddr::to_canonical(&address.ip()), address.port()))
}

fn user_name(text: &str) -> Result<String, String> {
    if text.contains(':') { Err("should have no colon: it ends the name".into()) } else { Ok(text.to_owned()) }
}

fn wait(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_secs(600);
    duration(text).filter(|wait| range.contains(wait)).ok_or_else(|| "should be from 1s to 10m".into())
}

fn headers(text: &str) -> Result<Vec<(&str, String)>, String> {
    let should = "should be name=value, separated by commas";
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty()).enumerate();
    pairs
        .map(|(i, pair)| {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("{should}; item {} is not", i + 1))?;
            let decoded = percent_decoded(value.trim());
            let is_plain = !name.trim().is_empty() && decoded.bytes().all(|b| (b' '..0x7f).contains(&b));
            is_plain.then_some((name.trim(), decoded)).ok_or_else(|| format!("{should}; item {} is not", i + 1))
        })
        .collect()
}

fn percent_decoded(text: &str) -> String {
    // Read as the name in a query, where a plus sign would be a space.
    let query = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

fn split_headers(text: &SecretString) -> Vec<(String, SecretString)> {
    let pairs = headers(text.expose_secret()).unwrap_or_default();
    pairs.into_iter().map(|(name, value)| (name.to_owned(), SecretString::from(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_a_base() {
        let url = |text: &str| traces_url(&Url::parse(text).unwrap()).to_string();
        assert_eq!(url("http://localhost:4318"), "http://localhost:4318/v1/traces");
        assert_eq!(url("https://otel.example.org/base/"), "https://otel.example.org/base/v1/traces");
    }

    #[test]
    fn headers_are_pairs() {
        assert_eq!(headers("a=b, c=d%20e").unwrap(), [("a", "b".to_owned()), ("c", "d e".to_owned())]);
        assert_eq!(headers("a=b,secret").unwrap_err(), "should be name=value, separated by commas; item 2 is not");
    }

    #[test]
    fn the_page_needs_address_and_port() {
        assert!(socket_address("127.0.0.1:9464").is_ok() && socket_address("[::1]:9464").is_ok());
        assert!(socket_address("9464").is_err() && socket_address("localhost:9464").is_err());
    }
}
