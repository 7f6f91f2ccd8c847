//! Match statistics of ET:Legacy: the files as they came (`file`), what follows from them (`round`), and what people ask
//! about it (`player`, `session`, `sums`, `award`, `record`).

pub mod alias;
pub mod award;
pub mod card;
pub mod cursor;
pub mod fastest;
pub mod file;
pub mod history;
pub mod person;
pub mod player;
pub mod ready;
pub mod record;
pub mod round;
pub mod session;
pub mod status;
pub mod sums;
pub mod write;

use super::{Result, Store, Tx};
use crate::id::GuildId;

/// Whoever computes anything of a server's matches anew has it alone until the transaction ends.
pub async fn lock_stats(tx: &mut Tx, guild_id: GuildId) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('stats', $1))", guild_id.0).execute(&mut **tx).await?;
    Ok(())
}

impl Store {
    /// So that PostgreSQL knows how much there is now, and plans by it: what it planned while the tables were empty reads
    /// them from end to end.
    pub async fn analyze_stats(&self) -> Result<()> {
        sqlx::query!("ANALYZE stats_file, stats_round, stats_line, stats_session").execute(&self.pool).await?;
        Ok(())
    }
}
