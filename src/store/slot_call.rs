//! Slot calls: what viewers ask for, the rules for it, and what was picked.

pub mod announcement;
pub mod provider;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::{ChannelId, GuildId};
use crate::routing::board::slots::SlotsView;

/// The rules of a server.
#[derive(Clone, Debug)]
pub struct SlotSetting {
    pub enabled: bool,
    /// Calls before this count no more.
    pub enabled_at: Option<DateTime<Utc>>,
    /// 0: any number.
    pub max_per_user: i32,
    pub cooldown_seconds: i32,
    pub prevent_duplicates: bool,
    /// Where calls are posted.
    pub channel_id: Option<ChannelId>,
    /// Where moments that chatters mark are posted.
    pub clip_channel_id: Option<ChannelId>,
    /// How long a clip of such a moment is.
    pub clip_seconds: i32,
}

impl Default for SlotSetting {
    fn default() -> Self {
        Self {
            enabled: false,
            enabled_at: None,
            max_per_user: 0,
            cooldown_seconds: 30,
            prevent_duplicates: false,
            channel_id: None,
            clip_channel_id: None,
            clip_seconds: 30,
        }
    }
}

/// A call to be stored.
#[derive(Clone, Debug)]
pub struct NewSlotCall {
    pub id: Uuid,
    pub person_id: Uuid,
    pub name: String,
    pub slot: String,
    pub slug: String,
}

/// A call as it is picked or listed.
#[derive(Clone, Debug)]
pub struct SlotCall {
    pub id: Uuid,
    pub name: String,
    pub slot: String,
    pub called_at: DateTime<Utc>,
}

/// What stands against a call.
#[derive(Clone, Debug)]
pub struct Standing {
    pub is_blocked: bool,
    pub is_banned: bool,
    /// Of this person, since requests were opened.
    pub calls: i64,
    pub last_at: Option<DateTime<Utc>>,
    /// Somebody's call for the same slot is open.
    pub is_there: bool,
}

