//! The shop: what it offers, and who has bought what. Purchases are made under the locks of
//! their buyers' accounts and then of the items: nothing is sold twice, and nobody spends what they do not have.

pub mod sale;
pub mod together;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::{GuildId, RoleId};
use crate::routing::board::BoardKey;
pub use crate::routing::board::shop::ShopItem;

/// The boards that show what is offered, and what was bought.
pub const BOARDS: [BoardKey; 2] = [BoardKey::Shop, BoardKey::ShopQueue];

/// Puts an item into the shop. False: another one has this name.
pub async fn insert_shop_item(tx: &mut Tx, item: &ShopItem, by: Option<Uuid>, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO shop_item (id, guild_id, name, description, price, stock, per_member, cooldown_s, role_id, question,
             active, created_at, created_by_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING",
        item.id,
        item.guild_id.0,
        item.name,
        item.description,
        item.price,
        item.stock,
        item.per_member,
        item.cooldown_s,
        item.role_id.map(|role| role.0),
        item.question,
        item.active,
        now,
        by
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Changes what stands in an item; a stock that is not named stays, as it may be sold from at the same time.
pub async fn update_shop_item(tx: &mut Tx, item: &ShopItem, new_stock: Option<Option<i32>>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE shop_item SET description = $3, price = $4, per_member = $5, cooldown_s = $6, role_id = $7, question = $8,
             active = $9, stock = CASE WHEN $10 THEN $11 ELSE stock END
         WHERE id = $1 AND guild_id = $2 AND removed_at IS NULL",
        item.id,
        item.guild_id.0,
        item.description,
        item.price,
        item.per_member,
        item.cooldown_s,
        item.role_id.map(|role| role.0),
        item.question,
        item.active,
        new_stock.is_some(),
        new_stock.flatten()
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes an item out of the shop; what was bought of it stays.
pub async fn remove_shop_item(tx: &mut Tx, guild_id: GuildId, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE shop_item SET removed_at = $3, active = false WHERE id = $1 AND guild_id = $2 AND removed_at IS NULL",
        id,
        guild_id.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

struct Row {
    id: Uuid,
    guild_id: i64,
    name: String,
    description: String,
    price: i64,
    stock: Option<i32>,
    per_member: Option<i32>,
    cooldown_s: i32,
    role_id: Option<i64>,
    question: Option<String>,
    active: bool,
}

impl From<Row> for ShopItem {
    fn from(r: Row) -> Self {
        Self {
            id: r.id,
            guild_id: GuildId(r.guild_id),
            name: r.name,
            description: r.description,
            price: r.price,
            stock: r.stock,
            per_member: r.per_member,
            cooldown_s: r.cooldown_s,
            role_id: r.role_id.map(RoleId),
            question: r.question,
            active: r.active,
        }
    }
}

impl Store {
    /// What a server's shop offers, cheapest first.
    pub async fn list_shop_items(&self, guild_id: GuildId) -> Result<Vec<ShopItem>> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, guild_id, name, description, price, stock, per_member, cooldown_s, role_id, question, active
             FROM shop_item WHERE guild_id = $1 AND removed_at IS NULL ORDER BY price, name",
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(ShopItem::from).collect())
    }

    pub async fn find_shop_item(&self, guild_id: GuildId, id: Uuid) -> Result<Option<ShopItem>> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, guild_id, name, description, price, stock, per_member, cooldown_s, role_id, question, active
             FROM shop_item WHERE guild_id = $1 AND id = $2 AND removed_at IS NULL",
            guild_id.0,
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(ShopItem::from))
    }
}
