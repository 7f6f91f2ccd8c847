//! The known hosts file, as OpenSSH reads it (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): names, `[name]:port`, patterns with
//! `*`, `?` and `!`, hashed names, and the marker `@revoked`. Certificate authorities are passed over: a host is known by its
//! own key.

use std::path::Path;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::SshError;

const USUAL_PORT: u16 = 22;

/// The lines about one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHosts {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// From 1.
    line: usize,
    is_revoked: bool,
    algorithm: String,
    key: Vec<u8>,
}

/// What the file says of a key that a host shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    Known,
    /// It has another key of this kind.
    Changed {
        line: usize,
    },
    Revoked {
        line: usize,
    },
    Unknown,
}

impl KnownHosts {
    pub async fn read(file: &Path, host: &str, port: u16) -> Result<Self, SshError> {
        let text = tokio::fs::read(file).await;
        let text = text.map_err(|error| SshError::KnownHosts { file: file.to_owned(), why: error.to_string() })?;
        Ok(Self::about(&String::from_utf8_lossy(&text), host, port))
    }

    /// Lines that cannot be read are passed over, as OpenSSH does.
    pub fn about(text: &str, host: &str, port: u16) -> Self {
        let host = host.to_ascii_lowercase();
        let name = if port == USUAL_PORT { host } else { format!("[{host}]:{port}") };
        let entries = text.lines().enumerate().filter_map(|(at, line)| entry(at + 1, line, &name));
        Self { entries: entries.collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.iter().all(|entry| entry.is_revoked)
    }

    /// Whether the host is known by a key of this kind.
    pub fn has(&self, algorithm: &str) -> bool {
        self.entries.iter().any(|entry| !entry.is_revoked && entry.algorithm == algorithm)
    }

    pub fn judge(&self, algorithm: &str, key: &[u8]) -> Judgement {
        let same = |entry: &&Entry| entry.key == key;
        if let Some(entry) = self.entries.iter().filter(same).find(|entry| entry.is_revoked) {
            return Judgement::Revoked { line: entry.line };
        }
        if self.entries.iter().any(|entry| same(&entry)) {
            return Judgement::Known;
        }
        let other = self.entries.iter().find(|entry| !entry.is_revoked && entry.algorithm == algorithm);
        other.map_or(Judgement::Unknown, |entry| Judgement::Changed { line: entry.line })
    }
}

fn entry(number: usize, line: &str, name: &str) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace();
    let mut hosts = words.next().filter(|word| !word.starts_with('#'))?;
    let marker = hosts.strip_prefix('@');
    if marker.is_some() {
        hosts = words.next()?;
    }
    let (algorithm, key) = (words.next()?, words.next()?);
    let is_revoked = match marker {
        None => false,
        Some("revoked") => true,
        Some(_) => return None,
    };
    let key = BASE64.decode(key).ok()?;
    is_meant(hosts, name).then(|| Entry { line: number, is_revoked, algorithm: algorithm.to_owned(), key })
}

/// One pattern has to fit, and none of those with `!`.
fn is_meant(patterns: &str, name: &str) -> bool {
    let mut is_meant = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(not) if fits(not, name) => return false,
            Some(_) => {}
            None => is_meant |= fits(pattern, name),
        }
    }
    is_meant
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("|1|") {
        Some(hashed) => is_hash_of(hashed, name),
        None => like(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes()),
    }
}

/// `<salt>|<HMAC-SHA1 of the name under the salt>`, both in base64.
fn is_hash_of(hashed: &str, name: &str) -> bool {
    let Some((salt, hash)) = hashed.split_once('|') else { return false };
    let (Ok(salt), Ok(hash)) = (BASE64.decode(salt), BASE64.decode(hash)) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
    hmac::verify(&key, name.as_bytes(), &hash).is_ok()
}

/// `*` is anything, `?` one character. In time that grows with the product of the lengths at most.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on when it does not fit: behind the last star, with one more character taken by it.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(letter) if *letter == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((behind, taken)) => {
                    star = Some((behind, taken + 1));
                    (p, t) = (behind, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    fn judge(text: &str, host: &str, port: u16) -> Judgement {
        KnownHosts::about(text, host, port).judge("ssh-ed25519", &BASE64.decode(KEY).unwrap())
    }

    #[test]
    fn a_host_is_known_by_name_and_port() {
        let text = format!(
            "# ours\n\ngame.example.org,10.0.0.7 ssh-ed25519 {KEY} a comment\n[other.org]:2222\tssh-ed25519\t{KEY}\n"
        );
        assert_eq!(judge(&text, "game.example.org", 22), Judgement::Known);
        assert_eq!(judge(&text, "GAME.example.org", 22), Judgement::Known);
        assert_eq!(judge(&text, "10.0.0.7", 22), Judgement::Known);
        assert_eq!(judge(&text, "other.org", 2222), Judgement::Known);
        for (host, port) in [("game.example.org", 2222), ("other.org", 22), ("example.org", 22)] {
            assert_eq!(judge(&text, host, port), Judgement::Unknown, "{host}:{port}");
        }
    }

    #[test]
    fn patterns_and_exceptions() {
        let text = format!("*.example.org,!old.example.org,10.0.?.7 ssh-ed25519 {KEY}\n");
        assert_eq!(judge(&text, "a.b.example.org", 22), Judgement::Known);
        assert_eq!(judge(&text, "10.0.5.7", 22), Judgement::Known);
        assert_eq!(judge(&text, "old.example.org", 22), Judgement::Unknown);
        assert_eq!(judge(&text, "example.org", 22), Judgement::Unknown);
        assert!(!like("*a".repeat(40).as_bytes(), "a".repeat(39).as_bytes()), "and at once");
    }

    /// Made by `ssh-keygen -H`.
    #[test]
    fn hashed_names() {
        let salt = BASE64.encode([7; 20]);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &[7; 20]);
        let hash = BASE64.encode(hmac::sign(&key, b"[game.example.org]:2222"));
        let text = format!("|1|{salt}|{hash} ssh-ed25519 {KEY}\n|1|nonsense ssh-ed25519 {KEY}\n");
        assert_eq!(judge(&text, "game.example.org", 2222), Judgement::Known);
        assert_eq!(judge(&text, "game.example.org", 22), Judgement::Unknown);
    }

    #[test]
    fn another_key_of_the_same_kind_is_a_change() {
        let text = format!("h ecdsa-sha2-nistp256 {KEY}x\nh ssh-ed25519 {OTHER}\n");
        assert_eq!(judge(&text, "h", 22), Judgement::Changed { line: 2 });
        assert_eq!(judge(&format!("{text}h ssh-ed25519 {KEY}\n"), "h", 22), Judgement::Known, "it may have several");
        assert_eq!(judge(&format!("h ecdsa-sha2-nistp256 {OTHER}\n"), "h", 22), Judgement::Unknown);
    }

    #[test]
    fn what_is_revoked_is_not_believed_whatever_else_is_said() {
        let text =
            format!("h ssh-ed25519 {KEY}\n@revoked * ssh-ed25519 {KEY}\n@cert-authority h ssh-ed25519 {OTHER}\n");
        assert_eq!(judge(&text, "h", 22), Judgement::Revoked { line: 2 });
        assert!(!KnownHosts::about(&text, "h", 22).is_empty());
        assert!(KnownHosts::about(&format!("@revoked h ssh-ed25519 {KEY}"), "h", 22).is_empty());
    }
}
