//! Join, My tickets, Claim and Verify under a raffle or giveaway.

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{CreateActionRow, CreateEmbed, CreateInputText, CreateModal, InputTextStyle};
use uuid::Uuid;

use super::super::Bot;
use super::super::text::play as text;
use super::{Answer, Input};
use crate::community::draw::join::{self, Entrant, Joined};
use crate::community::draw::{GONE, QUESTION, publish};
use crate::error::UserError;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::routing::board::draw::page;
use crate::routing::embed::{DESCRIPTION, FIELD_VALUE, fit};
use crate::store::draw::PublishedDraw;

const FIELD: &str = "answer";
const GREEN: u32 = 0x2E_CC71;

pub(super) enum Asked {
    Join(Uuid),
    Mine(Uuid),
    Claim(Uuid),
    Verify(Uuid),
}

/// `draw:<join|mine|claim|verify>:<draw>`; a form that is sent has the id of its press.
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    let [verb, id] = words else { return None };
    let id = id.parse().ok()?;
    Some(match *verb {
        "join" => Asked::Join(id),
        "mine" => Asked::Mine(id),
        "claim" => Asked::Claim(id),
        "verify" => Asked::Verify(id),
        _ => return None,
    })
}

pub(super) async fn answer(bot: &Arc<Bot>, asked: Asked, input: &Input) -> Result<Answer> {
    let ports = &bot.ports;
    Ok(match asked {
        Asked::Join(id) => join(ports, id, input).await?,
        Asked::Mine(id) => {
            let mine = ports.store.find_mine(input.guild_id, id, input.user_id.0).await?;
            Answer::Private(text::mine(&mine.ok_or_else(|| UserError::new(GONE))?))
        }
        Asked::Claim(id) => match join::claim(ports, input.guild_id, input.user_id, id).await? {
            true => Answer::Private(text::CLAIMED.to_owned()),
            false => Answer::Private(text::NOT_YOURS.to_owned()),
        },
        Asked::Verify(id) => {
            let embed = verified(ports, input.guild_id, id).await?;
            Answer::Show { content: String::new(), embeds: vec![embed], rows: Vec::new() }
        }
    })
}

async fn join(ports: &Ports, id: Uuid, input: &Input) -> Result<Answer> {
    let answer = input.form.as_ref().map(|form| form.get(FIELD).cloned().unwrap_or_default());
    let entrant = Entrant {
        guild_id: input.guild_id,
        user_id: input.user_id,
        name: input.name.clone(),
        roles: input.roles.clone(),
        answer: answer.filter(|answer| !answer.is_empty()),
    };
    Ok(match join::join(ports, id, &entrant).await? {
        Joined::Asked(question) if input.form.is_none() => {
            let field = CreateInputText::new(InputTextStyle::Paragraph, fit(&question, QUESTION), FIELD)
                .max_length(join_limit())
                .required(true);
            let form = CreateModal::new(format!("v1:draw:join:{id}"), text::QUESTION_TITLE);
            Answer::Form(form.components(vec![CreateActionRow::InputText(field)]))
        }
        joined => Answer::Private(text::joined(&joined)),
    })
}

fn join_limit() -> u16 {
    u16::try_from(crate::community::draw::ANSWER).unwrap_or(u16::MAX)
}

/// A draw recomputed, with what that proves.
pub(in crate::discord) async fn verified(ports: &Ports, guild_id: GuildId, id: Uuid) -> Result<CreateEmbed> {
    let published = ports.store.find_published_draw(id).await?.filter(|draw| draw.guild_id == guild_id);
    let published: PublishedDraw = published.ok_or_else(|| UserError::new(GONE))?;
    let findings = publish::recompute(&published);
    if findings.is_empty() {
        return Err(UserError::new(text::NOT_DRAWN).into());
    }
    let base = ports.config.web.public_url.as_ref().map(|url| url.as_str());
    let address = page(base, id);
    let title = format!("🔎 {} #{}", published.kind.title(), published.number);
    Ok(CreateEmbed::new()
        .title(title)
        .colour(GREEN)
        .description(fit(&text::findings(&findings), DESCRIPTION / 4))
        .field("What that proves", fit(&text::list(&publish::proven(&published)), FIELD_VALUE), false)
        .field("What it does not", fit(&text::list(&publish::not_proven(&published)), FIELD_VALUE), false)
        .field("Do it yourself", text::verify_page(address.as_deref(), &id.to_string()), false))
}
