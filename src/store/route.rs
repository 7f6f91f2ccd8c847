//! Routes: read in order for the planner; those of the environment are rewritten at each start.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::destination::list_typed;
use super::{Result, Store, Tx};
use crate::event::Severity;
use crate::id::GuildId;
use crate::routing::Mode;
use crate::routing::change::RouteBody;
use crate::routing::noise::Noise;
use crate::routing::template::Parts;
use crate::store::guild_setting::find_time_zone;

/// Routes from the environment stand after those made by people, before `default`.
pub const ENV_POSITION: i32 = 1_000_000;

/// A route to be written from the environment.
pub struct NewEnvRoute {
    pub id: Uuid,
    pub pattern: String,
    pub destination_ids: Vec<Uuid>,
}

/// A route as it is stored, with the template that it names.
#[derive(Clone, Debug)]
pub struct StoredRoute {
    pub id: Uuid,
    pub name: String,
    pub version: i64,
    /// Of the environment: read-only.
    pub from_env: bool,
    pub position: i32,
    pub source_id: Option<Uuid>,
    pub pattern: String,
    pub min_severity: Severity,
    pub filter: Option<String>,
    pub destination_ids: Vec<Uuid>,
    pub webhook_type: Option<String>,
    pub webhook_scope: Option<String>,
    /// The destinations that these two select at the moment.
    pub selected_ids: Vec<Uuid>,
    pub mentions: Vec<String>,
    pub mode: Option<Mode>,
    pub template: Option<StoredTemplate>,
    pub continues: bool,
    pub paused_at: Option<DateTime<Utc>>,
    pub is_paused: bool,
    pub noise: Arc<Noise>,
}

/// A template as it is stored.
#[derive(Clone, Debug)]
pub struct StoredTemplate {
    pub id: Uuid,
    pub name: String,
    pub version: i64,
    pub parts: Parts,
}

/// The columns of a route, those of its template under `t_`.
struct Row {
    id: Uuid,
    name: Option<String>,
    version: i64,
    origin: String,
    position: i32,
    source_id: Option<Uuid>,
    pattern: String,
    min_severity: String,
    filter: Option<String>,
    destination_ids: Vec<Uuid>,
    webhook_type: Option<String>,
    webhook_scope: Option<String>,
    mention_ids: Vec<String>,
    mode: Option<String>,
    continues: bool,
    enabled: bool,
    paused_at: Option<DateTime<Utc>>,
    noise: Value,
    t_id: Option<Uuid>,
    t_name: Option<String>,
    t_version: Option<i64>,
    t_content: Option<String>,
    t_title: Option<String>,
    t_description: Option<String>,
    t_fields: Option<Value>,
    t_color: Option<String>,
    t_url: Option<String>,
}

impl From<Row> for StoredRoute {
    fn from(row: Row) -> Self {
        let template = row.t_id.map(|id| StoredTemplate {
            id,
            name: row.t_name.unwrap_or_default(),
            version: row.t_version.unwrap_or_default(),
            parts: Parts {
                content: row.t_content.unwrap_or_default(),
                title: row.t_title.unwrap_or_default(),
                description: row.t_description.unwrap_or_default(),
                fields: row.t_fields.and_then(|fields| serde_json::from_value(fields).ok()).unwrap_or_default(),
                color: row.t_color.unwrap_or_default(),
                url: row.t_url.unwrap_or_default(),
            },
        });
        StoredRoute {
            id: row.id,
            name: row.name.unwrap_or_else(|| row.pattern.clone()),
            version: row.version,
            from_env: row.origin == "env",
            position: row.position,
            source_id: row.source_id,
            min_severity: Severity::parse(&row.min_severity).unwrap_or(Severity::Debug),
            filter: row.filter,
            pattern: row.pattern,
            destination_ids: row.destination_ids,
            webhook_type: row.webhook_type,
            webhook_scope: row.webhook_scope,
            selected_ids: Vec::new(),
            mentions: row.mention_ids,
            mode: row.mode.as_deref().and_then(Mode::parse),
            template,
            continues: row.continues,
            paused_at: row.paused_at,
            is_paused: !row.enabled,
            // Options of a newer binary are not known here.
            noise: Arc::new(serde_json::from_value(row.noise).unwrap_or_default()),
        }
    }
}

