//! The shop as people use it: choose, answer, confirm; admins make items, and complete or cancel what was bought.

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::points::{Actor, audit};
use crate::bus::Topic;
use crate::error::UserError;
use crate::id::RoleId;
use crate::ports::Ports;
use crate::store::board::touch_boards;
use crate::store::shop::sale::{Bought, Sale, ShopDraft, decide_sale, insert_shop_draft, take_shop_draft};
use crate::store::shop::together::Purchase;
use crate::store::shop::{BOARDS, ShopItem, insert_shop_item, remove_shop_item, update_shop_item};
use crate::store::source::ensure_person;
use crate::store::{Store, Tx};

/// A select of Discord has so many options.
pub const ITEMS: usize = 25;
pub const PRICE_MAX: i64 = 1_000_000_000;
/// After so long what was shown is asked for again.
const DRAFT_LIVES: TimeDelta = TimeDelta::minutes(15);
const NO_ITEM: &str = "That is not for sale any more. /shop show has what there is.";

/// What a member was asked before they confirm.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    pub answer: Option<String>,
    pub note: Option<String>,
}

/// Keeps what somebody is about to buy. Returns the item as it is to be confirmed, and the draft's id.
pub async fn draft(ports: &Ports, who: Actor, item_id: Uuid, answers: Answers) -> Result<(ShopItem, Uuid)> {
    let item = offered(ports, who, item_id).await?;
    if item.question.is_some() && answers.answer.is_none() {
        return Err(UserError::new("This needs an answer to its question.").into());
    }
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let member_id = ensure_person(&mut tx, who.user_id.0, ports.clock.uuid(), now).await?;
    let draft = ShopDraft {
        id: ports.clock.uuid(),
        guild_id: who.guild_id,
        shop_item_id: item.id,
        member_id,
        price: item.price,
        answer: answers.answer,
        note: answers.note,
    };
    insert_shop_draft(&mut tx, &draft, now).await?;
    Store::commit(tx).await?;
    Ok((item, draft.id))
}

/// An item that can be bought now.
pub async fn offered(ports: &Ports, who: Actor, item_id: Uuid) -> Result<ShopItem> {
    let item = ports.store.find_shop_item(who.guild_id, item_id).await?.filter(|item| item.active);
    let item = item.ok_or_else(|| UserError::new(NO_ITEM))?;
    if item.is_sold_out() {
        return Err(UserError::new(format!("{} is sold out.", item.name)).into());
    }
    Ok(item)
}

/// Buys what was confirmed; `None` when there is nothing to confirm any more.
pub async fn confirm(ports: &Ports, who: Actor, draft_id: Uuid, roles: &[RoleId]) -> Result<Option<Bought>> {
    let now = ports.clock.now();
    let asked = Purchase {
        draft_id,
        guild_id: who.guild_id,
        user_id: who.user_id,
        roles: roles.to_vec(),
        since: now - DRAFT_LIVES,
        now,
    };
    let bought = match ports.purchases.join(&ports.store, asked.clone()).await {
        Some(Some(bought)) => Some(bought),
        Some(None) => ports.store.buy_alone(&asked).await?,
        // Nobody knows what became of it.
        None => match ports.store.buy_alone(&asked).await? {
            None => {
                let sale = ports.store.find_sale(who.guild_id, draft_id).await?;
                sale.filter(|sale| sale.user_id == Some(who.user_id)).map(|_| Bought::Already)
            }
            bought => bought,
        },
    };
    if bought.is_some() {
        ports.wake.wake(Topic::Deliverer);
    }
    Ok(bought)
}

/// Forgets what somebody did not confirm.
pub async fn cancel(ports: &Ports, who: Actor, draft_id: Uuid) -> Result<()> {
    let mut tx = ports.store.begin().await?;
    take_shop_draft(&mut tx, who.guild_id, draft_id, who.user_id, ports.clock.now() - DRAFT_LIVES).await?;
    Ok(Store::commit(tx).await?)
}

