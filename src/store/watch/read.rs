//! How watch time is read: the hours of a viewer with what counted and why not, and who has watched most.

use uuid::Uuid;

use super::count::HourRules;
use super::multiplier::Multiplier;
use crate::id::{GuildId, UserId};
use crate::store::ledger::read::Standing;
use crate::store::{Result, Store};

/// An hour of a viewer in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedHour {
    pub hour: i32,
    pub channel: String,
    /// Bits of the minutes in which they were present.
    pub present: i64,
    pub rules: HourRules,
    pub subscriber: bool,
    pub minutes: i32,
    /// What it earns is multiplied by it.
    pub multiplier: Option<Multiplier>,
    /// Not counted yet.
    pub is_due: bool,
}

/// A day of a viewer, after the cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedDay {
    pub day: i32,
    pub minutes: i32,
}

impl Store {
    /// The last hours of a viewer, newest first.
    pub async fn list_watched_hours(&self, guild_id: GuildId, viewer_id: Uuid, limit: i64) -> Result<Vec<WatchedHour>> {
        let rows = sqlx::query!(
            r#"SELECT h.hour, h.present, h.subscriber, h.minutes, h.percent, h.multiplier_role_id, c.live, c.crowd, c.forced, c.paused, c.rate, c.sub_rate,
                   c.day_cap, c.due_at IS NOT NULL AS "is_due!", k.name AS "channel?"
               FROM watch_hour h JOIN watch_channel c USING (kick_channel_id, hour)
               LEFT JOIN kick_channel k ON k.id = h.kick_channel_id
               WHERE h.viewer_id = $2 AND h.guild_id = $1 ORDER BY h.hour DESC LIMIT $3"#,
            guild_id.0,
            viewer_id,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let hour = rows.into_iter().map(|r| WatchedHour {
            hour: r.hour,
            channel: r.channel.unwrap_or_default(),
            present: r.present,
            rules: HourRules {
                live: r.live,
                crowd: r.crowd,
                forced: r.forced,
                paused: r.paused,
                rate: r.rate,
                sub_rate: r.sub_rate,
                day_cap: r.day_cap,
            },
            subscriber: r.subscriber,
            minutes: i32::from(r.minutes),
            multiplier: Multiplier::stored(r.percent, r.multiplier_role_id),
            is_due: r.is_due,
        });
        Ok(hour.collect())
    }

    /// The last days of a viewer, newest first.
    pub async fn list_watched_days(&self, guild_id: GuildId, viewer_id: Uuid, limit: i64) -> Result<Vec<WatchedDay>> {
        let rows = sqlx::query!(
            "SELECT day, minutes FROM watch_day WHERE guild_id = $1 AND viewer_id = $2 ORDER BY day DESC LIMIT $3",
            guild_id.0,
            viewer_id,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| WatchedDay { day: r.day, minutes: r.minutes }).collect())
    }

    /// Minutes that a viewer brought along from elsewhere.
    pub async fn find_opening_minutes(&self, guild_id: GuildId, viewer_id: Uuid) -> Result<i64> {
        let found = sqlx::query_scalar!(
            r#"SELECT sum(minutes)::bigint AS minutes FROM viewer_opening WHERE guild_id = $1 AND person_id = $2"#,
            guild_id.0,
            viewer_id
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(found.unwrap_or(0))
    }

    /// Who has watched most, since a day or ever.
    pub async fn watch_board(&self, guild_id: GuildId, since_day: Option<i32>, limit: i64) -> Result<Vec<Standing>> {
        let rows = sqlx::query!(
            r#"SELECT b.person_id AS "person_id!", b.amount AS "amount!", v.username AS "username?", m.discord_user_id AS "user_id?"
               FROM (SELECT person_id, minutes AS amount FROM viewer
                       WHERE guild_id = $1 AND $2::integer IS NULL AND minutes > 0
                     UNION ALL
                     SELECT viewer_id, sum(minutes)::bigint FROM watch_day
                       WHERE guild_id = $1 AND day >= $2 GROUP BY viewer_id HAVING sum(minutes) > 0
                     ORDER BY amount DESC, person_id LIMIT $3) b
               JOIN viewer v ON v.guild_id = $1 AND v.person_id = b.person_id
               LEFT JOIN kick_link k ON k.guild_id = $1 AND k.viewer_id = b.person_id
               LEFT JOIN person m ON m.id = k.member_id
               ORDER BY b.amount DESC, b.person_id"#,
            guild_id.0,
            since_day,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let standing = rows.into_iter().map(|r| Standing {
            person_id: r.person_id,
            username: r.username,
            user_id: r.user_id.map(UserId),
            amount: r.amount,
        });
        Ok(standing.collect())
    }

    /// A viewer's place among all of a server, and of how many.
    pub async fn watch_rank(&self, guild_id: GuildId, minutes: i64) -> Result<(i64, i64)> {
        let row = sqlx::query!(
            r#"SELECT count(*) FILTER (WHERE minutes > $2) + 1 AS "rank!", count(*) FILTER (WHERE minutes > 0) AS "all!"
               FROM viewer WHERE guild_id = $1"#,
            guild_id.0,
            minutes
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((row.rank, row.all))
    }
}
