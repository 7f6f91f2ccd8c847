//! Purchases that are confirmed at the same moment share a transaction; each has an outcome of its own. What one of them
//! does to the others is nothing but to come before them: where their transaction fails, each is made alone.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::BOARDS;
use super::sale::{Bought, ShopDraft, Wish, buy, take_shop_draft};
use crate::id::{GuildId, RoleId, UserId};
use crate::lifecycle::together::Job;
use crate::store::board::touch_boards;
use crate::store::kick_link::account_of;
use crate::store::watch::count::pay_watching;
use crate::store::{Result, Store, Tx};

/// A member confirms what they have drafted.
#[derive(Clone, Debug)]
pub struct Purchase {
    pub draft_id: Uuid,
    pub guild_id: GuildId,
    pub user_id: UserId,
    /// Those of the member.
    pub roles: Vec<RoleId>,
    /// An older draft is asked for again.
    pub since: DateTime<Utc>,
    pub now: DateTime<Utc>,
}

impl Job for Purchase {
    type By = Store;
    /// `None`: it is to be made alone.
    type Outcome = Option<Bought>;

    async fn carry_out(store: &Store, asked: &[Self]) -> Option<Vec<Self::Outcome>> {
        let bought = store.buy_together(asked).await;
        bought.inspect_err(|error| tracing::debug!(%error, "purchases are made one by one")).ok()
    }
}

/// A draft that was taken, with whose points it is to be bought.
type Taken = (ShopDraft, Uuid);

impl Store {
    /// Makes these purchases in one transaction. `None` for what goes alone ([`Store::buy_alone`]): there is no such
    /// draft, or something is due for watching, which is paid first.
    pub async fn buy_together(&self, asked: &[Purchase]) -> Result<Vec<Option<Bought>>> {
        let mut tx = self.begin().await?;
        let mut taken = take_plain_drafts(&mut tx, asked).await?;
        let wanted: Vec<Option<Taken>> = asked.iter().map(|asked| taken.remove(&asked.draft_id)).collect();
        if wanted.iter().all(Option::is_none) {
            return Ok(asked.iter().map(|_| None).collect());
        }
        complete(tx, asked, &wanted).await
    }

    /// Makes a purchase in a transaction of its own, with what watching has earned up to now. `None`: there is nothing to
    /// confirm.
    pub async fn buy_alone(&self, asked: &Purchase) -> Result<Option<Bought>> {
        let mut tx = self.begin().await?;
        let draft = take_shop_draft(&mut tx, asked.guild_id, asked.draft_id, asked.user_id, asked.since).await?;
        let Some(draft) = draft else { return Ok(None) };
        let account = account_of(&mut tx, asked.guild_id, draft.member_id).await?;
        pay_watching(&mut tx, asked.guild_id, &[account], asked.now).await?;
        let mut bought = complete(tx, std::slice::from_ref(asked), &[Some((draft, account))]).await?;
        Ok(bought.pop().flatten())
    }
}

/// Buys what was taken, has the boards show it, and commits.
async fn complete(mut tx: Tx, asked: &[Purchase], wanted: &[Option<Taken>]) -> Result<Vec<Option<Bought>>> {
    let now = asked.iter().map(|asked| asked.now).max().unwrap_or_default();
    let wanted_by = asked.iter().zip(wanted);
    let wishes: Vec<Wish<'_>> = wanted_by.filter_map(|(asked, taken)| Some(wish(asked, taken.as_ref()?))).collect();
    let bought = buy(&mut tx, &wishes, now).await?;
    let is_sold = |bought: &Bought| matches!(bought, Bought::Done { .. });
    let sold = wishes.iter().zip(&bought).filter(|(_, bought)| is_sold(bought));
    let mut guilds: Vec<GuildId> = sold.map(|(wish, _)| wish.draft.guild_id).collect();
    guilds.sort_unstable();
    guilds.dedup();
    if !guilds.is_empty() {
        touch_boards(&mut tx, &guilds, &BOARDS, now).await?;
    }
    crate::crash::point("shop.bought");
    Store::commit(tx).await?;
    crate::crash::point("shop.committed");
    let mut bought = bought.into_iter();
    Ok(wanted.iter().map(|taken| taken.as_ref().and_then(|_| bought.next())).collect())
}

fn wish<'a>(asked: &'a Purchase, (draft, account): &'a Taken) -> Wish<'a> {
    Wish { draft, account: *account, roles: &asked.roles }
}

/// Takes the drafts of those who have nothing due for watching, by their ids; their links cannot change before the end of
/// the transaction. Paying locks viewers, and that before accounts: it is not for many at once.
async fn take_plain_drafts(tx: &mut Tx, asked: &[Purchase]) -> Result<HashMap<Uuid, Taken>> {
    let ids: Vec<Uuid> = asked.iter().map(|asked| asked.draft_id).collect();
    let guilds: Vec<i64> = asked.iter().map(|asked| asked.guild_id.0).collect();
    let users: Vec<i64> = asked.iter().map(|asked| asked.user_id.0).collect();
    let since: Vec<DateTime<Utc>> = asked.iter().map(|asked| asked.since).collect();
    let rows = sqlx::query!(
        r#"WITH asked AS (SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[])
                 AS a (id, guild_id, user_id, since)),
           plain AS (
               SELECT d.id, d.guild_id FROM asked a
               JOIN shop_draft d ON d.id = a.id AND d.guild_id = a.guild_id AND d.created_at > a.since
               JOIN person p ON p.id = d.member_id AND p.discord_user_id = a.user_id
               LEFT JOIN kick_link k ON k.guild_id = d.guild_id AND k.member_id = d.member_id
               LEFT JOIN viewer v ON v.guild_id = d.guild_id AND v.person_id = COALESCE(k.viewer_id, d.member_id)
               WHERE v.person_id IS NULL OR v.fifths / 5 = v.points
               ORDER BY d.id FOR UPDATE OF d),
           taken AS (
               DELETE FROM shop_draft d USING plain WHERE d.id = plain.id AND d.guild_id = plain.guild_id
               RETURNING d.id, d.guild_id, d.shop_item_id, d.member_id, d.price, d.answer, d.note),
           link AS (
               SELECT k.guild_id, k.member_id, k.viewer_id FROM kick_link k
               WHERE (k.guild_id, k.member_id) IN (SELECT guild_id, member_id FROM taken) FOR SHARE OF k)
           SELECT t.id, t.guild_id, t.shop_item_id, t.member_id, t.price, t.answer, t.note, l.viewer_id AS "viewer_id?"
           FROM taken t LEFT JOIN link l ON l.guild_id = t.guild_id AND l.member_id = t.member_id"#,
        &ids,
        &guilds,
        &users,
        &since
    )
    .fetch_all(&mut **tx)
    .await?;
    let taken = rows.into_iter().map(|row| {
        let draft = ShopDraft {
            id: row.id,
            guild_id: GuildId(row.guild_id),
            shop_item_id: row.shop_item_id,
            member_id: row.member_id,
            price: row.price,
            answer: row.answer,
            note: row.note,
        };
        (row.id, (draft, row.viewer_id.unwrap_or(row.member_id)))
    });
    Ok(taken.collect())
}
