//! The pages of `/destination list`, and the button that removes one.

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{ButtonStyle, CreateActionRow, CreateButton, CreateEmbed};
use uuid::Uuid;

use super::super::text::delivery as text;
use super::super::{Bot, text as texts};
use super::{Answer, Input, base36};
use crate::delivery::manage::{Removed, Who};
use crate::error::UserError;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::routing::embed::{DESCRIPTION, fit};
use crate::store::audit::Author;
use crate::upstream::permission::manages;

const PER_PAGE: usize = 6;
const BLUE: u32 = 0x3498DB;

/// A page of the list, and who may turn it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::discord) struct Listing {
    pub caller: UserId,
    pub page: usize,
}

/// What a button asks.
pub(super) enum Asked {
    Page(Listing),
    Remove { caller: UserId, id: Uuid },
}

/// `destination:page:<caller>-<page>` and `destination:remove:<caller>-<id>`.
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    match words {
        ["page", listing] => listing_of(listing).map(Asked::Page),
        ["remove", wish] => removal_of(wish).map(|(caller, id)| Asked::Remove { caller, id }),
        _ => None,
    }
}

pub(super) async fn answer(bot: &Arc<Bot>, asked: Asked, input: &Input) -> Result<Answer> {
    match asked {
        Asked::Page(listing) => {
            may(input, listing.caller)?;
            let (embed, buttons) = page(&bot.ports, input.guild_id, listing).await?;
            Ok(Answer::Page(Box::new(embed), buttons))
        }
        Asked::Remove { caller, id } => {
            may(input, caller)?;
            let who = Who { guild_id: input.guild_id, author: Author::Member(input.user_id) };
            Ok(Answer::Settled(match bot.delivery.remove_destination(&who, id, |_| true).await? {
                Removed::Done(waited) => text::removed(waited),
                Removed::Routed(patterns) => text::routed(&patterns),
                Removed::Unknown | Removed::Stale => text::UNKNOWN.to_owned(),
            }))
        }
    }
}

/// Only who asked, and only while they may manage the server.
pub(super) fn may(input: &Input, caller: UserId) -> Result<()> {
    if caller != input.user_id {
        return Err(UserError::new(texts::privacy::NOT_YOURS).into());
    }
    if !manages(input.permissions) {
        return Err(UserError::new(texts::MANAGE_SERVER).into());
    }
    Ok(())
}

/// A page with its buttons.
pub(in crate::discord) async fn page(
    ports: &Ports,
    guild_id: GuildId,
    listing: Listing,
) -> Result<(CreateEmbed, Vec<CreateActionRow>)> {
    let all = ports.store.list_destination_views(guild_id, None).await?;
    let pages = all.len().div_ceil(PER_PAGE).max(1);
    let at = listing.page.min(pages - 1);
    let lines: Vec<String> = all.iter().skip(at * PER_PAGE).take(PER_PAGE).map(text::destination_line).collect();
    let words = if lines.is_empty() { text::NO_DESTINATIONS.to_owned() } else { lines.join("\n\n") };
    let embed = CreateEmbed::new().title(text::DESTINATIONS).description(fit(&words, DESCRIPTION)).colour(BLUE);
    if pages == 1 {
        return Ok((embed, Vec::new()));
    }
    let button = |label: &str, page: usize, usable: bool| {
        CreateButton::new(format!("v1:destination:page:{}-{page}", base36(listing.caller.0)))
            .label(label)
            .style(ButtonStyle::Secondary)
            .disabled(!usable)
    };
    // Two buttons of one message may not have the same id: those at the ends lead past them, where nothing is.
    let buttons =
        vec![button("Back", if at == 0 { pages } else { at - 1 }, at > 0), button("More", at + 1, at + 1 < pages)];
    let embed = embed.footer(poise::serenity_prelude::CreateEmbedFooter::new(format!("{}/{pages}", at + 1)));
    Ok((embed, vec![CreateActionRow::Buttons(buttons)]))
}

/// The id of the button that removes a destination.
pub(in crate::discord) fn removal(caller: UserId, id: Uuid) -> String {
    format!("v1:destination:remove:{}-{}", base36(caller.0), id.simple())
}

fn listing_of(words: &str) -> Option<Listing> {
    let (caller, page) = words.split_once('-')?;
    Some(Listing { caller: UserId(i64::from_str_radix(caller, 36).ok()?), page: page.parse().ok()? })
}

fn removal_of(words: &str) -> Option<(UserId, Uuid)> {
    let (caller, id) = words.split_once('-')?;
    Some((UserId(i64::from_str_radix(caller, 36).ok()?), Uuid::parse_str(id).ok()?))
}
