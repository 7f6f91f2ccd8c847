//! Viewers on Kick: a person each, known by Kick's user id, with the name that was seen last in each server.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::{GuildId, UserId};

/// Somebody who was seen in a channel of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenViewer {
    pub guild_id: GuildId,
    pub kick_user_id: i64,
    pub username: String,
    pub seen_at: DateTime<Utc>,
    /// Of the person, if they were never seen.
    pub new_id: Uuid,
}

/// A viewer as a server knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    pub person_id: Uuid,
    pub kick_user_id: Option<i64>,
    pub username: String,
    pub seen_at: DateTime<Utc>,
    pub minutes: i64,
    /// Earned by watching and not in the ledger yet, in fifths of points.
    pub fifths_open: i64,
    /// The member that it is, where they are linked.
    pub user_id: Option<UserId>,
    pub ignored: bool,
}

/// The persons of viewers, in the order given; those who were never seen become known, and a newer name replaces the
/// older one. In one order for all: two that see the same people at the same time do not hold each other up.
pub async fn ensure_viewers(tx: &mut Tx, seen: &[SeenViewer]) -> Result<Vec<Uuid>> {
    let known = persons_of(tx, seen).await?;
    // The newest of each counts: a statement may touch a row once.
    let mut newest: HashMap<(i64, Uuid), &SeenViewer> = HashMap::new();
    for viewer in seen {
        let kept = newest.entry((viewer.guild_id.0, known[&viewer.kick_user_id])).or_insert(viewer);
        if (viewer.seen_at, &viewer.username) > (kept.seen_at, &kept.username) {
            *kept = viewer;
        }
    }
    let mut rows: Vec<_> = newest.into_iter().collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    let guilds: Vec<i64> = rows.iter().map(|((guild, _), _)| *guild).collect();
    let persons: Vec<Uuid> = rows.iter().map(|((_, person), _)| *person).collect();
    let names: Vec<String> = rows.iter().map(|(_, viewer)| viewer.username.clone()).collect();
    let keys: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let times: Vec<DateTime<Utc>> = rows.iter().map(|(_, viewer)| viewer.seen_at).collect();
    sqlx::query!(
        "INSERT INTO viewer AS v (guild_id, person_id, username, name_key, first_seen_at, seen_at)
         SELECT u.guild_id, u.person_id, u.username, u.name_key, u.seen_at, u.seen_at
         FROM UNNEST($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
             AS u (guild_id, person_id, username, name_key, seen_at)
         ON CONFLICT (guild_id, person_id) DO UPDATE SET seen_at = EXCLUDED.seen_at,
             username = EXCLUDED.username, name_key = EXCLUDED.name_key
         WHERE (v.seen_at, v.username) < (EXCLUDED.seen_at, EXCLUDED.username)",
        &guilds,
        &persons,
        &names,
        &keys,
        &times
    )
    .execute(&mut **tx)
    .await?;
    Ok(seen.iter().map(|viewer| known[&viewer.kick_user_id]).collect())
}

/// In the order of Kick's ids.
async fn persons_of(tx: &mut Tx, seen: &[SeenViewer]) -> Result<HashMap<i64, Uuid>> {
    let mut people: Vec<&SeenViewer> = seen.iter().collect();
    people.sort_unstable_by_key(|viewer| (viewer.kick_user_id, viewer.seen_at));
    people.dedup_by_key(|viewer| viewer.kick_user_id);
    let ids: Vec<i64> = people.iter().map(|viewer| viewer.kick_user_id).collect();
    let new_ids: Vec<Uuid> = people.iter().map(|viewer| viewer.new_id).collect();
    let times: Vec<DateTime<Utc>> = people.iter().map(|viewer| viewer.seen_at).collect();
    loop {
        sqlx::query!(
            "INSERT INTO person (id, kick_user_id, created_at)
             SELECT u.id, u.kick, u.at FROM UNNEST($1::uuid[], $2::bigint[], $3::timestamptz[]) AS u (id, kick, at)
             WHERE NOT EXISTS (SELECT 1 FROM person p WHERE p.kick_user_id = u.kick)
             ON CONFLICT DO NOTHING",
            &new_ids,
            &ids,
            &times
        )
        .execute(&mut **tx)
        .await?;
        // Whoever forgets one of them waits until what is written under the id is there.
        let rows = sqlx::query!(
            r#"SELECT id, kick_user_id AS "kick_user_id!" FROM person WHERE kick_user_id = ANY ($1)
               ORDER BY kick_user_id FOR KEY SHARE"#,
            &ids
        )
        .fetch_all(&mut **tx)
        .await?;
        // One of them was forgotten in between, and is somebody new now.
        if rows.len() == ids.len() {
            return Ok(rows.into_iter().map(|row| (row.kick_user_id, row.id)).collect());
        }
    }
}

impl Store {
    /// A viewer by the name on Kick, whoever had it last.
    pub async fn find_viewer_by_name(&self, guild_id: GuildId, username: &str) -> Result<Option<Viewer>> {
        let key = username.trim().trim_start_matches('@').to_lowercase();
        let found = self.viewers(guild_id, None, Some(&key), 1).await?;
        Ok(found.into_iter().next())
    }

    pub async fn find_viewer(&self, guild_id: GuildId, person_id: Uuid) -> Result<Option<Viewer>> {
        let found = self.viewers(guild_id, Some(person_id), None, 1).await?;
        Ok(found.into_iter().next())
    }

    async fn viewers(
        &self,
        guild_id: GuildId,
        person_id: Option<Uuid>,
        name_key: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Viewer>> {
        let rows = sqlx::query!(
            r#"SELECT v.person_id, v.username, v.seen_at, v.minutes, v.fifths - 5 * v.points AS "fifths_open!",
                   p.kick_user_id AS "kick_user_id?", m.discord_user_id AS "user_id?",
                   EXISTS (SELECT 1 FROM viewer_ignored i WHERE i.guild_id = $1 AND i.person_id = v.person_id) AS "ignored!"
               FROM viewer v LEFT JOIN person p ON p.id = v.person_id
               LEFT JOIN kick_link k ON k.guild_id = $1 AND k.viewer_id = v.person_id
               LEFT JOIN person m ON m.id = k.member_id
               WHERE v.guild_id = $1 AND ($2::uuid IS NULL OR v.person_id = $2) AND ($3::text IS NULL OR v.name_key = $3)
               ORDER BY v.seen_at DESC LIMIT $4"#,
            guild_id.0,
            person_id,
            name_key,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let viewer = rows.into_iter().map(|r| Viewer {
            person_id: r.person_id,
            kick_user_id: r.kick_user_id,
            username: r.username,
            seen_at: r.seen_at,
            minutes: r.minutes,
            fifths_open: r.fifths_open,
            user_id: r.user_id.map(UserId),
            ignored: r.ignored,
        });
        Ok(viewer.collect())
    }

    /// Names that begin so, for completion.
    pub async fn list_viewer_names(&self, guild_id: GuildId, begin: &str, limit: i64) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar!(
            "SELECT username FROM viewer WHERE guild_id = $1 AND starts_with(name_key, lower($2)) ORDER BY seen_at DESC LIMIT $3",
            guild_id.0,
            begin,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Whom not to count, by Kick's ids, in all servers.
    pub async fn list_ignored_viewers(&self) -> Result<Vec<(GuildId, i64)>> {
        let rows = sqlx::query!(
            r#"SELECT i.guild_id, p.kick_user_id AS "kick_user_id!" FROM viewer_ignored i JOIN person p ON p.id = i.person_id
               WHERE p.kick_user_id IS NOT NULL"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| (GuildId(r.guild_id), r.kick_user_id)).collect())
    }
}

/// Counts a viewer no longer, or again. Returns whether that is new.
pub async fn set_ignored(
    tx: &mut Tx,
    guild_id: GuildId,
    person_id: Uuid,
    ignored: bool,
    by: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = if ignored {
        sqlx::query!(
            "INSERT INTO viewer_ignored (guild_id, person_id, since, set_by_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            guild_id.0,
            person_id,
            now,
            by
        )
        .execute(&mut **tx)
        .await?
    } else {
        sqlx::query!("DELETE FROM viewer_ignored WHERE guild_id = $1 AND person_id = $2", guild_id.0, person_id)
            .execute(&mut **tx)
            .await?
    };
    Ok(done.rows_affected() == 1)
}

/// Those of these persons who are not counted, and where.
pub async fn list_ignored(tx: &mut Tx, persons: &[Uuid]) -> Result<Vec<(GuildId, Uuid)>> {
    let rows = sqlx::query!("SELECT guild_id, person_id FROM viewer_ignored WHERE person_id = ANY ($1)", persons)
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.into_iter().map(|r| (GuildId(r.guild_id), r.person_id)).collect())
}
