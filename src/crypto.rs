//! Secrets at rest: AES-256-GCM under keys that the database does not hold.
//!
//! A sealed value is the text `enc:v1:` and the base64 of key id (1 byte), nonce (12), ciphertext and tag. It
//! is bound to its place (`table:row:column`), so that a value copied into another row does not open there.
//! The first key seals; all of them open.

mod public_key;

pub use public_key::RsaPublicKey;

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

use crate::clock::random_bytes;

/// What a sealed value begins with; no token and no secret of ours does.
pub const SEALED: &str = "enc:v1:";
const NONCE: usize = 12;
const KEY: usize = 32;

/// The keys of this process. Cheap to clone; `Debug` shows none of them.
#[derive(Clone, Default)]
pub struct Keyring(Arc<Vec<Key>>);

struct Key {
    id: u8,
    cipher: RandomizedNonceKey,
    pseudonyms: hmac::Key,
}

/// Why a value cannot be sealed or opened. The texts hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("there is no key to encrypt secrets with: set ENCRYPTION_KEY, or let SIGNALBOX_DATA_DIR be writable")]
    NoKey,
    #[error(
        "{place} was encrypted with another key. Put the key that it was encrypted with into ENCRYPTION_KEY, or into \
         ENCRYPTION_KEYS_OLD when it was replaced; nothing was changed"
    )]
    WrongKey { place: String },
    #[error("{place} is not what was encrypted: it was altered, or moved from another row; nothing was changed")]
    Altered { place: String },
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.0.len())
    }
}

impl Keyring {
    /// The newest key first. Each is the base64 of 32 bytes.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a SecretString>) -> Result<Self, String> {
        let keys: Result<Vec<Key>, String> =
            keys.into_iter().map(|key| Key::new(&decode(key.expose_secret())?)).collect();
        Ok(Self(Arc::new(keys?)))
    }

    pub fn has_key(&self) -> bool {
        !self.0.is_empty()
    }

    /// Seals under the newest key.
    pub fn seal(&self, place: &str, value: &str) -> Result<String, SecretError> {
        let key = self.0.first().ok_or(SecretError::NoKey)?;
        let mut body = value.as_bytes().to_vec();
        let nonce = key
            .cipher
            .seal_in_place_append_tag(Aad::from(place.as_bytes()), &mut body)
            .map_err(|_| SecretError::NoKey)?;
        let mut bytes = vec![key.id];
        bytes.extend_from_slice(nonce.as_ref());
        bytes.extend_from_slice(&body);
        Ok(format!("{SEALED}{}", STANDARD.encode(bytes)))
    }

    /// The value; one from before there was a key is returned as it is.
    pub fn open(&self, place: &str, stored: &str) -> Result<String, SecretError> {
        let Some(text) = stored.strip_prefix(SEALED) else { return Ok(stored.to_owned()) };
        let altered = || SecretError::Altered { place: place.to_owned() };
        let bytes = STANDARD.decode(text).map_err(|_| altered())?;
        let [id, rest @ ..] = bytes.as_slice() else { return Err(altered()) };
        let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or_else(altered)?;
        let mut keys = self.0.iter().filter(|key| key.id == *id).peekable();
        if keys.peek().is_none() {
            return Err(SecretError::WrongKey { place: place.to_owned() });
        }
        // Two keys may share an id: whichever opens it.
        let opened = keys.find_map(|key| {
            let mut body = sealed.to_vec();
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let plain = key.cipher.open_in_place(nonce, Aad::from(place.as_bytes()), &mut body).ok()?;
            String::from_utf8(plain.to_vec()).ok()
        });
        opened.ok_or_else(altered)
    }

    /// Whether a stored value is to be written anew: it is plain, or sealed under an older key.
    pub fn is_outdated(&self, stored: &str) -> bool {
        let Some(newest) = self.0.first() else { return false };
        let id = stored.strip_prefix(SEALED).and_then(|text| STANDARD.decode(text).ok()?.first().copied());
        id != Some(newest.id)
    }

    /// The same name for the same value, from which the value cannot be found without the key.
    pub fn pseudonym(&self, value: &str) -> Result<String, SecretError> {
        let key = self.0.first().ok_or(SecretError::NoKey)?;
        Ok(hex::encode(hmac::sign(&key.pseudonyms, value.as_bytes())))
    }
}

