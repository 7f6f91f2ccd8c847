//! Who of the matches is who in Discord, and what people are called.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::{GuildId, UserId};
use crate::matches::rating::MapOutcome;
use crate::store::{Result, Store, Tx};

/// A player who is a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsLink {
    pub guid: String,
    pub member_id: Uuid,
    /// `None`: somebody who was forgotten.
    pub user_id: Option<UserId>,
    pub linked_at: DateTime<Utc>,
}

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linking {
    Linked,
    Known,
    /// The member is another player.
    MemberIs(StatsLink),
    /// The player is another member.
    PlayerIs(StatsLink),
}

/// Links, unless one of the two is linked with somebody else.
pub async fn link_stats_player(
    tx: &mut Tx,
    guild_id: GuildId,
    guid: &str,
    member_id: Uuid,
    by_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Linking> {
    let made = sqlx::query!(
        "INSERT INTO stats_link (guild_id, guid, member_id, linked_by_id, linked_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        guild_id.0,
        guid,
        member_id,
        by_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    if made.rows_affected() == 1 {
        return Ok(Linking::Linked);
    }
    Ok(match find_by(tx, guild_id, Some(member_id), None).await? {
        Some(link) if link.guid == guid => Linking::Known,
        Some(link) => Linking::MemberIs(link),
        None => match find_by(tx, guild_id, None, Some(guid)).await? {
            Some(link) => Linking::PlayerIs(link),
            // Undone since: whoever asked may ask again.
            None => Linking::Known,
        },
    })
}

async fn find_by(
    tx: &mut Tx,
    guild_id: GuildId,
    member_id: Option<Uuid>,
    guid: Option<&str>,
) -> Result<Option<StatsLink>> {
    let row = sqlx::query!(
        r#"SELECT l.guid, l.member_id, p.discord_user_id AS "user?", l.linked_at
           FROM stats_link l LEFT JOIN person p ON p.id = l.member_id
           WHERE l.guild_id = $1 AND ($2::uuid IS NULL OR l.member_id = $2) AND ($3::text IS NULL OR l.guid = $3)"#,
        guild_id.0,
        member_id,
        guid
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|r| StatsLink {
        guid: r.guid,
        member_id: r.member_id,
        user_id: r.user.map(UserId),
        linked_at: r.linked_at,
    }))
}

/// Undoes the link of a player, and takes back the name that the member chose. `None`: there was none.
pub async fn unlink_stats_player(tx: &mut Tx, guild_id: GuildId, guid: &str) -> Result<Option<StatsLink>> {
    let Some(link) = find_by(tx, guild_id, None, Some(guid)).await? else { return Ok(None) };
    sqlx::query!("DELETE FROM stats_link WHERE guild_id = $1 AND guid = $2", guild_id.0, guid)
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "DELETE FROM stats_name WHERE guild_id = $1 AND guid = $2 AND owner_id = $3",
        guild_id.0,
        guid,
        link.member_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(Some(link))
}

/// What a player is called from now on.
#[derive(Clone, Debug)]
pub struct NewStatsName<'a> {
    pub guid: &'a str,
    pub name: &'a str,
    pub owner_id: Option<Uuid>,
    pub set_by_id: Uuid,
}

pub async fn set_stats_name(tx: &mut Tx, guild_id: GuildId, new: &NewStatsName<'_>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO stats_name (guild_id, guid, name, owner_id, set_by_id, set_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (guild_id, guid) DO UPDATE SET name = $3, owner_id = $4, set_by_id = $5, set_at = $6",
        guild_id.0,
        new.guid,
        new.name,
        new.owner_id,
        new.set_by_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Called as the game has it again. True when another name was chosen.
pub async fn reset_stats_name(tx: &mut Tx, guild_id: GuildId, guid: &str) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM stats_name WHERE guild_id = $1 AND guid = $2", guild_id.0, guid)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The names that were chosen, by GUID; who chose none is not in it.
pub async fn list_display_names(tx: &mut Tx, guild_id: GuildId, guids: &[String]) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        "SELECT guid, name FROM stats_name WHERE guild_id = $1 AND guid = ANY ($2) ORDER BY guid",
        guild_id.0,
        guids
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|r| (r.guid, r.name)).collect())
}

