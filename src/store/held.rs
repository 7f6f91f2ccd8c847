//! What was held back: a row for each event and destination, until one message tells of it.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::{ChannelId, GuildId, MessageId};
use crate::routing::backtest::headline;
use crate::routing::silence::receipt::{Line, Open, Summary};

/// An event that does not go to a destination now.
#[derive(Clone, Debug)]
pub struct NewHeld {
    pub guild_id: GuildId,
    pub event_id: Uuid,
    pub destination_id: Uuid,
    pub route_id: Option<Uuid>,
    pub reason: &'static str,
    pub silence_id: Option<Uuid>,
    /// What the living card is about that is not posted.
    pub subject_id: Option<Uuid>,
    pub kind: String,
    pub occurred_at: DateTime<Utc>,
    pub headline: String,
    /// False: it is counted, and not told one by one.
    pub listed: bool,
    /// `None`: when its silence ends.
    pub due_at: Option<DateTime<Utc>>,
}

pub async fn insert_held(tx: &mut Tx, held: &[NewHeld], now: DateTime<Utc>) -> Result<()> {
    let guilds: Vec<i64> = held.iter().map(|h| h.guild_id.0).collect();
    let events: Vec<Uuid> = held.iter().map(|h| h.event_id).collect();
    let destinations: Vec<Uuid> = held.iter().map(|h| h.destination_id).collect();
    let routes: Vec<Option<Uuid>> = held.iter().map(|h| h.route_id).collect();
    let reasons: Vec<&str> = held.iter().map(|h| h.reason).collect();
    let silences: Vec<Option<Uuid>> = held.iter().map(|h| h.silence_id).collect();
    let subjects: Vec<Option<Uuid>> = held.iter().map(|h| h.subject_id).collect();
    let kinds: Vec<&str> = held.iter().map(|h| h.kind.as_str()).collect();
    let times: Vec<DateTime<Utc>> = held.iter().map(|h| h.occurred_at).collect();
    let headlines: Vec<&str> = held.iter().map(|h| h.headline.as_str()).collect();
    let listed: Vec<bool> = held.iter().map(|h| h.listed).collect();
    let due: Vec<Option<DateTime<Utc>>> = held.iter().map(|h| h.due_at).collect();
    sqlx::query!(
        "INSERT INTO held (guild_id, event_id, destination_id, route_id, reason, silence_id, subject_id, kind, occurred_at,
             headline, listed, due_at, held_at)
         SELECT t.guild_id, t.event_id, t.destination_id, t.route_id, t.reason, t.silence_id, t.subject_id, t.kind,
             t.occurred_at, t.headline, t.listed, t.due_at, $13
         FROM UNNEST($1::bigint[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::uuid[], $8::text[],
                 $9::timestamptz[], $10::text[], $11::boolean[], $12::timestamptz[])
             WITH ORDINALITY AS t (guild_id, event_id, destination_id, route_id, reason, silence_id, subject_id, kind,
                 occurred_at, headline, listed, due_at, n)
         ORDER BY t.n ON CONFLICT ON CONSTRAINT held_once DO NOTHING",
        &guilds,
        &events,
        &destinations,
        &routes as &[Option<Uuid>],
        &reasons as &[&str],
        &silences as &[Option<Uuid>],
        &subjects as &[Option<Uuid>],
        &kinds as &[&str],
        &times,
        &headlines as &[&str],
        &listed,
        &due as &[Option<DateTime<Utc>>],
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Which of these subjects have their card in these places, or will have it soon: nothing new is posted for them.
pub async fn list_shown(tx: &mut Tx, subjects: &[Uuid], destinations: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        "SELECT c.subject_id, c.destination_id FROM card c
         JOIN UNNEST($1::uuid[], $2::uuid[]) AS t (subject_id, destination_id)
           ON t.subject_id = c.subject_id AND t.destination_id = c.destination_id
         WHERE c.discord_message_id IS NOT NULL OR c.gone_at IS NOT NULL
           OR EXISTS (SELECT 1 FROM message m WHERE m.card_id = c.id AND m.state IN ('queued', 'sending'))",
        subjects,
        destinations
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|r| (r.subject_id, r.destination_id)).collect())
}

/// Everything that a silence has withheld and that was not told yet is told in this event. Returns how much it is.
pub async fn tell_of_silence(tx: &mut Tx, silence_id: Uuid, told_in: Uuid) -> Result<u64> {
    let done =
        sqlx::query!("UPDATE held SET told_in = $2 WHERE silence_id = $1 AND told_in IS NULL", silence_id, told_in)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected())
}

/// What is due in one place, for one reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub guild_id: GuildId,
    pub destination_id: Uuid,
    pub reason: String,
    pub is_removed: bool,
}

