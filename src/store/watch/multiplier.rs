//! What roles multiply: fixed with each hour of a linked member, once. What they earn by it is counted anew at once.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::count::{DueHour, Range, count_day};
use crate::id::{RoleId, UserId};
use crate::store::{Result, Store};

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
