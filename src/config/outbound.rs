//! Requests to addresses that people give: outbound webhooks, and what buttons of described sources mean.

use ipnet::IpNet;

use super::reader::Reader;
use super::value::networks;
use super::variable::{Section, Variable};

#[derive(Clone, Debug, Default)]
pub struct OutboundConfig {
    /// Networks beside the public ones. In these, addresses may be written as numbers, without TLS.
    pub allowed: Vec<IpNet>,
}

pub(super) static SECTION: Section = Section {
    title: "Outbound webhooks",
    about: "Other systems can be told what happens here. They are reached at public addresses over TLS.",
    variables: &[Variable::new(
        "OUTBOUND_ALLOWED_NETWORKS",
        "Networks that they may be in as well, such as your own. Whoever may manage a server can then make Signalbox \
         send requests there.",
        "10.20.0.0/16",
    )],
};

pub(super) fn read(r: &mut Reader) -> OutboundConfig {
    OutboundConfig { allowed: r.optional("OUTBOUND_ALLOWED_NETWORKS", networks).unwrap_or_default() }
}