/// The rules, locked until the transaction ends: calls of a server come one after the other.
pub async fn lock_slots(tx: &mut Tx, guild_id: GuildId) -> Result<SlotSetting> {
    sqlx::query!("INSERT INTO slot_setting (guild_id) VALUES ($1) ON CONFLICT DO NOTHING", guild_id.0)
        .execute(&mut **tx)
        .await?;
    let row = sqlx::query!(
        "SELECT enabled, enabled_at, max_per_user, cooldown_seconds, prevent_duplicates, channel_id, clip_channel_id,
             clip_seconds
         FROM slot_setting WHERE guild_id = $1 FOR UPDATE",
        guild_id.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(SlotSetting {
        enabled: row.enabled,
        enabled_at: row.enabled_at,
        max_per_user: row.max_per_user,
        cooldown_seconds: row.cooldown_seconds,
        prevent_duplicates: row.prevent_duplicates,
        channel_id: row.channel_id.map(ChannelId),
        clip_channel_id: row.clip_channel_id.map(ChannelId),
        clip_seconds: row.clip_seconds,
    })
}

pub async fn save_slots(tx: &mut Tx, guild_id: GuildId, setting: &SlotSetting) -> Result<()> {
    sqlx::query!(
        "UPDATE slot_setting SET enabled = $2, enabled_at = $3, max_per_user = $4, cooldown_seconds = $5,
             prevent_duplicates = $6, channel_id = $7, clip_channel_id = $8, clip_seconds = $9
         WHERE guild_id = $1",
        guild_id.0,
        setting.enabled,
        setting.enabled_at,
        setting.max_per_user,
        setting.cooldown_seconds,
        setting.prevent_duplicates,
        setting.channel_id.map(|channel| channel.0),
        setting.clip_channel_id.map(|channel| channel.0),
        setting.clip_seconds
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What stands against this person's call for this slot.
pub async fn find_standing(
    tx: &mut Tx,
    guild_id: GuildId,
    person_id: Uuid,
    slug: &str,
    since: Option<DateTime<Utc>>,
) -> Result<Standing> {
    let row = sqlx::query!(
        r#"SELECT EXISTS (SELECT 1 FROM slot_block WHERE guild_id = $1 AND person_id = $2) AS "blocked!",
               EXISTS (SELECT 1 FROM slot_ban WHERE guild_id = $1 AND slug = $3) AS "banned!",
               (SELECT count(*) FROM slot_call WHERE guild_id = $1 AND person_id = $2
                    AND ($4::timestamptz IS NULL OR called_at >= $4)) AS "calls!",
               (SELECT max(called_at) FROM slot_call WHERE guild_id = $1 AND person_id = $2) AS last_at,
               EXISTS (SELECT 1 FROM slot_call WHERE guild_id = $1 AND slug = $3 AND picked_at IS NULL
                   AND cleared_at IS NULL AND ($4::timestamptz IS NULL OR called_at >= $4)) AS "there!""#,
        guild_id.0,
        person_id,
        slug,
        since
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Standing {
        is_blocked: row.blocked,
        is_banned: row.banned,
        calls: row.calls,
        last_at: row.last_at,
        is_there: row.there,
    })
}

pub async fn insert_slot_call(tx: &mut Tx, guild_id: GuildId, new: &NewSlotCall, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO slot_call (id, guild_id, person_id, name, slot, slug, called_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        new.id,
        guild_id.0,
        new.person_id,
        new.name,
        new.slot,
        new.slug,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Picks the `nth` (from 0, modulo how many there are) of the open calls. `None`: there is none.
pub async fn pick_slot(
    tx: &mut Tx,
    guild_id: GuildId,
    since: Option<DateTime<Utc>>,
    nth: u32,
    now: DateTime<Utc>,
) -> Result<Option<SlotCall>> {
    Ok(sqlx::query_as!(
        SlotCall,
        "UPDATE slot_call SET picked_at = $4 WHERE guild_id = $1 AND id = (
             SELECT id FROM (SELECT id, row_number() OVER (ORDER BY called_at, id) - 1 AS at, count(*) OVER () AS calls
                 FROM slot_call WHERE guild_id = $1 AND picked_at IS NULL AND cleared_at IS NULL
                   AND ($2::timestamptz IS NULL OR called_at >= $2)) c
             WHERE c.at = $3::bigint % c.calls)
         RETURNING id, name, slot, called_at",
        guild_id.0,
        since,
        i64::from(nth),
        now
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// The oldest open call of this slot by this name is picked; `None`: there is no such call.
pub async fn pick_named_slot(
    tx: &mut Tx,
    guild_id: GuildId,
    name: &str,
    slug: &str,
    reward: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<SlotCall>> {
    Ok(sqlx::query_as!(
        SlotCall,
        "UPDATE slot_call SET picked_at = $5, reward = $4 WHERE guild_id = $1 AND id = (
             SELECT id FROM slot_call WHERE guild_id = $1 AND lower(name) = lower($2) AND slug = $3 AND picked_at IS NULL
               AND cleared_at IS NULL ORDER BY called_at, id LIMIT 1)
         RETURNING id, name, slot, called_at",
        guild_id.0,
        name,
        slug,
        reward,
        now
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Takes what is open off the list. Returns how many there were.
pub async fn clear_slots(tx: &mut Tx, guild_id: GuildId, now: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query!(
        "UPDATE slot_call SET cleared_at = $2 WHERE guild_id = $1 AND picked_at IS NULL AND cleared_at IS NULL",
        guild_id.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Takes a slot or not any more. False: it was so already.
pub async fn ban_slot(
    tx: &mut Tx,
    guild_id: GuildId,
    slug: &str,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = match reason {
        Some(reason) => {
            sqlx::query!(
                "INSERT INTO slot_ban (guild_id, slug, reason, banned_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (guild_id, slug) DO UPDATE SET reason = EXCLUDED.reason",
                guild_id.0,
                slug,
                reason,
                now
            )
            .execute(&mut **tx)
            .await?
        }
        None => {
            sqlx::query!("DELETE FROM slot_ban WHERE guild_id = $1 AND slug = $2", guild_id.0, slug)
                .execute(&mut **tx)
                .await?
        }
    };
    Ok(done.rows_affected() > 0)
}

/// The same with somebody.
pub async fn block_caller(
    tx: &mut Tx,
    guild_id: GuildId,
    person_id: Uuid,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = match reason {
        Some(reason) => {
            sqlx::query!(
                "INSERT INTO slot_block (guild_id, person_id, reason, blocked_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (guild_id, person_id) DO UPDATE SET reason = EXCLUDED.reason",
                guild_id.0,
                person_id,
                reason,
                now
            )
            .execute(&mut **tx)
            .await?
        }
        None => {
            sqlx::query!("DELETE FROM slot_block WHERE guild_id = $1 AND person_id = $2", guild_id.0, person_id)
                .execute(&mut **tx)
                .await?
        }
    };
    Ok(done.rows_affected() > 0)
}

impl Store {
    /// What the board shows.
    pub async fn get_slots(&self, guild_id: GuildId) -> Result<SlotsView> {
        let row = sqlx::query!(
            r#"SELECT s.enabled, s.max_per_user,
                   (SELECT count(*) FROM slot_call c WHERE c.guild_id = $1 AND c.called_at >= COALESCE(s.enabled_at, '-infinity')) AS "total!",
                   (SELECT count(*) FROM slot_call c WHERE c.guild_id = $1 AND c.called_at >= COALESCE(s.enabled_at, '-infinity')
                        AND c.picked_at IS NULL AND c.cleared_at IS NULL) AS "available!",
                   (SELECT count(*) FROM slot_call c WHERE c.guild_id = $1 AND c.called_at >= COALESCE(s.enabled_at, '-infinity')
                        AND c.picked_at IS NOT NULL) AS "picked!"
               FROM slot_setting s WHERE s.guild_id = $1"#,
            guild_id.0
        )
        .fetch_optional(&self.pool)
        .await?;
        let last = sqlx::query!(
            r#"SELECT slot, name, picked_at AS "picked_at!" FROM slot_call c WHERE guild_id = $1 AND picked_at IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM slot_announcement a WHERE a.guild_id = $1 AND a.slot_call_id = c.id)
               ORDER BY picked_at DESC, id DESC LIMIT 1"#,
            guild_id.0
        )
        .fetch_optional(&self.pool)
        .await?;
        let last = last.map(|row| (row.slot, row.name, row.picked_at));
        Ok(row.map_or_else(SlotsView::default, |row| SlotsView {
            enabled: row.enabled,
            max_per_user: row.max_per_user,
            total: row.total,
            available: row.available,
            picked: row.picked,
            last,
        }))
    }

    /// What is open, the oldest first.
    pub async fn list_slot_calls(&self, guild_id: GuildId, limit: i64) -> Result<Vec<SlotCall>> {
        Ok(sqlx::query_as!(
            SlotCall,
            "SELECT c.id, c.name, c.slot, c.called_at FROM slot_call c JOIN slot_setting s ON s.guild_id = c.guild_id
             WHERE c.guild_id = $1 AND c.picked_at IS NULL AND c.cleared_at IS NULL
               AND c.called_at >= COALESCE(s.enabled_at, '-infinity')
             ORDER BY c.called_at, c.id LIMIT $2",
            guild_id.0,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }
}

impl SlotSetting {
    pub fn cooldown(&self) -> TimeDelta {
        TimeDelta::seconds(self.cooldown_seconds.into())
    }
}
