//! Counts hours: which minutes of a channel count, how many of them each viewer was present in, what that makes of their
//! days, and what it earns. Everything follows from what is stored; doing it again, in any order, changes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::multiplier::{UnpaidHour, list_unpaid_multiplied, mark_paid};
use crate::id::GuildId;
use crate::store::ledger::{NewLedgerEntry, insert_ledger_entries, lock_balance};
use crate::store::{Result, Store, Tx};

/// Who counts an hour and dies is followed after this long.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// Hours that an entry of the ledger names.
const NAMED: usize = 12;

/// An hour of a channel that is to be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueHour {
    pub guild_id: GuildId,
    pub kick_channel_id: Uuid,
    pub hour: i32,
    version: i64,
}

/// Which minutes of an hour count, and by which rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HourRules {
    /// `None`: nothing tells when the channel is live.
    pub live: Option<i64>,
    pub crowd: i64,
    pub forced: i64,
    pub paused: i64,
    /// Points of five minutes, and those of a subscriber.
    pub rate: i32,
    pub sub_rate: i32,
    /// Minutes of a day that count at most.
    pub day_cap: i32,
}

impl HourRules {
    /// The minutes that count for whoever is present.
    pub fn open(&self) -> i64 {
        (self.live.unwrap_or(i64::MAX) & self.crowd | self.forced) & !self.paused
    }
}

/// A part of an hour's viewers, in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub after: Uuid,
    /// `None`: to the end.
    pub until: Option<Uuid>,
}

/// When a channel is live.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveTimes {
    /// Whether streams of this channel are told of at all by the end of the span.
    pub known: bool,
    pub streams: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)>,
}

impl Store {
    /// An hour whose time has come, under a lease.
    pub async fn claim_due_hour(&self, now: DateTime<Utc>) -> Result<Option<DueHour>> {
        let row = sqlx::query!(
            "UPDATE watch_channel SET due_at = $2 WHERE (kick_channel_id, hour) =
                 (SELECT kick_channel_id, hour FROM watch_channel WHERE due_at <= $1
                  ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING guild_id, kick_channel_id, hour, version",
            now,
            now + LEASE
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| DueHour {
            guild_id: GuildId(r.guild_id),
            kick_channel_id: r.kick_channel_id,
            hour: r.hour,
            version: r.version,
        }))
    }

