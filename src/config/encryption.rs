//! The keys under which secrets are encrypted in the database.

use secrecy::SecretString;

use super::reader::Reader;
use super::value::items;
use super::variable::{Section, Variable};
use crate::crypto::check_key;

#[derive(Clone, Debug, Default)]
pub struct EncryptionConfig {
    /// `None`: one is made and kept in the data directory.
    pub key: Option<SecretString>,
    /// Keys that were replaced, which still open what they sealed.
    pub old: Vec<SecretString>,
}

pub(super) static SECTION: Section = Section {
    title: "Encryption",
    about: "Webhook tokens and generated secrets are encrypted in the database. To replace the key: the new one in \
            ENCRYPTION_KEY, the old one in ENCRYPTION_KEYS_OLD, restart, then signalbox secrets rotate.",
    variables: &[
        Variable::new(
            "ENCRYPTION_KEY",
            "The key, 32 random bytes in base64 (openssl rand -base64 32). When unset, one is made and kept as \
             encryption.key in the data directory: keep it with your backups, and give it to every process.",
            "",
        )
        .secret(),
        Variable::new("ENCRYPTION_KEYS_OLD", "Keys that were replaced, separated by commas.", "").secret(),
    ],
};

pub(super) fn read(r: &mut Reader) -> Option<EncryptionConfig> {
    let key = r.secret("ENCRYPTION_KEY", check_key);
    let mut old = Vec::new();
    let checked = r.secret("ENCRYPTION_KEYS_OLD", |text| {
        for (n, item) in items(text).enumerate() {
            check_key(item).map_err(|should| format!("key {}: {should}", n + 1))?;
            old.push(SecretString::from(item));
        }
        Ok(())
    });
    if checked.is_none() {
        old.clear();
    }
    Some(EncryptionConfig { key, old })
}
