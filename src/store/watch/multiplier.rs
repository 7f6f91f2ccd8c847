//! What roles multiply: fixed with each hour of a linked member, once. What they earn by it is counted anew at once. How much
//! of such an hour is in the ledger is kept, so that each entry can name those that it is for.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::count::{DueHour, Range, count_day};
use crate::id::{GuildId, RoleId, UserId};
use crate::store::{Result, Store, Tx};

/// Hours before now in which what was paid is looked at; what is found out later about older ones is not named.
const REACH: i64 = 48;

/// A role and by how much it multiplies what watching earns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// 150 is half as much again.
    pub percent: i16,
    pub role_id: RoleId,
}

impl Multiplier {
    pub(super) fn stored(percent: Option<i16>, role_id: Option<i64>) -> Option<Self> {
        Some(Self { percent: percent?, role_id: RoleId(role_id?) })
    }
}

/// A linked member in whose hour something counts and whose roles were not asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unasked {
    pub viewer_id: Uuid,
    pub user_id: UserId,
}

/// Minutes of an hour that a role multiplies, which no entry of the ledger has named yet.
pub(super) struct UnpaidHour {
    pub viewer_id: Uuid,
    kick_channel_id: Uuid,
    hour: i32,
    minutes: i16,
    paid: i16,
    percent: i16,
    role_id: Option<i64>,
}

impl UnpaidHour {
    /// As an entry has it.
    pub fn told(&self) -> Value {
        let role = self.role_id.map(|role| role.to_string());
        json!({ "hour": self.hour, "minutes": self.minutes - self.paid, "percent": self.percent, "role": role })
    }
}

/// Of these viewers the multiplied hours of late with minutes that are not paid. Their rows are locked, so nobody counts
/// or pays them meanwhile. A server without such roles is not looked through.
pub(super) async fn list_unpaid_multiplied(
    tx: &mut Tx,
    guild_id: GuildId,
    viewers: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<UnpaidHour>> {
    let since = i32::try_from(now.timestamp().div_euclid(3600) - REACH).unwrap_or(0);
    Ok(sqlx::query_as!(
        UnpaidHour,
        r#"SELECT h.viewer_id, h.kick_channel_id, h.hour, h.minutes, COALESCE(p.minutes, 0::smallint) AS "paid!",
               h.percent AS "percent!", h.multiplier_role_id AS role_id
           FROM watch_hour h LEFT JOIN watch_paid p USING (viewer_id, hour, kick_channel_id)
           WHERE h.guild_id = $1 AND h.viewer_id = ANY ($2) AND h.hour >= $3 AND h.percent > 100
             AND h.minutes <> COALESCE(p.minutes, 0)
             AND EXISTS (SELECT 1 FROM community_rule r WHERE r.guild_id = $1 AND r.rules->'multipliers' <> '{}')
           ORDER BY h.hour DESC, h.kick_channel_id"#,
        guild_id.0,
        viewers,
        since
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// All minutes of these hours are in the ledger now.
pub(super) async fn mark_paid(tx: &mut Tx, guild_id: GuildId, hours: &[&UnpaidHour]) -> Result<()> {
    if hours.is_empty() {
        return Ok(());
    }
    let viewers: Vec<Uuid> = hours.iter().map(|hour| hour.viewer_id).collect();
    let channels: Vec<Uuid> = hours.iter().map(|hour| hour.kick_channel_id).collect();
    let of: Vec<i32> = hours.iter().map(|hour| hour.hour).collect();
    let minutes: Vec<i16> = hours.iter().map(|hour| hour.minutes).collect();
    sqlx::query!(
        "INSERT INTO watch_paid (guild_id, viewer_id, kick_channel_id, hour, minutes)
         SELECT $1, * FROM UNNEST($2::uuid[], $3::uuid[], $4::integer[], $5::smallint[])
         ON CONFLICT (viewer_id, hour, kick_channel_id) DO UPDATE SET minutes = EXCLUDED.minutes",
        guild_id.0,
        &viewers,
        &channels,
        &of,
        &minutes
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// Of some viewers of an hour those who were linked before `linked_before` and whose roles were not asked for.
    pub async fn list_unasked(
        &self,
        hour: &DueHour,
        range: Range,
        linked_before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Unasked>> {
        let rows = sqlx::query!(
            r#"SELECT h.viewer_id, p.discord_user_id AS "user_id!" FROM watch_hour h
               JOIN kick_link k ON k.guild_id = h.guild_id AND k.viewer_id = h.viewer_id AND k.linked_at < $5
               JOIN person p ON p.id = k.member_id AND p.discord_user_id IS NOT NULL
               WHERE h.kick_channel_id = $1 AND h.hour = $2 AND h.viewer_id > $3
                 AND ($4::uuid IS NULL OR h.viewer_id <= $4) AND h.minutes > 0 AND h.percent IS NULL
               ORDER BY h.viewer_id LIMIT $6"#,
            hour.kick_channel_id,
            hour.hour,
            range.after,
            range.until,
            linked_before,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| Unasked { viewer_id: r.viewer_id, user_id: UserId(r.user_id) }).collect())
    }

    /// Fixes what an hour of a viewer is multiplied by; `None`: by nothing. What was fixed before stays. Their day is counted
    /// anew in the same transaction.
    pub async fn fix_multiplier(&self, hour: &DueHour, viewer_id: Uuid, by: Option<Multiplier>) -> Result<()> {
        let mut tx = self.begin().await?;
        let fixed = sqlx::query_scalar!(
            "UPDATE watch_hour SET percent = $4, multiplier_role_id = $5
             WHERE kick_channel_id = $1 AND hour = $2 AND viewer_id = $3 AND percent IS NULL RETURNING viewer_id",
            hour.kick_channel_id,
            hour.hour,
            viewer_id,
            by.map_or(100, |by| by.percent),
            by.map(|by| by.role_id.0)
        )
        .fetch_all(&mut *tx)
        .await?;
        if by.is_some() {
            count_day(&mut tx, hour.guild_id, hour.hour.div_euclid(24), &fixed).await?;
        }
        tx.commit().await
    }
}
