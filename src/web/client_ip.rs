//! Who is asking: the peer's address, or what a trusted proxy says of it.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The client's address. `X-Forwarded-For` counts only from a trusted peer, and then from the right,
/// past further trusted proxies: what stands left of that, the client itself could have written.
pub fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    if !is_trusted(&peer) {
        return peer;
    }
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
    let hops: Vec<&str> = values.flat_map(|v| v.split(',')).map(str::trim).collect();
    let mut client = peer;
    for hop in hops.iter().rev() {
        let Ok(ip) = hop.parse::<IpAddr>() else { break };
        client = ip.to_canonical();
        if !is_trusted(&client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn forwarded(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", text.parse().unwrap());
        headers
    }

    #[test]
    fn a_stranger_cannot_name_itself() {
        assert_eq!(client_ip(ip("9.9.9.9"), &forwarded("1.2.3.4"), &[]), ip("9.9.9.9"));
    }

    #[test]
    fn the_rightmost_untrusted_hop_counts() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let headers = forwarded("6.6.6.6, 1.2.3.4, 10.0.0.2");
        assert_eq!(client_ip(ip("10.0.0.1"), &headers, &trusted), ip("1.2.3.4"));
        assert_eq!(client_ip(ip("::ffff:10.0.0.1"), &headers, &trusted), ip("1.2.3.4"));
        assert_eq!(client_ip(ip("10.0.0.1"), &forwarded("rubbish"), &trusted), ip("10.0.0.1"));
    }
}