impl Key {
    fn new(bytes: &[u8; KEY]) -> Result<Self, String> {
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| "is not a key for AES-256")?;
        let derive = |purpose: &[u8]| digest::digest(&digest::SHA256, &[purpose, bytes.as_slice()].concat());
        let id = derive(b"signalbox key id").as_ref()[0];
        let pseudonyms = hmac::Key::new(hmac::HMAC_SHA256, derive(b"signalbox pseudonyms").as_ref());
        Ok(Self { id, cipher, pseudonyms })
    }
}

/// What is wrong with a key, as the end of a sentence that begins with its name.
pub fn check_key(text: &str) -> Result<(), String> {
    decode(text).map(|_| ())
}

fn decode(text: &str) -> Result<[u8; KEY], String> {
    let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| "should be 32 random bytes in base64, as `openssl rand -base64 32` prints them".into())
}

/// The key kept in this file, made at the first call. Two processes agree on the first.
pub fn key_file(path: &Path) -> io::Result<SecretString> {
    match fs::read_to_string(path) {
        Ok(text) => return Ok(SecretString::from(text.trim())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    let unfinished = path.with_extension(format!("new-{}", hex::encode(random_bytes::<4>())));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        writeln!(file, "{}", STANDARD.encode(random_bytes::<KEY>()))?;
        file.sync_all()
    })();
    // A link, not a rename: it fails where another process was first.
    let linked = written.and_then(|()| fs::hard_link(&unfinished, path));
    let _ = fs::remove_file(&unfinished);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(SecretString::from(fs::read_to_string(path)?.trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SecretString {
        STANDARD.encode([byte; KEY]).into()
    }

    #[test]
    fn a_value_opens_only_in_its_place_and_under_its_key() {
        let ring = Keyring::new([&key(1)]).unwrap();
        let sealed = ring.seal("setting:7/a:value", "hush").unwrap();
        assert!(sealed.starts_with(SEALED) && !sealed.contains("hush"));
        assert_eq!(ring.open("setting:7/a:value", &sealed).unwrap(), "hush");
        assert!(matches!(ring.open("setting:8/a:value", &sealed), Err(SecretError::Altered { .. })));
        let other = Keyring::new([&key(2)]).unwrap();
        assert!(matches!(other.open("setting:7/a:value", &sealed), Err(SecretError::WrongKey { .. })));
        assert_eq!(ring.open("anywhere", "from before").unwrap(), "from before");
        assert_eq!(Keyring::default().seal("anywhere", "x"), Err(SecretError::NoKey));
    }

    #[test]
    fn a_replaced_key_still_opens_and_its_values_are_outdated() {
        let old = Keyring::new([&key(1)]).unwrap().seal("p", "hush").unwrap();
        let both = Keyring::new([&key(2), &key(1)]).unwrap();
        assert_eq!(both.open("p", &old).unwrap(), "hush");
        assert!(both.is_outdated(&old) && both.is_outdated("plain"));
        assert!(!both.is_outdated(&both.seal("p", "hush").unwrap()));
    }

    #[test]
    fn altered_bytes_do_not_open() {
        let ring = Keyring::new([&key(1)]).unwrap();
        let sealed = ring.seal("p", "hush").unwrap();
        for cut in [SEALED.len(), SEALED.len() + 8, sealed.len() - 8] {
            assert!(ring.open("p", &sealed[..cut]).is_err());
        }
        assert!(check_key("c2hvcnQ=").is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", Keyring::new([&key(1)]).unwrap()), "Keyring(1 keys)");
    }
}
