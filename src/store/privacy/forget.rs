//! Forgets a member: the person, what hangs on the random id, and the member's mentions in what was sent.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{By, Member, OnDelete, columns, said};
use crate::id::UserId;
use crate::store::approval::{bar_requester, withdraw_votes};
use crate::store::card::touch_cards;
use crate::store::ticket::forget_written;
use crate::store::{Result, Store, Tx};

/// Rows changed in one statement: none of them is locked for long.
const STEP: i64 = 1000;

impl Store {
    /// Forgets a member: first the person, then in small steps what names them. What is interrupted is on the list of
    /// [`Store::list_deletions`] and can be done again. Returns whether anything was there.
    pub async fn forget_member(&self, user_id: UserId, now: DateTime<Utc>) -> Result<bool> {
        let was_known = self.forget_person(user_id, now).await?;
        crate::crash::point("forget.person_gone");
        let mut gone = u64::from(was_known);
        for (table, member) in columns() {
            gone += match member.by {
                By::Mentions => self.take_out_of_mentions(table.name, member, user_id).await?,
                By::Body => self.take_out_of_bodies(user_id).await?,
                By::User | By::Person | By::Kick | By::Viewer => 0,
            };
        }
        sqlx::query!("DELETE FROM privacy_deletion WHERE discord_user_id = $1", user_id.0).execute(&self.pool).await?;
        Ok(gone > 0)
    }

    /// Members whose deletion was asked for before `before` and is not through: whoever was at it is gone.
    pub async fn list_deletions(&self, before: DateTime<Utc>) -> Result<Vec<UserId>> {
        let ids = sqlx::query_scalar!("SELECT discord_user_id FROM privacy_deletion WHERE asked_at < $1", before)
            .fetch_all(&self.pool)
            .await?;
        Ok(ids.into_iter().map(UserId).collect())
    }

