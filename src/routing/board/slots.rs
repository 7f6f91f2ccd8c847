//! The board of slot calls.

use chrono::{DateTime, Utc};

use super::gtb::grouped;
use super::{GOLD, GREY, button, frame};
use crate::routing::embed::{ButtonStyle, MessageBody, escape, fit, relative};

#[derive(Clone, Debug, Default)]
pub struct SlotsView {
    pub enabled: bool,
    /// 0: no limit.
    pub max_per_user: i32,
    pub total: i64,
    pub available: i64,
    pub picked: i64,
    /// Slot, who called it, when it was picked.
    pub last: Option<(String, String, DateTime<Utc>)>,
}

pub fn render(view: &SlotsView) -> MessageBody {
    let (status, color) = if view.enabled { ("✅ Enabled", GOLD) } else { ("❌ Disabled", GREY) };
    let limit = match view.max_per_user {
        0 => "no limit".to_owned(),
        most => format!("{most} a person"),
    };
    let last = view.last.as_ref().map(|(slot, who, at)| {
        format!("{} (requested by {}) {}", escape(&fit(slot, 200)), escape(&fit(who, 60)), relative(*at))
    });
    let embed = frame("🎰 Slot Request Panel", color, None)
        .text("Ask for a slot with `!call <slot>` or `!sr <slot>` in chat.")
        .field("Status", status, true)
        .field("Limit", limit, true)
        .field("Requests", grouped(view.total), true)
        .field("Available", grouped(view.available), true)
        .field("Picked", grouped(view.picked), true)
        .field("Last picked", last.unwrap_or_default(), false);
    let switch = if view.enabled {
        button("v1:slots:disable:0", "Disable", ButtonStyle::Danger)
    } else {
        button("v1:slots:enable:0", "Enable", ButtonStyle::Success)
    };
    let buttons = vec![
        button("v1:slots:pick:0", "Pick one", ButtonStyle::Success),
        button("v1:slots:refresh:0", "Refresh", ButtonStyle::Secondary),
        switch,
        button("v1:slots:limit:0", "Set limit", ButtonStyle::Secondary),
    ];
    MessageBody { embeds: vec![embed], buttons, ..MessageBody::default() }
}
