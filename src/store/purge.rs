//! What is deleted because its time has come: old rows of each table, in batches, and the data of servers that
//! removed the bot. What stands behind live cards and open approvals stays. How long each table is kept is
//! said in `privacy.rs`.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::privacy::{TABLES, nobody_refers};
use super::{Result, Store, Tx};
use crate::id::{GuildId, first_id_at};

/// Until when rows are kept: what is older goes.
#[derive(Clone, Copy, Debug)]
pub struct Cutoffs {
    pub raw: DateTime<Utc>,
    pub event: DateTime<Utc>,
    /// That an event was seen: until then a repeat is recognised.
    pub seen: DateTime<Utc>,
    pub pulse: DateTime<Utc>,
    pub interaction: DateTime<Utc>,
    /// Answers that are no longer given again.
    pub request: DateTime<Utc>,
    pub card: DateTime<Utc>,
    /// `None`: the audit log is kept for good.
    pub audit: Option<DateTime<Utc>>,
}

impl Store {
    /// Deletes at most `limit` rows of each table. Returns how many went.
    pub async fn purge(&self, cutoffs: &Cutoffs, limit: i64) -> Result<u64> {
        let mut gone = self.purge_events(cutoffs, limit).await?;
        gone += self.purge_outbox(cutoffs.event, limit).await?;
        gone += self.purge_traces(cutoffs, limit).await?;
        gone += self.purge_subjects(cutoffs.card, limit.min(500)).await?;
        if let Some(before) = cutoffs.audit {
            gone += self.purge_audit(before, limit).await?;
        }
        gone += self.purge_play(cutoffs.interaction, limit).await?;
        Ok(gone)
    }

