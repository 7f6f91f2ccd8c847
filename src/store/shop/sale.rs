//! Purchases: drafted, bought, completed or cancelled.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::id::{GuildId, RoleId, UserId};
pub use crate::routing::board::shop::Sale;
use crate::store::ledger::{NewLedgerEntry, insert_ledger_entries, lock_balance};
use crate::store::{Result, Store, Tx};

/// What somebody is about to buy; kept until they confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopDraft {
    /// Becomes the id of the sale.
    pub id: Uuid,
    pub guild_id: GuildId,
    pub shop_item_id: Uuid,
    pub member_id: Uuid,
    /// As it was shown.
    pub price: i64,
    pub answer: Option<String>,
    pub note: Option<String>,
}

/// What became of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bought {
    Done {
        item: String,
        price: i64,
        balance: i64,
    },
    /// Bought by this draft already.
    Already,
    /// Removed, or not for sale at present.
    Gone,
    SoldOut,
    Price {
        now: i64,
    },
    NotEnough {
        balance: i64,
        price: i64,
    },
    Limit(i32),
    Wait(DateTime<Utc>),
    Role(RoleId),
}

pub async fn insert_shop_draft(tx: &mut Tx, draft: &ShopDraft, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO shop_draft (id, guild_id, shop_item_id, member_id, price, answer, note, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        draft.id,
        draft.guild_id.0,
        draft.shop_item_id,
        draft.member_id,
        draft.price,
        draft.answer,
        draft.note,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes a member's draft away. `None`: it was used, cancelled, is too old, or another's.
pub async fn take_shop_draft(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    user_id: UserId,
    since: DateTime<Utc>,
) -> Result<Option<ShopDraft>> {
    let row = sqlx::query!(
        "DELETE FROM shop_draft d USING person p WHERE d.id = $1 AND d.guild_id = $2 AND p.id = d.member_id
             AND p.discord_user_id = $3 AND d.created_at > $4
         RETURNING d.shop_item_id, d.member_id, d.price, d.answer, d.note",
        id,
        guild_id.0,
        user_id.0,
        since
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|r| ShopDraft {
        id,
        guild_id,
        shop_item_id: r.shop_item_id,
        member_id: r.member_id,
        price: r.price,
        answer: r.answer,
        note: r.note,
    }))
}

/// Buys what was drafted, with the points of `account`. Whatever is refused leaves everything as it was. The account is
/// locked first: what its owner has bought before is known then, and nobody else buys for them at the same time.
pub async fn buy(
    tx: &mut Tx,
    draft: &ShopDraft,
    account: Uuid,
    roles: &[RoleId],
    now: DateTime<Utc>,
) -> Result<Bought> {
    let balance = lock_balance(tx, draft.guild_id, account).await?;
    let item = sqlx::query!(
        r#"SELECT i.name, i.price, i.stock, i.per_member, i.cooldown_s, i.role_id, i.active,
               t.bought AS "bought?", t.last_at AS "last_at?",
               EXISTS (SELECT 1 FROM shop_sale s WHERE s.guild_id = $2 AND s.id = $4) AS "known!"
           FROM shop_item i LEFT JOIN shop_tally t ON t.shop_item_id = i.id AND t.person_id = $3
           WHERE i.id = $1 AND i.guild_id = $2 AND i.removed_at IS NULL FOR NO KEY UPDATE OF i"#,
        draft.shop_item_id,
        draft.guild_id.0,
        account,
        draft.id
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(item) = item.filter(|item| item.active) else { return Ok(Bought::Gone) };
    if item.known {
        return Ok(Bought::Already);
    }
    if item.price != draft.price {
        return Ok(Bought::Price { now: item.price });
    }
    if let Some(role) = item.role_id.map(RoleId).filter(|role| !roles.contains(role)) {
        return Ok(Bought::Role(role));
    }
    if item.stock == Some(0) {
        return Ok(Bought::SoldOut);
    }
    if let (Some(most), Some(bought)) = (item.per_member, item.bought)
        && bought >= most
    {
        return Ok(Bought::Limit(most));
    }
    let ready = item.last_at.map(|at| at + TimeDelta::seconds(i64::from(item.cooldown_s)));
    if let Some(at) = ready.filter(|at| item.cooldown_s > 0 && *at > now) {
        return Ok(Bought::Wait(at));
    }
    if balance < item.price {
        return Ok(Bought::NotEnough { balance, price: item.price });
    }
    write_sale(tx, draft, account, &item.name, now).await?;
    Ok(Bought::Done { balance: balance - item.price, item: item.name, price: item.price })
}

/// The sale, the stock, the tally and the entry, in one statement: both locks are held, and all of it was checked.
async fn write_sale(tx: &mut Tx, draft: &ShopDraft, account: Uuid, item: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "WITH item AS (UPDATE shop_item SET stock = stock - 1 WHERE id = $2 AND guild_id = $3 AND stock IS NOT NULL),
              tally AS (INSERT INTO shop_tally AS t (guild_id, shop_item_id, person_id, bought, last_at)
                  VALUES ($3, $2, $4, 1, $10)
                  ON CONFLICT (shop_item_id, person_id) DO UPDATE SET bought = t.bought + 1, last_at = EXCLUDED.last_at),
              entry AS (INSERT INTO ledger (guild_id, person_id, at, amount, kind, cause, detail, by_id)
                  VALUES ($3, $4, $10, -($7::bigint), 'purchase', 'purchase:' || $1::uuid, $11, $5))
         INSERT INTO shop_sale (id, shop_item_id, guild_id, person_id, member_id, item_name, price, answer, note, bought_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        draft.id,
        draft.shop_item_id,
        draft.guild_id.0,
        account,
        draft.member_id,
        item,
        draft.price,
        draft.answer,
        draft.note,
        now,
        json!({ "item": item })
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Completes or cancels a sale that is still pending; a cancelled one gives points, stock and limit back. `None`: it is
/// unknown here, or decided.
pub async fn decide_sale(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    state: &'static str,
    by: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Sale>> {
    let decided = sqlx::query!(
        "UPDATE shop_sale SET state = $3, decided_at = $4, decided_by_id = $5
         WHERE id = $1 AND guild_id = $2 AND state = 'pending' RETURNING id",
        id,
        guild_id.0,
        state,
        now,
        by
    )
    .fetch_optional(&mut **tx)
    .await?;
    if decided.is_none() {
        return Ok(None);
    }
    let Some(sale) = sales(tx, guild_id, Some(id), 1).await?.pop() else { return Ok(None) };
    if state == "cancelled" {
        lock_balance(tx, guild_id, sale.person_id).await?;
        sqlx::query!(
            "UPDATE shop_item SET stock = stock + 1 WHERE id = $1 AND guild_id = $2 AND stock IS NOT NULL",
            sale.shop_item_id,
            guild_id.0
        )
        .execute(&mut **tx)
        .await?;
        sqlx::query!(
            "UPDATE shop_tally SET bought = bought - 1 WHERE shop_item_id = $1 AND person_id = $2 AND bought > 0",
            sale.shop_item_id,
            sale.person_id
        )
        .execute(&mut **tx)
        .await?;
        let refund = NewLedgerEntry::new(guild_id, sale.person_id, sale.price, "refund", format!("refund:{id}"));
        let refund = refund.with(json!({ "item": sale.item_name })).by(Some(by));
        insert_ledger_entries(tx, now, &[refund]).await?;
    }
    Ok(Some(sale))
}

async fn sales(tx: &mut Tx, guild_id: GuildId, id: Option<Uuid>, limit: i64) -> Result<Vec<Sale>> {
    let rows = sqlx::query!(
        r#"SELECT s.id, s.shop_item_id, s.person_id, s.item_name, s.price, s.answer, s.note, s.state, s.bought_at,
               p.discord_user_id AS "user_id?", v.username AS "username?"
           FROM shop_sale s LEFT JOIN person p ON p.id = s.member_id
           LEFT JOIN viewer v ON v.guild_id = s.guild_id AND v.person_id = s.person_id
           WHERE s.guild_id = $1 AND (s.id = $2 OR $2::uuid IS NULL AND s.state = 'pending')
           ORDER BY s.bought_at, s.id LIMIT $3"#,
        guild_id.0,
        id,
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    let sale = rows.into_iter().map(|r| Sale {
        id: r.id,
        shop_item_id: r.shop_item_id,
        person_id: r.person_id,
        item_name: r.item_name,
        price: r.price,
        answer: r.answer,
        note: r.note,
        state: r.state,
        bought_at: r.bought_at,
        user_id: r.user_id.map(UserId),
        username: r.username,
    });
    Ok(sale.collect())
}

impl Store {
    /// Sales that nobody has completed or cancelled yet, oldest first, and how many there are.
    pub async fn list_pending_sales(&self, guild_id: GuildId, limit: i64) -> Result<(Vec<Sale>, i64)> {
        let mut tx = self.begin().await?;
        let found = sales(&mut tx, guild_id, None, limit).await?;
        let all = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM shop_sale WHERE guild_id = $1 AND state = 'pending'"#,
            guild_id.0
        )
        .fetch_one(&mut *tx)
        .await?;
        Ok((found, all))
    }

    pub async fn find_sale(&self, guild_id: GuildId, id: Uuid) -> Result<Option<Sale>> {
        let mut tx = self.begin().await?;
        Ok(sales(&mut tx, guild_id, Some(id), 1).await?.pop())
    }
}
