//! Redis: the event stream, wake-ups and cluster-wide limits.

use secrecy::SecretString;
use url::Url;

use super::reader::Reader;
use super::variable::{Section, Variable};

/// The event bus.
#[derive(Clone, Debug)]
pub struct BusConfig {
    /// `None`: events stay within this process.
    pub redis_url: Option<SecretString>,
    /// `None`: messages of the bus are taken without a signature.
    pub msg_secret: Option<SecretString>,
    /// The first part of every key and channel: stream `<prefix>:events`, group `<prefix>`.
    pub prefix: String,
}

pub(super) static SECTION: Section = Section {
    title: "Event bus",
    about: "Redis or Valkey, for several processes and for chat activity. Without it everything runs in one process.",
    variables: &[
        Variable::new("REDIS_URL", "The address of Redis; rediss:// for TLS.", "redis://:password@host:6379/0")
            .secret(),
        Variable::new(
            "REDIS_MSG_SECRET",
            "The secret with which messages on Redis are signed. When set, unsigned ones are refused.",
            "",
        )
        .secret(),
        Variable::new("REDIS_PREFIX", "The first part of every key: the stream is <prefix>:events.", "signalbox")
            .default("signalbox"),
    ],
};

pub(super) fn read(r: &mut Reader) -> Option<BusConfig> {
    let redis_url = r.secret("REDIS_URL", check_redis_url);
    let msg_secret = r.secret("REDIS_MSG_SECRET", |_| Ok(()));
    let prefix = r.value("REDIS_PREFIX", prefix);
    if redis_url.is_some() && !r.is_set("REDIS_MSG_SECRET") {
        r.warn("REDIS_MSG_SECRET is not set: whoever can write to Redis can send events in any source's name");
    }
    Some(BusConfig { redis_url, msg_secret, prefix: prefix? })
}

fn check_redis_url(text: &str) -> Result<(), String> {
    const SCHEMES: &[&str] = &["redis", "rediss", "valkey", "valkeys", "unix", "redis+unix", "valkey+unix"];
    let url = Url::parse(text).ok().filter(|url| SCHEMES.contains(&url.scheme()));
    url.map(|_| ()).ok_or_else(|| "should be an address such as redis://:password@host:6379/0".into())
}

fn prefix(text: &str) -> Result<String, String> {
    let fine = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:{}".contains(&b));
    if fine { Ok(text.into()) } else { Err("should be at most 64 letters, digits and - _ . : { }".into()) }
}
