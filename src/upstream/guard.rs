//! Where requests may go. Addresses that an operator configures may be on this machine or in its network, but
//! not where a cloud keeps the machine's credentials. Addresses that other people give may only be public ones,
//! over TLS. A name is judged by what it resolves to at the moment of the connection, so that a name which
//! changes its mind in between gains nothing; redirects are never followed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy as Redirects;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder};
use secrecy::SecretString;
use url::{Host, Url};

use crate::config::address::{is_of_the_host, is_public};

/// For looking a name up before it is used.
const LOOK_UP: Duration = Duration::from_secs(3);

/// Whose addresses a client is for.
#[derive(Clone, Debug)]
pub enum Reach {
    /// Those of the configuration.
    Operator,
    /// Those that people give, and networks that the operator allows beside the public ones.
    People { allowed: Arc<[IpNet]> },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the address has to begin with https://")]
    Scheme,
    #[error("the address may not hold a user name or password")]
    Credentials,
    #[error("the address has no host")]
    NoHost,
    #[error("{0} leads to this machine or its network; nothing is sent there")]
    Inner(String),
    #[error(
        "this is not the address of a Discord webhook: https://discord.com/api/webhooks/… as Discord shows it under \
         Server Settings › Integrations › Webhooks"
    )]
    NoWebhook,
}

impl Reach {
    pub fn allows(&self, address: IpAddr) -> bool {
        match self {
            Reach::Operator => !is_of_the_host(address),
            Reach::People { allowed } => is_public(address) || allowed.iter().any(|network| network.contains(&address)),
        }
    }

    /// All that can be said before a name is resolved.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        match (self, url.scheme()) {
            (_, "https") | (Reach::Operator, "http") => {}
            (Reach::People { allowed }, "http") if is_number_in(url, allowed) => {}
            _ => return Err(Refused::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let address = match url.host() {
            None => return Err(Refused::NoHost),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
            Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
        };
        // The client does not resolve what is no name.
        if self.allows(address) { Ok(()) } else { Err(Refused::Inner(address.to_string())) }
    }
}

impl Reach {
    /// The same, and where a name leads to at this moment. A name that leads nowhere is not judged; it is at the
    /// connection.
    pub async fn check_now(&self, url: &Url) -> Result<(), Refused> {
        self.check(url)?;
        let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
        let found = tokio::time::timeout(LOOK_UP, tokio::net::lookup_host((name, 0))).await;
        let Ok(Ok(found)) = found else { return Ok(()) };
        let found: Vec<SocketAddr> = found.collect();
        let leads_in = !found.is_empty() && found.iter().all(|at| !self.allows(at.ip()));
        if leads_in { Err(Refused::Inner(name.to_owned())) } else { Ok(()) }
    }
}

/// Whether the host is written as a number, of one of these networks.
fn is_number_in(url: &Url, networks: &[IpNet]) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
        Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
        _ => return false,
    };
    networks.iter().any(|network| network.contains(&address))
}

/// For addresses that other people give.
#[derive(Clone, Debug)]
pub struct GuardedClient {
    http: Client,
    reach: Reach,
}

impl GuardedClient {
    pub fn new(allowed: impl Into<Arc<[IpNet]>>, timeout: Duration) -> Result<Self, reqwest::Error> {
        let reach = Reach::People { allowed: allowed.into() };
        // A proxy would resolve the name by itself.
        let http = guarded(&reach).no_proxy().timeout(timeout).build()?;
        Ok(Self { http, reach })
    }

    pub fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, Refused> {
        self.reach.check(url)?;
        Ok(self.http.request(method, url.clone()))
    }
}

/// The clients of this keep to `reach`, as far as names are concerned. There is no other way to a client.
pub(super) fn guarded(reach: &Reach) -> ClientBuilder {
    super::http::builder().dns_resolver(Arc::new(Resolver { reach: reach.clone() })).redirect(Redirects::none())
}

