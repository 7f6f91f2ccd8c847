//! Awards, and who killed whom.

use uuid::Uuid;

use crate::id::GuildId;
use crate::store::{Result, Store};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsAward {
    pub award: String,
    pub player: String,
    pub guid: Option<String>,
    /// With its unit, as it is written.
    pub value: String,
}

/// How often somebody got an award.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwardCount {
    pub award: String,
    pub guid: String,
    /// The name that they got it under last.
    pub player: String,
    pub times: i64,
}

/// How often one killed the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duel {
    pub opponent_guid: String,
    pub opponent: String,
    pub kills: i64,
    pub deaths: i64,
}

impl Store {
    /// In the order of the file.
    pub async fn list_stats_awards(&self, guild_id: GuildId, round_id: Uuid) -> Result<Vec<StatsAward>> {
        Ok(sqlx::query_as!(
            StatsAward,
            "SELECT award, player, guid, value FROM stats_award WHERE guild_id = $1 AND round_id = $2 ORDER BY position",
            guild_id.0,
            round_id
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Of somebody, or of everybody by award; most first.
    pub async fn count_stats_awards(
        &self,
        guild_id: GuildId,
        guid: Option<&str>,
        award: Option<&str>,
        limit: i64,
    ) -> Result<Vec<AwardCount>> {
        Ok(sqlx::query_as!(
            AwardCount,
            r#"SELECT a.award, a.guid AS "guid!", (array_agg(a.player ORDER BY r.ended_at DESC NULLS LAST))[1] AS "player!",
                   count(*) AS "times!"
               FROM stats_award a LEFT JOIN stats_round r ON r.id = a.round_id
               WHERE a.guild_id = $1 AND a.guid IS NOT NULL AND ($2::text IS NULL OR a.guid = $2)
                 AND ($3::text IS NULL OR a.award = $3)
               GROUP BY a.award, a.guid ORDER BY count(*) DESC, a.award, a.guid LIMIT $4"#,
            guild_id.0,
            guid,
            award,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Opponents of somebody, those first whom they met most. The file of a second round is about the whole map, so
    /// that of its first does not count beside it.
    pub async fn sum_stats_duels(&self, guild_id: GuildId, guid: &str, limit: i64) -> Result<Vec<Duel>> {
        Ok(sqlx::query_as!(
            Duel,
            r#"SELECT d.opponent_guid AS "opponent_guid!", (array_agg(d.opponent ORDER BY r.ended_at DESC))[1] AS "opponent!",
                   sum(d.kills) AS "kills!", sum(d.deaths) AS "deaths!"
               FROM stats_duel d JOIN stats_round r ON r.id = d.round_id
               WHERE d.guild_id = $1 AND d.owner_guid = $2 AND d.opponent_guid IS NOT NULL
                 AND (r.round = 2 OR NOT EXISTS (SELECT FROM stats_round s JOIN stats_duel o ON o.round_id = s.id
                     WHERE s.guild_id = $1 AND s.match_id = r.match_id AND s.map = r.map AND s.round = 2 AND s.is_valid))
               GROUP BY d.opponent_guid ORDER BY sum(d.kills) + sum(d.deaths) DESC, d.opponent_guid LIMIT $3"#,
            guild_id.0,
            guid,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
