//! Texts about the shop.

use std::fmt::Write as _;

use crate::routing::board::shop::{line, points, sale as line_of};
use crate::routing::embed::{escape, relative};
use crate::store::shop::ShopItem;
use crate::store::shop::sale::{Bought, Sale};

pub const CONFIRM: &str = "Complete Purchase";
pub const CANCEL: &str = "Cancel";
pub const COMPLETE: &str = "Complete";
pub const REFUND: &str = "Cancel and refund";
pub const NOTE: &str = "A note for the admins";
pub const CANCELLED: &str = "Not bought.";
pub const NOTHING_TO_CONFIRM: &str =
    "There is nothing to confirm any more: it was bought, cancelled, or is too long ago. Choose again.";
pub const DECIDED: &str = "Somebody has dealt with that already.";

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

pub fn decided(sale: &Sale, complete: bool) -> String {
    match complete {
        true => format!("✅ Completed: {}", line_of(sale)),
        false => format!("↩️ Cancelled, {} given back: {}", points(sale.price), line_of(sale)),
    }
}

pub fn saved(item: &ShopItem) -> String {
    format!("In the shop: {}", line(item))
}
