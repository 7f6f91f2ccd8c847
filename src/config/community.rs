//! The stream community: where public randomness for draws comes from, and what makes clips.

use secrecy::SecretString;
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
    /// What makes clips. `None`: moments are marked only.
    pub clips: Option<ClipConfig>,
}

#[derive(Clone, Debug)]
pub struct ClipConfig {
    pub url: Url,
    pub key: SecretString,
}

pub(super) static SECTION: Section = Section {
    title: "Stream community",
    about: "Raffles and giveaways that anyone can recompute, and clips of moments that viewers mark.",
    variables: &[
        Variable::new(
            "RAFFLE_BEACON_URL",
            "Where public randomness comes from: a node of drand (https://drand.love). off: draws go without, and their page \
             says that whoever runs the bot could have known the outcome before the close.",
            BEACON,
        )
        .default(BEACON),
        Variable::new(
            "CLIP_SERVICE_URL",
            "What makes clips of the moments that viewers mark with !clip, such as https://clips.example.org: POST \
             /api/clips/create is called there. When unset: moments are marked and posted only.",
            "",
        ),
        Variable::new("CLIP_SERVICE_KEY", "Its key, sent as X-API-Key.", "").secret(),
    ],
};

pub(super) fn read(r: &mut Reader) -> Option<CommunityConfig> {
    let beacon_url = r.value("RAFFLE_BEACON_URL", |text| match text.to_ascii_lowercase().as_str() {
        "off" => Ok(None),
        _ => http_url(text).map(Some),
    });
    let url = r.optional("CLIP_SERVICE_URL", http_url);
    let key = r.secret("CLIP_SERVICE_KEY", |_| Ok(()));
    for (one, other) in [("CLIP_SERVICE_URL", "CLIP_SERVICE_KEY"), ("CLIP_SERVICE_KEY", "CLIP_SERVICE_URL")] {
        if r.is_set(one) && !r.is_set(other) {
            let origin = r.origin(one);
            r.refuse(other, format!("is required because {one} is set ({origin})"));
        }
    }
    let clips = url.zip(key).map(|(url, key)| ClipConfig { url, key });
    Some(CommunityConfig { beacon_url: beacon_url?, clips })
}