impl Store {
    /// The player that a member is.
    pub async fn find_stats_link_of(&self, guild_id: GuildId, user_id: UserId) -> Result<Option<StatsLink>> {
        let row = sqlx::query!(
            "SELECT l.guid, l.member_id, l.linked_at FROM stats_link l JOIN person p ON p.id = l.member_id
             WHERE l.guild_id = $1 AND p.discord_user_id = $2",
            guild_id.0,
            user_id.0
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| StatsLink {
            guid: r.guid,
            member_id: r.member_id,
            user_id: Some(user_id),
            linked_at: r.linked_at,
        }))
    }

    /// The member that a player is.
    pub async fn find_stats_link(&self, guild_id: GuildId, guid: &str) -> Result<Option<StatsLink>> {
        let row = sqlx::query!(
            r#"SELECT l.guid, l.member_id, p.discord_user_id AS "user?", l.linked_at
               FROM stats_link l LEFT JOIN person p ON p.id = l.member_id WHERE l.guild_id = $1 AND l.guid = $2"#,
            guild_id.0,
            guid
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| StatsLink {
            guid: r.guid,
            member_id: r.member_id,
            user_id: r.user.map(UserId),
            linked_at: r.linked_at,
        }))
    }

    /// As [`list_display_names`].
    pub async fn list_stats_display_names(&self, guild_id: GuildId, guids: &[String]) -> Result<Vec<(String, String)>> {
        list_display_names(&mut self.begin().await?, guild_id, guids).await
    }

    /// Who chose a name that has this in it: GUID and name.
    pub async fn find_stats_display_names(
        &self,
        guild_id: GuildId,
        text: &str,
        limit: i64,
    ) -> Result<Vec<(String, String)>> {
        let rows = sqlx::query!(
            "SELECT guid, name FROM stats_name WHERE guild_id = $1 AND position($2 IN lower(name)) > 0
             ORDER BY starts_with(lower(name), $2) DESC, name, guid LIMIT $3",
            guild_id.0,
            text.trim().to_lowercase(),
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| (r.guid, r.name)).collect())
    }

    /// The session that a round with this stem is in.
    pub async fn find_stats_session_key(&self, guild_id: GuildId, stem: &str) -> Result<Option<String>> {
        Ok(sqlx::query_scalar!(
            "SELECT session_key FROM stats_round WHERE guild_id = $1 AND stem = $2 ORDER BY name LIMIT 1",
            guild_id.0,
            stem
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// The results of all maps that have one, in the order of time. Who played in both teams is in neither.
    pub async fn list_stats_outcomes(&self, guild_id: GuildId) -> Result<Vec<MapOutcome>> {
        let rows = sqlx::query!(
            r#"SELECT s.points_one AS "one!", s.points_two AS "two!",
                   array_agg(p.guid ORDER BY p.guid) FILTER (WHERE p.team = 1) AS "team_one: Vec<String>",
                   array_agg(p.guid ORDER BY p.guid) FILTER (WHERE p.team = 2) AS "team_two: Vec<String>"
               FROM stats_round s JOIN LATERAL (
                   SELECT c.guid, min(c.team) AS team FROM stats_counted c
                   WHERE c.guild_id = $1 AND c.match_id = s.match_id AND c.map = s.map AND c.team IS NOT NULL
                   GROUP BY c.guid HAVING min(c.team) = max(c.team)
               ) p ON true
               WHERE s.guild_id = $1 AND s.round = 2 AND s.is_valid AND s.points_one IS NOT NULL AND s.points_two IS NOT NULL
               GROUP BY s.id, s.ended_at, s.name, s.points_one, s.points_two ORDER BY s.ended_at, s.name"#,
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?;
        let points = |number: i16| u32::try_from(number).unwrap_or_default();
        Ok(rows
            .into_iter()
            .map(|r| MapOutcome {
                one: r.team_one.unwrap_or_default(),
                two: r.team_two.unwrap_or_default(),
                points: (points(r.one), points(r.two)),
            })
            .collect())
    }
}
