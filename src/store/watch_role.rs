//! Roles that linked members get for watching: from how many minutes, and who was given which.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::{GuildId, RoleId, UserId};

/// A role and what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchRole {
    pub guild_id: GuildId,
    pub role_id: RoleId,
    pub name: String,
    pub minutes: i64,
    pub enabled: bool,
    /// Why Discord did not let it be given.
    pub fault: Option<String>,
    /// How many were given it.
    pub granted: i64,
}

/// A role that a member has earned and was not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedRole {
    pub guild_id: GuildId,
    pub role_id: RoleId,
    pub role_name: String,
    pub minutes: i64,
    pub member_id: Uuid,
    pub user_id: UserId,
}

/// Sets what a role takes; a fault of before is looked at anew.
pub async fn save_watch_role(tx: &mut Tx, role: &WatchRole, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO watch_role (guild_id, role_id, name, minutes, enabled, created_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (guild_id, role_id) DO UPDATE SET name = EXCLUDED.name, minutes = EXCLUDED.minutes,
             enabled = EXCLUDED.enabled, fault = NULL",
        role.guild_id.0,
        role.role_id.0,
        role.name,
        role.minutes,
        role.enabled,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Gives a role no longer; who has it keeps it.
pub async fn remove_watch_role(tx: &mut Tx, guild_id: GuildId, role_id: RoleId) -> Result<bool> {
    sqlx::query!("DELETE FROM watch_role_grant WHERE guild_id = $1 AND role_id = $2", guild_id.0, role_id.0)
        .execute(&mut **tx)
        .await?;
    let done = sqlx::query!("DELETE FROM watch_role WHERE guild_id = $1 AND role_id = $2", guild_id.0, role_id.0)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

impl Store {
    pub async fn list_watch_roles(&self, guild_id: GuildId) -> Result<Vec<WatchRole>> {
        let rows = sqlx::query!(
            r#"SELECT r.role_id, r.name, r.minutes, r.enabled, r.fault,
                   (SELECT count(*) FROM watch_role_grant g WHERE g.guild_id = r.guild_id AND g.role_id = r.role_id) AS "granted!"
               FROM watch_role r WHERE r.guild_id = $1 ORDER BY r.minutes, r.role_id"#,
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?;
        let role = rows.into_iter().map(|r| WatchRole {
            guild_id,
            role_id: RoleId(r.role_id),
            name: r.name,
            minutes: r.minutes,
            enabled: r.enabled,
            fault: r.fault,
            granted: r.granted,
        });
        Ok(role.collect())
    }

    /// Roles that linked members have earned and were not given, those that Discord refuses left out; of one server or of all.
    pub async fn list_owed_roles(&self, guild_id: Option<GuildId>, limit: i64) -> Result<Vec<OwedRole>> {
        let rows = sqlx::query!(
            r#"SELECT r.guild_id, r.role_id, r.name, r.minutes, k.member_id, p.discord_user_id AS "user_id!"
               FROM watch_role r
               JOIN kick_link k ON k.guild_id = r.guild_id
               JOIN viewer v ON v.guild_id = k.guild_id AND v.person_id = k.viewer_id AND v.minutes >= r.minutes
               JOIN person p ON p.id = k.member_id AND p.discord_user_id IS NOT NULL
               WHERE ($2::bigint IS NULL OR r.guild_id = $2) AND r.enabled AND r.fault IS NULL AND NOT EXISTS (SELECT 1 FROM watch_role_grant g
                   WHERE g.guild_id = r.guild_id AND g.role_id = r.role_id AND g.member_id = k.member_id)
               ORDER BY r.guild_id, k.linked_at, r.minutes LIMIT $1"#,
            limit,
            guild_id.map(|guild| guild.0)
        )
        .fetch_all(&self.pool)
        .await?;
        let owed = rows.into_iter().map(|r| OwedRole {
            guild_id: GuildId(r.guild_id),
            role_id: RoleId(r.role_id),
            role_name: r.name,
            minutes: r.minutes,
            member_id: r.member_id,
            user_id: UserId(r.user_id),
        });
        Ok(owed.collect())
    }

    /// Discord has it, or the member is no longer there: it is not asked for again.
    pub async fn mark_role_granted(&self, owed: &OwedRole, now: DateTime<Utc>) -> Result<()> {
        sqlx::query!(
            "INSERT INTO watch_role_grant (guild_id, role_id, member_id, granted_at)
             SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM person WHERE id = $3) ON CONFLICT DO NOTHING",
            owed.guild_id.0,
            owed.role_id.0,
            owed.member_id,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Discord refuses to give a role: it rests until somebody sets it anew.
    pub async fn mark_role_refused(&self, guild_id: GuildId, role_id: RoleId, fault: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE watch_role SET fault = $3 WHERE guild_id = $1 AND role_id = $2",
            guild_id.0,
            role_id.0,
            fault
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
