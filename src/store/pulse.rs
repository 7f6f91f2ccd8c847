//! How a source usually sounds: its last event per kind, its events per hour, and silences told of.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::event::Event;
use crate::id::GuildId;

/// Stands for every kind of a source.
pub const ANY: &str = "";
/// Kinds that say nothing about whether the source works as usual.
const NOT_COUNTED: [&str; 2] = ["webhook.test", "signalbox.notice"];

/// A kind of a source, or the source as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulse {
    pub source_id: Uuid,
    /// The source's name.
    pub source: String,
    pub guild_id: GuildId,
    pub kind: String,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    pub events: i64,
    pub quiet_since: Option<DateTime<Utc>>,
    pub resumed_at: Option<DateTime<Utc>>,
}

/// In how many hours of a stretch there were events, one entry for each earlier week that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierWeek {
    pub source_id: Uuid,
    pub kind: String,
    pub hours: i64,
}

#[derive(Default)]
struct Beats {
    guild_id: i64,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
    hours: BTreeMap<i64, i64>,
}

/// Counts planned events, in the planner's transaction: each event once. The last thing it does, and in
/// order, so that two planners wait for each other but never in a circle.
pub async fn count_beats(tx: &mut Tx, events: &[Event]) -> Result<()> {
    let mut beats: BTreeMap<(Uuid, &str), Beats> = BTreeMap::new();
    for event in events.iter().filter(|event| !NOT_COUNTED.contains(&event.kind.as_str())) {
        for kind in [ANY, event.kind.as_str()] {
            let at = event.received_at;
            let entry = beats.entry((event.source_id, kind)).or_default();
            entry.guild_id = event.guild_id.0;
            entry.first = Some(entry.first.map_or(at, |first| first.min(at)));
            entry.last = entry.last.max(Some(at));
            *entry.hours.entry(at.timestamp().div_euclid(3600) * 3600).or_default() += 1;
        }
    }
    if beats.is_empty() {
        return Ok(());
    }
    let sources: Vec<Uuid> = beats.keys().map(|(source, _)| *source).collect();
    let kinds: Vec<&str> = beats.keys().map(|(_, kind)| *kind).collect();
    let guilds: Vec<i64> = beats.values().map(|b| b.guild_id).collect();
    let firsts: Vec<DateTime<Utc>> = beats.values().filter_map(|b| b.first).collect();
    let lasts: Vec<DateTime<Utc>> = beats.values().filter_map(|b| b.last).collect();
    let counts: Vec<i64> = beats.values().map(|b| b.hours.values().sum()).collect();
    sqlx::query!(
        "INSERT INTO pulse (source_id, guild_id, kind, first_at, last_at, events)
         SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bigint[])
         ON CONFLICT (source_id, kind) DO UPDATE SET first_at = LEAST(pulse.first_at, EXCLUDED.first_at),
             last_at = GREATEST(pulse.last_at, EXCLUDED.last_at), events = pulse.events + EXCLUDED.events",
        &sources,
        &guilds,
        &kinds as &[&str],
        &firsts,
        &lasts,
        &counts
    )
    .execute(&mut **tx)
    .await?;
    let by_hour: Vec<(Uuid, &str, i64, i64)> = beats
        .iter()
        .flat_map(|((source, kind), b)| b.hours.iter().map(move |(hour, count)| (*source, *kind, *hour, *count)))
        .collect();
    let sources: Vec<Uuid> = by_hour.iter().map(|b| b.0).collect();
    let kinds: Vec<&str> = by_hour.iter().map(|b| b.1).collect();
    let hours: Vec<DateTime<Utc>> = by_hour.iter().filter_map(|b| DateTime::from_timestamp(b.2, 0)).collect();
    let counts: Vec<i64> = by_hour.iter().map(|b| b.3).collect();
    sqlx::query!(
        "INSERT INTO pulse_hour (source_id, kind, hour, events)
         SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::timestamptz[], $4::bigint[])
         ON CONFLICT (source_id, kind, hour) DO UPDATE SET events = pulse_hour.events + EXCLUDED.events",
        &sources,
        &kinds as &[&str],
        &hours,
        &counts
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// Notes that somebody listens; returns since when somebody has without a pause longer than `pause`.
    pub async fn keep_watch(&self, now: DateTime<Utc>, pause: TimeDelta) -> Result<DateTime<Utc>> {
        Ok(sqlx::query_scalar!(
            "INSERT INTO pulse_watch (since, seen_at) VALUES ($1, $1)
             ON CONFLICT (id) DO UPDATE SET seen_at = GREATEST(pulse_watch.seen_at, $1),
                 since = CASE WHEN pulse_watch.seen_at < $2 THEN $1 ELSE pulse_watch.since END
             RETURNING since",
            now,
            now - pause
        )
        .fetch_one(&self.pool)
        .await?)
    }

    pub async fn list_pulses(&self) -> Result<Vec<Pulse>> {
        let rows = sqlx::query!(
            r#"SELECT p.source_id, s.name AS source, p.guild_id, p.kind, p.first_at, p.last_at, p.events, p.quiet_since,
                   p.resumed_at
               FROM pulse p JOIN source s ON s.id = p.source_id WHERE s.kind <> 'signalbox'
               ORDER BY p.source_id, p.kind"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| Pulse {
                source_id: r.source_id,
                source: r.source,
                guild_id: GuildId(r.guild_id),
                kind: r.kind,
                first_at: r.first_at,
                last_at: r.last_at,
                events: r.events,
                quiet_since: r.quiet_since,
                resumed_at: r.resumed_at,
            })
            .collect())
    }

    /// For stretches of silence up to `now`: in how many hours there were events in the same stretch of each
    /// of the last four weeks, as far as the source was known then. Whole hours within the stretch count.
    pub async fn list_earlier_weeks(
        &self,
        stretches: &[(Uuid, String, DateTime<Utc>)],
        now: DateTime<Utc>,
    ) -> Result<Vec<EarlierWeek>> {
        let sources: Vec<Uuid> = stretches.iter().map(|s| s.0).collect();
        let kinds: Vec<&str> = stretches.iter().map(|s| s.1.as_str()).collect();
        let since: Vec<DateTime<Utc>> = stretches.iter().map(|s| s.2).collect();
        let rows = sqlx::query!(
            r#"SELECT t.source_id AS "source_id!", t.kind AS "kind!",
                   (SELECT count(*) FROM pulse_hour h WHERE h.source_id = t.source_id AND h.kind = t.kind
                       AND h.hour >= t.since - w.ago AND h.hour + interval '1 hour' <= $4::timestamptz - w.ago) AS "hours!"
               FROM UNNEST($1::uuid[], $2::text[], $3::timestamptz[]) AS t (source_id, kind, since)
               JOIN pulse p ON p.source_id = t.source_id AND p.kind = t.kind
               CROSS JOIN (SELECT make_interval(hours => 168 * n) AS ago FROM generate_series(1, 4) AS n) w
               WHERE t.since - w.ago >= p.first_at"#,
            &sources,
            &kinds as &[&str],
            &since,
            now
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| EarlierWeek { source_id: r.source_id, kind: r.kind, hours: r.hours }).collect())
    }

    /// Remembers that the admins were told of the silence since `since`.
    pub async fn mark_quiet(&self, source_id: Uuid, kind: &str, since: DateTime<Utc>) -> Result<()> {
        sqlx::query!(
            "UPDATE pulse SET quiet_since = $3 WHERE source_id = $1 AND kind = $2 AND quiet_since IS NULL",
            source_id,
            kind,
            since
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Remembers that they were told that it is over.
    pub async fn mark_resumed(
        &self,
        source_id: Uuid,
        kind: &str,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query!(
            "UPDATE pulse SET quiet_since = NULL, resumed_at = $4
             WHERE source_id = $1 AND kind = $2 AND quiet_since = $3",
            source_id,
            kind,
            since,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The kinds of one source, the latest first.
    pub async fn list_last_events(&self, source_id: Uuid) -> Result<Vec<Pulse>> {
        let mut pulses = self.list_pulses().await?;
        pulses.retain(|pulse| pulse.source_id == source_id);
        pulses.sort_by(|a, b| b.last_at.cmp(&a.last_at).then_with(|| a.kind.cmp(&b.kind)));
        Ok(pulses)
    }
}