    /// All at once: the person, what hangs on the random id, and the cards that are to be shown without the name.
    /// Whoever is about to write under that id waits for it.
    async fn forget_person(&self, user_id: UserId, now: DateTime<Utc>) -> Result<bool> {
        let mut tx = self.begin().await?;
        sqlx::query!(
            "INSERT INTO privacy_deletion (discord_user_id, asked_at) VALUES ($1, $2)
             ON CONFLICT (discord_user_id) DO UPDATE SET asked_at = EXCLUDED.asked_at",
            user_id.0,
            now
        )
        .execute(&mut *tx)
        .await?;
        let person = sqlx::query_scalar!("SELECT id FROM person WHERE discord_user_id = $1 FOR UPDATE", user_id.0)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(person) = person else {
            tx.commit().await?;
            return Ok(false);
        };
        // Accounts on Kick that the member has shown to be theirs go with them.
        let mut persons = sqlx::query_scalar!(
            "SELECT id FROM person WHERE id IN (SELECT viewer_id FROM kick_link WHERE member_id = $1) ORDER BY id FOR UPDATE",
            person
        )
        .fetch_all(&mut *tx)
        .await?;
        persons.push(person);
        // Before the rows change; their cards are locked last, as by everybody else.
        let shown = sqlx::query_scalar!(
            r#"SELECT s.id AS "id!" FROM subject s
               WHERE s.id IN (SELECT subject_id FROM approval WHERE person_id = $1 OR undone_by = $1
                   UNION SELECT a.subject_id FROM approval_vote v JOIN approval a ON a.id = v.approval_id WHERE v.person_id = $1
                   UNION SELECT subject_id FROM ticket_action WHERE person_id = $1)"#,
            person
        )
        .fetch_all(&mut *tx)
        .await?;
        // Who comes back under another random id must not count twice, nor approve what they asked for.
        bar_requester(&mut tx, user_id, person, None).await?;
        withdraw_votes(&mut tx, person, now).await?;
        forget_written(&mut tx, person).await?;
        forget_persons(&mut tx, &persons).await?;
        touch_cards(&mut tx, &shown).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Forgets somebody who is known by a Kick account alone: the same walk, all at once, as only names have to go from
    /// what was sent. A member who is linked with that account stays, without the link. Returns whether anything was there.
    pub async fn forget_viewer(&self, kick_user_id: i64) -> Result<bool> {
        let mut tx = self.begin().await?;
        let person = sqlx::query_scalar!("SELECT id FROM person WHERE kick_user_id = $1 FOR UPDATE", kick_user_id)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(person) = person else { return Ok(false) };
        forget_persons(&mut tx, &[person]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// In steps, each by the index where the table is large.
    async fn take_out_of_mentions(&self, table: &str, member: &Member, user_id: UserId) -> Result<u64> {
        let column = member.column;
        let without =
            format!("array_remove(array_remove({column}, '<@' || $1::bigint || '>'), '<@!' || $1::bigint || '>')");
        let sql = format!(
            "UPDATE {table} SET {column} = {without} WHERE ctid = ANY (ARRAY(
                 SELECT ctid FROM {table} WHERE {} LIMIT $2 FOR UPDATE))",
            member.condition()
        );
        let mut done = 0;
        loop {
            let step = sqlx::query(AssertSqlSafe(&*sql)).bind(user_id.0).bind(STEP).execute(&self.pool).await?;
            match step.rows_affected() {
                0 => return Ok(done),
                some => done += some,
            }
        }
    }

    /// The same with what was sent: a body that no longer names the member is not found again.
    async fn take_out_of_bodies(&self, user_id: UserId) -> Result<u64> {
        let mut done = 0;
        loop {
            let step = sqlx::query!(
                "UPDATE send SET body = CASE WHEN body #> '{allowed_mentions,users}' IS NULL
                     THEN regexp_replace(body::text, '<@!?' || $1::text || '>', 'someone', 'g')::jsonb
                     ELSE jsonb_set(regexp_replace(body::text, '<@!?' || $1 || '>', 'someone', 'g')::jsonb,
                         '{allowed_mentions,users}', (body #> '{allowed_mentions,users}') - $1) END
                 WHERE id = ANY (ARRAY(SELECT id FROM send
                     WHERE body::text LIKE '%<@%' AND mentioned_in(body) @> ARRAY[$1] LIMIT $2 FOR UPDATE))",
                user_id.to_string(),
                STEP
            )
            .execute(&self.pool)
            .await?;
            match step.rows_affected() {
                0 => return Ok(done),
                some => done += some,
            }
        }
    }

    /// When this member last asked for a deletion, if that was after `since`.
    pub async fn find_privacy_request(&self, user_id: UserId, since: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        // Without a key there is no name for the member that could be kept.
        let Ok(requester) = self.keys.pseudonym(&user_id.to_string()) else { return Ok(None) };
        Ok(sqlx::query_scalar!("SELECT at FROM privacy_request WHERE requester = $1 AND at > $2", requester, since)
            .fetch_optional(&self.pool)
            .await?)
    }

    pub async fn note_privacy_request(&self, user_id: UserId, now: DateTime<Utc>) -> Result<()> {
        let Ok(requester) = self.keys.pseudonym(&user_id.to_string()) else { return Ok(()) };
        sqlx::query!(
            "INSERT INTO privacy_request (requester, at) VALUES ($1, $2)
             ON CONFLICT (requester) DO UPDATE SET at = EXCLUDED.at",
            requester,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// What hangs on these random ids, and the persons themselves.
async fn forget_persons(tx: &mut Tx, persons: &[Uuid]) -> Result<()> {
    sqlx::query!("SELECT set_config('signalbox.purge', 'forget', true) AS set").fetch_one(&mut **tx).await?;
    said::forget(tx, persons).await?;
    for (table, member) in columns().filter(|(_, member)| member.by == By::Person) {
        let (name, column) = (table.name, member.column);
        let sql = match member.on_delete {
            OnDelete::Row => format!("DELETE FROM {name} WHERE {column} = ANY ($1)"),
            OnDelete::KeepWithout(set) => format!("UPDATE {name} SET {set} WHERE {column} = ANY ($1)"),
            OnDelete::KeepNameless | OnDelete::Mention => continue,
        };
        sqlx::query(AssertSqlSafe(sql)).bind(persons).execute(&mut **tx).await?;
    }
    for (table, member) in columns().filter(|(_, member)| member.by == By::Viewer) {
        let viewers = "SELECT kick_user_id FROM person WHERE id = ANY ($1)";
        let sql = format!("DELETE FROM {} WHERE {} IN ({viewers})", table.name, member.column);
        sqlx::query(AssertSqlSafe(sql)).bind(persons).execute(&mut **tx).await?;
    }
    sqlx::query!("DELETE FROM person WHERE id = ANY ($1)", persons).execute(&mut **tx).await?;
    Ok(())
}
