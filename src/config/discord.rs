//! The Discord application: its token, its server, and where Discord is.

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::reader::Reader;
use super::value::{boolean, http_origin, is_loopback, snowflake_of, web_path};
use super::variable::{Section, Variable};
use crate::id::GuildId;

/// How the bot reaches Discord.
#[derive(Clone, Debug)]
pub struct DiscordConfig {
    /// The bot's token, without the word `Bot`.
    pub token: SecretString,
    /// The application's id, for the invite link. Read from Discord at start when absent.
    pub client_id: Option<u64>,
    /// The one server that sources of the environment belong to; commands are registered there.
    pub guild_id: Option<GuildId>,
    /// Scheme and host only; `/api/v10` is added by the client.
    pub api_url: Url,
    /// `None`: Discord is asked for it.
    pub gateway_url: Option<String>,
    /// Whether to keep gateway sessions; without them interactions come by HTTP alone.
    pub gateway: bool,
    /// Into how many shards the guilds are divided. `None`: as many as Discord recommends.
    pub shards: Option<u32>,
    /// What Discord signs interactions with. `Some`: they are taken by HTTP.
    pub public_key: Option<[u8; 32]>,
    /// Where the web server takes them.
    pub interactions_path: String,
}

impl DiscordConfig {
    /// True when the API is not Discord's own: a stand-in or a proxy.
    pub fn is_elsewhere(&self) -> bool {
        !is_discord(&self.api_url)
    }

    /// True when the API is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.api_url)
    }
}

pub(super) static SECTION: Section = Section {
    title: "Discord",
    about: "Create an application at https://discord.com/developers/applications; the token is on its page \"Bot\".",
    variables: &[
        Variable::new("DISCORD_TOKEN", "The bot's token.", "").secret().required(),
        Variable::new(
            "DISCORD_GUILD_ID",
            "The id of your server (right-click its name, \"Copy Server ID\"). Without it commands are registered globally.",
            "914986636629143562",
        ),
        Variable::new("DISCORD_CLIENT_ID", "The application's id, for the invite link.", "914986636629143562"),
        Variable::new("DISCORD_API_URL", "Where Discord's API is, scheme and host only.", "http://127.0.0.1:4000")
            .default("https://discord.com"),
        Variable::new(
            "DISCORD_GATEWAY_URL",
            "Where Discord's gateway is. When unset, the API is asked for it.",
            "ws://127.0.0.1:4000/gateway",
        ),
        Variable::new(
            "DISCORD_SHARDS",
            "Into how many gateway sessions the servers are divided: auto takes Discord's recommendation.",
            "4",
        )
        .default("auto"),
        Variable::new(
            "DISCORD_PUBLIC_KEY",
            "The application's public key (page \"General Information\"). Switches on the HTTP endpoint for interactions.",
            "9d1cc5b8dffd6d0ee0a9d1c0c4a8a06b7a8bb9ef3c1bd0b3d6bdc4ff0c2ab1e5",
        ),
        Variable::new(
            "DISCORD_INTERACTIONS_PATH",
            "Where that endpoint is; PUBLIC_URL with this path is the \"Interactions Endpoint URL\" to enter there.",
            "/interactions",
        )
        .default("/interactions"),
        Variable::new(
            "DISCORD_GATEWAY",
            "off keeps no gateway session: commands and buttons come through the HTTP endpoint alone.",
            "off",
        )
        .default("on"),
        Variable::new(
            "DISCORD_API_ALLOW_PROXY",
            "Allows a real token to be sent to an address that is neither Discord's nor on this machine.",
            "true",
        )
        .default("false"),
    ],
};

