//! Identifiers: Discord snowflakes, base62, and the short reference a person can quote.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Milliseconds of 2015-01-01T00:00:00Z, the epoch of Discord's snowflakes
/// (<https://discord.com/developers/docs/reference#snowflakes>).
const DISCORD_EPOCH_MS: i64 = 1_420_070_400_000;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

macro_rules! snowflake {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
        #[sqlx(transparent)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
        impl From<u64> for $name {
            fn from(id: u64) -> Self {
                Self(id as i64)
            }
        }
    };
}

snowflake!(
    /// A Discord server.
    GuildId
);
snowflake!(
    /// A Discord channel or thread.
    ChannelId
);
snowflake!(
    /// A Discord message.
    MessageId
);
snowflake!(
    /// A Discord user.
    UserId
);
snowflake!(
    /// A Discord role.
    RoleId
);

/// Stands for no server where something belongs to the installation as a whole.
pub const NOBODY: GuildId = GuildId(0);
/// The setting that holds the id by which this installation is told from others.
pub const INSTANCE_SETTING: &str = "instance";

/// The smallest snowflake made at `at`: what `?after=` takes to page from a time.
pub fn snowflake_at(at: DateTime<Utc>) -> i64 {
    (at.timestamp_millis() - DISCORD_EPOCH_MS).max(0) << 22
}

/// When a snowflake was made.
pub fn snowflake_time(id: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis((id >> 22) + DISCORD_EPOCH_MS).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// No UUIDv7 that is made at `at` or later is smaller.
pub fn first_id_at(at: DateTime<Utc>) -> Uuid {
    let milliseconds = u128::try_from(at.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(milliseconds << 80)
}

/// An id that follows from what it names (UUIDv8 of a SHA-256), the same in every process.
pub fn derived(parts: &[&str]) -> Uuid {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, parts.join("\u{1f}").as_bytes());
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    Uuid::new_v8(bytes)
}

/// The source of XTSystems in a server: known before the database was ever asked.
pub fn xtsystems_source(guild_id: GuildId) -> Uuid {
    derived(&["source", &guild_id.to_string(), "xtsystems", "xtsystems"])
}

/// The source of a server's Kick channels.
pub fn kick_source(guild_id: GuildId) -> Uuid {
    derived(&["source", &guild_id.to_string(), "kick", "kick"])
}

/// The source of a server's game server.
pub fn etlegacy_source(guild_id: GuildId) -> Uuid {
    derived(&["source", &guild_id.to_string(), "etlegacy", "etlegacy"])
}

/// As [`derived`], a UUIDv7: in the order of those that are made at about that time.
pub fn derived_at(at: DateTime<Utc>, parts: &[&str]) -> Uuid {
    let mut bits = [0u8; 10];
    bits.copy_from_slice(&derived(parts).as_bytes()[6..]);
    let milliseconds = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &bits).into_uuid()
}

/// The 22 base62 characters of a UUID: a nonce within Discord's limit of 25.
pub fn base62(id: Uuid) -> String {
    let mut value = id.as_u128();
    let mut out = [b'0'; 22];
    for slot in out.iter_mut().rev() {
        *slot = BASE62[(value % 62) as usize];
        value /= 62;
    }
    out.iter().map(|&b| b as char).collect()
}

/// The last 8 base62 characters of a UUID (its random part): the mark in each footer, by which a
/// message of unknown fate is found again.
pub fn mark(id: Uuid) -> String {
    base62(id)[14..].to_owned()
}

/// A reference for a person to quote and for the log to hold, such as `8F3K-2QXD`. The alphabet is
/// Crockford's base32: no I, L, O or U.
pub fn reference(random: [u8; 5]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bits = random.iter().fold(0u64, |acc, &b| (acc << 8) | u64::from(b));
    let mut out = String::with_capacity(9);
    for i in 0..8 {
        if i == 4 {
            out.push('-');
        }
        out.push(ALPHABET[((bits >> (35 - 5 * i)) & 31) as usize] as char);
    }
    out
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    hash
}

/// The name of bytes by their content.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base62_is_22_characters_and_distinct() {
        assert_eq!(base62(Uuid::nil()), "0".repeat(22));
        assert_eq!(base62(Uuid::max()).len(), 22);
        assert_ne!(base62(Uuid::from_u128(61)), base62(Uuid::from_u128(62)));
    }

    #[test]
    fn snowflake_time_matches_the_documented_example() {
        // 175928847299117063 is the example of Discord's reference: 2016-04-30 11:18:25.796 UTC.
        let at = DateTime::parse_from_rfc3339("2016-04-30T11:18:25.796Z").unwrap().to_utc();
        assert_eq!(snowflake_at(at) >> 22, 175_928_847_299_117_063_i64 >> 22);
    }

    #[test]
    fn a_reference_reads_well() {
        assert_eq!(reference([0; 5]), "0000-0000");
        assert_eq!(reference([255; 5]), "ZZZZ-ZZZZ");
    }
}
