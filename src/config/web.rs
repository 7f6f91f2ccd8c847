//! The HTTP side: where to listen, whom to believe, how much to take.

use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

use super::reader::Reader;
use super::value::{http_url, integer, ip_address, networks};
use super::variable::{Section, Variable};

/// The largest body of a webhook, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The HTTP server.
#[derive(Clone, Debug)]
pub struct WebConfig {
    pub bind: IpAddr,
    /// 0: any free port.
    pub port: u16,
    /// The address under which others reach this server; it may have a path.
    pub public_url: Option<Url>,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Refused or unsigned requests per client address in 15 minutes.
    pub unverified_per_15_min: u32,
    /// Verified requests per source in a minute.
    pub verified_per_min: u32,
    pub max_body_bytes: usize,
}

pub(super) static SECTION: Section = Section {
    title: "Web server",
    about: "Receives webhooks and answers health checks.",
    variables: &[
        Variable::new("WEBHOOK_BIND", "The address to listen on; 0.0.0.0 for every interface.", "0.0.0.0")
            .default("127.0.0.1"),
        Variable::new("WEBHOOK_PORT", "The port to listen on; 0 takes any free one.", "3000").default("3000"),
        Variable::new("PUBLIC_URL", "The address under which senders reach this server.", "https://bot.example.org"),
        Variable::new(
            "TRUSTED_PROXIES",
            "Addresses or networks of reverse proxies whose X-Forwarded-For is believed.",
            "127.0.0.1,10.0.0.0/8",
        ),
        Variable::new(
            "WEBHOOK_UNVERIFIED_PER_15_MIN",
            "How many refused or unsigned requests one client address may send in 15 minutes.",
            "100",
        )
        .default("100"),
        Variable::new(
            "WEBHOOK_VERIFIED_PER_MIN",
            "How many verified requests one source or API key may send in a minute.",
            "6000",
        )
        .default("6000"),
    ],
};

pub(super) fn read(r: &mut Reader) -> Option<WebConfig> {
    let bind = r.value("WEBHOOK_BIND", ip_address);
    let port = r.value("WEBHOOK_PORT", integer(0..=u16::MAX));
    let public_url = r.optional("PUBLIC_URL", http_url);
    let trusted_proxies = r.optional("TRUSTED_PROXIES", networks).unwrap_or_default();
    let unverified = r.value("WEBHOOK_UNVERIFIED_PER_15_MIN", integer(1..=1_000_000));
    let verified = r.value("WEBHOOK_VERIFIED_PER_MIN", integer(1..=10_000_000));
    Some(WebConfig {
        bind: bind?,
        port: port?,
        public_url,
        trusted_proxies,
        unverified_per_15_min: unverified?,
        verified_per_min: verified?,
        max_body_bytes: MAX_BODY_BYTES,
    })
}
