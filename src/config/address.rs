//! Which addresses are everybody's, and which are this machine's or its network's. By the registries of
//! <https://www.iana.org/assignments/iana-ipv4-special-registry> and the one of IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address of the public internet: nothing that only this machine or its network can reach.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match inside(v6) {
            Some(v4) => is_public_v4(v4),
            None => is_public_v6(v6),
        },
    }
}

/// Link-local addresses, where clouds answer with the credentials of the machine, and their like outside of
/// that range. No system that an operator means is there.
pub fn is_of_the_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local() || v4 == Ipv4Addr::new(100, 100, 100, 200) || v4 == Ipv4Addr::new(168, 63, 129, 16)
        }
        IpAddr::V6(v6) => match inside(v6) {
            Some(v4) => is_of_the_host(IpAddr::V4(v4)),
            None => v6.is_unicast_link_local() || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        },
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let special = v4.is_private()
        || v4.is_loopback()
        || v4.is_documentation()
        || v4.is_broadcast()
        || v4.is_multicast()
        || is_of_the_host(IpAddr::V4(v4))
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [a, b, c, ..] = v6.segments();
    // Only 2000::/3 is given out; within it Teredo, benchmarks, ORCHID, documentation and SRv6 are not.
    let given_out = a & 0xe000 == 0x2000;
    let special = (a == 0x2001 && (b == 0 || b == 2 && c == 0 || b & 0xffe0 == 0x20 || b == 0xdb8))
        || (a == 0x3fff && b < 0x1000);
    given_out && !special
}

/// The IPv4 address that an IPv6 one stands for: mapped, compatible, NAT64, 6to4.
fn inside(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let of = |high: u16, low: u16| {
        let ([w, x], [y, z]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(w, x, y, z))
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => of(g, h),
        // :: and ::1 are no IPv4 addresses.
        (0, 0, 0, 0, 0, 0) if g != 0 => of(g, h),
        (0x2002, ..) => of(b, c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn what_only_this_network_reaches_is_not_public() {
        for inner in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "2001::1",
            "2001:db8::1",
            "2001:20::1",
            "100::1",
            "3fff::1",
        ] {
            assert!(!public(inner), "{inner}");
        }
    }

    #[test]
    fn what_is_everybodys_is_public() {
        for outer in [
            "1.1.1.1",
            "162.159.128.233",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "11.0.0.1",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:1.1.1.1",
            "2002:101:101::1",
            "2001:4860::1",
        ] {
            assert!(public(outer), "{outer}");
        }
    }

    #[test]
    fn an_operators_own_network_is_not_the_hosts() {
        let of_the_host = |text: &str| is_of_the_host(text.parse().unwrap());
        assert!(of_the_host("169.254.169.254") && of_the_host("fe80::1") && of_the_host("::ffff:169.254.169.254"));
        assert!(
            !of_the_host("127.0.0.1") && !of_the_host("10.0.0.1") && !of_the_host("::1") && !of_the_host("fd00::1")
        );
    }
}
