//! The panels of Guess the Balance, slot calls and timed messages. Their ids are fixed: which session or list is meant
//! follows from the server.

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{CreateActionRow, CreateInputText, CreateModal, InputTextStyle};

use super::super::text::play as text;
use super::super::{Bot, text as texts};
use super::{Answer, Input};
use crate::community::board::Voice;
use crate::community::draw::Host;
use crate::community::{gtb, slot_call, timer};
use crate::error::UserError;
use crate::ports::Ports;
use crate::routing::board::BoardKey;
use crate::store::Store;
use crate::upstream::permission::manages;

const FIELD: &str = "value";

#[derive(Clone, Copy)]
pub(super) enum Asked {
    GtbOpen,
    GtbClose,
    GtbResult,
    SlotsToggle(bool),
    SlotsPick,
    SlotsLimit,
    TimersToggle(bool),
    Refresh(BoardKey),
}

/// `gtb:<open|close|result|refresh>:0`, `slots:<pick|enable|disable|limit|refresh>:0`, `timer:<on|off|refresh>:0`.
pub(super) fn decode(panel: &str, words: &[&str]) -> Option<Asked> {
    let [verb, "0"] = words else { return None };
    Some(match (panel, *verb) {
        ("gtb", "open") => Asked::GtbOpen,
        ("gtb", "close") => Asked::GtbClose,
        ("gtb", "result") => Asked::GtbResult,
        ("gtb", "refresh") => Asked::Refresh(BoardKey::Gtb),
        ("slots", "pick") => Asked::SlotsPick,
        ("slots", "enable") => Asked::SlotsToggle(true),
        ("slots", "disable") => Asked::SlotsToggle(false),
        ("slots", "limit") => Asked::SlotsLimit,
        ("slots", "refresh") => Asked::Refresh(BoardKey::Slots),
        ("timer", "on") => Asked::TimersToggle(true),
        ("timer", "off") => Asked::TimersToggle(false),
        ("timer", "refresh") => Asked::Refresh(BoardKey::Timers),
        _ => return None,
    })
}

pub(super) async fn answer(bot: &Arc<Bot>, asked: Asked, input: &Input) -> Result<Answer> {
    if !manages(input.permissions) {
        return Err(UserError::new(texts::MANAGE_SERVER).into());
    }
    let ports = &bot.ports;
    let host = Host::of(input.guild_id, input.user_id);
    let given = input.form.as_ref().map(|form| form.get(FIELD).cloned().unwrap_or_default());
    Ok(Answer::Private(match (asked, given) {
        (Asked::GtbOpen, _) => text::gtb_opened(gtb::open(ports, host, 3).await?),
        (Asked::GtbClose, _) => text::gtb_closed(gtb::close(ports, host).await?),
        (Asked::GtbResult, None) => return Ok(form("gtb:result", text::RESULT_TITLE, text::RESULT_LABEL, 30)),
        (Asked::GtbResult, Some(typed)) => {
            let completed = gtb::set_result(ports, host, &typed).await?;
            text::gtb_completed(completed.number, completed.winners)
        }
        (Asked::SlotsToggle(enabled), _) => match slot_call::toggle(ports, host, enabled).await? {
            true => text::CHANGED.to_owned(),
            false => text::ALREADY_SO.to_owned(),
        },
        (Asked::SlotsPick, _) => match slot_call::pick(ports, host).await? {
            Some(call) => text::picked(&call.slot, &call.name),
            None => text::NO_SLOTS.to_owned(),
        },
        (Asked::SlotsLimit, None) => return Ok(form("slots:limit", text::LIMIT_TITLE, text::LIMIT_LABEL, 2)),
        (Asked::SlotsLimit, Some(typed)) => {
            let most = Some(typed.parse().unwrap_or(-1));
            slot_call::set_rules(ports, host, slot_call::Rules { max_per_user: most, ..Default::default() }).await?;
            text::CHANGED.to_owned()
        }
        (Asked::TimersToggle(enabled), _) => {
            timer::toggle_all(ports, host, enabled).await?;
            text::CHANGED.to_owned()
        }
        (Asked::Refresh(key), _) => {
            refresh(ports, host, key).await?;
            text::REFRESHED.to_owned()
        }
    }))
}

fn form(id: &str, title: &str, label: &str, longest: u16) -> Answer {
    let field = CreateInputText::new(InputTextStyle::Short, label, FIELD).max_length(longest).required(true);
    Answer::Form(CreateModal::new(format!("v1:{id}:0"), title).components(vec![CreateActionRow::InputText(field)]))
}

async fn refresh(ports: &Ports, host: Host, key: BoardKey) -> Result<()> {
    let voice = Voice::of(ports, host.guild_id).await?;
    let mut tx = ports.store.begin().await?;
    voice.touch(&mut tx, key).await?;
    Store::commit(tx).await?;
    voice.hurry();
    Ok(())
}
