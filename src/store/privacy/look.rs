//! What is stored about somebody: how much where, and the rows themselves.

use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::{Member, columns};
use crate::id::UserId;
use crate::store::{Result, Store};

/// Who asks: a member of Discord with their linked accounts on Kick, or somebody who is known by a Kick account alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    Member(UserId),
    /// Kick's user id.
    Viewer(i64),
}

impl Whom {
    fn id(self) -> i64 {
        match self {
            Whom::Member(user_id) => user_id.0,
            Whom::Viewer(kick_user_id) => kick_user_id,
        }
    }
}

/// What is stored about somebody in one place.
pub struct Found {
    pub table: &'static str,
    pub member: &'static Member,
    pub count: i64,
}

impl Store {
    /// How much is stored about somebody, in the order of the list; what is nowhere is left out.
    pub async fn count_of(&self, whom: Whom) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for (table, member) in columns() {
            let Some(condition) = member.condition_for(whom) else { continue };
            let sql = format!("SELECT count(*) FROM {} WHERE {condition}", table.name);
            let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).bind(whom.id()).fetch_one(&self.pool).await?;
            if count > 0 {
                found.push(Found { table: table.name, member, count });
            }
        }
        Ok(found)
    }

    /// The rows themselves, at most `limit` of each table, newest first.
    pub async fn export_of_member(&self, user_id: UserId, limit: i64) -> Result<Vec<(&'static str, Vec<Value>)>> {
        let mut all = Vec::new();
        for (table, member) in columns() {
            let sql = format!(
                "SELECT to_jsonb(t) FROM (SELECT {} FROM {} WHERE {} ORDER BY 2 DESC LIMIT $2) t",
                member.exported,
                table.name,
                member.condition()
            );
            let rows: Vec<Value> =
                sqlx::query_scalar(AssertSqlSafe(sql)).bind(user_id.0).bind(limit).fetch_all(&self.pool).await?;
            all.push((table.name, rows));
        }
        Ok(all)
    }
}
