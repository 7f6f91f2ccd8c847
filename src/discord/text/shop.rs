//! Texts about the shop.

use std::fmt::Write as _;

use super::points::{number, points};
use crate::routing::embed::{escape, fit, relative};
use crate::store::shop::ShopItem;
use crate::store::shop::sale::{Bought, Sale};

pub const TITLE: &str = "🛒 Shop";
pub const QUEUE: &str = "🛒 Purchases to be dealt with";
pub const EMPTY: &str = "Nothing is for sale yet. Admins add items with /shop add.";
pub const NONE_PENDING: &str = "No purchase waits for anybody.";
pub const CHOOSE: &str = "Buy something…";
pub const BALANCE: &str = "My points";
pub const CONFIRM: &str = "Complete Purchase";
pub const CANCEL: &str = "Cancel";
pub const COMPLETE: &str = "Complete";
pub const REFUND: &str = "Cancel and refund";
pub const NOTE: &str = "A note for the admins";
pub const ANSWER: &str = "Your answer";
pub const CANCELLED: &str = "Not bought.";
pub const NOTHING_TO_CONFIRM: &str =
    "There is nothing to confirm any more: it was bought, cancelled, or is too long ago. Choose again.";
pub const DECIDED: &str = "Somebody has dealt with that already.";
pub const NEXT: &str = "Which one?";

/// The items of a shop, as everybody sees them.
pub fn shelf(items: &[ShopItem]) -> String {
    let lines: Vec<String> = items.iter().filter(|item| item.active).map(shelf_line).collect();
    if lines.is_empty() { EMPTY.to_owned() } else { lines.join("\n") }
}

fn shelf_line(item: &ShopItem) -> String {
    let mut out = format!("**{}** — {}", escape(&item.name), points(item.price));
    match item.stock {
        Some(0) => out.push_str(" · sold out"),
        Some(left) => {
            let _ = write!(out, " · {left} left");
        }
        None => {}
    }
    if let Some(role) = item.role_id {
        let _ = write!(out, " · for <@&{role}>");
    }
    if let Some(most) = item.per_member {
        let _ = write!(out, " · {most} per member");
    }
    if !item.description.is_empty() {
        let _ = write!(out, "\n-# {}", escape(&item.description));
    }
    out
}

pub fn option(item: &ShopItem) -> String {
    fit(&format!("{}: {}", item.name, points(item.price)), 100)
}

/// What is to be confirmed.
pub fn asked(item: &ShopItem, answer: Option<&str>, note: Option<&str>) -> String {
    let mut out = format!("Buy **{}** for **{}**?", escape(&item.name), points(item.price));
    if let Some(answer) = answer {
        let _ = write!(out, "\n{}: {}", escape(item.question.as_deref().unwrap_or_default()), escape(answer));
    }
    if let Some(note) = note {
        let _ = write!(out, "\nNote: {}", escape(note));
    }
    out
}

pub fn bought(outcome: &Bought) -> String {
    match outcome {
        Bought::Done { item, price, balance } => format!(
            "You have bought **{}** for {}. You have {} left. An admin deals with it; if it is cancelled, you get the points back.",
            escape(item),
            points(*price),
            points(*balance)
        ),
        Bought::Already => "You have bought this already.".into(),
        Bought::Gone => "That is not for sale any more.".into(),
        Bought::SoldOut => "That is sold out. Nothing was paid.".into(),
        Bought::Price { now } => format!("The price has changed to {}. Nothing was paid; choose again.", points(*now)),
        Bought::NotEnough { balance, price } => {
            format!("You have {} and it costs {}. Nothing was paid.", points(*balance), points(*price))
        }
        Bought::Limit(most) => format!("A member may have {most} of it, and you do. Nothing was paid."),
        Bought::Wait(at) => format!("You can buy this again {}. Nothing was paid.", relative(*at)),
        Bought::Role(role) => format!("This is for members with <@&{role}>. Nothing was paid."),
    }
}

pub fn sale(sale: &Sale) -> String {
    let buyer = match (sale.user_id, &sale.username) {
        (Some(user), Some(name)) => format!("<@{user}> ({})", escape(name)),
        (Some(user), None) => format!("<@{user}>"),
        (None, _) => "somebody".into(),
    };
    let mut out =
        format!("**{}** for {} by {buyer}, {}", escape(&sale.item_name), points(sale.price), relative(sale.bought_at));
    for (name, words) in [("Answer", &sale.answer), ("Note", &sale.note)] {
        if let Some(words) = words {
            let _ = write!(out, "\n-# {name}: {}", escape(words));
        }
    }
    out
}

pub fn queue(sales: &[Sale], all: i64) -> String {
    if sales.is_empty() {
        return NONE_PENDING.to_owned();
    }
    let mut out: Vec<String> = sales.iter().map(self::sale).collect();
    if all > sales.len() as i64 {
        out.push(format!("-# and {} more", number(all - sales.len() as i64)));
    }
    out.join("\n")
}

pub fn sale_option(sale: &Sale) -> String {
    let buyer = sale.username.clone().unwrap_or_else(|| "a member".into());
    fit(&format!("{} · {buyer}", sale.item_name), 100)
}

pub fn decided(sale: &Sale, complete: bool) -> String {
    match complete {
        true => format!("✅ Completed: {}", self::sale(sale)),
        false => format!("↩️ Cancelled, {} given back: {}", points(sale.price), self::sale(sale)),
    }
}

pub fn saved(item: &ShopItem) -> String {
    format!("In the shop: {}", shelf_line(item))
}