    async fn purge_events(&self, cutoffs: &Cutoffs, limit: i64) -> Result<u64> {
        let raw = sqlx::query!(
            "DELETE FROM event_raw WHERE (received_at, event_id) IN
                 (SELECT r.received_at, r.event_id FROM event_raw r WHERE r.received_at < $1
                     AND NOT EXISTS (SELECT FROM event e WHERE e.id = r.event_id AND e.planned_at IS NULL)
                     ORDER BY r.received_at LIMIT $2)",
            cutoffs.raw,
            limit
        )
        .execute(&self.pool)
        .await?;
        // What is not planned or not sent yet has not been shown; an open approval is still about its event.
        let about = sqlx::query!(
            "UPDATE event SET data = NULL, subject = NULL, plan_note = NULL, plan = NULL WHERE id IN
                 (SELECT e.id FROM event e WHERE e.data IS NOT NULL AND e.id < $1 AND e.planned_at IS NOT NULL
                   AND NOT EXISTS (SELECT FROM message m WHERE m.event_id = e.id AND m.state IN ('queued', 'sending'))
                   AND NOT EXISTS (SELECT FROM approval a WHERE a.event_id = e.id
                       AND a.state IN ('requested', 'deciding', 'sent', 'unknown', 'refused'))
                 ORDER BY e.id LIMIT $2)",
            first_id_at(cutoffs.event),
            limit
        )
        .execute(&self.pool)
        .await?;
        let events = sqlx::query!(
            "DELETE FROM event WHERE id IN (SELECT e.id FROM event e
                 WHERE e.id < $1 AND e.planned_at IS NOT NULL
                   AND NOT EXISTS (SELECT FROM message m WHERE m.event_id = e.id AND m.state IN ('queued', 'sending'))
                   AND NOT EXISTS (SELECT FROM approval a WHERE a.event_id = e.id
                       AND a.state IN ('requested', 'deciding', 'sent', 'unknown', 'refused'))
                 ORDER BY e.id LIMIT $2)",
            first_id_at(cutoffs.seen),
            limit
        )
        .execute(&self.pool)
        .await?;
        Ok(raw.rows_affected() + about.rows_affected() + events.rows_affected())
    }

    /// Those of a card go with the card.
    async fn purge_outbox(&self, before: DateTime<Utc>, limit: i64) -> Result<u64> {
        let attempts = sqlx::query!(
            "DELETE FROM attempt WHERE id IN (SELECT id FROM attempt WHERE started_at < $1 ORDER BY started_at LIMIT $2)",
            before,
            limit
        )
        .execute(&self.pool)
        .await?;
        let messages = sqlx::query!(
            "DELETE FROM message WHERE id IN (SELECT id FROM message
                 WHERE state IN ('delivered', 'dead') AND finished_at < $1 AND card_id IS NULL ORDER BY id LIMIT $2)",
            before,
            limit
        )
        .execute(&self.pool)
        .await?;
        let sends = sqlx::query!(
            "DELETE FROM send WHERE id IN (SELECT id FROM send
                 WHERE state IN ('delivered', 'dead') AND finished_at < $1 AND card_id IS NULL AND NOT lateness_due
                 LIMIT $2)",
            before,
            limit
        )
        .execute(&self.pool)
        .await?;
        Ok(attempts.rows_affected() + messages.rows_affected() + sends.rows_affected())
    }

    async fn purge_traces(&self, cutoffs: &Cutoffs, limit: i64) -> Result<u64> {
        let pulse = sqlx::query!(
            "DELETE FROM pulse_hour WHERE ctid IN (SELECT ctid FROM pulse_hour WHERE hour < $1 LIMIT $2)",
            cutoffs.pulse,
            limit
        )
        .execute(&self.pool)
        .await?;
        let refusals = sqlx::query!(
            "DELETE FROM refusal WHERE id IN (SELECT id FROM refusal WHERE received_at < $1 ORDER BY id LIMIT $2)",
            cutoffs.event,
            limit
        )
        .execute(&self.pool)
        .await?;
        let drafts = sqlx::query!("DELETE FROM route_draft WHERE expires_at < $1", cutoffs.interaction)
            .execute(&self.pool)
            .await?;
        let changes = sqlx::query!(
            "DELETE FROM route_change WHERE id IN (SELECT id FROM route_change WHERE changed_at < $1 ORDER BY changed_at LIMIT $2)",
            cutoffs.audit,
            limit
        )
        .execute(&self.pool)
        .await?;
        let quarantine = sqlx::query!(
            "DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE received_at < $1 ORDER BY id LIMIT $2)",
            cutoffs.event,
            limit
        )
        .execute(&self.pool)
        .await?;
        let actions = sqlx::query!(
            "DELETE FROM ticket_action WHERE id IN (SELECT id FROM ticket_action
                 WHERE subject_id IS NULL AND state IN ('confirmed', 'refused') AND asked_at < $1 LIMIT $2)",
            cutoffs.event,
            limit
        )
        .execute(&self.pool)
        .await?;
        let wishes = sqlx::query!(
            "DELETE FROM upstream_link_request WHERE id IN (SELECT id FROM upstream_link_request WHERE asked_at < $1 LIMIT $2)",
            cutoffs.event,
            limit
        )
        .execute(&self.pool)
        .await?;
        let told = sqlx::query!(
            "DELETE FROM outbound_delivery WHERE id IN
                 (SELECT id FROM outbound_delivery WHERE state <> 'pending' AND finished_at < $1 LIMIT $2)",
            cutoffs.event,
            limit
        )
        .execute(&self.pool)
        .await?;
        // The token of an interaction dies after 15 minutes.
        let interactions = sqlx::query!(
            "DELETE FROM interaction WHERE id IN
                 (SELECT id FROM interaction WHERE received_at < $1 ORDER BY received_at LIMIT $2)",
            cutoffs.interaction,
            limit
        )
        .execute(&self.pool)
        .await?;
        let requests =
            sqlx::query!("DELETE FROM privacy_request WHERE at < $1", cutoffs.interaction).execute(&self.pool).await?;
        let all = [pulse, refusals, drafts, changes, quarantine, actions, wishes, told, interactions, requests];
        let gone: u64 = all.iter().map(sqlx::postgres::PgQueryResult::rows_affected).sum();
        Ok(gone
            + self.purge_requests(cutoffs.request, limit).await?
            + self.purge_noise(cutoffs.event, cutoffs.interaction, limit).await?
            + self.purge_api_keys(cutoffs.event, limit).await?
            + self.purge_community(cutoffs.seen, cutoffs.interaction, limit).await?
            + self.purge_kick(cutoffs.event, cutoffs.interaction, limit).await?
            + self.purge_kick_subscriptions(cutoffs.event, limit).await?)
    }

    /// Closed subjects without an open approval, with their cards and all that belongs to those. What a status means
    /// is as in `routing::ticket::is_closed`: as the list of XTSystems says, else by its name or by what happened last.
    async fn purge_subjects(&self, before: DateTime<Utc>, limit: i64) -> Result<u64> {
        let mut tx = self.begin().await?;
        let ids: Vec<Uuid> = sqlx::query_scalar!(
            "SELECT s.id FROM subject s
             WHERE s.updated_at < $1
               AND (s.kind <> 'board' OR s.key LIKE 'draw:%' OR s.key LIKE 'clip:%')
               AND (s.kind <> 'ticket' OR COALESCE(
                   (SELECT (i ->> 'is_closed')::boolean
                    FROM upstream_list l CROSS JOIN LATERAL jsonb_array_elements(l.items) i
                    WHERE l.source_id = s.source_id AND l.kind = 'status'
                      AND translate(lower(btrim(i ->> 'name')), ' -', '__')
                        = translate(lower(btrim(s.state #>> '{fields,status,value}')), ' -', '__') LIMIT 1),
                   lower(s.state #>> '{fields,status,value}') IN ('closed', 'resolved', 'cancelled')
                       OR s.state #>> '{timeline,-1,kind}' = 'ticket.closed',
                   false))
               AND NOT EXISTS (SELECT 1 FROM approval a WHERE a.subject_id = s.id
                   AND a.state IN ('requested', 'deciding', 'sent', 'unknown', 'refused'))
               AND NOT EXISTS (SELECT 1 FROM ticket_action t WHERE t.subject_id = s.id
                   AND t.state IN ('requested', 'sent', 'unknown'))
               AND NOT EXISTS (SELECT 1 FROM card c JOIN message m ON m.card_id = c.id
                   WHERE c.subject_id = s.id AND m.state IN ('queued', 'sending'))
               AND NOT EXISTS (SELECT 1 FROM card c JOIN send x ON x.card_id = c.id
                   WHERE c.subject_id = s.id AND (x.state IN ('open', 'in_doubt') OR x.lateness_due))
             LIMIT $2 FOR UPDATE OF s SKIP LOCKED",
            before,
            limit
        )
        .fetch_all(&mut *tx)
        .await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let cards =
            sqlx::query_scalar!("SELECT id FROM card WHERE subject_id = ANY ($1)", &ids).fetch_all(&mut *tx).await?;
        sqlx::query!("DELETE FROM message WHERE card_id = ANY ($1)", &cards).execute(&mut *tx).await?;
        sqlx::query!("DELETE FROM send WHERE card_id = ANY ($1)", &cards).execute(&mut *tx).await?;
        sqlx::query!("DELETE FROM card WHERE id = ANY ($1)", &cards).execute(&mut *tx).await?;
        sqlx::query!(
            "DELETE FROM approval_vote WHERE approval_id IN (SELECT id FROM approval WHERE subject_id = ANY ($1))",
            &ids
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!("DELETE FROM approval WHERE subject_id = ANY ($1)", &ids).execute(&mut *tx).await?;
        sqlx::query!("DELETE FROM ticket_action WHERE subject_id = ANY ($1)", &ids).execute(&mut *tx).await?;
        sqlx::query!("DELETE FROM subject WHERE id = ANY ($1)", &ids).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(ids.len() as u64)
    }

    /// The oldest sealed entries of each chain that are old enough; the chain then begins behind them.
    async fn purge_audit(&self, before: DateTime<Utc>, limit: i64) -> Result<u64> {
        let mut gone = 0;
        for guild_id in self.list_audit_guilds().await? {
            let mut tx = self.begin().await?;
            let head =
                sqlx::query_scalar!("SELECT anchor_seq FROM audit_head WHERE guild_id = $1 FOR UPDATE", guild_id.0)
                    .fetch_optional(&mut *tx)
                    .await?;
            let Some(anchor) = head else { continue };
            let rows = sqlx::query!(
                r#"SELECT s.seq, s.audit_id, s.hash, a.at AS "at?" FROM audit_seal s LEFT JOIN audit a ON a.id = s.audit_id
                 WHERE s.guild_id = $1 AND s.seq > $2 ORDER BY s.seq LIMIT $3"#,
                guild_id.0,
                anchor,
                limit
            )
            .fetch_all(&mut *tx)
            .await?;
            // An entry that somebody removed stays for `verify` to find.
            let old: Vec<_> = rows.into_iter().take_while(|row| row.at.is_some_and(|at| at < before)).collect();
            let Some(last) = old.last() else { continue };
            let ids: Vec<i64> = old.iter().map(|row| row.audit_id).collect();
            allow_audit_purge(&mut tx).await?;
            sqlx::query!("DELETE FROM audit WHERE id = ANY ($1)", &ids).execute(&mut *tx).await?;
            sqlx::query!("DELETE FROM audit_seal WHERE audit_id = ANY ($1)", &ids).execute(&mut *tx).await?;
            sqlx::query!(
                "UPDATE audit_head SET anchor_seq = $2, anchor_hash = $3 WHERE guild_id = $1",
                guild_id.0,
                last.seq,
                last.hash
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            gone += ids.len() as u64;
        }
        Ok(gone)
    }
}

/// For the rest of this transaction the log's triggers let a deletion pass.
async fn allow_audit_purge(tx: &mut Tx) -> Result<()> {
    sqlx::query!("SELECT set_config('signalbox.purge', 'audit', true) AS set").fetch_one(&mut **tx).await?;
    Ok(())
}

impl Store {
    /// The bot was removed from a server: its data goes at `purge_at`, unless it comes back. A second notice
    /// changes nothing.
    pub async fn note_departure(&self, guild_id: GuildId, now: DateTime<Utc>, purge_at: DateTime<Utc>) -> Result<bool> {
        let done = sqlx::query!(
            "INSERT INTO guild_departure (guild_id, departed_at, purge_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            guild_id.0,
            now,
            purge_at
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The bot is in these servers: nothing of theirs is purged. Returns those that had been left.
    pub async fn note_return(&self, guild_ids: &[i64]) -> Result<Vec<GuildId>> {
        let back =
            sqlx::query_scalar!("DELETE FROM guild_departure WHERE guild_id = ANY ($1) RETURNING guild_id", guild_ids)
                .fetch_all(&self.pool)
                .await?;
        Ok(back.into_iter().map(GuildId).collect())
    }

    /// Servers that something is stored of and that are not known to be left. 0 stands for no server: settings
    /// of the installation.
    pub async fn list_known_guilds(&self) -> Result<Vec<GuildId>> {
        let ids = sqlx::query_scalar!(
            r#"SELECT k.id AS "id!" FROM (SELECT guild_id AS id FROM source UNION SELECT guild_id FROM route
                   UNION SELECT guild_id FROM destination UNION SELECT guild_id FROM setting
                   UNION SELECT guild_id FROM audit_head) k
               WHERE k.id <> 0 AND NOT EXISTS (SELECT 1 FROM guild_departure d WHERE d.guild_id = k.id) ORDER BY 1"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(GuildId).collect())
    }

    /// A server whose time has come.
    pub async fn find_due_departure(&self, now: DateTime<Utc>) -> Result<Option<GuildId>> {
        Ok(sqlx::query_scalar!(
            "SELECT guild_id FROM guild_departure WHERE purge_at <= $1 ORDER BY purge_at LIMIT 1",
            now
        )
        .fetch_optional(&self.pool)
        .await?
        .map(GuildId))
    }

    /// Deletes up to `limit` rows of a server that was left. 0 when nothing is left of it; its departure and the
    /// links of persons that nothing refers to any more are gone then, too. `keep_source`: a running source of
    /// the configuration needs its row, which holds no person's data.
    pub async fn purge_guild(
        &self,
        guild_id: GuildId,
        keep_source: bool,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<u64> {
        for table in TABLES.iter().filter(|table| !(keep_source && table.name == "source")) {
            let Some(of_guild) = table.of_guild else { continue };
            let mut tx = self.begin().await?;
            // A return in the meantime stops it.
            let still_due = sqlx::query_scalar!(
                "SELECT 1 AS one FROM guild_departure WHERE guild_id = $1 AND purge_at <= $2 FOR SHARE",
                guild_id.0,
                now
            )
            .fetch_optional(&mut *tx)
            .await?;
            if still_due.is_none() {
                return Ok(0);
            }
            allow_audit_purge(&mut tx).await?;
            let name = table.name;
            let sql = format!("DELETE FROM {name} WHERE ctid IN (SELECT ctid FROM {name} WHERE {of_guild} LIMIT $2)");
            let gone =
                sqlx::query(AssertSqlSafe(sql)).bind(guild_id.0).bind(limit).execute(&mut *tx).await?.rows_affected();
            tx.commit().await?;
            if gone > 0 {
                return Ok(gone);
            }
        }
        let mut tx = self.begin().await?;
        let unused = format!("DELETE FROM person p WHERE {}", nobody_refers());
        sqlx::query(AssertSqlSafe(unused)).execute(&mut *tx).await?;
        sqlx::query!("DELETE FROM guild_departure WHERE guild_id = $1", guild_id.0).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(0)
    }
}