/// A guild's routes in their order, the paused ones, too.
pub async fn list_routes(tx: &mut Tx, guild_id: GuildId) -> Result<Vec<StoredRoute>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT r.id, r.name, r.version, r.origin, r.position, r.source_id, r.pattern, r.min_severity, r.filter,
               r.destination_ids, r.webhook_type, r.webhook_scope, r.mention_ids, r.mode, r.continues, r.enabled,
               r.paused_at, r.noise, t.id AS "t_id?", t.name AS "t_name?", t.version AS "t_version?",
               t.content AS "t_content?", t.title AS "t_title?", t.description AS "t_description?",
               t.fields AS "t_fields?", t.color AS "t_color?", t.url AS "t_url?"
           FROM route r LEFT JOIN template t ON t.id = r.template_id
           WHERE r.guild_id = $1 ORDER BY r.position, r.created_at, r.id"#,
        guild_id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut routes: Vec<StoredRoute> = rows.into_iter().map(StoredRoute::from).collect();
    if routes.iter().any(|route| route.noise.needs_place()) {
        let zone = find_time_zone(tx, guild_id).await?.unwrap_or_default();
        for route in routes.iter_mut().filter(|route| route.noise.needs_place()) {
            Arc::make_mut(&mut route.noise).place(zone);
        }
    }
    // One question for each selector, however many routes have it.
    let mut known: HashMap<(Option<String>, Option<String>), Vec<Uuid>> = HashMap::new();
    for route in routes.iter_mut().filter(|route| route.webhook_type.is_some() || route.webhook_scope.is_some()) {
        let selector = (route.webhook_type.clone(), route.webhook_scope.clone());
        if !known.contains_key(&selector) {
            let found = list_selected(tx, guild_id, selector.0.as_deref(), selector.1.as_deref()).await?;
            known.insert(selector.clone(), found);
        }
        route.selected_ids = known[&selector].clone();
    }
    Ok(routes)
}

/// Every destination of a type and scope; `None` stands for all.
pub async fn list_selected(
    tx: &mut Tx,
    guild_id: GuildId,
    webhook_type: Option<&str>,
    webhook_scope: Option<&str>,
) -> Result<Vec<Uuid>> {
    let (types, scopes) = (webhook_type.map(str::to_owned), webhook_scope.map(str::to_owned));
    list_typed(tx, guild_id, types.as_slice(), scopes.as_slice()).await
}