impl Store {
    /// What is due. What came late is due once nothing more of it has come for a while, and waits for `patience` at most.
    pub async fn list_due_held(&self, now: DateTime<Utc>, patience: TimeDelta, limit: i64) -> Result<Vec<Due>> {
        let rows = sqlx::query!(
            r#"SELECT d.guild_id, g.destination_id AS "destination_id!", g.reason AS "reason!",
                   d.removed_at IS NOT NULL AS "is_removed!"
               FROM held_group g JOIN destination d ON d.id = g.destination_id
               WHERE CASE g.reason WHEN 'late' THEN g.last_due_at <= $1 OR g.first_due_at <= $2
                   ELSE g.first_due_at <= $1 END
               ORDER BY g.first_due_at LIMIT $3"#,
            now,
            now - patience,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let due = rows.into_iter().map(|r| Due {
            guild_id: GuildId(r.guild_id),
            destination_id: r.destination_id,
            reason: r.reason,
            is_removed: r.is_removed,
        });
        Ok(due.collect())
    }

    /// When the next silence ends, or the next of what is held back comes due.
    pub async fn next_held_at(&self, patience: TimeDelta) -> Result<Option<DateTime<Utc>>> {
        let rows = sqlx::query!(
            "SELECT min(ends_at) AS at, NULL::timestamptz AS late_since FROM silence WHERE receipt_at IS NULL
             UNION ALL
             SELECT CASE reason WHEN 'late' THEN last_due_at ELSE first_due_at END,
                 CASE reason WHEN 'late' THEN first_due_at END
             FROM held_group"
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().flat_map(|r| [r.at, r.late_since.map(|since| since + patience)]).flatten().min())
    }
}

/// What is due is told in this event; what came late all of it. Returns how much it is: 0 when another was faster.
pub async fn tell_of_due(tx: &mut Tx, due: &Due, told_in: Uuid, now: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query!(
        "UPDATE held SET told_in = $4 WHERE id IN (SELECT id FROM held
             WHERE destination_id = $1 AND reason = $2 AND told_in IS NULL AND due_at IS NOT NULL
               AND (due_at <= $3 OR reason = 'late')
             ORDER BY id FOR UPDATE)",
        due.destination_id,
        due.reason,
        now,
        told_in
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// The destination that most of it was meant for, of those that still are there; one whose messages can have buttons
/// before a webhook.
pub async fn find_main_place(tx: &mut Tx, told_in: Uuid) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar!(
        "SELECT h.destination_id FROM held h JOIN destination d ON d.id = h.destination_id
         WHERE h.told_in = $1 AND d.removed_at IS NULL
         GROUP BY h.destination_id, d.kind ORDER BY d.kind = 'webhook', count(*) DESC, h.destination_id LIMIT 1",
        told_in
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// All that is told in this event, as a message in `place` tells it.
pub async fn summarise(tx: &mut Tx, told_in: Uuid, place: Uuid, named: usize) -> Result<Summary> {
    let totals = sqlx::query!(
        r#"SELECT count(*) AS "count!", count(*) FILTER (WHERE destination_id <> $2) AS "elsewhere!",
               count(*) FILTER (WHERE destination_id = $2 AND listed) AS "listed!",
               min(occurred_at) AS oldest, max(occurred_at) AS newest
           FROM held WHERE told_in = $1"#,
        told_in,
        place
    )
    .fetch_one(&mut **tx)
    .await?;
    let kinds = sqlx::query!(
        r#"SELECT kind, count(*) AS "count!" FROM held WHERE told_in = $1 GROUP BY kind ORDER BY count(*) DESC, kind"#,
        told_in
    )
    .fetch_all(&mut **tx)
    .await?;
    let newest = sqlx::query!(
        "SELECT kind, occurred_at, headline FROM held WHERE told_in = $1 AND destination_id = $2 AND listed
         ORDER BY id DESC LIMIT $3",
        told_in,
        place,
        named as i64
    )
    .fetch_all(&mut **tx)
    .await?;
    let open = list_open(tx, told_in).await?;
    Ok(Summary {
        count: totals.count,
        kinds: kinds.into_iter().map(|r| (r.kind, r.count)).collect(),
        newest: newest.into_iter().map(|r| Line { kind: r.kind, at: r.occurred_at, headline: r.headline }).collect(),
        listed: totals.listed,
        open: open.into_iter().filter(|open| open.destination_id == place).map(|open| open.open).collect(),
        oldest_at: totals.oldest,
        newest_at: totals.newest,
        elsewhere: totals.elsewhere,
    })
}

/// A card that was not posted, of a thing that is still open.
pub struct OpenCard {
    pub subject_id: Uuid,
    pub destination_id: Uuid,
    /// The last event that would have posted it.
    pub event_id: Uuid,
    pub guild_id: GuildId,
    pub open: Open,
}

/// What is told in this event, is still open and has no card there. When a ticket is closed, `routing::ticket::is_closed`
/// says; an approval is open until it is decided.
pub async fn list_open(tx: &mut Tx, told_in: Uuid) -> Result<Vec<OpenCard>> {
    let rows = sqlx::query!(
        r#"SELECT h.subject_id AS "subject_id!", h.destination_id AS "destination_id!", h.event_id AS "event_id!",
               h.guild_id AS "guild_id!", s.kind, s.state
           FROM (SELECT DISTINCT ON (subject_id, destination_id) subject_id, destination_id, event_id, guild_id
                 FROM held WHERE told_in = $1 AND subject_id IS NOT NULL
                 ORDER BY subject_id, destination_id, id DESC) h
           JOIN subject s ON s.id = h.subject_id
           JOIN destination d ON d.id = h.destination_id AND d.removed_at IS NULL
           WHERE NOT EXISTS (SELECT 1 FROM card c WHERE c.subject_id = h.subject_id AND c.destination_id = h.destination_id
                   AND (c.discord_message_id IS NOT NULL OR c.gone_at IS NOT NULL
                       OR EXISTS (SELECT 1 FROM message m WHERE m.card_id = c.id AND m.state IN ('queued', 'sending'))))
             AND CASE s.kind
               WHEN 'ticket' THEN NOT COALESCE(
                   (SELECT (i ->> 'is_closed')::boolean
                    FROM upstream_list l CROSS JOIN LATERAL jsonb_array_elements(l.items) i
                    WHERE l.source_id = s.source_id AND l.kind = 'status'
                      AND translate(lower(btrim(i ->> 'name')), ' -', '__')
                        = translate(lower(btrim(s.state #>> '{fields,status,value}')), ' -', '__') LIMIT 1),
                   lower(s.state #>> '{fields,status,value}') IN ('closed', 'resolved', 'cancelled')
                       OR s.state #>> '{timeline,-1,kind}' = 'ticket.closed',
                   false)
               WHEN 'signal' THEN COALESCE(s.state #>> '{fields,resolved,value}', '') <> 'true'
               ELSE EXISTS (SELECT 1 FROM approval a WHERE a.subject_id = s.id
                   AND a.state IN ('requested', 'deciding', 'sent', 'unknown', 'refused'))
             END
           ORDER BY h.event_id, h.destination_id"#,
        told_in
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| OpenCard {
            subject_id: r.subject_id,
            destination_id: r.destination_id,
            event_id: r.event_id,
            guild_id: GuildId(r.guild_id),
            open: Open { kind: r.kind, headline: called(&r.state) },
        })
        .collect())
}

/// What a subject is called.
fn called(state: &Value) -> String {
    let fields = state.get("fields").and_then(Value::as_object);
    let values =
        fields.into_iter().flatten().filter_map(|(name, field)| Some((name.clone(), field.get("value")?.clone())));
    headline(&Value::Object(values.collect()))
}

/// An event that was held back from a destination.
#[derive(Clone, Debug)]
pub struct ToldHeld {
    pub destination_id: Uuid,
    /// When it is to be told of; `None`: when its silence ends.
    pub due_at: Option<DateTime<Utc>>,
    /// When the message was queued that tells of it, and where in Discord that is.
    pub told_at: Option<DateTime<Utc>>,
    pub place: Option<(ChannelId, MessageId)>,
}

impl Store {
    /// Where an event was held back, and what became of that.
    pub async fn list_told_held(&self, guild_id: GuildId, event_id: Uuid) -> Result<Vec<ToldHeld>> {
        let rows = sqlx::query!(
            r#"SELECT h.destination_id, COALESCE(h.due_at, i.ends_at) AS due_at, m.created_at AS "told_at?",
                   CASE d.kind WHEN 'forum' THEN COALESCE(s.thread_id, s.discord_message_id)
                       ELSE COALESCE(d.channel_id, d.webhook_channel_id) END AS "channel_id?",
                   s.discord_message_id AS "message_id?"
               FROM held h LEFT JOIN silence i ON i.id = h.silence_id
               LEFT JOIN message m ON m.event_id = h.told_in
               LEFT JOIN destination d ON d.id = m.destination_id LEFT JOIN send s ON s.id = m.send_id
               WHERE h.guild_id = $1 AND h.event_id = $2 ORDER BY h.id"#,
            guild_id.0,
            event_id
        )
        .fetch_all(&self.pool)
        .await?;
        let held = rows.into_iter().map(|r| ToldHeld {
            destination_id: r.destination_id,
            due_at: r.due_at,
            told_at: r.told_at,
            place: r.channel_id.map(ChannelId).zip(r.message_id.map(MessageId)),
        });
        Ok(held.collect())
    }

    /// What is told in an event of this guild, newest first, and how much it is in all. An event of another guild
    /// tells nothing here.
    pub async fn list_told_in(
        &self,
        guild_id: GuildId,
        told_in: Uuid,
        skip: i64,
        limit: i64,
    ) -> Result<(Vec<Line>, i64)> {
        let rows = sqlx::query!(
            r#"SELECT kind, occurred_at, headline, count(*) OVER () AS "all!" FROM held
               WHERE guild_id = $1 AND told_in = $2 ORDER BY id DESC OFFSET $3 LIMIT $4"#,
            guild_id.0,
            told_in,
            skip,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let all = rows.first().map_or(0, |row| row.all);
        let lines = rows.into_iter().map(|r| Line { kind: r.kind, at: r.occurred_at, headline: r.headline });
        Ok((lines.collect(), all))
    }
}
