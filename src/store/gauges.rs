//! What operators watch: how much waits, since when, and what needs somebody. Asked when they look.

use chrono::{DateTime, Utc};

use super::{Result, Store};

/// How things stand over all guilds, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    pub unplanned: i64,
    pub queued: i64,
    pub dead: i64,
    pub open: i64,
    pub in_doubt: i64,
    pub unresolved: i64,
    pub set_aside: i64,
    /// When the oldest of what could go out now was queued.
    pub oldest_due: Option<DateTime<Utc>>,
    pub lanes_waiting: i64,
    pub lanes_leased: i64,
    pub destinations_disabled: i64,
    pub destinations: i64,
    pub quarantined: i64,
    /// Approvals that are not settled, by state.
    pub approvals: Vec<(String, i64)>,
    pub sources: Vec<SourceAge>,
}

/// The newest event of a source.
#[derive(Clone, Debug)]
pub struct SourceAge {
    pub guild_id: i64,
    pub kind: String,
    pub last_event_at: Option<DateTime<Utc>>,
}

impl Store {
    /// `kinds` are the kinds of events whose newest is looked for.
    pub async fn read_gauges(&self, kinds: &[String], now: DateTime<Utc>) -> Result<Gauges> {
        let row = sqlx::query!(
            r#"SELECT
                (SELECT count(*) FROM event WHERE planned_at IS NULL) AS "unplanned!",
                (SELECT count(*) FROM message WHERE state = 'queued') AS "queued!",
                (SELECT count(*) FROM message WHERE state = 'dead') AS "dead!",
                (SELECT count(*) FROM destination WHERE removed_at IS NULL) AS "destinations!",
                (SELECT count(*) FROM destination WHERE disabled_at IS NOT NULL AND removed_at IS NULL) AS "destinations_disabled!",
                (SELECT count(*) FROM quarantine) AS "quarantined!",
                (SELECT count(*) FROM lane WHERE leased_until > $1) AS "lanes_leased!",
                (SELECT count(*) FROM lane l WHERE l.not_before > $1
                    AND EXISTS (SELECT 1 FROM message m WHERE m.destination_id = l.destination_id
                                AND m.state = 'queued')) AS "lanes_waiting!",
                (SELECT min(at) FROM (
                    SELECT (SELECT min(m.created_at) FROM message m
                            WHERE m.destination_id = l.destination_id AND m.state = 'queued') AS at
                        FROM lane l JOIN destination d ON d.id = l.destination_id
                        WHERE l.not_before <= $1 AND d.disabled_at IS NULL AND d.enabled AND d.removed_at IS NULL
                    UNION ALL
                    SELECT min(s.created_at) FROM send s
                        WHERE s.state IN ('open', 'in_doubt', 'unresolved') AND s.not_before <= $1
                 ) t) AS oldest_due"#,
            now
        )
        .fetch_one(&self.pool)
        .await?;
        let sends = sqlx::query!(
            r#"SELECT count(*) FILTER (WHERE state = 'open') AS "open!",
                   count(*) FILTER (WHERE state = 'in_doubt' AND NOT set_aside) AS "in_doubt!",
                   count(*) FILTER (WHERE state = 'unresolved') AS "unresolved!",
                   count(*) FILTER (WHERE set_aside AND state <> 'unresolved') AS "set_aside!"
               FROM send WHERE state IN ('open', 'in_doubt', 'unresolved')"#
        )
        .fetch_one(&self.pool)
        .await?;
        let approvals = sqlx::query!(
            r#"SELECT state, count(*) AS "count!" FROM approval
               WHERE state NOT IN ('confirmed', 'elsewhere', 'superseded', 'expired') GROUP BY state ORDER BY state"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(Gauges {
            unplanned: row.unplanned,
            queued: row.queued,
            dead: row.dead,
            open: sends.open,
            in_doubt: sends.in_doubt,
            unresolved: sends.unresolved,
            set_aside: sends.set_aside,
            oldest_due: row.oldest_due,
            lanes_waiting: row.lanes_waiting,
            lanes_leased: row.lanes_leased,
            destinations_disabled: row.destinations_disabled,
            destinations: row.destinations,
            quarantined: row.quarantined,
            approvals: approvals.into_iter().map(|row| (row.state, row.count)).collect(),
            sources: self.list_source_ages(kinds).await?,
        })
    }

    /// As the planner noted them: a source may have millions of events.
    async fn list_source_ages(&self, kinds: &[String]) -> Result<Vec<SourceAge>> {
        Ok(sqlx::query_as!(
            SourceAge,
            "SELECT s.guild_id, s.kind, max(p.last_at) AS last_event_at
             FROM source s LEFT JOIN pulse p ON p.source_id = s.id AND p.kind = ANY($1)
             GROUP BY s.id, s.guild_id, s.kind ORDER BY s.guild_id, s.kind",
            kinds
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
