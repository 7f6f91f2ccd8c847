//! Asks a Signalbox on this machine how it is: for `signalbox healthcheck`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::guard::{Reach, guarded};

/// What it answered.
#[derive(Debug)]
pub struct OwnHealth {
    pub is_good: bool,
    /// The body as it came, or what kept it from coming.
    pub words: String,
}

/// `GET` of a path at the address that the configuration binds.
pub async fn ask(bind: IpAddr, port: u16, path: &str, timeout: Duration) -> OwnHealth {
    // Every interface: this machine's own among them.
    let ip = match bind {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let url = format!("http://{}{path}", SocketAddr::new(ip, port));
    let asked = async {
        let client = guarded(&Reach::Operator).no_proxy().timeout(timeout).build()?;
        let answer = client.get(&url).send().await?;
        let is_good = answer.status().is_success();
        Ok::<_, reqwest::Error>(OwnHealth { is_good, words: answer.text().await? })
    };
    asked.await.unwrap_or_else(|error| {
        let why = if error.is_connect() { "nothing listens there" } else { "no answer in time" };
        OwnHealth { is_good: false, words: format!("{url}: {why}") }
    })
}
