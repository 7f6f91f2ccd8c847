//! The stream community: where public randomness for draws comes from.

use url::Url;

use super::reader::Reader;
use super::value::http_url;
use super::variable::{Section, Variable};

const BEACON: &str = "https://api.drand.sh";

/// What is the same in every server.
#[derive(Clone, Debug)]
pub struct CommunityConfig {
    /// A node of the drand network. `None`: draws go without public randomness, and say so.
    pub beacon_url: Option<Url>,
}

pub(super) static SECTION: Section = Section {
    title: "Stream community",
    about: "Raffles and giveaways that anyone can recompute.",
    variables: &[Variable::new(
        "RAFFLE_BEACON_URL",
        "Where public randomness comes from: a node of drand (https://drand.love). off: draws go without, and their page \
         says that whoever runs the bot could have known the outcome before the close.",
        BEACON,
    )
    .default(BEACON)],
};

pub(super) fn read(r: &mut Reader) -> Option<CommunityConfig> {
    let beacon_url = r.value("RAFFLE_BEACON_URL", |text| match text.to_ascii_lowercase().as_str() {
        "off" => Ok(None),
        _ => http_url(text).map(Some),
    });
    Some(CommunityConfig { beacon_url: beacon_url? })
}
