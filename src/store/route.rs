//! Routes: read in order for the planner; those of the environment are rewritten at each start.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::event::Severity;
use crate::id::GuildId;
use crate::routing::{Mode, Route};

/// Routes from the environment stand after those made by people, before `default`.
const ENV_POSITION: i32 = 1_000_000;

/// A route to be written from the environment.
pub struct NewEnvRoute {
    pub id: Uuid,
    pub pattern: String,
    pub destination_ids: Vec<Uuid>,
}

struct Row {
    id: Uuid,
    source_id: Option<Uuid>,
    pattern: String,
    min_severity: String,
    destination_ids: Vec<Uuid>,
    mention_ids: Vec<String>,
    mode: Option<String>,
    continues: bool,
}

impl From<Row> for Route {
    fn from(row: Row) -> Self {
        Route {
            id: row.id,
            source_id: row.source_id,
            pattern: row.pattern,
            min_severity: Severity::parse(&row.min_severity).unwrap_or(Severity::Debug),
            destination_ids: row.destination_ids,
            mentions: row.mention_ids,
            mode: match row.mode.as_deref() {
                Some("post") => Some(Mode::Post),
                Some("card") => Some(Mode::Card),
                _ => None,
            },
            continues: row.continues,
        }
    }
}

/// A guild's enabled routes in their order.
pub async fn list_routes(tx: &mut Tx, guild_id: GuildId) -> Result<Vec<Route>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, source_id, pattern, min_severity, destination_ids, mention_ids, mode, continues
         FROM route WHERE guild_id = $1 AND enabled ORDER BY position, created_at, id",
        guild_id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Route::from).collect())
}

/// Replaces the guild's routes of origin `env`. Concurrent starts take turns.
pub async fn replace_env_routes(
    tx: &mut Tx,
    guild_id: GuildId,
    routes: &[NewEnvRoute],
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('env-routes', $1))", guild_id.0)
        .execute(&mut **tx)
        .await?;
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