pub(super) fn read(r: &mut Reader) -> Option<DiscordConfig> {
    let mut token = r.secret("DISCORD_TOKEN", check_token);
    if !r.needs_bot && !r.is_set("DISCORD_TOKEN") {
        token = Some(SecretString::default());
    }
    let guild_id = r.optional("DISCORD_GUILD_ID", snowflake_of("a server"));
    let client_id = r.optional("DISCORD_CLIENT_ID", snowflake_of("an application"));
    let api_url = r.value("DISCORD_API_URL", http_origin);
    let gateway = r.optional("DISCORD_GATEWAY_URL", gateway_url);
    let allow_proxy = r.value("DISCORD_API_ALLOW_PROXY", boolean);
    let has_gateway = r.value("DISCORD_GATEWAY", boolean);
    let shards = r.value("DISCORD_SHARDS", shards);
    let public_key = r.optional("DISCORD_PUBLIC_KEY", public_key);
    let interactions_path = r.value("DISCORD_INTERACTIONS_PATH", web_path("/interactions"));
    if has_gateway == Some(false) && !r.is_set("DISCORD_PUBLIC_KEY") {
        r.refuse("DISCORD_GATEWAY", "is off, so interactions must come by HTTP: set DISCORD_PUBLIC_KEY");
    }

    let looks_real = token.as_ref().is_some_and(|token| looks_like_a_real_token(token.expose_secret()));
    if looks_real && allow_proxy == Some(false) {
        for (name, url) in [("DISCORD_API_URL", api_url.as_ref()), ("DISCORD_GATEWAY_URL", gateway.as_ref())] {
            if url.is_some_and(|url| !is_discord(url) && !is_loopback(url)) {
                r.refuse(
                    name,
                    "is neither Discord's address nor on this machine, and DISCORD_TOKEN looks like a real token, \
                     which would be sent there; for a proxy of your own set DISCORD_API_ALLOW_PROXY=true",
                );
            }
        }
    }
    let gateway_url = gateway.map(String::from);
    Some(DiscordConfig {
        token: token?,
        client_id,
        guild_id,
        api_url: api_url?,
        gateway_url,
        gateway: has_gateway?,
        shards: shards?,
        public_key,
        interactions_path: interactions_path?,
    })
}

/// `None` for `auto`.
fn shards(text: &str) -> Result<Option<u32>, String> {
    match text.parse() {
        Ok(count @ 1..=4096) => Ok(Some(count)),
        _ if text.eq_ignore_ascii_case("auto") => Ok(None),
        _ => Err("should be auto or a whole number from 1 to 4096".into()),
    }
}

fn public_key(text: &str) -> Result<[u8; 32], String> {
    let key = hex::decode(text).ok().and_then(|key| key.try_into().ok());
    key.ok_or_else(|| "should be the 64 hexadecimal digits that Discord shows as \"Public Key\"".into())
}

fn check_token(text: &str) -> Result<(), String> {
    if text.starts_with("Bot ") {
        return Err("should be the token alone, without the word Bot".into());
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return Err("should be one word as Discord shows it, without spaces or line breaks".into());
    }
    Ok(())
}

fn gateway_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "ws" | "wss") && url.host().is_some());
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    url.ok_or_else(|| "should be an address such as wss://gateway.discord.gg".into())
}

/// discord.com, discord.gg and their sub-domains, over TLS.
fn is_discord(url: &Url) -> bool {
    let Some(Host::Domain(host)) = url.host() else { return false };
    let ours = ["discord.com", "discord.gg"]
        .iter()
        .any(|domain| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    ours && matches!(url.scheme(), "https" | "wss")
}

/// Three base64 parts with dots between: the shape of every token that Discord issues.
fn looks_like_a_real_token(token: &str) -> bool {
    let parts: Vec<&str> = token.split('.').collect();
    let base64 = |part: &&str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'/' | b'='))
    };
    parts.len() == 3 && parts.iter().all(base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_discord_is_discord() {
        let is = |text: &str| is_discord(&Url::parse(text).unwrap());
        assert!(is("https://discord.com") && is("https://canary.discord.com") && is("wss://gateway.discord.gg"));
        assert!(!is("https://notdiscord.com") && !is("http://discord.com") && !is("https://discord.com.evil.example"));
    }

    #[test]
    fn a_real_token_has_three_parts() {
        assert!(looks_like_a_real_token("MTIz.Gabc12.x-y_z"));
        assert!(!looks_like_a_real_token("standin-token") && !looks_like_a_real_token("a..b"));
    }
}
