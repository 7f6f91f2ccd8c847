//! What was told last of a round, a map, awards, a session.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;

use crate::id::GuildId;
use crate::store::{Result, Tx};

/// What a card is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CardKind {
    Round,
    Map,
    Awards,
    Session,
}

impl CardKind {
    pub fn as_str(self) -> &'static str {
        match self {
            CardKind::Round => "round",
            CardKind::Map => "map",
            CardKind::Awards => "awards",
            CardKind::Session => "session",
        }
    }

    fn of(text: &str) -> CardKind {
        match text {
            "round" => CardKind::Round,
            "map" => CardKind::Map,
            "awards" => CardKind::Awards,
            _ => CardKind::Session,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub kind: CardKind,
    pub key: String,
    pub report: Value,
    /// How often it was told.
    pub version: i32,
    pub told_at: DateTime<Utc>,
}

/// What was told under these keys, whatever it is about.
pub async fn list_told(tx: &mut Tx, guild_id: GuildId, keys: &[String]) -> Result<Vec<Told>> {
    let rows = sqlx::query!(
        r#"SELECT kind, key, report AS "report: Json<Value>", version, told_at FROM stats_card
           WHERE guild_id = $1 AND key = ANY ($2)"#,
        guild_id.0,
        keys
    )
    .fetch_all(&mut **tx)
    .await?;
    let told = rows.into_iter().map(|r| Told {
        kind: CardKind::of(&r.kind),
        key: r.key,
        report: r.report.0,
        version: r.version,
        told_at: r.told_at,
    });
    Ok(told.collect())
}

pub async fn save_told(tx: &mut Tx, guild_id: GuildId, told: &Told) -> Result<()> {
    sqlx::query!(
        "INSERT INTO stats_card (guild_id, kind, key, report, version, told_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (guild_id, kind, key) DO UPDATE SET report = $4, version = $5, told_at = $6",
        guild_id.0,
        told.kind.as_str(),
        told.key,
        Json(&told.report) as Json<&Value>,
        told.version,
        told.told_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
