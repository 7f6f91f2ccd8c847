//! The LAN party program: whether it needs a key when it runs on this machine.

use super::reader::Reader;
use super::value::boolean;
use super::variable::{Section, Variable};

/// The interface below `/api/discord`.
#[derive(Clone, Debug, Default)]
pub struct PartyConfig {
    /// Requests from this machine, by no proxy, need no key.
    pub loopback: bool,
}

pub(super) static SECTION: Section = Section {
    title: "LAN party",
    about: "A LAN party program tells of its parties at /api/discord.",
    variables: &[Variable::new(
        "PARTY_LOOPBACK",
        "on: a program on this machine needs no key. Only without TRUSTED_PROXIES; what a proxy or a web page sends is refused.",
        "on",
    )
    .default("off")],
};

pub(super) fn read(r: &mut Reader) -> PartyConfig {
    let loopback = r.value("PARTY_LOOPBACK", |text| boolean(text).map_err(|_| "should be on or off".into()));
    PartyConfig { loopback: loopback.unwrap_or_default() }
}