/// Completes a sale, or cancels it and gives the points back. `None`: somebody has decided it already.
pub async fn decide(ports: &Ports, by: Actor, sale_id: Uuid, complete: bool) -> Result<Option<Sale>> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let admin = ensure_person(&mut tx, by.user_id.0, ports.clock.uuid(), now).await?;
    let state = if complete { "completed" } else { "cancelled" };
    let Some(sale) = decide_sale(&mut tx, by.guild_id, sale_id, state, admin, now).await? else { return Ok(None) };
    let action = if complete { "sale_completed" } else { "sale_cancelled" };
    audit(&mut tx, by, admin, action, json!({ "sale": sale_id, "item": sale.item_name, "price": sale.price }), now)
        .await?;
    show(ports, &mut tx, by).await?;
    crate::crash::point("sale.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("sale.after_commit");
    ports.wake.wake(Topic::Deliverer);
    Ok(Some(sale))
}

/// Puts an item into the shop.
pub async fn add(ports: &Ports, by: Actor, item: ShopItem) -> Result<()> {
    check(&item)?;
    if ports.store.list_shop_items(by.guild_id).await?.len() >= ITEMS {
        return Err(UserError::new(format!("A shop has {ITEMS} items at most. Remove one first.")).into());
    }
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let admin = ensure_person(&mut tx, by.user_id.0, ports.clock.uuid(), now).await?;
    if !insert_shop_item(&mut tx, &item, Some(admin), now).await? {
        return Err(UserError::new("There is an item of that name.").into());
    }
    audit(&mut tx, by, admin, "shop_item_added", json!({ "item": item.name, "price": item.price }), now).await?;
    show(ports, &mut tx, by).await?;
    Store::commit(tx).await?;
    ports.wake.wake(Topic::Deliverer);
    Ok(())
}

/// Changes an item; `stock` only where it is given, as others buy meanwhile.
pub async fn edit(ports: &Ports, by: Actor, item: &ShopItem, stock: Option<Option<i32>>) -> Result<()> {
    check(item)?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let admin = ensure_person(&mut tx, by.user_id.0, ports.clock.uuid(), now).await?;
    if !update_shop_item(&mut tx, item, stock).await? {
        return Err(UserError::new(NO_ITEM).into());
    }
    audit(&mut tx, by, admin, "shop_item_changed", json!({ "item": item.name, "price": item.price }), now).await?;
    show(ports, &mut tx, by).await?;
    Store::commit(tx).await?;
    ports.wake.wake(Topic::Deliverer);
    Ok(())
}

pub async fn remove(ports: &Ports, by: Actor, item: &ShopItem) -> Result<()> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let admin = ensure_person(&mut tx, by.user_id.0, ports.clock.uuid(), now).await?;
    remove_shop_item(&mut tx, by.guild_id, item.id, now).await?;
    audit(&mut tx, by, admin, "shop_item_removed", json!({ "item": item.name }), now).await?;
    show(ports, &mut tx, by).await?;
    Store::commit(tx).await?;
    ports.wake.wake(Topic::Deliverer);
    Ok(())
}

/// An item by its name.
pub async fn by_name(ports: &Ports, by: Actor, name: &str) -> Result<ShopItem> {
    let wanted = name.trim().to_lowercase();
    let all = ports.store.list_shop_items(by.guild_id).await?;
    let found = all.into_iter().find(|item| item.name.to_lowercase() == wanted);
    found.ok_or_else(|| UserError::new("There is no item of that name. /shop show has all.").into())
}

fn check(item: &ShopItem) -> Result<()> {
    let wrong = |words: &str| Err(UserError::new(words).into());
    if item.name.trim().is_empty() || item.name.chars().count() > 60 {
        return wrong("A name has 1 to 60 characters.");
    }
    if item.price < 1 || item.price > PRICE_MAX {
        return wrong("A price is from 1 to 1,000,000,000 points.");
    }
    if item.stock.is_some_and(|stock| stock < 0) || item.per_member.is_some_and(|most| most < 1) {
        return wrong("A stock is 0 or more, a limit 1 or more.");
    }
    Ok(())
}

/// The boards of the shop show what has changed, in the transaction of the change.
async fn show(ports: &Ports, tx: &mut Tx, who: Actor) -> Result<()> {
    Ok(touch_boards(tx, &[who.guild_id], &BOARDS, ports.clock.now()).await?)
}
