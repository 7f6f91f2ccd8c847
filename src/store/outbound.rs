//! Other systems that are told what happens here: their subscriptions, what each is still to be told, and every attempt.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::secret::setting_place;
use super::{Result, Store, Tx};
use crate::id::GuildId;

/// A subscription. Its secrets are elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboundWebhook {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub name: String,
    pub url: String,
    pub events: Vec<String>,
    pub active: bool,
    pub version: i32,
    pub failures: i32,
    pub disabled_because: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A delivery as its log shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboundDelivery {
    pub id: Uuid,
    pub event_type: String,
    pub payload: Value,
    pub state: String,
    pub attempts: i32,
    pub response_status: Option<i32>,
    pub response_body: Option<String>,
    pub created_at: DateTime<Utc>,
    pub delivered_at: Option<DateTime<Utc>>,
}

/// A delivery whose turn it is, under a lease.
#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    pub id: Uuid,
    pub webhook_id: Uuid,
    pub guild_id: GuildId,
    pub name: String,
    pub url: String,
    pub event_type: String,
    pub payload: Value,
    pub attempts: i32,
    pub lease_token: Uuid,
    pub previous_secret_ends_at: Option<DateTime<Utc>>,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct DeliveryAttempt {
    pub started_at: DateTime<Utc>,
    pub duration_ms: i32,
    pub status: Option<i32>,
    pub note: String,
    pub next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Delivered,
    Again(DateTime<Utc>),
    Failed,
}

fn secret_key(id: Uuid) -> String {
    format!("outbound.{id}.secret")
}

fn previous_secret_key(id: Uuid) -> String {
    format!("outbound.{id}.secret_previous")
}

/// Headers may hold what lets us in.
fn headers_key(id: Uuid) -> String {
    format!("outbound.{id}.headers_secret")
}

/// Notes something for every system that wants to hear it, in the transaction of what it tells of.
pub async fn tell(
    connection: &mut PgConnection,
    guild_id: GuildId,
    event_type: &str,
    data: &Value,
    now: DateTime<Utc>,
) -> Result<u64> {
    let payload = json!({ "type": event_type, "timestamp": now, "data": data });
    Ok(sqlx::query!(
        "INSERT INTO outbound_delivery (id, outbound_webhook_id, guild_id, event_type, payload, not_before, created_at)
         SELECT gen_random_uuid(), w.id, w.guild_id, $2, $3, $4, $4 FROM outbound_webhook w
         WHERE w.guild_id = $1 AND w.active AND w.events && ARRAY[$2, '*']",
        guild_id.0,
        event_type,
        payload,
        now
    )
    .execute(connection)
    .await?
    .rows_affected())
}

