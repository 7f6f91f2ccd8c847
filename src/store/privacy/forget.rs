//! Forgets a member: the person, what hangs on the random id, and the member's mentions in what was sent.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{By, OnDelete, columns};
use crate::id::UserId;
use crate::store::approval::{bar_requester, withdraw_votes};
use crate::store::card::touch_cards;
use crate::store::ticket::forget_written;
use crate::store::{Result, Store};

impl Store {
    /// Forgets a member. Can be done again when it was interrupted. Returns whether anything was there.
    pub async fn forget_member(&self, user_id: UserId, now: DateTime<Utc>) -> Result<bool> {
        let was_known = self.forget_person(user_id, now).await?;
        let mut gone = u64::from(was_known);
        for (table, member) in columns() {
            gone += match member.by {
                By::Mentions => {
                    let (name, column) = (table.name, member.column);
                    let without = format!(
                        "array_remove(array_remove({column}, '<@' || $1::bigint || '>'), '<@!' || $1::bigint || '>')"
                    );
                    let sql = format!("UPDATE {name} SET {column} = {without} WHERE {}", member.condition());
                    sqlx::query(AssertSqlSafe(sql)).bind(user_id.0).execute(&self.pool).await?.rows_affected()
                }
                By::Body => self.take_out_of_bodies(user_id).await?,
                By::User | By::Person => 0,
            };
        }
        Ok(gone > 0)
    }

    /// All at once: the person, what hangs on the random id, and the cards that are to be shown without the name.
    /// Whoever is about to write under that id waits for it.
    async fn forget_person(&self, user_id: UserId, now: DateTime<Utc>) -> Result<bool> {
        let mut tx = self.begin().await?;
        let person = sqlx::query_scalar!("SELECT id FROM person WHERE discord_user_id = $1 FOR UPDATE", user_id.0)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(person) = person else { return Ok(false) };
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
        for (table, member) in columns().filter(|(_, member)| member.by == By::Person) {
            let (name, column) = (table.name, member.column);
            let sql = match member.on_delete {
                OnDelete::Row => format!("DELETE FROM {name} WHERE {column} = $1"),
                OnDelete::KeepWithout(set) => format!("UPDATE {name} SET {set} WHERE {column} = $1"),
                OnDelete::KeepNameless | OnDelete::Mention => continue,
            };
            sqlx::query(AssertSqlSafe(sql)).bind(person).execute(&mut *tx).await?;
        }
        sqlx::query!("DELETE FROM person WHERE id = $1", person).execute(&mut *tx).await?;
        touch_cards(&mut tx, &shown).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// In steps over all that is kept of what was sent: there is no index over bodies.
    async fn take_out_of_bodies(&self, user_id: UserId) -> Result<u64> {
        const STEP: i64 = 5000;
        let (mut after, mut done) = (Uuid::nil(), 0);
        loop {
            let ids = sqlx::query_scalar!("SELECT id FROM send WHERE id > $1 ORDER BY id LIMIT $2", after, STEP)
                .fetch_all(&self.pool)
                .await?;
            let Some(last) = ids.last() else { return Ok(done) };
            after = *last;
            done += sqlx::query!(
                "UPDATE send SET body = CASE WHEN body #> '{allowed_mentions,users}' IS NULL
                     THEN replace(body::text, '<@' || $2::text || '>', 'someone')::jsonb
                     ELSE jsonb_set(replace(body::text, '<@' || $2 || '>', 'someone')::jsonb,
                         '{allowed_mentions,users}', (body #> '{allowed_mentions,users}') - $2) END
                 WHERE id = ANY ($1) AND body::text LIKE '%' || $2 || '%'",
                &ids,
                user_id.to_string()
            )
            .execute(&self.pool)
            .await?
            .rows_affected();
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
