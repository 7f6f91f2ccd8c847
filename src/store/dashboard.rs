//! Requests of a dashboard: stored before they are carried out, noted as carried out in the transaction of their effect.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::GuildId;

/// A request to be stored.
pub struct NewRequest<'a> {
    pub id: Uuid,
    pub guild_id: GuildId,
    /// Its checksum: the same request has the same.
    pub seal: &'a str,
    pub topic: &'a str,
    pub body: &'a str,
}

/// A request as it is carried out.
#[derive(Clone, Debug)]
pub struct DashboardRequest {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub seal: String,
    pub topic: String,
    pub body: String,
    /// Its effect is committed; whoever asked may not have been answered yet.
    pub is_carried: bool,
    /// How often it was tried.
    pub tries: i32,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    Done,
    Refused,
    Failed,
}

/// Notes a request as carried out, in the transaction of what it does. False: another process has carried it out.
pub async fn mark_carried(tx: &mut Tx, guild_id: GuildId, id: Uuid, effect: &Value) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE dashboard_request SET state = 'carried', effect = $3 WHERE guild_id = $1 AND id = $2 AND state = 'asked'",
        guild_id.0,
        id,
        effect
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

impl Store {
    /// Stores a request; others leave it alone until `due_at`. `None`: it is there already.
    pub async fn insert_dashboard_request(
        &self,
        new: &NewRequest<'_>,
        now: DateTime<Utc>,
        due_at: DateTime<Utc>,
    ) -> Result<Option<DashboardRequest>> {
        let done = sqlx::query!(
            "INSERT INTO dashboard_request (guild_id, request_id, id, at, state, topic, body, due_at, tries)
             VALUES ($1, $2, $3, $4, 'asked', $5, $6, $7, 1) ON CONFLICT DO NOTHING",
            new.guild_id.0,
            new.seal,
            new.id,
            now,
            new.topic,
            new.body,
            due_at
        )
        .execute(&self.pool)
        .await?;
        Ok((done.rows_affected() > 0).then(|| DashboardRequest {
            id: new.id,
            guild_id: new.guild_id,
            seal: new.seal.to_owned(),
            topic: new.topic.to_owned(),
            body: new.body.to_owned(),
            is_carried: false,
            tries: 1,
        }))
    }

    /// Claims one that nobody has finished in time, the oldest first.
    pub async fn claim_dashboard_request(
        &self,
        now: DateTime<Utc>,
        due_at: DateTime<Utc>,
    ) -> Result<Option<DashboardRequest>> {
        let row = sqlx::query!(
            r#"UPDATE dashboard_request SET due_at = $2, tries = tries + 1 WHERE (guild_id, request_id) = (
                   SELECT guild_id, request_id FROM dashboard_request WHERE state IN ('asked', 'carried') AND due_at <= $1
                   ORDER BY at, request_id LIMIT 1 FOR UPDATE SKIP LOCKED)
               RETURNING id, guild_id, request_id, COALESCE(topic, '') AS "topic!", COALESCE(body, '') AS "body!", state, tries"#,
            now,
            due_at
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| DashboardRequest {
            id: row.id,
            guild_id: GuildId(row.guild_id),
            seal: row.request_id,
            topic: row.topic,
            body: row.body,
            is_carried: row.state == "carried",
            tries: row.tries,
        }))
    }

    /// What a request did; `None`: nothing was to be done, or it was not carried out.
    pub async fn find_dashboard_effect(&self, asked: &DashboardRequest) -> Result<Option<Value>> {
        Ok(sqlx::query_scalar!(
            "SELECT effect FROM dashboard_request WHERE guild_id = $1 AND id = $2",
            asked.guild_id.0,
            asked.id
        )
        .fetch_optional(&self.pool)
        .await?
        .flatten())
    }

    /// It is over: of what was asked for nothing is kept but the checksum. What is carried out cannot be refused any more,
    /// and what is over stays as it is: false.
    pub async fn finish_dashboard_request(&self, asked: &DashboardRequest, left: Left) -> Result<bool> {
        let state = match left {
            Left::Done => "done",
            Left::Refused => "refused",
            Left::Failed => "failed",
        };
        let done = sqlx::query!(
            "UPDATE dashboard_request SET state = $3, body = NULL, effect = NULL, due_at = NULL
             WHERE guild_id = $1 AND id = $2 AND (state = 'asked' OR state = 'carried' AND $3 <> 'refused')",
            asked.guild_id.0,
            asked.id,
            state
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    pub async fn next_dashboard_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(
            r#"SELECT min(due_at) AS "at" FROM dashboard_request WHERE state IN ('asked', 'carried')"#
        )
        .fetch_one(&self.pool)
        .await?)
    }
}