/// The names of sources.
pub async fn list_source_names(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>> {
    let rows = sqlx::query!("SELECT id, name FROM source WHERE id = ANY ($1)", ids).fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// Processes that start at the same time take turns to write a guild's routes of origin `env`.
pub async fn take_env_turn(tx: &mut Tx, guild_id: GuildId) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('env-routes', $1))", guild_id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Replaces the guild's routes of origin `env`, after [`take_env_turn`].
pub async fn replace_env_routes(
    tx: &mut Tx,
    guild_id: GuildId,
    routes: &[NewEnvRoute],
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!("DELETE FROM route WHERE guild_id = $1 AND origin = 'env'", guild_id.0).execute(&mut **tx).await?;
    for (n, route) in routes.iter().enumerate() {
        sqlx::query!(
            "INSERT INTO route (id, guild_id, origin, position, pattern, destination_ids, created_at)
             VALUES ($1, $2, 'env', $3, $4, $5, $6)",
            route.id,
            guild_id.0,
            ENV_POSITION + n as i32,
            route.pattern,
            &route.destination_ids,
            now
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// A route made by a person.
pub struct NewRoute {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub position: i32,
    pub pattern: String,
    pub min_severity: Severity,
    pub destination_ids: Vec<Uuid>,
    pub mentions: Vec<String>,
    pub continues: bool,
}

impl Store {
    pub async fn insert_route(&self, route: &NewRoute, now: DateTime<Utc>) -> Result<()> {
        sqlx::query!(
            "INSERT INTO route (id, guild_id, origin, position, pattern, min_severity, destination_ids, mention_ids, continues, created_at)
             VALUES ($1, $2, 'db', $3, $4, $5, $6, $7, $8, $9)",
            route.id,
            route.guild_id.0,
            route.position,
            route.pattern,
            route.min_severity.as_str(),
            &route.destination_ids,
            &route.mentions,
            route.continues,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A guild's routes with the channels they lead to, for `/webhook-config`.
    pub async fn list_route_channels(&self, guild_id: GuildId) -> Result<Vec<(String, Vec<i64>, String)>> {
        let rows = sqlx::query!(
            r#"SELECT r.pattern, r.origin,
                   COALESCE(array_agg(d.channel_id ORDER BY d.created_at) FILTER (WHERE d.channel_id IS NOT NULL), '{}') AS "channels!"
               FROM route r LEFT JOIN destination d ON d.id = ANY (r.destination_ids)
               WHERE r.guild_id = $1 AND r.enabled GROUP BY r.id ORDER BY r.position, r.created_at, r.id"#,
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| (r.pattern, r.channels, r.origin)).collect())
    }
}

impl Store {
    /// What the routes of a guild match, by their ids.
    pub async fn list_route_names(&self, guild_id: GuildId) -> Result<Vec<(Uuid, String)>> {
        let rows =
            sqlx::query!("SELECT id, pattern FROM route WHERE guild_id = $1", guild_id.0).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|r| (r.id, r.pattern)).collect())
    }
}

/// A destination as people know it.
#[derive(Clone, Debug)]
pub struct DestinationLabel {
    pub id: Uuid,
    /// A mention of a channel, or the name of a webhook.
    pub label: String,
    /// What people call it.
    pub name: Option<String>,
}

/// What the routes of a guild lead to, as people read it.
pub async fn list_destination_labels(tx: &mut Tx, guild_id: GuildId) -> Result<Vec<DestinationLabel>> {
    let rows = sqlx::query!(
        "SELECT id, channel_id, webhook_id, name FROM destination WHERE guild_id = $1 AND removed_at IS NULL ORDER BY name, id",
        guild_id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let label = |channel: Option<i64>, webhook: Option<i64>, name: Option<&String>| match (channel, name, webhook) {
        (Some(channel), _, _) => format!("<#{channel}>"),
        (None, Some(name), _) => name.clone(),
        (None, None, webhook) => format!("webhook {}", webhook.unwrap_or_default()),
    };
    let labels = rows.into_iter().map(|row| DestinationLabel {
        id: row.id,
        label: label(row.channel_id, row.webhook_id, row.name.as_ref()),
        name: row.name,
    });
    Ok(labels.collect())
}

/// The sources of a guild by name.
pub async fn list_sources(tx: &mut Tx, guild_id: GuildId) -> Result<Vec<(Uuid, String)>> {
    let rows = sqlx::query!("SELECT id, name FROM source WHERE guild_id = $1 ORDER BY name", guild_id.0)
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// A route that people made, or that is restored.
pub async fn insert_body(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    body: &RouteBody,
    version: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO route (id, guild_id, origin, name, position, source_id, pattern, min_severity, filter, destination_ids,
             webhook_type, webhook_scope, mention_ids, mode, template_id, continues, enabled, paused_at, version,
             created_at, updated_at, noise)
         VALUES ($1, $2, 'db', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, NOT $16,
             CASE WHEN $16 THEN $18::timestamptz END, $17, $18, $18, $19)",
        id,
        guild_id.0,
        body.name,
        body.position,
        body.source_id,
        body.pattern,
        body.min_severity.as_str(),
        body.filter,
        &body.destination_ids,
        body.webhook_type,
        body.webhook_scope,
        &body.mentions,
        body.mode,
        body.template_id,
        body.continues,
        body.paused,
        version,
        now,
        json!(body.noise)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// False when it is no longer at this version, or not one that people made.
pub async fn update_body(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    version: i64,
    body: &RouteBody,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE route SET name = $4, position = $5, source_id = $6, pattern = $7, min_severity = $8, filter = $9,
             destination_ids = $10, webhook_type = $11, webhook_scope = $12, mention_ids = $13, mode = $14,
             template_id = $15, continues = $16, enabled = NOT $17,
             paused_at = CASE WHEN $17 THEN COALESCE(paused_at, $18::timestamptz) END,
             version = version + 1, updated_at = $18, noise = $19
         WHERE guild_id = $1 AND id = $2 AND version = $3 AND origin = 'db'",
        guild_id.0,
        id,
        version,
        body.name,
        body.position,
        body.source_id,
        body.pattern,
        body.min_severity.as_str(),
        body.filter,
        &body.destination_ids,
        body.webhook_type,
        body.webhook_scope,
        &body.mentions,
        body.mode,
        body.template_id,
        body.continues,
        body.paused,
        now,
        json!(body.noise)
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// False when it is no longer at this version, or not one that people made.
pub async fn delete_body(tx: &mut Tx, guild_id: GuildId, id: Uuid, version: i64) -> Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM route WHERE guild_id = $1 AND id = $2 AND version = $3 AND origin = 'db'",
        guild_id.0,
        id,
        version
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

impl StoredRoute {
    /// All of it that people set.
    pub fn body(&self) -> RouteBody {
        RouteBody {
            name: self.name.clone(),
            position: self.position,
            source_id: self.source_id,
            pattern: self.pattern.clone(),
            min_severity: self.min_severity,
            filter: self.filter.clone(),
            destination_ids: self.destination_ids.clone(),
            webhook_type: self.webhook_type.clone(),
            webhook_scope: self.webhook_scope.clone(),
            mode: self.mode.map(|mode| mode.as_str().to_owned()),
            template_id: self.template.as_ref().map(|template| template.id),
            continues: self.continues,
            paused: self.is_paused,
            noise: (*self.noise).clone(),
            mentions: self.mentions.clone(),
        }
    }
}
