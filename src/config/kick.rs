//! Kick: the app with which channels are connected, and how its webhooks are received.

use secrecy::SecretString;
use url::Url;

use super::reader::Reader;
use super::value::{boolean, http_url, web_path};
use super::variable::{Section, Variable};
use crate::crypto::RsaPublicKey;

/// The app of this installation. Which server has which channel is in the database.
#[derive(Clone, Debug)]
pub struct KickConfig {
    pub client_id: String,
    pub client_secret: SecretString,
    /// Where Kick sends people back to; it has to stand in the app's settings, letter by letter.
    pub redirect_uri: Option<Url>,
    pub api_url: Url,
    pub oauth_url: Url,
    /// Instead of the key that Kick publishes.
    pub public_key: Option<RsaPublicKey>,
    /// Where webhooks are received. `None`: below `/webhooks/kick/`, at a segment that nobody can guess.
    pub webhook_path: Option<String>,
    /// Off: nothing is received from Kick, and nothing is subscribed to.
    pub webhooks: bool,
}

pub(super) static SECTION: Section = Section {
    title: "Kick",
    about: "Streams, chat and viewers of Kick channels. Switched on by KICK_CLIENT_ID and KICK_CLIENT_SECRET, from \
            https://kick.com/settings/developer.",
    variables: &[
        Variable::new("KICK_CLIENT_ID", "The client id of your Kick app.", ""),
        Variable::new("KICK_CLIENT_SECRET", "The client secret of your Kick app.", "").secret(),
        Variable::new(
            "KICK_REDIRECT_URI",
            "Where Kick sends people back to; enter the same in the app's settings. When unset: PUBLIC_URL and \
             /kick/callback.",
            "https://bot.example.org/kick/callback",
        ),
        Variable::new(
            "KICK_WEBHOOK_PATH",
            "Where webhooks of Kick are received. When unset: below /webhooks/kick/, at a path that nobody can guess; \
             signalbox doctor shows it.",
            "/webhooks/kick",
        ),
        Variable::new("USE_KICK_WEBHOOKS", "Off: nothing is received from Kick. It has no other way.", "false")
            .default("true"),
        Variable::new("KICK_API_URL", "Where Kick's API is.", "https://api.kick.com").default("https://api.kick.com"),
        Variable::new("KICK_OAUTH_URL", "Where Kick's log-in is.", "https://id.kick.com")
            .default("https://id.kick.com"),
        Variable::new(
            "KICK_PUBLIC_KEY",
            "The key by which webhooks are verified: PEM, or its base64 in one line. When unset: the one that Kick publishes.",
            "",
        ),
    ],
};

/// `Some(None)`: the section is absent. `None`: it is wrong.
pub(super) fn read(r: &mut Reader) -> Option<Option<KickConfig>> {
    let client_id = r.optional("KICK_CLIENT_ID", |text| Ok(text.to_owned()));
    let client_secret = r.secret("KICK_CLIENT_SECRET", |_| Ok(()));
    let redirect_uri = r.optional("KICK_REDIRECT_URI", http_url);
    let webhook_path = r.optional("KICK_WEBHOOK_PATH", web_path("/webhooks/kick"));
    let webhooks = r.value("USE_KICK_WEBHOOKS", boolean);
    let api_url = r.value("KICK_API_URL", http_url);
    let oauth_url = r.value("KICK_OAUTH_URL", http_url);
    let public_key = r.optional("KICK_PUBLIC_KEY", |text| {
        RsaPublicKey::from_pem(text).ok_or_else(|| "should be an RSA public key in PEM".to_owned())
    });
    for (one, other) in [("KICK_CLIENT_ID", "KICK_CLIENT_SECRET"), ("KICK_CLIENT_SECRET", "KICK_CLIENT_ID")] {
        if r.is_set(one) && !r.is_set(other) {
            let origin = r.origin(one);
            r.refuse(other, format!("is required because {one} is set ({origin})"));
        }
    }
    let (Some(client_id), Some(client_secret)) = (client_id, client_secret) else { return Some(None) };
    Some(Some(KickConfig {
        client_id,
        client_secret,
        redirect_uri,
        api_url: api_url?,
        oauth_url: oauth_url?,
        public_key,
        webhook_path,
        webhooks: webhooks?,
    }))
}
