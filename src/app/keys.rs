//! The keys for secrets at rest: those of the configuration, else the one kept in the data directory.

use anyhow::{Context as _, Result};

use crate::config::Config;
use crate::crypto::{Keyring, key_file};
use crate::store::embedded::default_data_dir;

const FILE: &str = "encryption.key";

/// The newest key first. Without a place for a key there is none, which the log says: then no secret can be
/// stored or read.
pub fn keyring(config: &Config) -> Result<Keyring> {
    let encryption = &config.encryption;
    let mut keys = Vec::new();
    match &encryption.key {
        Some(key) => keys.push(key.clone()),
        None => {
            let dir = config.store.data_dir.clone().unwrap_or_else(default_data_dir);
            let path = dir.join(FILE);
            let made = std::fs::create_dir_all(&dir).and_then(|()| key_file(&path));
            let elsewhere = config.store.database_url.is_some();
            match made {
                Ok(key) => {
                    keys.push(key);
                    if elsewhere {
                        tracing::warn!(
                            path = %path.display(),
                            "ENCRYPTION_KEY is not set: secrets in the database are encrypted with a key of this machine. \
                             Set ENCRYPTION_KEY to the content of this file on every machine that uses the database"
                        );
                    }
                }
                Err(error) if elsewhere => tracing::warn!(
                    path = %path.display(),
                    %error,
                    "ENCRYPTION_KEY is not set and no key can be kept in the data directory: Signalbox can store no \
                     secret. Set ENCRYPTION_KEY (openssl rand -base64 32)"
                ),
                Err(error) => {
                    return Err(error).with_context(|| format!("the encryption key {} cannot be kept", path.display()));
                }
            }
        }
    }
    keys.extend(encryption.old.iter().cloned());
    Keyring::new(&keys).map_err(|should| anyhow::anyhow!("a key in {} {should}", FILE))
}
