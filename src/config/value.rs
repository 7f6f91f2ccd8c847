//! Parsers of single values. Each error continues the sentence `NAME: …` and says what the value
//! should look like; none quotes the value.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use url::{Host, Url};

use super::address::is_of_the_host;

pub(super) type Parsed<T> = Result<T, String>;

/// Paths of the web server that answer something else.
const TAKEN_PATHS: &[&str] = &["/", "/health", "/healthz", "/readyz", "/metrics"];

pub(super) fn boolean(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("should be true or false".into()),
    }
}

/// A whole number within the range, both ends included.
pub(super) fn integer<T: FromStr + PartialOrd + std::fmt::Display>(
    range: RangeInclusive<T>,
) -> impl FnOnce(&str) -> Parsed<T> {
    move |text| match text.parse::<T>() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(format!("should be a whole number from {} to {}", range.start(), range.end())),
    }
}

/// A Discord id: 15 to 19 digits, such as `914986636629143562`.
pub(super) fn snowflake(text: &str) -> Option<i64> {
    let digits = (15..=19).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

pub(super) fn snowflake_of<T: From<u64>>(what: &str) -> impl FnOnce(&str) -> Parsed<T> {
    move |text| match snowflake(text) {
        Some(id) => Ok(T::from(id.unsigned_abs())),
        None => Err(format!("should be the id of {what}, 15 to 19 digits, such as 914986636629143562")),
    }
}

/// The items of a comma-separated list, trimmed, the empty ones left out.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// A list of ids separated by commas; the error says which one is wrong.
pub(super) fn snowflakes<T: From<u64>>(what: &str) -> impl FnOnce(&str) -> Parsed<Vec<T>> {
    move |text| {
        let parse = |(i, item): (usize, &str)| match snowflake(item) {
            Some(id) => Ok(T::from(id.unsigned_abs())),
            None => Err(format!("{} (item {}) is not the id of {what}, which has 15 to 19 digits", named(item), i + 1)),
        };
        items(text).enumerate().map(parse).collect()
    }
}

/// A list item as it may be shown: quoted when it is short enough not to be a secret.
pub(super) fn named(item: &str) -> String {
    if item.chars().count() <= 24 { format!("{item:?}") } else { "a long text".into() }
}

pub(super) fn ip_address(text: &str) -> Parsed<IpAddr> {
    text.parse().map_err(|_| "should be an IP address, such as 127.0.0.1 or 0.0.0.0 for every interface".into())
}

/// Networks such as `10.0.0.0/8`; a lone address is a network of one.
pub(super) fn networks(text: &str) -> Parsed<Vec<IpNet>> {
    let parse = |(i, item): (usize, &str)| {
        let net = item.parse::<IpNet>().ok().or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from));
        let should = "should be addresses or networks separated by commas, such as 127.0.0.1,10.0.0.0/8";
        net.ok_or_else(|| format!("{should}; item {} is neither", i + 1))
    };
    items(text).enumerate().map(parse).collect()
}

/// An `http` or `https` address without credentials, query or fragment. The path may stay.
pub(super) fn http_url(text: &str) -> Parsed<Url> {
    let should = || "should be an address such as https://example.org".to_owned();
    let url = Url::parse(text).map_err(|_| should())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(should());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("should not hold a user name or password".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("should end before ? and #".into());
    }
    let address = match url.host() {
        Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
        Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
        _ => None,
    };
    if address.is_some_and(is_of_the_host) {
        return Err("should not be a link-local address: what answers there is this machine's own host".into());
    }
    Ok(url)
}

/// As [`http_url`], with no path either.
pub(super) fn http_origin(text: &str) -> Parsed<Url> {
    let url = http_url(text)?;
    if url.path() == "/" { Ok(url) } else { Err("should be scheme and host only, such as https://discord.com".into()) }
}

/// True for this machine: `localhost`, 127.0.0.0/8, ::1.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// `500ms`, `5s`, `2m`, `1h`, `1d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..split].parse().ok()?;
    let seconds = |per: u64| number.checked_mul(per).map(Duration::from_secs);
    match &text[split..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        "d" => seconds(86_400),
        _ => None,
    }
}

/// A path of the web server.
pub(super) fn web_path(example: &str) -> impl FnOnce(&str) -> Parsed<String> {
    move |text| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
        if !text.starts_with('/') || text.contains("//") || !text.bytes().all(plain) {
            return Err(format!("should begin with / and hold letters, digits and - _ . ~ only, such as {example}"));
        }
        if TAKEN_PATHS.contains(&text) {
            return Err(format!("is the path of another page of this server; take one such as {example}"));
        }
        Ok(text.to_owned())
    }
}

pub(super) fn path(text: &str) -> Parsed<PathBuf> {
    Ok(PathBuf::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RoleId;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Some(Duration::from_secs(120)));
        assert_eq!(duration("1d"), Some(Duration::from_secs(86_400)));
        for wrong in ["5", "s", "", "5 s", "-1s", "1.5h", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn snowflakes_are_named_when_wrong() {
        let parsed = snowflakes::<RoleId>("a role")("914986636629143562, 914986636629143563,");
        assert_eq!(parsed, Ok(vec![RoleId(914_986_636_629_143_562), RoleId(914_986_636_629_143_563)]));
        let wrong = snowflakes::<RoleId>("a role")("914986636629143562,@admins").unwrap_err();
        assert_eq!(wrong, r#""@admins" (item 2) is not the id of a role, which has 15 to 19 digits"#);
        assert_eq!(snowflake("9999999999999999999"), None, "larger than a signed 64-bit number");
    }

    #[test]
    fn addresses_hold_no_more_than_an_address() {
        assert!(http_origin("https://discord.com/").is_ok());
        assert!(http_url("http://localhost:20437/base").is_ok());
        let inner = "http://169.254.169.254/latest";
        for wrong in ["discord.com", "ftp://x", "https://u:p@x", "https://x/?a=1", "https://x/#a", inner] {
            assert!(http_url(wrong).is_err(), "{wrong}");
        }
        assert!(http_origin("https://discord.com/api").is_err());
        assert!(is_loopback(&Url::parse("http://[::1]:4000").unwrap()));
        assert!(!is_loopback(&Url::parse("http://10.0.0.1").unwrap()));
    }

    #[test]
    fn networks_may_be_single_addresses() {
        assert_eq!(networks("10.0.0.0/8, ::1").unwrap().len(), 2);
        assert!(networks("10.0.0.0/8,nginx").unwrap_err().ends_with("item 2 is neither"));
    }
}
