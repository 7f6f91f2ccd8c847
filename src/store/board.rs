//! Boards of a community: where they are shown, what they show, and what is said beside them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::destination::ensure_channel;
use super::subject::{SubjectKey, lock_subjects};
use super::{Result, Store, Tx};
use crate::event::kind::SubjectKind;
use crate::id::{ChannelId, GuildId};
use crate::routing::board::shop::QueueView;
use crate::routing::board::{Board, BoardKey};

/// Purchases that a queue shows.
const QUEUED: i64 = 10;

/// Where a board is to be shown, and the ids of what that may make.
pub struct Showing {
    pub guild_id: GuildId,
    pub key: BoardKey,
    pub channel: ChannelId,
    pub source_id: Uuid,
    /// The event under which it is posted; it is there already.
    pub event_id: Uuid,
    pub new_ids: [Uuid; 3],
}

/// Puts a board into a channel, in the transaction of what it shows. Where it is there already it is posted anew, and
/// only the new message is kept current.
pub async fn show_board(tx: &mut Tx, showing: &Showing, now: DateTime<Utc>) -> Result<()> {
    let guild = showing.guild_id;
    let [place, subject, card] = showing.new_ids;
    let destination_id = ensure_channel(tx, guild, showing.channel, place, now).await?;
    let wanted = SubjectKey {
        id: subject,
        guild_id: guild,
        source_id: showing.source_id,
        key: showing.key.text(),
        kind: SubjectKind::Board,
    };
    let Some(subject) = lock_subjects(tx, &[wanted], now).await?.pop() else { return Ok(()) };
    let card_id = sqlx::query_scalar!(
        "INSERT INTO card (id, guild_id, subject_id, destination_id, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT ON CONSTRAINT card_once DO UPDATE SET discord_message_id = NULL, send_id = NULL, shown_version = 0,
             reposts = 0, gone_at = NULL, thread_state = NULL, version = card.version + 1
         RETURNING id",
        card,
        guild.0,
        subject.id,
        destination_id,
        now
    )
    .fetch_one(&mut **tx)
    .await?;
    // One that still waits shows it as it is by then.
    sqlx::query!(
        "INSERT INTO message (guild_id, destination_id, event_id, card_id, created_at)
         SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (
             SELECT 1 FROM message WHERE card_id = $4 AND state IN ('queued', 'sending'))",
        guild.0,
        destination_id,
        showing.event_id,
        card_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What a board shows has changed, in the transaction of the change: its messages are edited.
pub async fn touch_board(tx: &mut Tx, guild_id: GuildId, key: BoardKey, now: DateTime<Utc>) -> Result<()> {
    let key = key.text();
    sqlx::query!(
        "UPDATE card SET version = version + 1 WHERE guild_id = $1 AND gone_at IS NULL AND subject_id IN
             (SELECT id FROM subject WHERE guild_id = $1 AND kind = 'board' AND key = $2)",
        guild_id.0,
        key
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE subject SET updated_at = $3 WHERE guild_id = $1 AND kind = 'board' AND key = $2",
        guild_id.0,
        key,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// As [`touch_board`], of several boards of several servers at once: their subjects in one order, and then their cards.
pub async fn touch_boards(tx: &mut Tx, guilds: &[GuildId], keys: &[BoardKey], now: DateTime<Utc>) -> Result<()> {
    let guilds: Vec<i64> = guilds.iter().map(|guild| guild.0).collect();
    let keys: Vec<String> = keys.iter().map(|key| key.text()).collect();
    sqlx::query!(
        "WITH board AS (SELECT id FROM subject WHERE guild_id = ANY ($1) AND kind = 'board' AND key = ANY ($2)
             ORDER BY id FOR NO KEY UPDATE),
         touched AS (UPDATE subject s SET updated_at = $3 FROM board b WHERE s.id = b.id RETURNING s.id),
         shown AS (SELECT c.id FROM card c JOIN touched t ON t.id = c.subject_id
             WHERE c.guild_id = ANY ($1) AND c.gone_at IS NULL ORDER BY c.id FOR NO KEY UPDATE OF c)
         UPDATE card SET version = version + 1 FROM shown WHERE card.id = shown.id",
        &guilds,
        &keys,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A message of its own into a channel: its embed, under an event that is there already.
pub async fn insert_saying(
    tx: &mut Tx,
    guild_id: GuildId,
    destination_id: Uuid,
    event_id: Uuid,
    embed: serde_json::Value,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO message (guild_id, destination_id, event_id, embed, created_at) VALUES ($1, $2, $3, $4, $5)",
        guild_id.0,
        destination_id,
        event_id,
        embed,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One after the other in a server: whoever numbers things, or opens what there may be only one of.
pub async fn take_turn(tx: &mut Tx, guild_id: GuildId) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('play', $1))", guild_id.0).execute(&mut **tx).await?;
    Ok(())
}

impl Store {
    /// What a board of this server shows now.
    pub(super) async fn find_board(&self, guild_id: GuildId, key: BoardKey) -> Result<Board> {
        Ok(match key {
            BoardKey::Draw(id) => match self.find_draw(guild_id, id).await? {
                Some(view) => Board::Draw(Box::new(view)),
                None => Board::Gone,
            },
            BoardKey::Clip(id) => self.find_clip(guild_id, id).await?.map_or(Board::Gone, Board::Clip),
            BoardKey::Gtb => Board::Gtb(self.get_gtb(guild_id).await?),
            BoardKey::Slots => Board::Slots(self.get_slots(guild_id).await?),
            BoardKey::Timers => Board::Timers(self.get_timers(guild_id).await?),
            BoardKey::Link => Board::Link,
            BoardKey::Shop => Board::Shop(self.list_shop_items(guild_id).await?),
            BoardKey::ShopQueue => {
                let (sales, all) = self.list_pending_sales(guild_id, QUEUED).await?;
                Board::ShopQueue(QueueView { sales, all })
            }
        })
    }
}

/// The channels of Kick in whose chats a server speaks.
pub async fn list_chats(tx: &mut Tx, guild_id: GuildId) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM kick_channel WHERE guild_id = $1 AND disconnected_at IS NULL ORDER BY connected_at, id",
        guild_id.0
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Where a board of a server was put last.
pub async fn find_board_channel(tx: &mut Tx, guild_id: GuildId, key: BoardKey) -> Result<Option<ChannelId>> {
    let channel = sqlx::query_scalar!(
        r#"SELECT d.channel_id AS "channel_id!" FROM subject s JOIN card c ON c.subject_id = s.id
           JOIN destination d ON d.id = c.destination_id
           WHERE s.guild_id = $1 AND s.kind = 'board' AND s.key = $2 AND d.channel_id IS NOT NULL AND c.gone_at IS NULL
           ORDER BY c.version DESC, c.created_at DESC LIMIT 1"#,
        guild_id.0,
        key.text()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(channel.map(ChannelId))
}
