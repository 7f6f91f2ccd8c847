//! Silence on a card and under a proposal, and Extend, Show and Post the open ones under a receipt.

use std::sync::Arc;

use anyhow::Result;
use chrono::TimeDelta;
use poise::serenity_prelude::{ButtonStyle, CreateActionRow, CreateButton, CreateEmbed, CreateEmbedFooter};
use uuid::Uuid;

use super::super::text::silence as text;
use super::super::{Bot, text as texts};
use super::{Answer, Input};
use crate::delivery::silence::{Asker, Shown};
use crate::delivery::{held, silence};
use crate::error::UserError;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::routing::embed::{Choice, DESCRIPTION, Select, fit};
use crate::routing::silence::receipt::line;
use crate::upstream::permission::{ADMINISTRATOR, MANAGE_GUILD};

const BLUE: u32 = 0x34_98_DB;
const PER_PAGE: i64 = 15;

/// What is asked by a button or a select.
pub(super) enum Asked {
    Start(Uuid),
    /// How much longer.
    Extend(Uuid),
    /// So much longer.
    Extended(Uuid),
    /// What was told in this event, from this page on.
    Show(Uuid),
    Page(Uuid, i64),
    Post(Uuid),
    /// What the card of this subject is about.
    Ask(Uuid),
    /// What is shown, for so long.
    Shown(Shown),
}

/// `silence:<start|extend|extended>:<silence>`, `silence:<show|post>:<receipt>`, `silence:page:<receipt>-<page>`,
/// `silence:ask:<subject>`, `silence:card:<event>`, `silence:about:<subject>`.
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    let [verb, id] = words else { return None };
    if *verb == "page" {
        let (id, page) = id.rsplit_once('-')?;
        return Some(Asked::Page(id.parse().ok()?, page.parse().ok()?));
    }
    let id = id.parse().ok()?;
    Some(match *verb {
        "start" => Asked::Start(id),
        "extend" => Asked::Extend(id),
        "extended" => Asked::Extended(id),
        "show" => Asked::Show(id),
        "post" => Asked::Post(id),
        "ask" => Asked::Ask(id),
        "card" => Asked::Shown(Shown::Event(id)),
        "about" => Asked::Shown(Shown::Subject(id)),
        _ => return None,
    })
}

pub(super) async fn answer(bot: &Arc<Bot>, asked: Asked, input: &Input) -> Result<Answer> {
    if input.permissions & (MANAGE_GUILD | ADMINISTRATOR) == 0 {
        return Err(UserError::new(texts::MANAGE_SERVER).into());
    }
    let ports = &bot.ports;
    let who = Asker { guild_id: input.guild_id, user_id: input.user_id };
    Ok(match asked {
        Asked::Start(id) => Answer::Settled(text::started(&silence::start(ports, who, id).await?)),
        Asked::Extend(id) => Answer::Choose(text::EXTEND.to_owned(), spans(format!("v1:silence:extended:{id}"))),
        Asked::Extended(id) => Answer::Settled(text::started(&silence::extend(ports, who, id, chosen(input)?).await?)),
        Asked::Ask(id) => {
            let about = silence::about_subject(ports, who.guild_id, id).await?;
            let about = about.ok_or_else(|| UserError::new(text::NOT_OURS))?;
            Answer::Choose(text::about(&about), spans(format!("v1:silence:about:{id}")))
        }
        Asked::Shown(shown) => {
            let begun = silence::silence_shown(ports, who, shown, chosen(input)?).await?;
            Answer::Settled(text::started_here(&begun))
        }
        Asked::Post(told_in) => Answer::Private(match held::post_open(ports, who, told_in).await? {
            0 => text::NOTHING_OPEN.to_owned(),
            cards => text::posted(cards),
        }),
        Asked::Show(told_in) => {
            let (embed, rows) = page(ports, who.guild_id, told_in, 0).await?;
            Answer::Show { content: String::new(), embeds: vec![embed], rows }
        }
        Asked::Page(told_in, at) => {
            let (embed, rows) = page(ports, who.guild_id, told_in, at).await?;
            Answer::Page(Box::new(embed), rows)
        }
    })
}

/// How long, to choose from.
pub(in crate::discord) fn spans(custom_id: String) -> Select {
    let options = text::SPANS.iter().map(|(label, span)| Choice {
        value: span.num_seconds().to_string(),
        label: (*label).to_owned(),
        emoji: None,
        is_default: false,
    });
    Select { custom_id, placeholder: text::HOW_LONG.to_owned(), options: options.collect() }
}

fn chosen(input: &Input) -> Result<TimeDelta> {
    let seconds = input.values.first().and_then(|value| value.parse().ok());
    Ok(TimeDelta::try_seconds(seconds.unwrap_or(0)).unwrap_or_default())
}

/// A page of what was withheld, newest first.
async fn page(ports: &Ports, guild_id: GuildId, told_in: Uuid, at: i64) -> Result<(CreateEmbed, Vec<CreateActionRow>)> {
    let at = at.max(0);
    let (lines, all) = ports.store.list_told_in(guild_id, told_in, at.saturating_mul(PER_PAGE), PER_PAGE).await?;
    let pages = (all + PER_PAGE - 1) / PER_PAGE;
    let words: Vec<String> = lines.iter().map(line).collect();
    let words = if words.is_empty() { text::GONE.to_owned() } else { words.join("\n") };
    let mut embed = CreateEmbed::new().title(text::SHOWN).colour(BLUE).description(fit(&words, DESCRIPTION));
    if pages < 2 {
        return Ok((embed, Vec::new()));
    }
    embed = embed.footer(CreateEmbedFooter::new(format!("{}/{pages}", at + 1)));
    let button = |label: &str, page: i64, usable: bool| {
        CreateButton::new(format!("v1:silence:page:{told_in}-{page}"))
            .label(label)
            .style(ButtonStyle::Secondary)
            .disabled(!usable)
    };
    // Two buttons of one message may not have the same id: the one at the end leads past it, where nothing is.
    let back = button("Back", if at == 0 { pages } else { at - 1 }, at > 0);
    Ok((embed, vec![CreateActionRow::Buttons(vec![back, button("More", at + 1, at + 1 < pages)])]))
}
