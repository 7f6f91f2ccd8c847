//! The shop and its queue, as boards and as anybody is shown them.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{GOLD, button, count, frame};
use crate::id::{GuildId, RoleId, UserId};
use crate::routing::embed::{ButtonStyle, Choice, MessageBody, Select, escape, fit, relative};

/// A select has so many options.
const OPTIONS: usize = 25;
const EMPTY: &str = "Nothing is for sale yet. Admins add items with /shop add.";
const NONE_PENDING: &str = "No purchase waits for anybody.";

/// What can be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopItem {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub name: String,
    pub description: String,
    pub price: i64,
    /// `None`: as many as are wanted.
    pub stock: Option<i32>,
    /// A member may have so many at most.
    pub per_member: Option<i32>,
    /// Seconds between two purchases by one member.
    pub cooldown_s: i32,
    pub role_id: Option<RoleId>,
    /// What a buyer has to answer.
    pub question: Option<String>,
    pub active: bool,
}

impl ShopItem {
    pub fn is_sold_out(&self) -> bool {
        self.stock == Some(0)
    }
}

/// A sale as the queue shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    pub id: Uuid,
    pub shop_item_id: Uuid,
    pub person_id: Uuid,
    pub item_name: String,
    pub price: i64,
    pub answer: Option<String>,
    pub note: Option<String>,
    pub state: String,
    pub bought_at: DateTime<Utc>,
    /// The member, unless they are forgotten.
    pub user_id: Option<UserId>,
    /// The viewer's name on Kick.
    pub username: Option<String>,
}

/// Purchases that wait for an admin, the oldest of them, and how many there are.
#[derive(Clone, Debug, Default)]
pub struct QueueView {
    pub sales: Vec<Sale>,
    pub all: i64,
}

/// What there is, with the controls to buy it.
pub fn shelf(items: &[ShopItem]) -> MessageBody {
    let lines: Vec<String> = items.iter().filter(|item| item.active).map(line).collect();
    let words = if lines.is_empty() { EMPTY.to_owned() } else { lines.join("\n") };
    let offered = items.iter().filter(|item| item.active && !item.is_sold_out());
    let options = offered.map(|item| (item.id, format!("{}: {}", item.name, points(item.price))));
    MessageBody {
        embeds: vec![frame("🛒 Shop", GOLD, None).text(words)],
        selects: select("v1:shop:pick:0", "Buy something…", options),
        buttons: vec![button("v1:shop:balance:0", "My points", ButtonStyle::Secondary)],
        ..MessageBody::default()
    }
}

/// What waits for an admin.
pub fn queue(view: &QueueView) -> MessageBody {
    let mut lines: Vec<String> = view.sales.iter().map(sale).collect();
    if view.sales.is_empty() {
        lines.push(NONE_PENDING.to_owned());
    }
    if view.all > view.sales.len() as i64 {
        lines.push(format!("-# and {} more", view.all - view.sales.len() as i64));
    }
    let option = |sale: &Sale| {
        let buyer = sale.username.clone().unwrap_or_else(|| "a member".into());
        (sale.id, format!("{} · {buyer}", sale.item_name))
    };
    MessageBody {
        embeds: vec![frame("🛒 Purchases to be dealt with", GOLD, None).text(lines.join("\n"))],
        selects: select("v1:shop:sale:0", "Which one?", view.sales.iter().map(option)),
        ..MessageBody::default()
    }
}

fn select(custom_id: &str, placeholder: &str, options: impl Iterator<Item = (Uuid, String)>) -> Vec<Select> {
    let choice = |(id, label): (Uuid, String)| Choice {
        value: id.to_string(),
        label: fit(&label, 100),
        emoji: None,
        is_default: false,
    };
    let options: Vec<Choice> = options.take(OPTIONS).map(choice).collect();
    if options.is_empty() {
        return Vec::new();
    }
    vec![Select { custom_id: custom_id.to_owned(), placeholder: placeholder.to_owned(), options }]
}

pub fn points(amount: i64) -> String {
    count(amount, "point", "points")
}

/// An item, as everybody sees it.
pub fn line(item: &ShopItem) -> String {
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

/// A sale, as admins see it.
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
