//! A place where files appear fails for long: the admins are told once, and once more when it works again.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::id::GuildId;
use crate::ports::Ports;
use crate::routing::embed::fit;
use crate::source::notice::tell_admins;

/// What is over sooner nobody has to know.
pub const LONG: TimeDelta = TimeDelta::minutes(10);
const WHY: usize = 1500;

/// Kept with the place's position, so that it outlives a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub since: DateTime<Utc>,
    #[serde(default)]
    pub is_told: bool,
}

/// A place, as its cursor and as people call it.
pub struct Place {
    pub key: &'static str,
    pub name: &'static str,
}

/// What is so after a look that found a fault or none. Told twice by a crash, it is told under the same key.
pub async fn after_look(
    ports: &Ports,
    guild_id: GuildId,
    place: &Place,
    before: Option<Trouble>,
    fault: Option<&str>,
) -> Result<Option<Trouble>> {
    let now = ports.clock.now();
    let Some(fault) = fault else {
        if let Some(trouble) = before.filter(|trouble| trouble.is_told) {
            tell_admins(ports, guild_id, &key(place, "back", &trouble), &back(place, &trouble)).await?;
        }
        return Ok(None);
    };
    let mut trouble = before.unwrap_or(Trouble { since: now, is_told: false });
    if !trouble.is_told && now - trouble.since >= LONG {
        tell_admins(ports, guild_id, &key(place, "fails", &trouble), &fails(place, &trouble, fault)).await?;
        trouble.is_told = true;
    }
    Ok(Some(trouble))
}

fn key(place: &Place, what: &str, trouble: &Trouble) -> String {
    format!("etlegacy.{}.{what}:{}", place.key, trouble.since.timestamp_micros())
}

fn fails(place: &Place, trouble: &Trouble, fault: &str) -> String {
    format!(
        "Match statistics: {} cannot be read since <t:{}:f>: {}.\nIt is tried again all the time; what was missed is taken when \
         it works again. /stats import status shows how it stands.",
        place.name,
        trouble.since.timestamp(),
        fit(fault, WHY)
    )
}

fn back(place: &Place, trouble: &Trouble) -> String {
    format!(
        "Match statistics: {} can be read again, which it could not since <t:{}:f>. What was missed follows now.",
        place.name,
        trouble.since.timestamp()
    )
}