struct Resolver {
    reach: Reach,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (allowed, others): (Vec<SocketAddr>, Vec<SocketAddr>) = found.partition(|at| reach.allows(at.ip()));
            if allowed.is_empty() && !others.is_empty() {
                return Err(Refused::Inner(name.as_str().to_owned()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// A Discord webhook, taken from its address. Requests go to an address that is made from these two.
#[derive(Clone)]
pub struct WebhookAddress {
    pub id: i64,
    pub token: SecretString,
}

impl fmt::Debug for WebhookAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookAddress").field("id", &self.id).finish_non_exhaustive()
    }
}

const WEBHOOK_HOSTS: [&str; 6] = [
    "discord.com",
    "ptb.discord.com",
    "canary.discord.com",
    "discordapp.com",
    "ptb.discordapp.com",
    "canary.discordapp.com",
];

impl WebhookAddress {
    /// `https://discord.com/api/webhooks/<id>/<token>`, with or without the version of the API.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let url = Url::parse(text.trim()).map_err(|_| Refused::NoWebhook)?;
        let plain = url.scheme() == "https"
            && url.username().is_empty()
            && url.password().is_none()
            && url.port().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let ours = matches!(url.host(), Some(Host::Domain(host)) if WEBHOOK_HOSTS.contains(&host));
        let parts: Vec<&str> = url.path_segments().map(Iterator::collect).unwrap_or_default();
        let (id, token) = match parts.as_slice() {
            ["api", "webhooks", id, token] => (*id, *token),
            ["api", version, "webhooks", id, token] if is_version(version) => (*id, *token),
            _ => return Err(Refused::NoWebhook),
        };
        let digits = (17..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
        let shaped = (60..=100).contains(&token.len()) && token.chars().all(is_token_letter);
        match id.parse() {
            Ok(id) if plain && ours && digits && shaped => Ok(Self { id, token: token.into() }),
            _ => Err(Refused::NoWebhook),
        }
    }
}

fn is_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

fn is_token_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')
}

/// The path of a webhook. Letters that no token has are left out: what is stored cannot lead elsewhere.
pub(super) fn webhook_path(id: i64, token: &str) -> String {
    format!("/webhooks/{id}/{}", token.chars().filter(|letter| is_token_letter(*letter)).collect::<String>())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const TOKEN: &str = "abcdefghij-klmnopqrst_uvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcd";

    #[test]
    fn only_discords_own_webhooks_are_webhooks() {
        for host in WEBHOOK_HOSTS {
            for path in ["api/webhooks", "api/v10/webhooks"] {
                let webhook =
                    WebhookAddress::parse(&format!("https://{host}/{path}/118000000000000001/{TOKEN}")).unwrap();
                assert_eq!((webhook.id, webhook.token.expose_secret()), (118_000_000_000_000_001, TOKEN));
                assert!(!format!("{webhook:?}").contains(TOKEN));
            }
        }
        for odd in [
            "http://discord.com/api/webhooks/118000000000000001/T",
            "https://discord.com.evil.example/api/webhooks/118000000000000001/T",
            "https://evil.example/discord.com/api/webhooks/118000000000000001/T",
            "https://discord.com@evil.example/api/webhooks/118000000000000001/T",
            "https://user@discord.com/api/webhooks/118000000000000001/T",
            "https://discord.com:8443/api/webhooks/118000000000000001/T",
            "https://xdiscord.com/api/webhooks/118000000000000001/T",
            "https://discord.com/api/webhooks/118000000000000001/T/../../users",
            "https://discord.com/api/webhooks/118000000000000001/T?wait=true",
            "https://discord.com/api/webhooks/118000000000000001/T#x",
            "https://discord.com/api/vX/webhooks/118000000000000001/T",
            "https://discord.com/api/webhooks/1/T",
            "https://discord.com/api/webhooks/118000000000000001/short",
            "https://127.0.0.1/api/webhooks/118000000000000001/T",
            "discord.com/api/webhooks/118000000000000001/T",
            "",
        ] {
            let odd = odd.replace("/T", &format!("/{TOKEN}"));
            assert_eq!(WebhookAddress::parse(&odd).err(), Some(Refused::NoWebhook), "{odd}");
        }
    }

    #[test]
    fn a_stored_token_leads_nowhere_else() {
        assert_eq!(webhook_path(7, "../../users/@me?x=#"), "/webhooks/7/usersmex");
        assert_eq!(webhook_path(7, TOKEN), format!("/webhooks/7/{TOKEN}"));
    }

    #[test]
    fn addresses_that_are_no_names_are_judged_at_once() {
        let people = Reach::People { allowed: Arc::from([]) };
        let check = |reach: &Reach, text: &str| reach.check(&Url::parse(text).unwrap());
        assert_eq!(check(&people, "https://example.org/hook"), Ok(()));
        assert_eq!(check(&people, "http://example.org/hook"), Err(Refused::Scheme));
        assert_eq!(check(&people, "https://u:p@example.org"), Err(Refused::Credentials));
        // The many ways to write this machine's address.
        for inner in
            ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]", "169.254.169.254"]
        {
            let outcome = check(&people, &format!("https://{inner}/"));
            assert!(matches!(outcome, Err(Refused::Inner(_))), "{inner}: {outcome:?}");
        }
        let allowed = Reach::People { allowed: Arc::from(["10.0.0.0/8".parse().unwrap()]) };
        assert_eq!(check(&allowed, "https://10.0.0.7/"), Ok(()));
        assert_eq!(check(&allowed, "http://10.0.0.7/"), Ok(()));
        assert_eq!(check(&allowed, "http://10.0.0.7.nip.io/"), Err(Refused::Scheme));
        assert_eq!(check(&allowed, "http://1.1.1.1/"), Err(Refused::Scheme));
        assert!(check(&allowed, "https://10.0.0.7.nip.io/").is_ok(), "names are judged at the connection");
        assert!(check(&Reach::Operator, "http://127.0.0.1:4000").is_ok());
        assert!(check(&Reach::Operator, "http://169.254.169.254/").is_err());
    }
}
