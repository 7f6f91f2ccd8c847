//! Pages and views of match statistics, and the answer of a member who is asked who they are. Everything that a page needs is in
//! its buttons.

mod import;
mod listing;
mod session;

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{ButtonStyle, CreateActionRow, CreateButton, CreateEmbed, CreateEmbedFooter};
use uuid::Uuid;

use super::super::Bot;
use super::super::text::stats::session::View;
use super::super::text::stats::{import as imported, person as text};
use super::destination::may;
use super::{Answer, Input, base36};
use crate::error::UserError;
use crate::id::UserId;
use crate::ports::Ports;
use crate::routing::embed::Embed;
use crate::stats::admin;
use crate::stats::people::{self, Named};

pub(in crate::discord) use import::{quarantine, reparse_buttons};
pub(in crate::discord) use listing::{Listing, Pages, page};
pub(in crate::discord) use session::{Picture, chart_of, look, rows};

/// What is asked by a button.
pub(super) enum Asked {
    Page(Listing),
    /// Another view of a session, in place of the one that is shown.
    View {
        caller: UserId,
        view: View,
        key: String,
    },
    /// A view of the session whose card this is, for the presser alone.
    Card {
        view: View,
        stem: String,
    },
    /// Whether a member is a player.
    Link {
        member: UserId,
        by: UserId,
        guid: String,
        yes: bool,
    },
    Quarantine {
        caller: UserId,
        page: usize,
    },
    Retry(Uuid),
    Reparse {
        caller: UserId,
    },
}

/// `stats:page:<caller>:<listing>`, `stats:view:<caller>:<view>:<key>`, `stats:session:<view>:<stem>`,
/// `stats:<link|decline>:<member>:<by>:<guid>`, `stats:quarantine:<caller>:<page>`, `stats:retry:<file>`, `stats:reparse:<caller>`
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    let user = |word: &str| i64::from_str_radix(word, 36).ok().map(UserId);
    Some(match *words {
        ["page", caller, ref listing @ ..] => Asked::Page(Listing::decode(user(caller)?, listing)?),
        ["view", caller, view, key] => {
            Asked::View { caller: user(caller)?, view: View::parse(view)?, key: key.to_owned() }
        }
        ["session", view, stem] => Asked::Card { view: View::parse(view)?, stem: stem.to_owned() },
        [verb @ ("link" | "decline"), member, by, guid] => {
            Asked::Link { member: user(member)?, by: user(by)?, guid: guid.to_owned(), yes: verb == "link" }
        }
        ["quarantine", caller, page] => Asked::Quarantine { caller: user(caller)?, page: page.parse().ok()? },
        ["retry", file] => Asked::Retry(file.parse().ok()?),
        ["reparse", caller] => Asked::Reparse { caller: user(caller)? },
        _ => return None,
    })
}

pub(super) async fn answer(bot: &Arc<Bot>, asked: Asked, input: &Input) -> Result<Answer> {
    let ports = &bot.ports;
    match asked {
        Asked::Page(listing) => {
            is_callers(input, listing.caller)?;
            let (embed, rows) = page(ports, input.guild_id, &listing).await?;
            Ok(Answer::Page(Box::new(embed), rows))
        }
        Asked::View { caller, view: View::Graphs, key } => {
            is_callers(input, caller)?;
            shown_alone(ports, input, View::Graphs, &key).await
        }
        Asked::View { caller, view, key } => {
            is_callers(input, caller)?;
            let (_, embed) = look(ports, input.guild_id, view, Some(&key)).await?;
            Ok(Answer::Page(Box::new(made(&embed)), rows(caller, view, &key)))
        }
        Asked::Card { view, stem } => shown_alone(ports, input, view, &stem).await,
        Asked::Link { member, by, guid, yes } => link(ports, input, (member, by), &guid, yes).await,
        Asked::Quarantine { caller, page } => {
            may(input, caller)?;
            let (embed, rows) = quarantine(ports, input.guild_id, caller, page).await?;
            Ok(Answer::Page(Box::new(embed), rows))
        }
        Asked::Retry(file) => {
            may(input, input.user_id)?;
            let outcome = admin::retry(ports, input.guild_id, file, input.user_id).await?;
            Ok(Answer::Private(imported::retried(&outcome)))
        }
        Asked::Reparse { caller } => {
            may(input, caller)?;
            let files = admin::reparse(ports, input.guild_id, caller).await?;
            Ok(Answer::Settled(imported::reparsed(files)))
        }
    }
}

/// For the presser alone; a chart with its picture.
async fn shown_alone(ports: &Ports, input: &Input, view: View, key: &str) -> Result<Answer> {
    let (evening, embed) = look(ports, input.guild_id, view, Some(key)).await?;
    let picture = if view == View::Graphs { chart_of(&evening).await } else { None };
    Ok(match picture {
        Some(picture) => {
            let (embed, file) = picture.beside(&embed);
            Answer::Picture(Box::new(embed), Box::new(file))
        }
        None => {
            let rows = rows(input.user_id, view, &evening.session.key);
            Answer::Show { content: String::new(), embeds: vec![made(&embed)], rows }
        }
    })
}

async fn link(ports: &Ports, input: &Input, (member, by): (UserId, UserId), guid: &str, yes: bool) -> Result<Answer> {
    if input.user_id != member {
        return Err(UserError::new(text::NOT_YOU).into());
    }
    if !yes {
        return Ok(Answer::Settled(text::DECLINED.to_owned()));
    }
    let who = Named { guid: guid.to_owned(), name: people::name_of(ports, input.guild_id, guid).await? };
    let outcome = people::link(ports, input.guild_id, member, guid, by).await?;
    Ok(Answer::Settled(text::linked(&outcome, member, &who)))
}

/// What a member is asked with.
pub(in crate::discord) fn link_buttons(member: UserId, by: UserId, guid: &str) -> Vec<CreateActionRow> {
    let id = |verb: &str| format!("v1:stats:{verb}:{}:{}:{guid}", base36(member.0), base36(by.0));
    vec![CreateActionRow::Buttons(vec![
        CreateButton::new(id("link")).label("Yes, that is me").style(ButtonStyle::Success),
        CreateButton::new(id("decline")).label("No").style(ButtonStyle::Secondary),
    ])]
}

fn is_callers(input: &Input, caller: UserId) -> Result<()> {
    if input.user_id == caller {
        return Ok(());
    }
    Err(UserError::new(super::super::text::privacy::NOT_YOURS).into())
}

/// An embed as the framework has them.
pub(in crate::discord) fn made(embed: &Embed) -> CreateEmbed {
    let made = CreateEmbed::new().title(&embed.title).colour(embed.color).description(&embed.description);
    let made = embed.fields.iter().fold(made, |made, field| made.field(&field.name, &field.value, field.inline));
    made.footer(CreateEmbedFooter::new(&embed.footer.text))
}

#[cfg(test)]
mod tests;