impl Store {
    pub async fn list_outbound_webhooks(&self, guild_id: GuildId) -> Result<Vec<OutboundWebhook>> {
        Ok(sqlx::query_as!(
            OutboundWebhook,
            r#"SELECT id, guild_id AS "guild_id: GuildId", name, url, events, active, version, failures, disabled_because,
                   created_at, updated_at
               FROM outbound_webhook WHERE guild_id = $1 ORDER BY created_at DESC, id DESC"#,
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?)
    }

    pub async fn find_outbound_webhook(&self, guild_id: GuildId, id: Uuid) -> Result<Option<OutboundWebhook>> {
        Ok(sqlx::query_as!(
            OutboundWebhook,
            r#"SELECT id, guild_id AS "guild_id: GuildId", name, url, events, active, version, failures, disabled_because,
                   created_at, updated_at
               FROM outbound_webhook WHERE guild_id = $1 AND id = $2"#,
            guild_id.0,
            id
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// The newest first, older than the one named.
    pub async fn list_outbound_deliveries(
        &self,
        guild_id: GuildId,
        webhook_id: Uuid,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<OutboundDelivery>> {
        Ok(sqlx::query_as!(
            OutboundDelivery,
            "SELECT id, event_type, payload, state, attempts, response_status, response_body, created_at, delivered_at
             FROM outbound_delivery WHERE guild_id = $1 AND outbound_webhook_id = $2
               AND ($3::uuid IS NULL OR (created_at, id) < (SELECT c.created_at, c.id FROM outbound_delivery c WHERE c.id = $3))
             ORDER BY created_at DESC, id DESC LIMIT $4",
            guild_id.0,
            webhook_id,
            after,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Leases what is due, one delivery of each system at a time, in all processes: a system that does not answer holds up
    /// no other.
    pub async fn claim_outbound(
        &self,
        token: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<ClaimedDelivery>> {
        let mut tx = self.begin().await?;
        // One process after the other: each sees what the one before it has leased, so a system is told one thing at a time.
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('outbound', 0))").execute(&mut *tx).await?;
        let claimed = sqlx::query_as!(
            ClaimedDelivery,
            r#"WITH due AS (
                   SELECT d.id FROM outbound_delivery d WHERE d.id IN (
                       SELECT DISTINCT ON (o.outbound_webhook_id) o.id FROM outbound_delivery o
                       JOIN outbound_webhook w ON w.id = o.outbound_webhook_id AND w.active
                       WHERE o.state = 'pending' AND o.not_before <= $2 AND (o.leased_until IS NULL OR o.leased_until <= $2)
                         AND o.outbound_webhook_id NOT IN (SELECT b.outbound_webhook_id FROM outbound_delivery b
                                                           WHERE b.state = 'pending' AND b.leased_until > $2)
                       ORDER BY o.outbound_webhook_id, o.not_before, o.id)
                   ORDER BY d.not_before LIMIT $4)
               UPDATE outbound_delivery d SET lease_token = $1, leased_until = $3, attempts = d.attempts + 1
               FROM due, outbound_webhook w WHERE d.id = due.id AND w.id = d.outbound_webhook_id
               RETURNING d.id, d.outbound_webhook_id AS webhook_id, d.guild_id AS "guild_id: GuildId", w.name, w.url,
                   d.event_type, d.payload, d.attempts, d.lease_token AS "lease_token!", w.previous_secret_ends_at"#,
            token,
            now,
            until,
            limit
        )
        .fetch_all(&mut *tx)
        .await?;
        Self::commit(tx).await?;
        Ok(claimed)
    }

    /// Those that sign now, the newest first.
    pub async fn outbound_secrets(
        &self,
        guild_id: GuildId,
        webhook_id: Uuid,
        previous_ends_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Vec<SecretString>> {
        let mut secrets = Vec::new();
        secrets.extend(self.find_setting(guild_id, &secret_key(webhook_id)).await?);
        if previous_ends_at.is_some_and(|end| end > now) {
            secrets.extend(self.find_setting(guild_id, &previous_secret_key(webhook_id)).await?);
        }
        Ok(secrets.into_iter().map(SecretString::from).collect())
    }

    /// Headers that a system wants with each message.
    pub async fn outbound_headers(&self, guild_id: GuildId, webhook_id: Uuid) -> Result<Vec<(String, String)>> {
        let stored = self.find_setting(guild_id, &headers_key(webhook_id)).await?;
        let headers = stored.and_then(|text| serde_json::from_str::<BTreeMap<String, String>>(&text).ok());
        Ok(headers.unwrap_or_default().into_iter().collect())
    }

    /// When the next delivery comes due.
    pub async fn next_outbound_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(
            "SELECT min(GREATEST(d.not_before, d.leased_until)) FROM outbound_delivery d
             JOIN outbound_webhook w ON w.id = d.outbound_webhook_id AND w.active WHERE d.state = 'pending'"
        )
        .fetch_one(&self.pool)
        .await?)
    }
}

/// Records an attempt where the lease is still ours. `Some` when the system was given up with it: how many deliveries
/// have failed in a row.
pub async fn finish_outbound(
    tx: &mut Tx,
    claimed: &ClaimedDelivery,
    attempt: &DeliveryAttempt,
    now: DateTime<Utc>,
) -> Result<Option<i32>> {
    let (state, not_before) = match attempt.next {
        Next::Delivered => ("delivered", None),
        Next::Again(at) => ("pending", Some(at)),
        Next::Failed => ("failed", None),
    };
    let held = sqlx::query!(
        "UPDATE outbound_delivery SET state = $3, not_before = COALESCE($4, not_before), lease_token = NULL,
             leased_until = NULL, response_status = $5, response_body = $6,
             delivered_at = CASE WHEN $3 = 'delivered' THEN $7::timestamptz END,
             finished_at = CASE WHEN $3 <> 'pending' THEN $7::timestamptz END
         WHERE id = $1 AND lease_token = $2",
        claimed.id,
        claimed.lease_token,
        state,
        not_before,
        attempt.status,
        attempt.note,
        now
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO outbound_attempt (outbound_delivery_id, started_at, duration_ms, status, note)
         SELECT id, $2, $3, $4, $5 FROM outbound_delivery WHERE id = $1",
        claimed.id,
        attempt.started_at,
        attempt.duration_ms,
        attempt.status,
        attempt.note
    )
    .execute(&mut **tx)
    .await?;
    if held.rows_affected() == 0 || matches!(attempt.next, Next::Again(_)) {
        return Ok(None);
    }
    let failed = attempt.next == Next::Failed;
    Ok(sqlx::query_scalar!(
        "UPDATE outbound_webhook SET failures = CASE WHEN $2 THEN failures + 1 ELSE 0 END WHERE id = $1 RETURNING failures",
        claimed.webhook_id,
        failed
    )
    .fetch_optional(&mut **tx)
    .await?
    .filter(|_| failed))
}

/// Tells this system nothing more until somebody switches it on again; what waited for it is given up.
pub async fn disable_outbound(tx: &mut Tx, webhook_id: Uuid, because: &str, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE outbound_webhook SET active = false, disabled_at = $2, disabled_because = $3, version = version + 1,
             updated_at = $2 WHERE id = $1 AND active",
        webhook_id,
        now,
        because
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE outbound_delivery SET state = 'failed', finished_at = $2, response_body = 'the webhook was switched off'
         WHERE outbound_webhook_id = $1 AND state = 'pending'",
        webhook_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// False when the server has one of this name.
pub async fn insert_outbound_webhook(tx: &mut Tx, w: &OutboundWebhook, secret: &str) -> Result<bool> {
    let made = sqlx::query!(
        "INSERT INTO outbound_webhook (id, guild_id, name, url, events, active, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT ON CONSTRAINT outbound_webhook_name DO NOTHING",
        w.id,
        w.guild_id.0,
        w.name,
        w.url,
        &w.events,
        w.active,
        w.created_at
    )
    .execute(&mut **tx)
    .await?;
    if made.rows_affected() == 0 {
        return Ok(false);
    }
    save_secret(tx, w.guild_id, &secret_key(w.id), secret, w.created_at).await?;
    Ok(true)
}

/// Writes back what may change, unless somebody else was faster. Switched on again, it begins without failures.
pub async fn update_outbound_webhook(tx: &mut Tx, w: &OutboundWebhook, now: DateTime<Utc>) -> Result<bool> {
    let changed = sqlx::query!(
        "UPDATE outbound_webhook SET name = $3, url = $4, events = $5, active = $6, version = version + 1, updated_at = $7,
             failures = CASE WHEN $6 AND NOT active THEN 0 ELSE failures END,
             disabled_at = CASE WHEN $6 THEN NULL ELSE disabled_at END,
             disabled_because = CASE WHEN $6 THEN NULL ELSE disabled_because END
         WHERE id = $1 AND guild_id = $2 AND version = $8",
        w.id,
        w.guild_id.0,
        w.name,
        w.url,
        &w.events,
        w.active,
        now,
        w.version
    )
    .execute(&mut **tx)
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// Makes this secret the current one; the one before it signs as well until then.
pub async fn rotate_outbound_secret(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    secret: &str,
    previous_ends_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let stored = sqlx::query_scalar!(
        "SELECT s.value FROM outbound_webhook w JOIN setting s ON s.guild_id = w.guild_id AND s.key = $3
         WHERE w.id = $1 AND w.guild_id = $2 FOR UPDATE OF w",
        id,
        guild_id.0,
        secret_key(id)
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(stored) = stored else { return Ok(false) };
    let previous = tx.keys.open(&setting_place(guild_id.0, &secret_key(id)), &stored)?;
    save_secret(tx, guild_id, &previous_secret_key(id), &previous, now).await?;
    save_secret(tx, guild_id, &secret_key(id), secret, now).await?;
    sqlx::query!(
        "UPDATE outbound_webhook SET previous_secret_ends_at = $2, version = version + 1, updated_at = $3
         WHERE id = $1 AND guild_id = $4",
        id,
        previous_ends_at,
        now,
        guild_id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

/// Replaces the headers that a system wants with each message.
pub async fn save_outbound_headers(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    headers: &BTreeMap<String, String>,
    now: DateTime<Utc>,
) -> Result<()> {
    save_secret(tx, guild_id, &headers_key(id), &json!(headers).to_string(), now).await
}

async fn save_secret(tx: &mut Tx, guild_id: GuildId, key: &str, secret: &str, now: DateTime<Utc>) -> Result<()> {
    let sealed = tx.keys.seal(&setting_place(guild_id.0, key), secret)?;
    sqlx::query!(
        "INSERT INTO setting (guild_id, key, value, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (guild_id, key) DO UPDATE SET value = EXCLUDED.value, updated_at = EXCLUDED.updated_at",
        guild_id.0,
        key,
        sealed,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn delete_outbound_webhook(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<bool> {
    let gone = sqlx::query!("DELETE FROM outbound_webhook WHERE id = $1 AND guild_id = $2", id, guild_id.0)
        .execute(&mut **tx)
        .await?;
    let keys = [secret_key(id), previous_secret_key(id), headers_key(id)];
    sqlx::query!("DELETE FROM setting WHERE guild_id = $1 AND key = ANY ($2)", guild_id.0, &keys[..])
        .execute(&mut **tx)
        .await?;
    Ok(gone.rows_affected() > 0)
}

/// Queues one message for one system, whatever it is subscribed to. Returns its id.
pub async fn insert_outbound_test(
    tx: &mut Tx,
    webhook: &OutboundWebhook,
    id: Uuid,
    event_type: &str,
    data: &Value,
    now: DateTime<Utc>,
) -> Result<()> {
    let payload = json!({ "type": event_type, "timestamp": now, "data": data });
    sqlx::query!(
        "INSERT INTO outbound_delivery (id, outbound_webhook_id, guild_id, event_type, payload, not_before, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
        id,
        webhook.id,
        webhook.guild_id.0,
        event_type,
        payload,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