    /// When the next hour is to be counted.
    pub async fn next_hour_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!("SELECT min(due_at) FROM watch_channel WHERE due_at IS NOT NULL")
            .fetch_one(&self.pool)
            .await?)
    }

    /// Counted; due again at `next`. What was written meanwhile is counted at once.
    pub async fn finish_hour(&self, hour: &DueHour, next: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<()> {
        sqlx::query!(
            "UPDATE watch_channel SET due_at = CASE WHEN version = $3 THEN $4::timestamptz ELSE $5::timestamptz END
             WHERE kick_channel_id = $1 AND hour = $2",
            hour.kick_channel_id,
            hour.hour,
            hour.version,
            next,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The streams of a channel that touch a span.
    pub async fn find_live_times(
        &self,
        kick_channel_id: Uuid,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<LiveTimes> {
        let known = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM kick_stream WHERE kick_channel_id = $1 AND started_at < $2)
                 OR EXISTS (SELECT 1 FROM kick_subscription s JOIN kick_channel c USING (broadcaster_user_id)
                     WHERE c.id = $1 AND s.kind = 'livestream.status.updated' AND s.created_at < $2
                       AND (s.removed_at IS NULL OR s.removed_at > $2)) AS "known!""#,
            kick_channel_id,
            until
        )
        .fetch_one(&self.pool)
        .await?;
        let rows = sqlx::query!(
            "SELECT started_at, ended_at FROM kick_stream
             WHERE kick_channel_id = $1 AND started_at < $3 AND (ended_at IS NULL OR ended_at > $2) ORDER BY started_at",
            kick_channel_id,
            from,
            until
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(LiveTimes { known, streams: rows.into_iter().map(|r| (r.started_at, r.ended_at)).collect() })
    }

    /// Of these minutes those in whose window at least `chatters` wrote: minute, its window in this hour and in the hour
    /// before, as bits.
    pub async fn find_crowded(&self, hour: &DueHour, chatters: i32, windows: &[(i32, i64, i64)]) -> Result<Vec<i32>> {
        let minutes: Vec<i32> = windows.iter().map(|w| w.0).collect();
        let here: Vec<i64> = windows.iter().map(|w| w.1).collect();
        let before: Vec<i64> = windows.iter().map(|w| w.2).collect();
        // Looked through no further than it takes.
        Ok(sqlx::query_scalar!(
            r#"SELECT w.minute AS "minute!" FROM UNNEST($3::integer[], $4::bigint[], $5::bigint[]) AS w (minute, here, before)
               WHERE CASE WHEN w.before = 0 THEN
                   (SELECT count(*) FROM (SELECT 1 FROM watch_hour WHERE kick_channel_id = $1 AND hour = $2
                        AND said & w.here <> 0 LIMIT $6) x)
               ELSE
                   (SELECT count(*) FROM (SELECT viewer_id FROM watch_hour WHERE kick_channel_id = $1
                        AND (hour = $2 AND said & w.here <> 0 OR hour = $2 - 1 AND said & w.before <> 0)
                        GROUP BY viewer_id LIMIT $6) x)
               END >= $6"#,
            hour.kick_channel_id,
            hour.hour,
            &minutes,
            &here,
            &before,
            i64::from(chatters)
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// The minutes of an hour that are known to be crowded: more messages make no fewer of them.
    pub async fn find_crowd(&self, hour: &DueHour) -> Result<i64> {
        Ok(sqlx::query_scalar!(
            "SELECT crowd FROM watch_channel WHERE kick_channel_id = $1 AND hour = $2",
            hour.kick_channel_id,
            hour.hour
        )
        .fetch_one(&self.pool)
        .await?)
    }

    pub async fn save_hour_rules(&self, hour: &DueHour, rules: &HourRules) -> Result<()> {
        sqlx::query!(
            "UPDATE watch_channel SET live = $3, crowd = $4, forced = $5, paused = $6, rate = $7, sub_rate = $8, day_cap = $9
             WHERE kick_channel_id = $1 AND hour = $2 AND version = $10",
            hour.kick_channel_id,
            hour.hour,
            rules.live,
            rules.crowd,
            rules.forced,
            rules.paused,
            rules.rate,
            rules.sub_rate,
            rules.day_cap,
            hour.version
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The next `size` viewers of an hour.
    pub async fn next_range(&self, hour: &DueHour, after: Uuid, size: i64) -> Result<Range> {
        let until = sqlx::query_scalar!(
            "SELECT viewer_id FROM watch_hour WHERE kick_channel_id = $1 AND hour = $2 AND viewer_id > $3
             ORDER BY viewer_id OFFSET $4 LIMIT 1",
            hour.kick_channel_id,
            hour.hour,
            after,
            size - 1
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(Range { after, until })
    }

    /// Counts the minutes of some viewers of an hour, their day and their sum; all of it in one transaction. Returns of
    /// how many it is new. Once something was written since, nothing is: who counts it then knows more.
    pub async fn count_range(&self, hour: &DueHour, range: Range, open: i64) -> Result<usize> {
        let mut tx = self.begin().await?;
        let changed = sqlx::query_scalar!(
            "UPDATE watch_hour SET minutes = bit_count((present & $5)::bit(64))
             WHERE kick_channel_id = $1 AND hour = $2 AND viewer_id > $3 AND ($4::uuid IS NULL OR viewer_id <= $4)
               AND minutes <> bit_count((present & $5)::bit(64))
               AND EXISTS (SELECT 1 FROM watch_channel WHERE kick_channel_id = $1 AND hour = $2 AND version = $6)
             RETURNING viewer_id",
            hour.kick_channel_id,
            hour.hour,
            range.after,
            range.until,
            open,
            hour.version
        )
        .fetch_all(&mut *tx)
        .await?;
        count_day(&mut tx, hour.guild_id, hour.hour.div_euclid(24), &changed).await?;
        tx.commit().await?;
        Ok(changed.len())
    }

    /// Those of some viewers of an hour whose earnings are not in the ledger yet.
    pub async fn list_unpaid(&self, hour: &DueHour, range: Range) -> Result<Vec<Uuid>> {
        Ok(sqlx::query_scalar!(
            "SELECT v.person_id FROM watch_hour h JOIN viewer v ON v.guild_id = h.guild_id AND v.person_id = h.viewer_id
             WHERE h.kick_channel_id = $1 AND h.hour = $2 AND h.viewer_id > $3 AND ($4::uuid IS NULL OR h.viewer_id <= $4)
               AND v.fifths / 5 <> v.points
             ORDER BY 1",
            hour.kick_channel_id,
            hour.hour,
            range.after,
            range.until
        )
        .fetch_all(&self.pool)
        .await?)
    }
}

/// A day of these viewers anew, from all its hours; what changed goes into their sums. Their rows are locked first, so that
/// two that count hours of one day add up. What was there before is looked up one by one (`OFFSET 0` keeps it so): of a day
/// that is new PostgreSQL believes that it has one row, and would go through all of it for each viewer.
pub(super) async fn count_day(tx: &mut Tx, guild_id: GuildId, day: i32, viewers: &[Uuid]) -> Result<()> {
    if viewers.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "SELECT 1 AS one FROM viewer WHERE guild_id = $1 AND person_id = ANY ($2) ORDER BY person_id FOR NO KEY UPDATE",
        guild_id.0,
        viewers
    )
    .fetch_all(&mut **tx)
    .await?;
    sqlx::query!(
        "WITH hours AS (
             SELECT h.viewer_id, h.hour, LEAST(60, sum(h.minutes)) AS minutes, max(c.day_cap) AS cap,
                 max(CASE WHEN h.subscriber THEN c.sub_rate ELSE c.rate END) AS rate, COALESCE(max(h.percent), 100) AS percent
             FROM watch_hour h JOIN watch_channel c USING (kick_channel_id, hour)
             WHERE h.viewer_id = ANY ($3) AND h.hour >= $2 * 24 AND h.hour < $2 * 24 + 24 AND h.guild_id = $1
             GROUP BY 1, 2),
         summed AS (SELECT *, sum(minutes) OVER (PARTITION BY viewer_id ORDER BY hour) AS until_then FROM hours),
         counted AS (SELECT *, LEAST(until_then, cap) - LEAST(until_then - minutes, cap) AS counts FROM summed),
         fresh AS (
             SELECT viewer_id, sum(counts)::integer AS minutes, sum(counts * rate * percent)::bigint / 100 AS fifths
             FROM counted GROUP BY 1),
         saved AS (
             INSERT INTO watch_day AS d (guild_id, viewer_id, day, minutes, fifths)
             SELECT $1, viewer_id, $2, minutes, fifths FROM fresh
             ON CONFLICT (guild_id, viewer_id, day) DO UPDATE SET minutes = EXCLUDED.minutes, fifths = EXCLUDED.fifths)
         UPDATE viewer v SET minutes = v.minutes + f.minutes - COALESCE(k.minutes, 0),
             fifths = v.fifths + f.fifths - COALESCE(k.fifths, 0)
         FROM fresh f LEFT JOIN LATERAL (
             SELECT minutes, fifths FROM watch_day
             WHERE guild_id = $1 AND viewer_id = f.viewer_id AND day = $2 OFFSET 0) k ON true
         WHERE v.guild_id = $1 AND v.person_id = f.viewer_id",
        guild_id.0,
        day,
        viewers
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Puts what these viewers have earned by watching into the ledger. What they earned too much (a stream that ended earlier
/// than was thought) is taken back as far as they have it; the rest is set off against what they earn next. An entry names
/// the hours in it that a role multiplies.
pub async fn pay_watching(tx: &mut Tx, guild_id: GuildId, viewers: &[Uuid], now: DateTime<Utc>) -> Result<usize> {
    let owed = sqlx::query!(
        r#"SELECT person_id, minutes, payouts, fifths / 5 - points AS "amount!" FROM viewer
           WHERE guild_id = $1 AND person_id = ANY ($2) AND fifths / 5 <> points
           ORDER BY person_id FOR NO KEY UPDATE"#,
        guild_id.0,
        viewers
    )
    .fetch_all(&mut **tx)
    .await?;
    if owed.is_empty() {
        return Ok(0);
    }
    let owed_to: Vec<Uuid> = owed.iter().map(|row| row.person_id).collect();
    let multiplied = list_unpaid_multiplied(tx, guild_id, &owed_to, now).await?;
    let mut entries = Vec::with_capacity(owed.len());
    for row in owed {
        let amount = match row.amount {
            due if due < 0 => due.max(-lock_balance(tx, guild_id, row.person_id).await?),
            due => due,
        };
        let cause = format!("watch:{}:{}", row.person_id, row.payouts + 1);
        let entry = NewLedgerEntry::new(guild_id, row.person_id, amount, "watch", cause);
        let mut detail = json!({ "minutes": row.minutes });
        let hours: Vec<&UnpaidHour> = multiplied.iter().filter(|hour| hour.viewer_id == row.person_id).collect();
        if !hours.is_empty() {
            detail["hours"] = hours.iter().take(NAMED).map(|hour| hour.told()).collect();
            detail["more_hours"] = json!(hours.len().saturating_sub(NAMED));
        }
        entries.push(entry.with(detail));
    }
    entries.retain(|entry| entry.amount != 0);
    let (persons, amounts): (Vec<Uuid>, Vec<i64>) = entries.iter().map(|e| (e.person_id, e.amount)).unzip();
    insert_ledger_entries(tx, now, &entries).await?;
    sqlx::query!(
        "UPDATE viewer v SET points = v.points + p.amount, payouts = v.payouts + 1
         FROM UNNEST($2::uuid[], $3::bigint[]) AS p (person_id, amount)
         WHERE v.guild_id = $1 AND v.person_id = p.person_id",
        guild_id.0,
        &persons,
        &amounts
    )
    .execute(&mut **tx)
    .await?;
    let paid = multiplied.iter().filter(|hour| persons.contains(&hour.viewer_id));
    mark_paid(tx, guild_id, &paid.collect::<Vec<_>>()).await?;
    Ok(entries.len())
}
