//! Boards: messages of a community that show how something stands and have its buttons. They are living cards: rendered
//! when they are sent, from what the database has then. Their custom ids are fixed, so they work whatever was restarted.

pub mod clip;
pub mod draw;
pub mod gtb;
pub mod shop;
pub mod slots;
pub mod timers;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::embed::{Button, ButtonStyle, Embed, Footer, MessageBody};
use clip::ClipView;
use draw::DrawView;
use gtb::GtbView;
use shop::{QueueView, ShopItem};
use slots::SlotsView;
use timers::TimersView;

pub(super) const GOLD: u32 = 0xF1_C40F;
pub(super) const GREEN: u32 = 0x2E_CC71;
pub(super) const GREY: u32 = 0x95_A5A6;
pub(super) const BLUE: u32 = 0x34_98DB;

/// Which board a card is; its text is the key of the card's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BoardKey {
    Draw(Uuid),
    /// A moment of a stream that somebody marked.
    Clip(Uuid),
    Gtb,
    Slots,
    Timers,
    /// The invitation to link a Kick account.
    Link,
    Shop,
    /// Purchases that wait for an admin.
    ShopQueue,
}

impl BoardKey {
    pub fn text(self) -> String {
        match self {
            BoardKey::Draw(id) => format!("draw:{id}"),
            BoardKey::Clip(id) => format!("clip:{id}"),
            BoardKey::Gtb => "gtb".to_owned(),
            BoardKey::Slots => "slots".to_owned(),
            BoardKey::Timers => "timers".to_owned(),
            BoardKey::Link => "link".to_owned(),
            BoardKey::Shop => "shop".to_owned(),
            BoardKey::ShopQueue => "shop-queue".to_owned(),
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "gtb" => BoardKey::Gtb,
            "slots" => BoardKey::Slots,
            "timers" => BoardKey::Timers,
            "link" => BoardKey::Link,
            "shop" => BoardKey::Shop,
            "shop-queue" => BoardKey::ShopQueue,
            _ => match text.split_once(':')? {
                ("draw", id) => BoardKey::Draw(id.parse().ok()?),
                ("clip", id) => BoardKey::Clip(id.parse().ok()?),
                _ => return None,
            },
        })
    }
}

/// What a board shows.
#[derive(Clone, Debug)]
pub enum Board {
    Draw(Box<DrawView>),
    Clip(ClipView),
    Gtb(GtbView),
    Slots(SlotsView),
    Timers(TimersView),
    Link,
    Shop(Vec<ShopItem>),
    ShopQueue(QueueView),
    /// What it was about is no longer there.
    Gone,
}

/// `base` is the public address of this installation, if it has one.
pub fn render(board: &Board, base: Option<&str>) -> MessageBody {
    match board {
        Board::Draw(view) => draw::render(view, base),
        Board::Clip(view) => clip::render(view),
        Board::Gtb(view) => gtb::render(view),
        Board::Slots(view) => slots::render(view),
        Board::Timers(view) => timers::render(view),
        Board::Link => link(),
        Board::Shop(items) => shop::shelf(items),
        Board::ShopQueue(view) => shop::queue(view),
        Board::Gone => MessageBody {
            embeds: vec![frame("🗑️ Gone", GREY, None).text("What was shown here is no longer kept.")],
            ..MessageBody::default()
        },
    }
}

fn link() -> MessageBody {
    let words = "Link your Kick account to this server: what you watch and win there then counts here. Press the \
                 button, and follow the link that only you can see.";
    MessageBody {
        embeds: vec![frame("🔗 Link your Kick account", GREEN, None).text(words)],
        buttons: vec![button("v1:kick:link:0", "Link account", ButtonStyle::Success)],
        ..MessageBody::default()
    }
}

/// The embed of a board or of what is said about one.
pub fn frame(title: &str, color: u32, at: Option<DateTime<Utc>>) -> Embed {
    Embed {
        title: title.to_owned(),
        color,
        footer: Footer { text: "Signalbox · community".to_owned(), icon_url: None },
        timestamp: at,
        ..Embed::default()
    }
}

impl Embed {
    /// With this description.
    pub fn text(mut self, words: impl Into<String>) -> Self {
        self.description = super::embed::fit(&words.into(), super::embed::DESCRIPTION);
        self
    }
}

pub(super) fn button(custom_id: impl Into<String>, label: &str, style: ButtonStyle) -> Button {
    Button { custom_id: custom_id.into(), label: label.to_owned(), emoji: None, style }
}

/// `1 ticket`, `2 tickets`
pub fn count(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", gtb::grouped(number), if number == 1 { one } else { many })
}
