//! Which member of Discord is which viewer on Kick, in one server; unique both ways. Points of a member who is linked
//! are the viewer's: linking moves what they had by two entries of the ledger.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::ledger::{NewLedgerEntry, insert_ledger_entries, lock_balance};
use super::source::ensure_person;
use super::viewer::{SeenViewer, ensure_viewers};
use super::{Result, Store, Tx};
use crate::id::{GuildId, UserId};

/// A link that is to be made, after Kick has said who it is.
#[derive(Clone, Debug, PartialEq)]
pub struct NewKickLink {
    /// Of the link, and of the member and the viewer where they were never named.
    pub id: Uuid,
    pub person_id: Uuid,
    pub viewer_person_id: Uuid,
    pub guild_id: GuildId,
    pub user_id: UserId,
    pub kick_user_id: i64,
    pub username: String,
}

/// A link as people know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KickLink {
    pub guild_id: GuildId,
    pub member_id: Uuid,
    pub viewer_id: Uuid,
    pub user_id: Option<UserId>,
    pub kick_user_id: i64,
    pub username: String,
    pub linked_at: DateTime<Utc>,
}

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linking {
    /// New, and this many points came along.
    Linked { moved: i64 },
    /// These two were linked already.
    Known,
    /// The member has another Kick account here; `/unlink` comes first.
    MemberHas(KickLink),
    /// The Kick account is another member's here.
    ViewerIs(KickLink),
}

/// Links, unless one of the two is linked with somebody else.
pub async fn link_kick_account(tx: &mut Tx, new: &NewKickLink, now: DateTime<Utc>) -> Result<Linking> {
    let (guild_id, username) = (new.guild_id, new.username.clone());
    let member_id = ensure_person(tx, new.user_id.0, new.person_id, now).await?;
    let seen =
        SeenViewer { guild_id, kick_user_id: new.kick_user_id, username, seen_at: now, new_id: new.viewer_person_id };
    let viewer_id = ensure_viewers(tx, &[seen]).await?[0];
    let made = sqlx::query!(
        "INSERT INTO kick_link (id, guild_id, member_id, viewer_id, linked_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        new.id,
        guild_id.0,
        member_id,
        viewer_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    if made.rows_affected() == 1 {
        return Ok(Linking::Linked { moved: move_points(tx, new, member_id, viewer_id, now).await? });
    }
    let theirs = find_by(tx, guild_id, Some(member_id), None).await?;
    let its = find_by(tx, guild_id, None, Some(viewer_id)).await?;
    Ok(match (theirs, its) {
        (Some(link), _) if link.viewer_id == viewer_id => Linking::Known,
        (Some(link), _) => Linking::MemberHas(link),
        (None, Some(link)) => Linking::ViewerIs(link),
        // Undone since: whoever asked may ask again.
        (None, None) => Linking::Known,
    })
}

/// What the member had goes to the viewer.
async fn move_points(
    tx: &mut Tx,
    new: &NewKickLink,
    member_id: Uuid,
    viewer_id: Uuid,
    now: DateTime<Utc>,
) -> Result<i64> {
    let points = lock_balance(tx, new.guild_id, member_id).await?;
    let entry = |person_id: Uuid, amount: i64, end: &str| {
        let cause = format!("link:{}:{end}", new.id);
        NewLedgerEntry::new(new.guild_id, person_id, amount, "link", cause).with(json!({ "link": new.id }))
    };
    insert_ledger_entries(tx, now, &[entry(member_id, -points, "from"), entry(viewer_id, points, "to")]).await?;
    Ok(points)
}

/// Whose points a person spends and gets: the viewer of a member who is linked, else the person itself. The link cannot
/// change before the end of the transaction.
pub async fn account_of(tx: &mut Tx, guild_id: GuildId, person_id: Uuid) -> Result<Uuid> {
    let viewer = sqlx::query_scalar!(
        "SELECT viewer_id FROM kick_link WHERE guild_id = $1 AND member_id = $2 FOR SHARE",
        guild_id.0,
        person_id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(viewer.unwrap_or(person_id))
}

async fn find_by(
    tx: &mut Tx,
    guild_id: GuildId,
    member_id: Option<Uuid>,
    viewer_id: Option<Uuid>,
) -> Result<Option<KickLink>> {
    let row = sqlx::query!(
        r#"SELECT k.member_id, k.viewer_id, k.linked_at, m.discord_user_id AS "user_id?", p.kick_user_id AS "kick_user_id!",
               v.username
           FROM kick_link k JOIN person p ON p.id = k.viewer_id LEFT JOIN person m ON m.id = k.member_id
           JOIN viewer v ON v.guild_id = k.guild_id AND v.person_id = k.viewer_id
           WHERE k.guild_id = $1 AND (k.member_id = $2 OR k.viewer_id = $3)"#,
        guild_id.0,
        member_id,
        viewer_id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|r| KickLink {
        guild_id,
        member_id: r.member_id,
        viewer_id: r.viewer_id,
        user_id: r.user_id.map(UserId),
        kick_user_id: r.kick_user_id,
        username: r.username,
        linked_at: r.linked_at,
    }))
}

/// Undoes a member's link; the points stay with the Kick account. `None`: there was none.
pub async fn unlink_kick_account(tx: &mut Tx, guild_id: GuildId, user_id: UserId) -> Result<Option<KickLink>> {
    let member = sqlx::query_scalar!("SELECT id FROM person WHERE discord_user_id = $1", user_id.0)
        .fetch_optional(&mut **tx)
        .await?;
    let Some(member_id) = member else { return Ok(None) };
    let link = find_by(tx, guild_id, Some(member_id), None).await?;
    sqlx::query!("DELETE FROM kick_link WHERE guild_id = $1 AND member_id = $2", guild_id.0, member_id)
        .execute(&mut **tx)
        .await?;
    Ok(link)
}

impl Store {
    /// The Kick account of a member.
    pub async fn find_kick_link(&self, guild_id: GuildId, user_id: UserId) -> Result<Option<KickLink>> {
        let mut tx = self.begin().await?;
        let member = sqlx::query_scalar!("SELECT id FROM person WHERE discord_user_id = $1", user_id.0)
            .fetch_optional(&mut *tx)
            .await?;
        match member {
            Some(member) => find_by(&mut tx, guild_id, Some(member), None).await,
            None => Ok(None),
        }
    }

    /// The member that a Kick account is of.
    pub async fn find_kick_link_of_viewer(&self, guild_id: GuildId, kick_user_id: i64) -> Result<Option<KickLink>> {
        let mut tx = self.begin().await?;
        let viewer = sqlx::query_scalar!("SELECT id FROM person WHERE kick_user_id = $1", kick_user_id)
            .fetch_optional(&mut *tx)
            .await?;
        match viewer {
            Some(viewer) => find_by(&mut tx, guild_id, None, Some(viewer)).await,
            None => Ok(None),
        }
    }
}
