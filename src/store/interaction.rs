//! Interactions seen: the first delivery of one is handled, a second does nothing.

use chrono::{DateTime, Utc};

use super::{Result, Store, Tx};

impl Store {
    /// True for the first time this interaction is seen.
    pub async fn insert_interaction(&self, id: i64, now: DateTime<Utc>) -> Result<bool> {
        let done =
            sqlx::query!("INSERT INTO interaction (id, received_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", id, now)
                .execute(&self.pool)
                .await?;
        Ok(done.rows_affected() == 1)
    }
}

/// As [`Store::insert_interaction`], in the transaction of what the interaction does.
pub async fn insert_interaction(tx: &mut Tx, id: i64, now: DateTime<Utc>) -> Result<bool> {
    let done =
        sqlx::query!("INSERT INTO interaction (id, received_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", id, now)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() == 1)
}
