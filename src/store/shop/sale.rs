//! Purchases: drafted, bought, completed or cancelled.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::id::{GuildId, RoleId, UserId};
pub use crate::routing::board::shop::Sale;
use crate::store::ledger::{NewLedgerEntry, insert_ledger_entries, lock_balance, lock_balances};
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

/// Somebody's wish to buy what was drafted, with the points of an account.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    pub draft: &'a ShopDraft,
    pub account: Uuid,
    pub roles: &'a [RoleId],
}

/// Buys what was drafted, one after the other. What is refused leaves everything as it was. The accounts are locked first:
/// what their owners have bought before is known then, and nobody else buys for them at the same time; then the items. Both
/// in one order, so that those who buy at the same time wait, and do so for each other in one direction only.
pub async fn buy(tx: &mut Tx, wishes: &[Wish<'_>], now: DateTime<Utc>) -> Result<Vec<Bought>> {
    let accounts: Vec<(GuildId, Uuid)> = wishes.iter().map(Wish::account).collect();
    let mut left = Left { balances: lock_balances(tx, &accounts).await?, ..Left::default() };
    let offers = lock_offers(tx, wishes).await?;
    let judged: Vec<std::result::Result<Sold<'_>, Bought>> = wishes
        .iter()
        .zip(&offers)
        .map(|(wish, offer)| match offer.as_ref().filter(|offer| offer.active) {
            Some(offer) => left.judge(wish, offer, now),
            None => Err(Bought::Gone),
        })
        .collect();
    let sold: Vec<&Sold<'_>> = judged.iter().filter_map(|judged| judged.as_ref().ok()).collect();
    if !sold.is_empty() {
        write_sales(tx, &sold, now).await?;
    }
    let bought = judged.into_iter().map(|judged| match judged {
        Ok(sold) => {
            Bought::Done { item: sold.item.to_owned(), price: sold.wish.draft.price, balance: sold.balance_after }
        }
        Err(refused) => refused,
    });
    Ok(bought.collect())
}

impl Wish<'_> {
    fn account(&self) -> (GuildId, Uuid) {
        (self.draft.guild_id, self.account)
    }
}

/// What is offered to a wish, as it was when the locks were had.
struct Offer {
    name: String,
    price: i64,
    stock: Option<i32>,
    per_member: Option<i32>,
    cooldown_s: i32,
    role_id: Option<RoleId>,
    active: bool,
    /// How many of them this account has bought, and when last.
    bought: i32,
    last_at: Option<DateTime<Utc>>,
    /// This draft is a sale already.
    known: bool,
}

/// A wish that is granted.
struct Sold<'a> {
    wish: &'a Wish<'a>,
    item: &'a str,
    balance_after: i64,
}

/// What is left after the wishes that were granted until now.
#[derive(Default)]
struct Left {
    balances: HashMap<(GuildId, Uuid), i64>,
    /// Sold by now of each item, and of each item to each account.
    sold: HashMap<Uuid, i32>,
    sold_to: HashMap<(Uuid, Uuid), i32>,
}

impl Left {
    fn judge<'a>(
        &mut self,
        wish: &'a Wish<'a>,
        offer: &'a Offer,
        now: DateTime<Utc>,
    ) -> std::result::Result<Sold<'a>, Bought> {
        let item_id = wish.draft.shop_item_id;
        let balance = self.balances.entry(wish.account()).or_default();
        let sold = self.sold.entry(item_id).or_default();
        let sold_to = self.sold_to.entry((item_id, wish.account)).or_default();
        if offer.known {
            return Err(Bought::Already);
        }
        if offer.price != wish.draft.price {
            return Err(Bought::Price { now: offer.price });
        }
        if let Some(role) = offer.role_id.filter(|role| !wish.roles.contains(role)) {
            return Err(Bought::Role(role));
        }
        if offer.stock.is_some_and(|stock| stock <= *sold) {
            return Err(Bought::SoldOut);
        }
        if let Some(most) = offer.per_member.filter(|most| offer.bought + *sold_to >= *most) {
            return Err(Bought::Limit(most));
        }
        let last_at = if *sold_to > 0 { Some(now) } else { offer.last_at };
        let ready = last_at.map(|at| at + TimeDelta::seconds(i64::from(offer.cooldown_s)));
        if let Some(at) = ready.filter(|at| offer.cooldown_s > 0 && *at > now) {
            return Err(Bought::Wait(at));
        }
        if *balance < offer.price {
            return Err(Bought::NotEnough { balance: *balance, price: offer.price });
        }
        *balance -= offer.price;
        *sold += 1;
        *sold_to += 1;
        Ok(Sold { wish, item: &offer.name, balance_after: *balance })
    }
}

