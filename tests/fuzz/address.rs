//! Addresses that people give: none leads inside, however it is written.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use signalbox::config::address::{is_of_the_host, is_public};
use signalbox::source::party::{invite, webhook};
use signalbox::upstream::guard::{Reach, WebhookAddress};
use url::{Host, Url};

use crate::harness::{fuzz, text};

/// Networks that are nobody's on the internet, as the registries of IANA list them.
const INSIDE: [&str; 22] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
    "2001:db8::/32",
    "::ffff:10.0.0.0/104",
    "::ffff:127.0.0.0/104",
    "64:ff9b::7f00:0/104",
];

fn is_inside(address: IpAddr) -> bool {
    INSIDE.iter().any(|network| network.parse::<IpNet>().unwrap().contains(&address))
}

#[test]
fn guard() {
    let people = Reach::People { allowed: Arc::from([]) };
    let one = Reach::People { allowed: Arc::from(["10.1.0.0/16".parse().unwrap()]) };
    let words = [
        "https://",
        "http://",
        "HTTPS:\\\\",
        "@",
        ":",
        "/",
        "%2e",
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "10.1.2.3",
        "169.254.169.254",
        "localhost",
        "example.org",
        "。",
        "①",
        "#",
        "?",
        ".",
    ];
    fuzz("guard", &words, |bytes| {
        let text = text(bytes);
        let Ok(url) = Url::parse(&text) else { return };
        let number = match url.host() {
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
            _ => None,
        };
        if people.check(&url).is_ok() {
            assert!(url.scheme() == "https" && url.username().is_empty() && url.password().is_none() && url.has_host());
            assert!(number.is_none_or(|address| is_public(address) && !is_inside(address)), "{url}");
        }
        if one.check(&url).is_ok() {
            let own: IpNet = "10.1.0.0/16".parse().unwrap();
            let is_own = number.is_some_and(|address| own.contains(&address));
            assert!(is_own || people.check(&url).is_ok(), "{url}");
        }
        if Reach::Operator.check(&url).is_ok() {
            assert!(number.is_none_or(|address| !is_of_the_host(address)), "{url}");
        }
    });
}

/// Any address at all, by its bytes.
#[test]
fn networks() {
    fuzz("networks", &["\u{7f}\0\0\u{1}", "\n\0\0\u{1}", "::1", "fe80::1", "::ffff:127.0.0.1"], |bytes| {
        let mut addresses: Vec<IpAddr> = text(bytes).parse().into_iter().collect();
        addresses.extend(bytes.first_chunk::<4>().map(|four| IpAddr::from(*four)));
        addresses.extend(bytes.first_chunk::<16>().map(|sixteen| IpAddr::from(*sixteen)));
        for address in addresses {
            assert!(!(is_public(address) && is_inside(address)), "{address}");
            assert!(!(is_public(address) && is_of_the_host(address)), "{address}");
            if let IpAddr::V4(v4) = address {
                let mapped = IpAddr::V6(v4.to_ipv6_mapped());
                assert_eq!(is_public(mapped), is_public(address), "{address}");
                assert_eq!(is_of_the_host(mapped), is_of_the_host(address), "{address}");
            }
        }
    });
}

#[test]
fn discord_addresses() {
    let words = [
        "https://discord.com",
        "/api/webhooks/",
        "/api/v10/webhooks/",
        "914986636629143562",
        "@evil.example",
        ":443",
        "?x",
        "#y",
        "/..",
        "https://discord.gg/",
        "https://discord.com/invite/",
    ];
    fuzz("discord_addresses", &words, |bytes| {
        let text = text(bytes);
        let host = Url::parse(text.trim()).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let is_theirs = |host: &str| {
            ["discord.com", "discordapp.com", "discord.gg"]
                .iter()
                .any(|own| host == *own || host.ends_with(&format!(".{own}")))
        };
        assert!(WebhookAddress::parse(&text).is_err() || is_theirs(&host), "{text}");
        assert!(webhook(&text).is_none() || is_theirs(&host), "{text}");
        if let Some(link) = invite(&text) {
            assert!(is_theirs(Url::parse(&link).unwrap().host_str().unwrap()), "{link}");
            assert_eq!(invite(&link).as_deref(), Some(link.as_str()), "as it should be linked");
        }
    });
}
