//! Templates: the parts of messages as people write them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::route::StoredTemplate;
use super::{Result, Tx};
use crate::id::GuildId;
use crate::routing::change::TemplateBody;
use crate::routing::template::Parts;

struct Row {
    id: Uuid,
    name: String,
    version: i64,
    content: String,
    title: String,
    description: String,
    fields: Value,
    color: String,
    url: String,
}

impl From<Row> for StoredTemplate {
    fn from(row: Row) -> Self {
        StoredTemplate {
            id: row.id,
            name: row.name,
            version: row.version,
            parts: Parts {
                content: row.content,
                title: row.title,
                description: row.description,
                fields: serde_json::from_value(row.fields).unwrap_or_default(),
                color: row.color,
                url: row.url,
            },
        }
    }
}

/// A guild's templates by name.
pub async fn list_templates(tx: &mut Tx, guild_id: GuildId) -> Result<Vec<StoredTemplate>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, name, version, content, title, description, fields, color, url FROM template
         WHERE guild_id = $1 ORDER BY name",
        guild_id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(StoredTemplate::from).collect())
}

pub async fn insert_template(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    body: &TemplateBody,
    version: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let parts = &body.parts;
    sqlx::query!(
        "INSERT INTO template (id, guild_id, name, version, content, title, description, fields, color, url, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
        id,
        guild_id.0,
        body.name,
        version,
        parts.content,
        parts.title,
        parts.description,
        json!(parts.fields),
        parts.color,
        parts.url,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// False when it is no longer at this version.
pub async fn update_template(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    version: i64,
    body: &TemplateBody,
    now: DateTime<Utc>,
) -> Result<bool> {
    let parts = &body.parts;
    let done = sqlx::query!(
        "UPDATE template SET name = $4, content = $5, title = $6, description = $7, fields = $8, color = $9, url = $10,
             version = version + 1, updated_at = $11
         WHERE guild_id = $1 AND id = $2 AND version = $3",
        guild_id.0,
        id,
        version,
        body.name,
        parts.content,
        parts.title,
        parts.description,
        json!(parts.fields),
        parts.color,
        parts.url,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// False when it is no longer at this version.
pub async fn delete_template(tx: &mut Tx, guild_id: GuildId, id: Uuid, version: i64) -> Result<bool> {
    let done =
        sqlx::query!("DELETE FROM template WHERE guild_id = $1 AND id = $2 AND version = $3", guild_id.0, id, version)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() > 0)
}