/// The items, locked in the order of their ids: for each wish what is offered, `None` where nothing is. The accounts are
/// locked, so what they have bought is known.
async fn lock_offers(tx: &mut Tx, wishes: &[Wish<'_>]) -> Result<Vec<Option<Offer>>> {
    let guilds: Vec<i64> = wishes.iter().map(|wish| wish.draft.guild_id.0).collect();
    let items: Vec<Uuid> = wishes.iter().map(|wish| wish.draft.shop_item_id).collect();
    let accounts: Vec<Uuid> = wishes.iter().map(|wish| wish.account).collect();
    let sales: Vec<Uuid> = wishes.iter().map(|wish| wish.draft.id).collect();
    let rows = sqlx::query!(
        r#"SELECT w.place AS "place!", i.name, i.price, i.stock, i.per_member, i.cooldown_s, i.role_id, i.active,
               t.bought AS "bought?", t.last_at AS "last_at?",
               EXISTS (SELECT 1 FROM shop_sale s WHERE s.guild_id = w.guild_id AND s.id = w.sale_id) AS "known!"
           FROM UNNEST($1::bigint[], $2::uuid[], $3::uuid[], $4::uuid[])
               WITH ORDINALITY AS w (guild_id, shop_item_id, person_id, sale_id, place)
           JOIN shop_item i ON i.id = w.shop_item_id AND i.guild_id = w.guild_id
           LEFT JOIN shop_tally t ON t.shop_item_id = w.shop_item_id AND t.person_id = w.person_id
           WHERE i.removed_at IS NULL ORDER BY i.id, w.place FOR NO KEY UPDATE OF i"#,
        &guilds,
        &items,
        &accounts,
        &sales
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut offers: Vec<Option<Offer>> = wishes.iter().map(|_| None).collect();
    for row in rows {
        let place = usize::try_from(row.place - 1).ok().and_then(|place| offers.get_mut(place));
        if let Some(place) = place {
            *place = Some(Offer {
                name: row.name,
                price: row.price,
                stock: row.stock,
                per_member: row.per_member,
                cooldown_s: row.cooldown_s,
                role_id: row.role_id.map(RoleId),
                active: row.active,
                bought: row.bought.unwrap_or(0),
                last_at: row.last_at,
                known: row.known,
            });
        }
    }
    Ok(offers)
}

/// The sales, the stocks, the tallies and the entries, in one statement: all locks are held, and all of it was checked.
async fn write_sales(tx: &mut Tx, sold: &[&Sold<'_>], now: DateTime<Utc>) -> Result<()> {
    let drafts: Vec<&ShopDraft> = sold.iter().map(|sold| sold.wish.draft).collect();
    let ids: Vec<Uuid> = drafts.iter().map(|draft| draft.id).collect();
    let guilds: Vec<i64> = drafts.iter().map(|draft| draft.guild_id.0).collect();
    let items: Vec<Uuid> = drafts.iter().map(|draft| draft.shop_item_id).collect();
    let accounts: Vec<Uuid> = sold.iter().map(|sold| sold.wish.account).collect();
    let members: Vec<Uuid> = drafts.iter().map(|draft| draft.member_id).collect();
    let names: Vec<String> = sold.iter().map(|sold| sold.item.to_owned()).collect();
    let prices: Vec<i64> = drafts.iter().map(|draft| draft.price).collect();
    let answers: Vec<Option<String>> = drafts.iter().map(|draft| draft.answer.clone()).collect();
    let notes: Vec<Option<String>> = drafts.iter().map(|draft| draft.note.clone()).collect();
    sqlx::query!(
        "WITH sold AS (
             SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[],
                 $8::text[], $9::text[]) WITH ORDINALITY
                 AS s (id, guild_id, shop_item_id, person_id, member_id, item_name, price, answer, note, place)),
         item AS (
             UPDATE shop_item i SET stock = i.stock - n.sold
             FROM (SELECT guild_id, shop_item_id, count(*)::integer AS sold FROM sold GROUP BY 1, 2) n
             WHERE i.id = n.shop_item_id AND i.guild_id = n.guild_id AND i.stock IS NOT NULL),
         tally AS (
             INSERT INTO shop_tally AS t (guild_id, shop_item_id, person_id, bought, last_at)
             SELECT guild_id, shop_item_id, person_id, count(*), $10 FROM sold GROUP BY 1, 2, 3
             ON CONFLICT (shop_item_id, person_id) DO UPDATE SET bought = t.bought + EXCLUDED.bought,
                 last_at = EXCLUDED.last_at),
         entry AS (
             INSERT INTO ledger (guild_id, person_id, at, amount, kind, cause, detail, by_id)
             SELECT guild_id, person_id, $10, -price, 'purchase', 'purchase:' || id,
                 jsonb_build_object('item', item_name), member_id
             FROM sold ORDER BY place)
         INSERT INTO shop_sale (id, shop_item_id, guild_id, person_id, member_id, item_name, price, answer, note, bought_at)
         SELECT id, shop_item_id, guild_id, person_id, member_id, item_name, price, answer, note, $10::timestamptz
         FROM sold ORDER BY place",
        &ids,
        &guilds,
        &items,
        &accounts,
        &members,
        &names,
        &prices,
        &answers as &[Option<String>],
        &notes as &[Option<String>],
        now
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
